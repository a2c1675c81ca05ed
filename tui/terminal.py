"""The private corners of Textual and Rich that the face needs, all in this file.

Textual is pinned (pyproject.toml); each function says what it works around, and
tests/tui/test_private_corners.py fails when an upgrade changes the ground under it.
"""

import asyncio
import contextlib
import signal
import string
from collections.abc import Callable
from typing import NamedTuple
from zlib import crc32

from rich.segment import Segment
from rich.style import Style
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.app import App
from textual.drivers import linux_driver
from textual.drivers._writer_thread import WriterThread
from textual.keys import Keys
from textual.strip import Strip


class _Alt(NamedTuple):
    """A key that Textual's own enumeration lacks; its parser asks a key for its value only."""

    value: str


def free_alt_keys() -> None:
    """Let Alt with a digit or letter arrive at once, and Alt+Enter as Ctrl+J, a new line too.

    Textual maps the legacy sequences ESC 1 .. ESC 0, which tmux, xterm and most terminals send,
    to the characters that one terminal on macOS types ("¡™£…"). Of ESC CR it knows nothing and
    takes it for Enter, which would send half a message. Of ESC and a letter it waits for 0.1 s
    whether more comes, as it does of ESC alone, though nothing that it knows begins like that.
    """
    assert isinstance(ANSI_SEQUENCES_KEYS, dict)
    for character in string.digits + string.ascii_lowercase:
        if character.isdigit() or f"\x1b{character}" not in ANSI_SEQUENCES_KEYS:
            ANSI_SEQUENCES_KEYS[f"\x1b{character}"] = (_Alt(f"alt+{character}"),)
    ANSI_SEQUENCES_KEYS["\x1b\r"] = (Keys.ControlJ,)


class _Outlasting(WriterThread):
    """Writes to a terminal as long as there is one."""

    def run(self) -> None:
        """Write; once the terminal is gone, take what comes and drop it.

        The thread would end instead, and whoever writes next would wait for ever for room in its
        queue: a process that nobody sees, and that holds the profile.
        """
        with contextlib.suppress(OSError):
            super().run()
            return
        while self._queue.get() is not None:
            pass


def outlast_terminals() -> None:
    """Let the face end when its window was closed, in place of waiting for it."""
    linux_driver.WriterThread = _Outlasting  # type: ignore[attr-defined]


def exit_on_signals(leave: Callable[[int], None]) -> Callable[[], None]:
    """Call `leave(128 + n)` on SIGTERM and SIGHUP; gives the function that undoes it.

    By default both kill Textual at once and leave the terminal in its alternate screen with
    mouse reporting on.
    """
    loop = asyncio.get_running_loop()
    taken: list[int] = []
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is None:
            continue
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, leave, 128 + number)
            taken.append(number)

    def undo() -> None:
        for number in taken:
            loop.remove_signal_handler(number)

    return undo


def tell(app: App[int], sequence: str) -> None:
    """Give the terminal an escape sequence (see `tui.escapes`) between two paintings."""
    driver = app._driver
    if sequence and driver is not None and not app.is_headless:
        driver.write(sequence)


def linked(style: Style, address: str) -> Style:
    """`style` as an OSC 8 link with an id that is the same every time.

    Rich gives links a random id, so that a row painted twice would differ and a link cut into
    two rows would be two links.
    """
    made = style + Style(link=address)
    made._link_id = f"{crc32(address.encode()):08x}"
    return made


def with_offsets(strip: Strip, x: int, y: int) -> Strip:
    """`Strip.apply_offsets`, which mouse selection needs, but links keep their ids."""
    if not any(style and style.link for _, style, _ in strip):
        return strip.apply_offsets(x, y)
    segments: list[Segment] = []
    for text, style, _ in strip:
        offset = Style.from_meta({"offset": (x, y)})
        made = style + offset if style else offset
        if style and style.link:
            made._link_id = style._link_id
        segments.append(Segment(text, made))
        x += len(text)
    return Strip(segments, strip.cell_length)
