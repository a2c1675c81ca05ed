"""`clowder get --stream`: a file to stdout while it comes.

The node may be another process, so the bytes pass through a named pipe in a folder that only this
user can enter. A thread copies from the pipe to stdout; this process also holds the pipe open for
writing, so that its end is when the node has answered, and not before it has begun.
"""

import asyncio
import os
import tempfile
import threading
from pathlib import Path

from chat import commands
from chat.cli.output import Output
from chat.errors import ChatError
from chat.session import Session

_PIECE_BYTES = 256 * 1024


async def stream_file(session: Session, output: Output, file: str, timeout: float) -> None:
    """Write a file to stdout in order, as it comes.

    Raises:
        ChatError: as the command; BrokenPipeError: who reads our stdout left.
    """
    with tempfile.TemporaryDirectory(prefix="clowder-") as folder:
        path = Path(folder) / "pipe"
        os.mkfifo(path, 0o600)
        reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        holding = os.open(path, os.O_WRONLY)
        os.set_blocking(reading, True)
        copy = _Copy(reading, output)
        try:
            await session.call(commands.StreamFile(file, str(path), timeout))
        except ChatError:
            if copy.failure is None:
                raise
        finally:
            os.close(holding)
            await asyncio.to_thread(copy.join)
        if copy.failure is not None:
            raise copy.failure


class _Copy(threading.Thread):
    """Copies the pipe to stdout until its end, or until stdout takes no more."""

    def __init__(self, reading: int, output: Output) -> None:
        super().__init__(daemon=True)
        self.failure: Exception | None = None
        self._reading = reading
        self._output = output
        self.start()

    def run(self) -> None:
        with os.fdopen(self._reading, "rb", buffering=0) as pipe:
            try:
                while piece := pipe.read(_PIECE_BYTES):
                    self._output.data(piece)
            except (BrokenPipeError, ChatError) as failure:
                self.failure = failure
