"""A process that uses profiles and dies as it is told: helper of the tests of `chat.profile`.

Run as a program it takes one JSON order a line and forks a child for it, which opens the profile,
writes to its log as a device does (number the entry, commit, then send), and ends cleanly, or by
SIGKILL, or by SIGKILL at the n-th line of the profile's code. What it sends goes to stdout, which
stands for all the other machines: what is there cannot be taken back.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent.parent
PROFILE_CODE = str(ROOT / "chat" / "profile")


class Sent(NamedTuple):
    """An entry that others have: its log, its number there, and what it says."""

    incarnation: str
    number: int
    content: str


class Told(NamedTuple):
    """What a child did: what it sent, how it ended, what it was refused with."""

    continues: bool | None
    replica: str
    sent: tuple[Sent, ...]
    refused: str
    ended: int


class ProfileProcess:
    """The other end of the pipe."""

    def __init__(self, program: "subprocess.Popen[str]") -> None:
        self._program = program

    def run(
        self,
        home: Path,
        *,
        writes: int = 0,
        end: str | int = "clean",
        while_open: Callable[[], object] = lambda: None,
    ) -> Told:
        """Open, write, call `while_open`, end."""
        self._write(json.dumps({"home": str(home), "writes": writes, "end": end}))
        continues, replica, sent, refused = None, "", [], ""
        while True:
            kind, *rest = self._read().split(" ", 3)
            if kind == "open":
                continues, replica = rest[0] == "True", rest[1]
            elif kind == "sent":
                sent.append(Sent(rest[0], int(rest[1]), rest[2]))
            elif kind == "refused":
                refused = " ".join(rest)
            elif kind == "paused":
                while_open()
                self._write("on")
            else:
                return Told(continues, replica, tuple(sent), refused, int(rest[0]))

    def change(self, home: Path, current: str | None, new: str | None, *, end: int = 0) -> Told:
        """Give a profile another passphrase, or none, and be killed at a line of that."""
        order = {"home": str(home), "guard": [current, new], "end": end or "clean"}
        self._write(json.dumps(order))
        kind, *rest = self._read().split(" ", 1)
        refused = ""
        if kind == "refused":
            refused = rest[0]
            kind, *rest = self._read().split()
        assert kind == "ended"
        return Told(None, "", (), refused, int(rest[0]))

    def hold(self, home: Path) -> int:
        """Open a profile and keep it until killed; gives the process id."""
        self._write(json.dumps({"home": str(home), "hold": True}))
        kind, pid = self._read().split()
        assert kind == "holding"
        return int(pid)

    def reap(self) -> int:
        """Wait for the child that held a profile."""
        kind, status = self._read().split()
        assert kind == "ended"
        return int(status)

    def _write(self, line: str) -> None:
        assert self._program.stdin is not None
        self._program.stdin.write(f"{line}\n")
        self._program.stdin.flush()

    def _read(self) -> str:
        assert self._program.stdout is not None
        line = self._program.stdout.readline()
        assert line, "the process is gone"
        return line.rstrip("\n")


@contextmanager
def profile_process() -> Iterator[ProfileProcess]:
    """Start the program; end it with its pipe."""
    command = [sys.executable, "-m", "tests.chat.profile_process"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        yield ProfileProcess(program)
        assert program.stdin is not None
        program.stdin.close()
        assert program.wait() == 0


def _say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def _hear() -> str:
    """A line; a byte at a time, because parent and child take turns at one pipe."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at_line(wanted: int) -> None:
    """Be killed when that many lines of the profile's code have begun."""
    begun = 0

    def lines(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal begun
        if event == "line":
            begun += 1
            if begun == wanted:
                _die()
        return lines

    def calls(frame: FrameType, _event: str, _argument: object) -> Any:
        return lines if frame.f_code.co_filename.startswith(PROFILE_CODE) else None

    sys.settrace(calls)


def _child(order: dict[str, Any]) -> None:
    from chat.errors import ChatError
    from chat.profile import Profile
    from chat.profile_guard import key_guard
    from chat.profile_vault import Cost

    end = order.get("end")
    if isinstance(end, int):
        _die_at_line(end)
    if "guard" in order:
        current, new = order["guard"]
        guard = key_guard(Path(order["home"]))
        try:
            if new is None:
                guard.remove(current)
            else:
                guard.set_passphrase(new, current, os.urandom, Cost(8, 1))
        except ChatError as error:
            _say("refused", error)
        return
    try:
        opened = Profile(Path(order["home"])).open(os.urandom, create=True)
    except ChatError as error:
        _say("refused", error)
        return
    if order.get("hold"):
        _say("holding", os.getpid())
        signal.pause()
    _say("open", opened.continues, opened.store.replica_id.hex())
    log = f"log/{opened.incarnation.hex()}"
    for _ in range(order["writes"]):
        number = int(opened.store.get(log) or b"0") + 1
        opened.store.put(log, str(number).encode())
        opened.store.commit()
        _say("sent", opened.incarnation.hex(), number, os.urandom(8).hex())
    _say("paused")
    _hear()
    if end == "kill":
        _die()
    opened.close()


def main() -> None:
    """Carry out orders until the pipe ends."""
    import chat.profile
    import chat.profile_guard
    import chat.store  # noqa: F401 (loaded once, before every fork)

    while line := _hear():
        pid = os.fork()
        if pid == 0:
            try:
                _child(json.loads(line))
                os._exit(0)
            finally:  # an error has no way back to the parent's loop
                os._exit(70)
        _, status = os.waitpid(pid, 0)
        _say("ended", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
