"""What the command line prints: lines for people, or one JSON object a line for scripts."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from chat import model
from chat.errors import ChatError

MOMENT_MAX_MS = 253_402_214_400_000
"""The last day of the year 9999 begins; calendars go no further, and a clock may be anywhere."""
_SPANS = (("year", 365 * 86_400_000), ("day", 86_400_000), ("h", 3_600_000))

_encoder = msgspec.json.Encoder()


def moment(milliseconds: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    seconds, rest = divmod(min(milliseconds, MOMENT_MAX_MS), 1000)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{rest:03d}Z"


def clock(milliseconds: int, now: datetime | None = None) -> str:
    """Local hours and minutes, and the date when that is not today's."""
    then = datetime.fromtimestamp(min(milliseconds, MOMENT_MAX_MS) / 1000).astimezone()
    today = (datetime.now() if now is None else now).astimezone().date()
    return then.strftime("%H:%M" if then.date() == today else "%Y-%m-%d %H:%M")


def span(milliseconds: int) -> str:
    """A length of time for people, in its largest unit: at least a minute."""
    for unit, length in _SPANS:
        count = milliseconds // length
        if count:
            plural = "s" if count > 1 and unit != "h" else ""
            return f"{count} {unit}{plural}"
    return f"{max(1, milliseconds // 60_000)} min"


def silence() -> None:
    """What waits in stdout goes nowhere, so that the end of the process does not fail over it."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@contextmanager
def printing() -> Iterator[None]:
    """Write to stdout in here.

    Raises:
        ChatError: it does not take what is written.
        BrokenPipeError: its reader has left.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence()
        raise ChatError(f"stdout cannot be written: {error.strerror or error}.") from None


class Output:
    """Prints either for people or as JSON lines."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def line(self, text: str) -> None:
        """Data for people and pipes."""
        self.text(text + "\n")

    def text(self, text: str) -> None:
        """Text as it is, which may have many lines."""
        with printing():
            sys.stdout.write(text)

    def file(self, path: Path) -> None:
        """A file's bytes."""
        with path.open("rb") as source, printing():
            shutil.copyfileobj(source, sys.stdout.buffer)

    def data(self, piece: bytes) -> None:
        """A piece of a file's bytes, out at once."""
        with printing():
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()

    def note(self, text: str) -> None:
        """A message for people; never data, and no reason to end when nobody can read it."""
        with suppress(OSError):
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def record(self, kind: str, fields: dict[str, Any]) -> None:
        """One JSON line."""
        self._json(_encoder.encode({"v": 1, "kind": kind, **fields}) + b"\n")

    def _json(self, lines: bytes) -> None:
        with printing():
            sys.stdout.buffer.write(lines)

    def message(self, message: model.Message) -> None:
        """A message in either form."""
        if self.as_json:
            self.record("message", message_fields(message))
        else:
            self.line(message_line(message))

    def messages(self, messages: list[model.Message], *, opened: bool = False) -> None:
        """Several messages, written at once."""
        if self.as_json:
            lines = [
                _encoder.encode({"v": 1, "kind": "message", **message_fields(message)}) + b"\n"
                for message in messages
            ]
            self._json(b"".join(lines))
        elif messages:
            self.line("\n".join(message_line(message, opened=opened) for message in messages))


def message_fields(message: model.Message) -> dict[str, Any]:
    """The fields of a message's JSON line."""
    return {
        "id": message.id,
        "channel": message.channel,
        "author": {"member": message.author.member, "nick": message.author.nick},
        "at": moment(message.at),
        "text": message.text,
        "reply_to": message.reply_to,
        "edited": message.edited,
        "deleted": message.deleted,
        "reactions": {
            emoji: [author.nick for author in authors]
            for emoji, authors in message.reactions.items()
        },
        "files": [
            {
                "id": file.id,
                "name": file.name,
                "size": file.size,
                "type": file.type,
                "have": file.have,
                "alt": file.alt,
            }
            for file in message.files
        ],
        "reached": list(message.reached),
        "pinned": message.pinned,
        "ignored": message.ignored,
        "hidden": None if message.hidden is None else hidden_fields(message.hidden),
        "ahead_ms": message.ahead_ms,
        "order": message.order,
        "state": message.state,
    }


def hidden_fields(hidden: model.Hidden) -> dict[str, Any]:
    """Who hid a message, and why, in its JSON line."""
    by = {"member": hidden.by.member, "nick": hidden.by.nick}
    return {"by": by, "reason": hidden.reason}


def message_line(message: model.Message, *, opened: bool = False) -> str:
    """A message for people: time, short id, author, text and what hangs on it.

    What is folded has its one line in place of all that, unless it is to be `opened`.
    """
    head = f"{clock(message.at)} {message.id[:6]} #{message.channel} <{message.author.name}>"
    if message.folded and not opened:
        return f"{head} ({message.folded})"
    text = "(deleted)" if message.deleted else message.text
    if message.state == "void":
        text = f"(void) {text}"
    marks = ""
    if message.reply_to:
        marks += f" ↳{message.reply_to[:6]}"
    if message.edited and not message.deleted:
        text += " (edited)"
    if message.folded:
        text += f" ({message.folded})"
    if message.ahead_ms:
        text += f" (clock {span(message.ahead_ms)} ahead)"
    if message.reactions:
        text += "  " + " ".join(f"{e}{len(a)}" for e, a in message.reactions.items())
    for file in message.files:
        share = "" if file.have >= 1.0 else f" {file.have:.0%} here"
        # A message that is nothing but a file has no line of text above it.
        between = "\n      " if text else ""
        text += f"{between}[{file.name} {size(file.size)}{share} {file.id}]"
    return f"{head}{marks} {text}"


def size(count: int) -> str:
    """Bytes for people."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
