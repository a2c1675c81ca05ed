"""What the host of the notes and its process say to each other: msgpack, its length before it.

The process may have been taken over by an update that got past the validator, so its answers are
decoded strictly, and an own change that comes out of it is checked like anybody's.
"""

import msgspec
from msgspec import Struct

from chat.limited import LENGTH_BYTES as LENGTH_BYTES
from chat.notes.errors import WorkerDied
from chat.notes.limits import ANSWER_MAX_BYTES

Runs = list[tuple[int, int]]
"""Code points and the number of their author, covering the text."""


class Build(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="build"):
    """Apply updates to a channel's document and answer with its text.

    Attributes:
        client: Yjs client id of own changes.
        base: how many updates the document has already; 0 begins a new one.
        steps: (number of the author, update).
        careful: edit and read after each update and answer `Tried`; such a document is no good for
            anything else.
        seconds: CPU time for it.
    """

    channel: bytes
    client: int
    base: int
    steps: list[tuple[int, bytes]]
    careful: bool
    seconds: int


class Edit(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="edit"):
    """Change the text by hunks (start, end, text); it counts as the document's next update."""

    channel: bytes
    author: int
    hunks: list[tuple[int, int, str]]
    seconds: int


class Mark(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="mark"):
    """After which unit of whose writing is this index?"""

    channel: bytes
    index: int
    seconds: int


class Find(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="find"):
    """At which index is the place after this unit?"""

    channel: bytes
    client: int
    clock: int
    seconds: int


class Close(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="close"):
    """Forget a channel's document."""

    channel: bytes
    seconds: int


class Built(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="built"):
    """The text after a Build or an Edit; `update` is what the Edit did, else empty."""

    text: str
    runs: Runs
    update: bytes = b""


class Tried(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="tried"):
    """The update at this place of a careful Build did no harm."""

    index: int


class Refused(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="refused"):
    """The update at this place of a Build cannot be applied; the document is gone."""

    index: int
    reason: str


class Place(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="place"):
    """Answers Mark; None is the start of the text."""

    unit: tuple[int, int] | None


class Found(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="found"):
    """Answers Find."""

    index: int


class Closed(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="closed"):
    """Answers Close."""


Request = Build | Edit | Mark | Find | Close
Answer = Built | Tried | Refused | Place | Found | Closed

_encoder = msgspec.msgpack.Encoder()
_requests = msgspec.msgpack.Decoder(Request)
_answers = msgspec.msgpack.Decoder(Answer)


def frame(message: Request | Answer) -> bytes:
    """The bytes of a message on the pipe."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def read_request(body: bytes) -> Request:
    """A request: comes from our own process, so what is wrong with it is a bug."""
    request: Request = _requests.decode(body)
    return request


def answer_length(head: bytes) -> int:
    """How long the answer behind these bytes is. Raises WorkerDied when it is beyond reason."""
    length = int.from_bytes(head, "big")
    if length > ANSWER_MAX_BYTES:
        raise WorkerDied("the process of the notes gave an answer that is too large")
    return length


def read_answer(body: bytes) -> Answer:
    """An answer. Raises WorkerDied when it makes no sense."""
    try:
        answer: Answer = _answers.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise WorkerDied("the process of the notes gave an answer that makes no sense") from None
    if isinstance(answer, Built):
        covered = all(length > 0 for length, _ in answer.runs)
        if not covered or sum(length for length, _ in answer.runs) != len(answer.text):
            raise WorkerDied("the process of the notes gave an answer that makes no sense")
    return answer
