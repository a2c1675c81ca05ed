"""Lines of standard input, one at a time, beside a running event loop.

A thread waits in `os.read`: not in a buffered reader, whose lock a thread that never returns
would hold while the interpreter ends, which then aborts.
"""

import asyncio
import io
import os
import threading
from collections.abc import AsyncIterator
from typing import TextIO

READ_BYTES = 65_536


async def lines(stdin: TextIO) -> AsyncIterator[str]:
    """The lines of a terminal, pipe or file, without their ends, until it ends."""
    try:
        number = stdin.fileno()
    except io.UnsupportedOperation:
        for text in stdin:
            yield text.rstrip("\n")
        return
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        while True:
            try:
                data = os.read(number, READ_BYTES)
            except OSError:
                data = b""
            try:
                loop.call_soon_threadsafe(queue.put_nowait, data)
            except RuntimeError:
                # The loop is closed: nobody reads any more.
                return
            if not data:
                return

    threading.Thread(target=read, name="standard input", daemon=True).start()
    rest = b""
    while data := await queue.get():
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
    if rest:
        yield rest.decode("utf-8", "replace")
