"""Lines that a person types, or a script writes, while other things go on.

A thread that waits for a line cannot be ended, and keeps the process from ending. So the event loop
tells when there is something to read; a file, which it cannot watch, never makes anybody wait.
"""

import asyncio
import os
import sys
import termios
from contextlib import suppress
from typing import TextIO

LINE_MAX_BYTES = 512
"""Nobody is asked for more; what is longer comes as several lines."""


class TypedLines:
    """The lines of a stream with a file descriptor, stdin mostly."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._descriptor = (stream or sys.stdin).fileno()
        self._kept = b""
        self._ended = False

    @property
    def is_terminal(self) -> bool:
        """Whether a person types them."""
        return os.isatty(self._descriptor)

    def forget(self) -> None:
        """What was typed before now answers nothing that is asked from now on.

        Of a script's lines none is lost: it may write its answers beforehand.
        """
        if self.is_terminal:
            self._kept = b""
            with suppress(termios.error):
                termios.tcflush(self._descriptor, termios.TCIFLUSH)

    async def line(self) -> str | None:
        """The next line, without its end; None when there are no more. One waits at a time."""
        while b"\n" not in self._kept and len(self._kept) < LINE_MAX_BYTES and not self._ended:
            await self._readable()
            data = os.read(self._descriptor, LINE_MAX_BYTES)
            self._ended = not data
            self._kept += data
        if not self._kept:
            return None
        line, _, self._kept = self._kept.partition(b"\n")
        return line[:LINE_MAX_BYTES].decode("utf-8", "replace")

    async def _readable(self) -> None:
        loop, there = asyncio.get_running_loop(), asyncio.Event()
        try:
            loop.add_reader(self._descriptor, there.set)
        except PermissionError:
            return  # A file, or nothing: reading it does not wait.
        try:
            await there.wait()
        finally:
            loop.remove_reader(self._descriptor)
