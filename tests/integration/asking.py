"""A command that asks somebody, who sits at a terminal."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable

from tests.integration.machines import Machine

SECONDS = 30.0
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
"""Makes stdin the terminal that the command asks at, as a login does."""


class Terminal:
    """A command at a terminal of its own, and what somebody types there."""

    def __init__(self, machine: Machine, *arguments: str) -> None:
        environment = {**machine.environment, "TERM": "dumb"}
        environment.pop("CLOWDER_PASSPHRASE_FILE", None)
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, *machine.command(*arguments)],
            cwd=machine.home.parent,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self.shown = ""

    def see(self, wanted: Callable[[str], object]) -> None:
        """Wait until what is shown since the last look is what is wanted."""
        begun, end = len(self.shown), time.monotonic() + SECONDS
        while not wanted(self.shown[begun:]):
            assert time.monotonic() < end, self.shown
            if select.select([self._master], [], [], 1.0)[0]:
                self.shown += os.read(self._master, 4096).decode()

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> int:
        """Read to the end; gives the exit code."""
        try:
            while piece := os.read(self._master, 4096):
                self.shown += piece.decode()
        except OSError:  # Linux says so when the other end is closed.
            pass
        os.close(self._master)
        return self._process.wait(SECONDS)
