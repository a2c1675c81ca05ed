"""What the command line prints: lines for people, or one JSON object a line for scripts."""

import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

from chat import model

_encoder = msgspec.json.Encoder()


def moment(milliseconds: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    seconds, rest = divmod(milliseconds, 1000)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{rest:03d}Z"


def clock(milliseconds: int) -> str:
    """Local hours and minutes."""
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%H:%M")


class Output:
    """Prints either for people or as JSON lines."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def line(self, text: str) -> None:
        """Data for people and pipes."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """A message for people; never data."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def record(self, kind: str, fields: dict[str, Any]) -> None:
        """One JSON line."""
        sys.stdout.buffer.write(_encoder.encode({"v": 1, "kind": kind, **fields}) + b"\n")
        sys.stdout.buffer.flush()

    def message(self, message: model.Message) -> None:
        """A message in either form."""
        if self.as_json:
            self.record("message", message_fields(message))
        else:
            self.line(message_line(message))

    def messages(self, messages: list[model.Message]) -> None:
        """Several messages, written at once."""
        if self.as_json:
            lines = [
                _encoder.encode({"v": 1, "kind": "message", **message_fields(message)}) + b"\n"
                for message in messages
            ]
            sys.stdout.buffer.write(b"".join(lines))
            sys.stdout.buffer.flush()
        elif messages:
            self.line("\n".join(message_line(message) for message in messages))


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
        "ahead_ms": message.ahead_ms,
        "order": message.order,
    }


def message_line(message: model.Message) -> str:
    """A message for people: time, short id, author, text and what hangs on it."""
    text = "(deleted)" if message.deleted else message.text
    marks = ""
    if message.reply_to:
        marks += f" ↳{message.reply_to[:6]}"
    if message.edited and not message.deleted:
        text += " (edited)"
    if message.ahead_ms:
        text += f" (clock {max(1, message.ahead_ms // 60_000)} min ahead)"
    if message.reactions:
        text += "  " + " ".join(f"{e}{len(a)}" for e, a in message.reactions.items())
    for file in message.files:
        share = "" if file.have >= 1.0 else f" {file.have:.0%} here"
        text += f"\n      [{file.name} {size(file.size)}{share} {file.id}]"
    head = f"{clock(message.at)} {message.id[:6]} #{message.channel} <{message.author.nick}>"
    return f"{head}{marks} {text}"


def size(count: int) -> str:
    """Bytes for people."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
