"""The terminal workspace at work: the real program in a terminal, a key at a time.

The program runs in a pseudo-terminal with its node inside, as `clowder` does, on a profile with a
long history; what it writes is looked at for the text that answers a key. So a figure holds all
that a person waits for but the terminal itself: the key read, the work, the frame written.

- A letter's echo is timed while another member's node sends 1,000 messages a second into the open
  channel. Each letter is of another script than the messages, so it stands for nothing else.
- A page and a channel count until the last byte of the frame that shows them.
- A search counts from the key that makes the query fit one message until that message is shown.

Beside each stands the processor time that the program used for it, on average, which other work on
the machine changes less than waiting times.
"""

import asyncio
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from fcntl import ioctl
from pathlib import Path

from bench.open import BARE, COLUMNS, HELLO, PAINT_SECONDS, ROWS, paint_seconds
from bench.peer import memory_mib
from bench.profiles import copy, long_history
from bench.report import NEWEST, Figure, middle, quantile
from chat import commands
from chat.control import RemoteSession
from chat.profile import Profile
from tests.integration.machines import Machine, eventually

RUNS = 5
TIMES = 30
"""How often each key is pressed."""
QUIET_SECONDS = 0.03
"""A frame is over when nothing was written for so long; nothing blinks meanwhile."""
FLOOD_A_SECOND = 1_000
FLOOD_EVERY_SECONDS = 0.05
FLOOD_SECONDS = 20.0
KEY_EVERY_SECONDS = 0.1
LETTERS = "абвгдежзийклмнопрстуфхцчшщэюяαβγδεζηθλμξπρσφψω"
IDLE_AFTER_SECONDS = 30.0
"""Members who are not there are dialled often at first; by now as rarely as for the rest of the
day."""
IDLE_SECONDS = 15.0
AUTHORS_UP_TO = 200_000
"""Longer histories are of one author: for twenty the building takes an hour."""
OTHER_NEWEST = "the newest message of the other channel"
NEEDLES = 8


class Screen:
    """A program in a terminal of its own."""

    def __init__(self, machine: Machine) -> None:
        environment = {**machine.environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        command = machine.command()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], list(command), environment)
        ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._written = b""
        self._pressed = self._last = time.monotonic()

    def press(self, keys: str) -> None:
        """Type; what is written from now on answers it."""
        self.settle()
        self._written = b""
        self._pressed = time.monotonic()
        os.write(self._terminal, keys.encode())

    def until(self, text: str) -> float:
        """Milliseconds from the key until this text was written."""
        while text.encode() not in self._written:
            assert self._read(PAINT_SECONDS), f"“{text}” never came"
        return (self._last - self._pressed) * 1_000

    def frame(self) -> float:
        """Milliseconds from the key until the last byte of what it changed."""
        assert self._read(PAINT_SECONDS), "the key changed nothing"
        self.settle()
        return (self._last - self._pressed) * 1_000

    def settle(self) -> None:
        """Read what is still being written; in a flood no longer than a key may wait."""
        end = time.monotonic() + 10 * QUIET_SECONDS
        while time.monotonic() < end and self._read(QUIET_SECONDS):
            pass

    def rest(self, seconds: float) -> None:
        """Read for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read(left)

    def cpu_seconds(self) -> float:
        """Time that the process has used of a core, of its own and in the kernel."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGTERM)
        while self._read(1.0):
            pass
        os.waitpid(self.pid, 0)
        os.close(self._terminal)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._terminal], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._terminal, 65_536)
        except OSError:
            return False  # The program has ended.
        self._last = time.monotonic()
        self._written += data
        return bool(data)


def prepared(messages: int, authors: int, folder: Path) -> Machine:
    """A copy of a long history with a second channel, and messages that can be told apart."""
    machine = copy(long_history(messages, authors), folder)
    machine.run("channel", "new", "other")
    talk = "".join(f"talk of the other channel, line {n}\n" for n in range(300))
    machine.run("send", "other", "--lines", "-", stdin=f"{talk}{OTHER_NEWEST}\n", json_lines=False)
    needles = "".join(f"needle{n} is told by shibboleth-{n}\n" for n in range(NEEDLES))
    machine.run("send", "other", "--lines", "-", stdin=needles, json_lines=False)
    machine.run("send", "other", OTHER_NEWEST)
    settings = "[ui]\nmotion = false\naway_after = 0\ntitle = false\n"
    (machine.home / "config.toml").write_text(settings, "utf-8")
    return machine


@contextmanager
def shown(machine: Machine) -> Iterator[Screen]:
    """The workspace with its newest page on the screen."""
    screen = Screen(machine)
    try:
        screen.until(NEWEST)
        screen.rest(1.0)
        yield screen
    finally:
        screen.close()


def first_paint(machine: Machine, of: str) -> Iterator[Figure]:
    """What comes on top of a Textual program with a line of text, one after the other."""
    environment = {**machine.environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    ours, bare = [], []
    for _ in range(RUNS):
        ours.append(paint_seconds(machine.command(), environment, NEWEST))
        bare.append(paint_seconds([sys.executable, "-c", BARE], environment, HELLO))
    beyond = middle(ours) - middle(bare)
    yield Figure(f"{of}: first paint beyond a bare Textual program's", beyond, "s", None, 0.6)


def timed(
    screen: Screen, what: str, goal: float, press: Callable[[int], float]
) -> Iterator[Figure]:
    """A key again and again; `press` presses it and gives the milliseconds it took."""
    used, times = screen.cpu_seconds(), []
    for at in range(TIMES):
        times.append(press(at))
        screen.rest(KEY_EVERY_SECONDS)
    used = screen.cpu_seconds() - used
    yield Figure(f"{what}, p95", quantile(times, 0.95), "ms", None, goal)
    yield Figure(f"{what}, median", middle(times), "ms")
    yield Figure(f"{what}, processor time", used / TIMES * 1_000, "ms")


def keys(screen: Screen, of: str) -> Iterator[Figure]:
    """A page, a channel, a search."""

    def page(_: int) -> float:
        screen.press("\x1b[5~")
        return screen.frame()

    def channel(at: int) -> float:
        screen.press("\x1b1" if at % 2 else "\x1b2")
        return screen.until(NEWEST if at % 2 else OTHER_NEWEST)

    def search(at: int) -> float:
        screen.press("\x7f")
        screen.rest(KEY_EVERY_SECONDS)
        # Not the newest, which stands in the first row already.
        number = at % (NEEDLES - 1)
        screen.press(str(number))
        return screen.until(f"shibboleth-{number}")

    yield from timed(screen, f"{of}: a page up", 15, page)
    yield from timed(screen, f"{of}: another channel", 50, channel)
    screen.press("\x06")
    screen.frame()
    screen.press(f"needle{NEEDLES - 1}")
    screen.rest(1.0)
    yield from timed(screen, f"{of}: two letters of a search", 50, search)
    screen.press("\x1b")
    screen.rest(KEY_EVERY_SECONDS)


def common_words(machine: Machine, of: str) -> Iterator[Figure]:
    """Searches for words that every tenth message has, as they are typed, asked from outside."""
    times = []
    for _ in range(3):
        for end in range(1, len("coffee review") + 1):
            began = time.perf_counter()
            machine.ask(commands.Search("coffee review"[:end], limit=100))
            times.append((time.perf_counter() - began) * 1_000)
    what = f"{of}: search for common words, letter by letter, answered through the socket"
    yield Figure(f"{what}, p95", quantile(times, 0.95), "ms", None, 50)
    yield Figure(f"{what}, median", middle(times), "ms")


def echo(screen: Screen) -> list[float]:
    """Milliseconds from each letter to its echo."""
    times = []
    end = time.monotonic() + FLOOD_SECONDS
    while time.monotonic() < end:
        for letter in LETTERS:
            screen.press(letter)
            times.append(screen.until(letter))
            screen.rest(KEY_EVERY_SECONDS)
            if time.monotonic() > end:
                break
        screen.press("\x15")
        screen.rest(KEY_EVERY_SECONDS)
    return times


def flooded(
    machine: Machine, screen: Screen, author: Machine, stack: ExitStack
) -> Iterator[Figure]:
    """Typing, alone and while another member's node sends as fast as was said."""
    alone = echo(screen)
    yield Figure("a letter's echo, nothing arrives, p95", quantile(alone, 0.95), "ms")
    url = machine.status().listening[0]
    node = author.node("--dial", url)
    stack.callback(node.stop)
    eventually(lambda: author.linked(1), 60, "the link")
    eventually(lambda: author.status().behind == 0, 120, "the author's copy")
    screen.rest(2.0)
    before = machine.status().messages
    command = [sys.executable, "-m", "bench.tui", str(author.home)]
    began = time.monotonic()
    with subprocess.Popen(command) as flooding:
        times = echo(screen)
        took = time.monotonic() - began
        rate = (machine.status().messages - before) / took
        flooding.terminate()
    yield Figure("messages that arrived meanwhile", rate, "messages/s", None, 900, True)
    yield Figure("a letter's echo while they arrive, median", middle(times), "ms")
    yield Figure("a letter's echo while they arrive, p95", quantile(times, 0.95), "ms", None, 16)


def idle(screen: Screen) -> Iterator[Figure]:
    """What it costs to be open."""
    for after, when in ((5.0, "just opened"), (IDLE_AFTER_SECONDS, "open for a while")):
        screen.rest(after)
        before = screen.cpu_seconds()
        screen.rest(IDLE_SECONDS)
        share = (screen.cpu_seconds() - before) / IDLE_SECONDS
        yield Figure(f"the workspace, idle, {when}: share of a core", share * 100, "%", None, 1)
    yield Figure(
        "the workspace: memory, its node included", memory_mib(screen.pid), "MiB", None, 120
    )


def figures(messages: int) -> Iterator[Figure]:
    """What `python -m bench tui` reports."""
    authors = 20 if messages <= AUTHORS_UP_TO else 1
    of = f"{messages:,} messages"
    with tempfile.TemporaryDirectory(prefix="clw") as name, ExitStack() as stack:
        machine = prepared(messages, authors, Path(name) / "host")
        yield from first_paint(machine, of)
        with shown(machine) as screen:
            yield from idle(screen)
            yield from keys(screen, of)
            yield from common_words(machine, of)
            if authors > 1:
                home = long_history(messages, authors).with_name("author1")
                author = copy(home, Path(name) / "author")
                yield from flooded(machine, screen, author, stack)
            yield Figure("memory after all of it", memory_mib(screen.pid), "MiB", None, 120)


async def flood(home: Path, now: Callable[[], float] = time.monotonic) -> None:
    """Post through a node as many messages a second as was said, until ended."""
    session = await RemoteSession.connect(Profile(home).control_path)
    assert session is not None
    began, posted = now(), 0
    while True:
        due = int((now() - began) * FLOOD_A_SECOND)
        if due > posted:
            texts = tuple(f"flood, message {n}, and some words" for n in range(posted, due))
            await session.call(commands.PostLines("general", texts))
            posted = due
        await asyncio.sleep(FLOOD_EVERY_SECONDS)


if __name__ == "__main__":
    asyncio.run(flood(Path(sys.argv[1])))
