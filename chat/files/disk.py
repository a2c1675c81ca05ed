"""Threads for what blocks: a few for blocks, a few others for files of the user.

Two pools, so that sealing a film never makes a coworker wait for one block of a picture. Each pool
is the bound on its jobs; what waits in line for the block pool is bounded by the exchange, which
has so many blocks in hand and no more. A job on a user's file runs as long as the file is large,
so it is given `keep_on`, to be called now and then: it raises once nobody waits for the result.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from chat.errors import Unavailable
from chat.files.limits import BLOCK_THREADS, FILE_THREADS

T = TypeVar("T")

KeepOn = Callable[[], None]
"""Raises Unavailable when whoever asked has gone."""


class Disk:
    """Runs blocking jobs. Every method is for the event loop's thread."""

    def __init__(self) -> None:
        self._blocks = ThreadPoolExecutor(BLOCK_THREADS, "blocks")
        self._files = ThreadPoolExecutor(FILE_THREADS, "files")
        self._running: set[asyncio.Future[Any]] = set()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._results: list[Callable[[], None]] = []
        self._block_jobs = 0
        """Begun, and their results not given yet."""
        self._idle: asyncio.Future[None] | None = None

    def block(self, job: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run a short job; `then` gets its result in the event loop. The job may not raise.

        Results of one moment are given in one turn of the loop: waking it costs as much as a job.
        """
        loop = asyncio.get_running_loop()
        self._block_jobs += 1

        def run() -> None:
            result = job()
            with self._lock:
                first = not self._results
                self._results.append(lambda: self._give(then, result))
            if first:
                loop.call_soon_threadsafe(self._give_all)

        self._blocks.submit(run)

    def _give_all(self) -> None:
        with self._lock:
            results, self._results = self._results, []
        for give in results:
            # Each by itself, so that one that raises does not take the others with it.
            asyncio.get_running_loop().call_soon(give)

    def _give(self, then: Callable[[T], None], result: T) -> None:
        self._block_jobs -= 1
        if not self._block_jobs and self._idle is not None:
            self._idle.set_result(None)
            self._idle = None
        then(result)

    async def file(self, job: Callable[[KeepOn], T], gone: threading.Event | None = None) -> T:
        """Run a long job and give its result; when this is cancelled, the job ends first.

        `gone` is set then; jobs that belong together share one.
        """
        gone = gone or threading.Event()

        def keep_on() -> None:
            if gone.is_set() or self._stopping.is_set():
                raise Unavailable("This stopped half-way, because Clowder is closing.")

        submitted = self._files.submit(job, keep_on)
        future = self._start(asyncio.wrap_future(submitted))
        # Looked at, so that asyncio does not report an error nobody waits for any more.
        future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            gone.set()
            submitted.cancel()
            await asyncio.wait([future])
            raise

    def _start(self, future: "asyncio.Future[T]") -> "asyncio.Future[T]":
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return future

    async def aclose(self) -> None:
        """Let block jobs end, make file jobs end, and end the threads."""
        self._stopping.set()
        while self._running or self._block_jobs:
            if self._running:
                await asyncio.wait(self._running)
            else:
                self._idle = self._idle or asyncio.get_running_loop().create_future()
                await asyncio.shield(self._idle)
        # Idle by now: this waits for threads that have nothing left to do.
        self._blocks.shutdown()
        self._files.shutdown()
