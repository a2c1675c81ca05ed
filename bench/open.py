"""A profile with a long history is opened: command line, terminal, memory.

`history` is the time of the whole process, from start to exit. First paint is the time from start
until the newest message stands in what the program writes to its terminal; its floor is a bare
Textual application with a line of text. Medians of five.
"""

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from fcntl import ioctl
from pathlib import Path

from bench.peer import memory_mib
from bench.profiles import copy, long_history
from bench.report import NEWEST, Figure, middle
from tests.integration.machines import Machine

RUNS = 5
ROWS, COLUMNS = 30, 100
PAINT_SECONDS = 30.0
HELLO = "bench_hello_textual"
BARE = f"""
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static({HELLO!r})
Bare().run()
"""


def history_seconds(machine: Machine) -> float:
    """Seconds of `clowder history general -n 50`."""
    started = time.monotonic()
    shown = machine.history("general", 50)
    seconds = time.monotonic() - started
    assert shown[-1]["text"] == NEWEST
    return seconds


def bare_seconds() -> float:
    """Seconds of a Python process that imports asyncio and ends."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import asyncio"], check=True)
    return time.monotonic() - started


def paint_seconds(command: Sequence[str], environment: dict[str, str], text: str) -> float:
    """Seconds until a program in a terminal writes this text."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], list(command), environment)
    started = time.monotonic()
    try:
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        written = b""
        while text.encode() not in written:
            left = started + PAINT_SECONDS - time.monotonic()
            assert left > 0, "the text never came"
            if select.select([terminal], [], [], left)[0]:
                written += os.read(terminal, 65_536)
        return time.monotonic() - started
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def figures(messages: int) -> Iterator[Figure]:
    """What `make bench` reports."""
    with tempfile.TemporaryDirectory(prefix="clw") as folder:
        machine = copy(long_history(messages, 20), Path(folder) / "host")
        history_seconds(machine)  # once to settle what a copied profile does at its first start
        took = middle([history_seconds(machine) for _ in range(RUNS)])
        bare = middle([bare_seconds() for _ in range(RUNS)])
        of = f"profile with {messages:,} messages"
        yield Figure(f"{of}: `history -n 50`", took, "s", None, 0.5)
        yield Figure("a bare Python process, for comparison", bare, "s")

        environment = {**machine.environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        painted = middle(
            [paint_seconds(machine.command(), environment, NEWEST) for _ in range(RUNS)]
        )
        hello = middle(
            [paint_seconds([sys.executable, "-c", BARE], environment, HELLO) for _ in range(RUNS)]
        )
        yield Figure(f"{of}: first paint", painted, "s", None, 1.0)
        yield Figure("a bare Textual program's first paint, for comparison", hello, "s")

        node = machine.node()
        machine.history("general", 50)
        yield Figure(f"{of}: memory of a node", memory_mib(node.pid), "MiB", None, 150)
        node.stop()
