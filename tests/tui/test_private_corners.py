"""The ground under the face: what Textual and Rich do today, and that signals leave no mess."""

import ast
import errno
import io
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers import linux_driver
from textual.drivers._writer_thread import MAX_QUEUED_WRITES
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import OptionList, Static, TextArea

from tui.terminal import free_alt_keys, linked, outlast_terminals, with_offsets

ROOT = Path(__file__).parents[2]
PLAY = """
import asyncio, sys
from tests.tui.lively import lively
from tui.app import run_async
sys.exit(asyncio.run(run_async(lively())))
"""


def test_alt_digits_and_letters_arrive_as_such_and_at_once() -> None:
    free_alt_keys()
    for character in "0123456789apnulmgsek":
        parser = XTermParser()
        events = list(parser.feed(f"\x1b{character}"))  # Nothing is fed that would end a wait.
        assert [getattr(event, "key", "") for event in events] == [f"alt+{character}"]
        assert [getattr(event, "character", "") for event in events] == [None]
    parser = XTermParser()
    events = [*parser.feed("\x1b[A\x1bOB\x1b[1;3Ax"), *parser.feed("")]
    assert [getattr(event, "key", "") for event in events] == ["up", "down", "alt+up", "x"]


def test_alt_enter_is_not_enter() -> None:
    free_alt_keys()
    parser = XTermParser()
    events = [*parser.feed("one\x1b\rtwo\r"), *parser.feed("")]
    keys = [getattr(event, "key", "") for event in events]
    assert keys == [*"one", "ctrl+j", *"two", "enter"]


def test_links_keep_their_ids() -> None:
    style = linked(Style(bold=True), "https://a.example/")
    again = linked(Style(bold=True), "https://a.example/")
    assert style._link_id == again._link_id
    strip = with_offsets(Strip([Segment("link", style), Segment(" text")]), 0, 7)
    made = next(iter(strip)).style
    assert made is not None
    assert made._link_id == style._link_id
    assert made.meta["offset"] == (0, 7)
    rendered = strip.render(App().console)
    assert f"\x1b]8;id={style._link_id};https://a.example/\x1b\\" in rendered


def test_no_private_name_of_textual_is_taken() -> None:
    """A `_name` of ours that Textual has too would break it in strange ways."""
    bases = (App, Widget, ScrollView, ModalScreen, OptionList, Static, TextArea)
    taken = {name for base in bases for one in base.__mro__ for name in vars(one)}
    taken |= {name for base in bases for name in getattr(base, "__slots__", ())}
    for base in (App, Widget, ScrollView, TextArea, OptionList):
        source = Path(sys.modules[base.__module__].__file__ or "").read_text()
        taken |= {
            node.attr
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        }
    meant = {"_on_key", "_on_paste", "__init__"}
    clashes = set()
    for path in (ROOT / "tui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ClassDef) or not _is_textual(node):
                continue
            for inner in ast.walk(node):
                name = ""
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    name = inner.name
                elif isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
                    name = inner.attr
                if name.startswith("_") and name in taken - meant:
                    clashes.add(f"{path.name}: {name}")
    assert clashes == set()


def _is_textual(node: ast.ClassDef) -> bool:
    known = {"App", "Screen", "Dialog", "Picker", "MessagePicker", "Widget", "Static", "OptionList",
             "TextArea", "ScrollView", "Vertical", "ModalScreen"}  # fmt: skip
    for base in node.bases:
        name = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(name, ast.Name) and name.id in known:
            return True
    return False


def test_importing_the_model_imports_no_face() -> None:
    code = "import sys, chat.commands, chat.events, tui.plain; print('textual.app' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_leave_the_terminal_as_it_was(number: int, code: int) -> None:
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    face = subprocess.Popen(
        [sys.executable, "-c", PLAY], cwd=ROOT, env=environment,
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    drawn = _read_until(master, b"Message #general")
    face.send_signal(number)
    drawn += _read_until(master, None)
    assert face.wait(10) == code
    os.close(master)
    assert drawn.rfind(b"\x1b[?1049l") > drawn.rfind(b"\x1b[?1049h")
    assert drawn.rfind(b"\x1b[?1000l") > drawn.rfind(b"\x1b[?1000h")
    assert b"Traceback" not in drawn


def _read_until(terminal: int, wanted: bytes | None) -> bytes:
    """What the terminal gets until `wanted` is among it, or until it is closed."""
    drawn = b""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(terminal, 65_536)
        except OSError:
            break
        drawn += data
        if not data or (wanted is not None and wanted in drawn):
            break
    return drawn


class _Gone(io.StringIO):
    """A terminal whose window was closed."""

    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_who_writes_to_a_terminal_that_is_gone_does_not_wait_for_it() -> None:
    outlast_terminals()
    written = threading.Event()

    def write_much() -> None:
        thread = linux_driver.WriterThread(_Gone())  # type: ignore[attr-defined]
        thread.start()
        for _ in range(2 * MAX_QUEUED_WRITES):
            thread.write("more")
        thread.stop()
        written.set()

    threading.Thread(target=write_much, daemon=True).start()
    assert written.wait(10)
