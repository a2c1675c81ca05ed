"""A named pipe of the user, written to as fast as its reader takes it.

A command that wants a file's bytes while they come may talk to a node in another process; the pipe
is how they get there. Whoever asks makes it, in a folder of their own, and opens it for reading
before asking. Nothing else is ever written to: a plain file at this path is refused.
"""

import asyncio
import errno
import os
import stat
from asyncio.streams import FlowControlMixin
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from chat.errors import ChatError, UsageError

READER_LEFT = "Nobody reads what comes any more."


@asynccontextmanager
async def writing(path: str) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
    """Gives what writes to the pipe at `path`; returns when the reader's side has room.

    Raises:
        UsageError: there is no pipe, or nobody who reads it. ChatError: the reader left.
    """
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        lambda: FlowControlMixin(loop), os.fdopen(_open(path), "wb", buffering=0)
    )
    # So that what was written is in the pipe when we have waited for it.
    transport.set_write_buffer_limits(0)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)

    async def write(data: bytes) -> None:
        try:
            writer.write(data)
            await writer.drain()
        except ConnectionError:
            raise ChatError(READER_LEFT) from None

    try:
        yield write
    finally:
        # It closes by itself when the reader leaves, and cannot be closed twice.
        if not transport.is_closing():
            transport.abort()


def _open(path: str) -> int:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENXIO:
            raise UsageError("Nobody reads this pipe.") from None
        raise UsageError("There is no pipe to write to.") from None
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UsageError("Only a pipe takes a file while it comes.")
    return descriptor
