"""The lively workspace in the terminal that runs this: `python -m tests.tui.shown [ascii] [words]`.

`shown_in` runs it in a terminal of its own, and gives the bytes that reach it.
"""

import asyncio
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyte

SECONDS = 30.0
"""A test machine that is busy needs many of them to start a process."""
_SEQUENCE = re.compile(
    rb"\x1b\[[0-9;?<>=$]*[a-zA-Z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[78=>PM]"
)
SGR = re.compile(rb"\x1b\[([0-9;]*)m")


def text_of(received: bytes) -> str:
    """What was written without the sequences between."""
    return _SEQUENCE.sub(b"", received).decode("utf-8", "replace")


def shown_in(
    environment: dict[str, str],
    *arguments: str,
    steps: tuple[tuple[bytes, str, str], ...],
    size: tuple[int, int] = (100, 30),
) -> bytes:
    """All bytes it sends; a step is keys, what must stand on the screen before, what must not."""
    upper, lower = pty.openpty()
    fcntl.ioctl(lower, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.tui.shown", *arguments],
        cwd=Path(__file__).parents[2],
        env={**kept, "LANG": "C.UTF-8", **environment},
        stdin=lower,
        stdout=lower,
        stderr=lower,
        start_new_session=True,
    )
    os.close(lower)
    received = bytearray()
    screen = pyte.Screen(*size)
    stream = pyte.ByteStream(screen)
    fed = 0

    def stands(text: str, other: str) -> bool:
        nonlocal fed
        stream.feed(bytes(received[fed:]))
        fed = len(received)
        shown = "\n".join(screen.display)
        return text in shown and not (other and other in shown)

    try:
        for keys, text, other in steps:
            _read(upper, received, partial(stands, text, other))
            os.write(upper, keys)
        _read(upper, received, lambda: running.poll() is not None)
        return bytes(received)
    finally:
        if running.poll() is None:
            running.kill()
        running.wait()
        os.close(upper)


def _read(terminal: int, received: bytearray, enough: Callable[[], bool]) -> None:
    ends = time.monotonic() + SECONDS
    while not enough():
        if time.monotonic() > ends:
            raise AssertionError(f"it never came, but:\n{text_of(bytes(received))[-4000:]}")
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                received += os.read(terminal, 65536)
            except OSError:
                # Linux says so when the last process has closed the terminal.
                return


async def main() -> int:
    """Show it until Ctrl+Q."""
    from tests.tui.lively import InlineDecoder, lively
    from tui.app import run_async
    from tui.config import UiConfig

    config = UiConfig(ascii="ascii" in sys.argv, previews="words" not in sys.argv)
    return await run_async(lively(), config, decoder=InlineDecoder())


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
