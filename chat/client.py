"""Speak to a running Clowder from a Python program: one file, and Python's own library only.

    with Clowder() as clowder:
        clowder.send("general", "hello")
        for message in clowder.messages("general"):
            ...

Copy it beside a program, or import it. It speaks the lines of docs/control.md to the process that
holds the profile (`clowder node`, or the workspace). A value is what JSON makes of it: a message is
a dict with the fields of that page. What others wrote is theirs: pass it on as an argument or on
stdin, never as part of a shell command.

Events have a connection of their own, so that calls never wait behind them, and a program that
reads them slowly holds up only itself: the node then tells the newest of everything.
"""

import hashlib
import json
import os
import socket
import stat
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

__all__ = ["Clowder", "ClowderError", "Events", "socket_path"]

VERSION = 1
LINE_MAX_BYTES = 128 * 1024 * 1024
"""Of an answer; the node says no more."""
PAGE_MESSAGES = 1000
SOCKET_PATH_MAX_BYTES = 100
BEGINNING = "0" * 48
"""A place before every message."""
SEEN_MAX = 20_000
"""Messages that `messages` knows again; more than come at once."""

Value = dict[str, Any]


class ClowderError(Exception):
    """What did not work, as a sentence. `code` is one of docs/control.md, or one of these:

    `unreachable` no node runs for the profile; `version` it speaks later lines; `closed` it ended;
    `timeout` it did not answer in time.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def default_home() -> Path:
    """`CLOWDER_HOME`, or the folder that the system has for an application's data."""
    given = os.environ.get("CLOWDER_HOME")
    if given:
        return Path(given).expanduser()
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/clowder").expanduser()
    data = os.environ.get("XDG_DATA_HOME", "").strip()
    return (Path(data) if data else Path("~/.local/share").expanduser()) / "clowder"


def socket_path(home: Path) -> Path:
    """Where the socket of a profile is, if a node runs.

    Raises:
        ClowderError: it would be in a folder that others can open.
    """
    inside = home.absolute() / "control.sock"
    if len(os.fsencode(inside)) <= SOCKET_PATH_MAX_BYTES:
        return inside
    digits = hashlib.sha256(os.fsencode(os.path.realpath(home))).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_RUNTIME_DIR", ""), "clowder")
    path = folder / f"{digits}.sock"
    if not folder.is_absolute() or len(os.fsencode(path)) > SOCKET_PATH_MAX_BYTES:
        temporary = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 (checked to be ours below)
        path = Path(temporary, f"clowder-{os.geteuid()}", f"{digits}.sock")
    if os.path.lexists(path.parent):
        found = path.parent.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if not ours or found.st_mode & 0o077:
            raise ClowderError("store", f"{path.parent} is open to others; remove it.")
    return path


class _Connection:
    """Lines to and from the node. One thread at a time."""

    def __init__(self, path: Path, timeout: float | None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            reason = error.strerror or str(error)
            raise ClowderError(
                "unreachable", f"No Clowder answers at {path} ({reason}). Run `clowder node`."
            ) from None
        self._lines = self._socket.makefile("rb")
        self._last = 0
        try:
            hello = self.read().get("hello")
            if not isinstance(hello, dict):
                raise ClowderError("unreachable", "The Clowder that was asked is ending.")
            if hello.get("v", 1) > VERSION:
                raise ClowderError("version", "The Clowder that runs is newer than this client.")
        except ClowderError:
            self.close()
            raise

    def set_timeout(self, seconds: float | None) -> None:
        self._socket.settimeout(seconds)

    def ask(self, request: Value) -> Any:
        """Send a request and wait for its reply."""
        self._last += 1
        line = json.dumps({"id": self._last, **request}).encode() + b"\n"
        try:
            self._socket.sendall(line)
        except TimeoutError:
            raise ClowderError("timeout", "The Clowder that runs takes nothing.") from None
        except OSError:
            raise ClowderError("closed", "The Clowder that was asked has ended.") from None
        while True:
            answer = self.read()
            if answer.get("closing", self._last) < self._last:
                raise ClowderError("stopping", "The Clowder that was asked is ending.")
            if answer.get("id", self._last) == self._last and "closing" not in answer:
                if "error" in answer:
                    raise ClowderError(answer["error"]["code"], answer["error"]["text"])
                return answer.get("reply")

    def read(self) -> Value:
        """The next line. Raises ClowderError: there is none."""
        try:
            line = self._lines.readline(LINE_MAX_BYTES)
        except TimeoutError:
            raise ClowderError("timeout", "The Clowder that runs did not answer.") from None
        except (OSError, ValueError):  # It ended, or another thread closed this end.
            line = b""
        if not line.endswith(b"\n"):
            raise ClowderError("closed", "The Clowder that was asked has ended.")
        found: Value = json.loads(line)
        return found

    def close(self) -> None:
        with suppress(OSError):  # Wakes a thread that waits for a line, if it is connected still.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._lines.close()
        self._socket.close()


class Events:
    """Events from the moment this is made, as an iterator that ends when the node stops."""

    def __init__(self, path: Path, kinds: tuple[str, ...], timeout: float | None) -> None:
        self.closed = False
        self._kinds = frozenset(kinds)
        self._connection = _Connection(path, timeout)
        try:
            self._connection.ask({"subscribe": True})
        except ClowderError:
            self._connection.close()
            raise
        self._connection.set_timeout(None)

    def __iter__(self) -> Iterator[Value]:
        return self

    def __next__(self) -> Value:
        while True:
            try:
                event = self._connection.read().get("event")
            except ClowderError:
                self.close()
                raise StopIteration from None
            if event is not None and (not self._kinds or event.get("event") in self._kinds):
                found: Value = event
                return found

    def close(self) -> None:
        """Listen no more; a thread that waits in here comes to the end."""
        self.closed = True
        self._connection.close()


class Clowder:
    """A profile whose node runs on this machine.

    Args:
        home: the profile's folder; by default the one that `clowder` uses.
        timeout: seconds that an answer may take; None waits for ever. Commands that wait for
            others (`wait`, `get`, `join`) have a time-out of their own, which should be shorter.

    Raises:
        ClowderError: no node runs, or it speaks later lines.
    """

    def __init__(self, home: str | Path | None = None, timeout: float | None = 60.0) -> None:
        self._path = socket_path(default_home() if home is None else Path(home).expanduser())
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection = _Connection(self._path, timeout)
        self._listening: list[Events] = []

    def __enter__(self) -> "Clowder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up, and end what was listened to; the node goes on."""
        for events in self._listening:
            events.close()
        self._connection.close()

    def call(self, do: str, **fields: Any) -> Any:
        """Any command of docs/control.md; gives its reply. Never carried out twice.

        Raises:
            ClowderError: it did not work.
        """
        with self._lock:
            try:
                return self._connection.ask({"command": {"do": do, **fields}})
            except ClowderError as error:
                if error.code == "timeout":
                    self._connection.close()  # Its answer would come as another's.
                raise

    def send(self, channel: str, text: str, reply_to: str | None = None) -> Value:
        """Post; gives the message, which is durable."""
        message: Value = self.call("post", channel=channel, text=text, reply_to=reply_to)
        return message

    def reply(self, message: Value, text: str) -> Value:
        """Answer a message in its channel, in its thread."""
        channel = message.get("channel_id") or message["channel"]
        return self.send(channel, text, message.get("reply_to") or message["id"])

    def react(self, message: Value, emoji: str, on: bool = True) -> Value:
        """React to a message, or take that back; gives the message as it is now."""
        changed: Value = self.call("react", message=message["id"], emoji=emoji, on=on)
        return changed

    def channels(self) -> list[Value]:
        """The channels, general first."""
        found: list[Value] = self.call("channels")
        return found

    def members(self) -> list[Value]:
        """Who is in."""
        found: list[Value] = self.call("members")
        return found

    def status(self) -> Value:
        """The state of this profile."""
        status: Value = self.call("status")
        return status

    def history(self, channel: str = "", after: str = BEGINNING) -> Iterator[Value]:
        """Messages behind a place (`order` of a message), oldest first, read page by page."""
        while True:
            page = self.call("history", channel=channel, after=after, limit=PAGE_MESSAGES)
            yield from page
            if len(page) < PAGE_MESSAGES:
                return
            after = page[-1]["order"]

    def events(self, *kinds: str) -> Events:
        """Events from now on, of these kinds or of all (`message`, `bulk`, `channel`, ...)."""
        events = Events(self._path, kinds, self._timeout)
        self._listening = [*(each for each in self._listening if not each.closed), events]
        return events

    def messages(self, channel: str = "") -> Iterator[Value]:
        """Every message that comes from now on, once each, of one channel or of all; own ones too.

        It listens from this call on. Of many that came at once, those are given that are newer than
        everything that was here at this call.
        """
        known = {entry["id"]: entry["name"] for entry in self.channels()}
        wanted = channel.removeprefix("#")
        chosen = next((number for number, name in known.items() if wanted in (number, name)), "")
        if wanted and not chosen:
            raise ClowderError("missing", f"There is no channel “{wanted}” here.")
        newest = self.call("history", limit=1)
        start = newest[-1]["order"] if newest else BEGINNING
        return self._messages(self.events("message", "bulk"), chosen, start)

    def _messages(self, events: Events, chosen: str, start: str) -> Iterator[Value]:
        seen: OrderedDict[str, None] = OrderedDict()
        # What came between the look at the newest and the first event is read like a bulk.
        told: Iterator[Value] = chain(iter([{"event": "bulk", "after": start}]), events)
        try:
            for event in told:
                if event["event"] == "bulk":
                    found = self.history(chosen, max(event["after"], start))
                else:
                    found = iter([event["message"]] if event["new"] else [])
                for message in found:
                    if message["id"] in seen or chosen not in ("", message["channel_id"]):
                        continue
                    seen[message["id"]] = None
                    if len(seen) > SEEN_MAX:
                        seen.popitem(last=False)
                    yield message
        finally:
            events.close()
