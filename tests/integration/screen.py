"""A real terminal, through tmux: type keys, read what stands on the screen.

Each `Screen` has a tmux server of its own, so nothing of the person's own tmux is touched. Keys
are sent one by one with the screen read in between, because a program that is busy starting may
drop what comes faster than a person types.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.integration.machines import eventually

COLUMNS, ROWS = 100, 30


def cannot() -> str:
    """Why no terminal can be driven here, or nothing."""
    return "" if shutil.which("tmux") else "driving a terminal needs tmux"


class Modes(NamedTuple):
    """What a program may have switched on in the terminal."""

    alternate_screen: bool
    mouse: bool
    cursor_hidden: bool


class Screen:
    """A terminal of `COLUMNS` x `ROWS` with a plain shell in it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._folder = tempfile.mkdtemp(prefix="clw")
        kept = {
            name: value
            for name, value in {**os.environ, **environment}.items()
            if name in ("PATH", "HOME", "PYTHONPATH", "TMPDIR")
            or name.startswith(("CLOWDER_", "XDG_"))
        }
        self._environment = {
            **kept,
            "LANG": "C.UTF-8",
            "TERM": "tmux-256color",
            "COLORTERM": "truecolor",
            "TMUX_TMPDIR": self._folder,
        }
        size = ("-x", str(COLUMNS), "-y", str(ROWS))
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, "-s", "main", "sh")
        try:
            # In two pieces, so that the prompt is not confused with the command that sets it.
            self.type("PS1='rea''dy$ '; clear")
            self.press("Enter")
            self.wait_for("ready$")
        except BaseException:
            self.close()
            raise

    def _tmux(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-L", "clowder", *arguments],
            env=self._environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def run(self, command: Sequence[str]) -> None:
        """Type a command line at the shell's prompt."""
        self.type(shlex.join(command))
        self.press("Enter")

    def type(self, text: str) -> None:
        """Type text as keys."""
        self._tmux("send-keys", "-t", "main", "-l", "--", text)
        self.read()

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names, such as Enter, Tab, Escape, C-k."""
        for key in keys:
            self._tmux("send-keys", "-t", "main", key)
            self.read()

    def paste(self, text: str) -> None:
        """Paste as a terminal does that knows bracketed paste."""
        self._tmux("set-buffer", "--", text)
        self._tmux("paste-buffer", "-p", "-t", "main")

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal."""
        self._tmux("resize-window", "-t", "main", "-x", str(columns), "-y", str(rows))

    def read(self, *, colours: bool = False) -> str:
        """What stands on the screen, with its colour escapes when wanted."""
        extra = ("-e",) if colours else ()
        return self._tmux("capture-pane", "-p", "-t", "main", *extra)

    def wait_for(self, text: str, seconds: float = 15.0) -> str:
        """The screen, once the text stands on it."""

        def look() -> str:
            shown = self.read()
            return shown if text in shown else ""

        try:
            return eventually(look, seconds, f"“{text}” on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.read()}") from None

    def modes(self) -> Modes:
        """What is switched on in the terminal now."""
        flags = "#{alternate_on} #{mouse_any_flag} #{cursor_flag}"
        alternate, mouse, cursor = self._tmux("display-message", "-p", "-t", "main", flags).split()
        return Modes(alternate == "1", mouse == "1", cursor == "0")

    def leader(self) -> int:
        """The process that the window was opened for: a shell, or what it made itself into."""
        return int(self._tmux("display-message", "-p", "-t", "main", "#{pane_pid}"))

    def child(self) -> int:
        """The process that the shell runs now."""
        shell = str(self.leader())
        assert sys.platform == "linux", "the shell's child is read from /proc"
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if fields[1] == shell:
                    return int(folder.name)
        raise AssertionError("the shell runs nothing")

    def close(self) -> None:
        """End the terminal and everything in it."""
        self._tmux("kill-server")
        shutil.rmtree(self._folder)
