"""What stands on a line of the control socket: requests, answers, and their limits.

docs/control.md has every request, reply and event. `VERSION` is of the lines, and the hello tells
it: within a version fields and commands are only added. So a client passes over fields and events
that it does not know; a node refuses a request that it does not know, by the request's id.
"""

import msgspec

from chat.commands import AnyCommand
from chat.errors import UsageError
from chat.events import AnyEvent

VERSION = 1
"""Of the lines. A client that knows a smaller one only says so and asks nothing."""
LINE_MAX_BYTES = 16 * 1024 * 1024
"""Of a request; the text of the largest notes fits, though every character be escaped."""
PAGE_MESSAGES = 1000
"""Of one history: half a megabyte of typical messages, so that other answers are not held up."""
REPLY_MAX_BYTES = 128 * 1024 * 1024
"""Of an answer: a page of the longest messages, with previews; a search that finds more is refused.
"""


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """A line from a client."""

    id: int
    command: AnyCommand | None = None
    subscribe: bool = False


class Numbered(msgspec.Struct):
    """The one field of a request that even a line of another version has."""

    id: int


class Failure(msgspec.Struct):
    """Why a command did not work: a code of `chat.errors` and a sentence."""

    code: str
    text: str


class Hello(msgspec.Struct):
    """The first line of every connection: whether this node links with peers; the version."""

    network: bool
    v: int = VERSION


class Answer(msgspec.Struct, omit_defaults=True):
    """A line from the node. `closing` is the last request that was taken, 0 for none."""

    id: int | None = None
    reply: msgspec.Raw = msgspec.Raw()
    error: Failure | None = None
    event: msgspec.Raw = msgspec.Raw()
    hello: Hello | None = None
    closing: int | None = None


class Unknown(UsageError):
    """A line with an id that asks for what is not known here; others can still be answered."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


_requests = msgspec.json.Decoder(Request)
_numbers = msgspec.json.Decoder(Numbered)
_answers = msgspec.json.Decoder(Answer)
_events: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)


def decode_request(line: bytes) -> Request:
    """A request from a line.

    Raises:
        Unknown: it has an id, and asks for what this version does not know.
        UsageError: the line is no request at all.
    """
    try:
        return _requests.decode(line)
    except _BROKEN as error:
        text = f"The control socket got a line that is no request: {error}"
    try:
        number = _numbers.decode(line).id
    except _BROKEN:
        raise UsageError(text) from None
    raise Unknown(number, text)


def decode_answer(line: bytes) -> Answer:
    """An answer from a line. Raises ValueError: it is none."""
    try:
        return _answers.decode(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def decode_event(event: bytes) -> AnyEvent | None:
    """An event, None for one of a newer node."""
    try:
        return _events.decode(event)
    except _BROKEN:
        return None
