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

    def block(self, job: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run a short job; `then` gets its result in the event loop. The job may not raise."""
        future = self._start(asyncio.wrap_future(self._blocks.submit(job)))
        future.add_done_callback(lambda ended: then(ended.result()))

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
        while self._running:
            await asyncio.wait(self._running)
        # Idle by now: this waits for threads that have nothing left to do.
        self._blocks.shutdown()
        self._files.shutdown()
