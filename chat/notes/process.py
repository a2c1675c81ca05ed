"""The worker as the host sees it: started when first needed, ended when it does not answer.

One request at a time. Whatever goes wrong with it ends the process, the request raises
`WorkerDied`, and the next request starts a new one, which knows no documents: `generation` says
so. Who asks again how often is the host's decision.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress

from chat.notes import pipe
from chat.notes.errors import NotesFailed, WorkerDied
from chat.notes.limits import WALL_CLOCK_FACTOR, WORKER_END_SECONDS, WORKER_START_SECONDS


class Worker:
    """A process that holds documents. Close it with `aclose`."""

    def __init__(self) -> None:
        self.generation = 0
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return None if self._process is None else self._process.pid

    async def ask(
        self, request: pipe.Request, tried: Callable[[int], None] | None = None
    ) -> pipe.Answer:
        """The answer to a request; `tried` hears of every update of a careful Build.

        Raises:
            WorkerDied: it ended, hung or talked nonsense; all documents are gone.
            NotesFailed: it cannot be started on this machine.
        """
        async with self._lock:
            gone = self._process is not None and self._process.returncode is not None
            if gone:
                await self._end()
            limit: float = request.seconds * WALL_CLOCK_FACTOR
            if self._process is None:
                limit += WORKER_START_SECONDS
            answered = False
            try:
                async with asyncio.timeout(limit):
                    answer = await self._talk(pipe.frame(request), tried)
                answered = True
            except TimeoutError:
                raise WorkerDied("the notes took too long") from None
            except (asyncio.IncompleteReadError, ConnectionError):
                raise WorkerDied("the process of the notes ended") from None
            finally:
                if not answered:
                    await self._end()
            return answer

    async def aclose(self) -> None:
        """End the process."""
        async with self._lock:
            await self._end()

    async def _talk(self, request: bytes, tried: Callable[[int], None] | None) -> pipe.Answer:
        if self._process is None:
            self._process = await _start()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        sending = asyncio.create_task(_send(stdin, request))
        try:
            while True:
                head = await stdout.readexactly(pipe.LENGTH_BYTES)
                answer = pipe.read_answer(await stdout.readexactly(pipe.answer_length(head)))
                if not isinstance(answer, pipe.Tried):
                    return answer
                if tried is not None:
                    tried(answer.index)
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await sending

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self.generation += 1
        assert process.stdin is not None
        process.stdin.close()
        with suppress(ProcessLookupError):
            process.kill()
        # Reading what is left and waiting leaves neither a zombie nor an open pipe behind.
        with suppress(TimeoutError):
            async with asyncio.timeout(WORKER_END_SECONDS):
                await process.communicate()


async def _send(stdin: asyncio.StreamWriter, request: bytes) -> None:
    stdin.write(request)
    await stdin.drain()


async def _start() -> asyncio.subprocess.Process:
    """The process: our own interpreter and path, an otherwise empty environment."""
    environment = {"PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    for name in ("SYSTEMROOT", "LD_LIBRARY_PATH"):
        if name in os.environ:
            environment[name] = os.environ[name]
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "chat.notes.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
        )
    except OSError as error:
        raise NotesFailed(f"the process of the notes cannot start: {error.strerror}") from None
