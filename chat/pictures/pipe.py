"""What the decoder and its process say to each other: msgpack with its length before it.

The process reads hostile pictures and may be taken over by one; so its answers are decoded as
strictly as anything from a peer, and sizes are checked against what was asked.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from chat.limited import LENGTH_BYTES as LENGTH_BYTES
from chat.pictures.errors import DecoderFailed
from chat.pictures.limits import RESULT_MAX_BYTES

Colour = tuple[int, int, int]


class Draw(Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Decode a picture.

    Attributes:
        what: "still" the first frame as RGB, "frames" all of them, "preview" a small WebP.
        width, height: the box that the result must fit, in pixels.
        background: what shines through where the picture is transparent.
    """

    what: Literal["still", "frames", "preview"]
    data: bytes
    width: int
    height: int
    background: Colour


class Drawn(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="drawn"):
    """The result.

    Attributes:
        width, height: of the result.
        original: width and height of the picture itself, turned upright.
        frames: (milliseconds, RGB bytes) of each frame; or one WebP.
    """

    width: int
    height: int
    original: tuple[int, int]
    frames: list[tuple[int, bytes]]


class Refusal(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, tag="refusal"):
    """Why there is none: damaged bytes, or a picture that is not decoded here."""

    damaged: bool
    reason: str


Answer = Drawn | Refusal

_encoder = msgspec.msgpack.Encoder()
_draws = msgspec.msgpack.Decoder(Draw)
_answers = msgspec.msgpack.Decoder(Answer)


def frame(message: Draw | Answer) -> bytes:
    """The bytes of a message on the pipe."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def read_draw(body: bytes) -> Draw:
    """A request: comes from our own process, so what is wrong with it is a bug."""
    return _draws.decode(body)


def read_answer(body: bytes, asked: Draw) -> Answer:
    """An answer to `asked`. Raises DecoderFailed when it does not fit."""
    try:
        answer: Answer = _answers.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise DecoderFailed("the picture decoder gave an answer that makes no sense") from None
    if isinstance(answer, Drawn):
        fits = 0 < answer.width <= asked.width and 0 < answer.height <= asked.height
        length = answer.width * answer.height * 3
        exact = asked.what == "preview" or all(len(rgb) == length for _, rgb in answer.frames)
        if not fits or not exact or not answer.frames or len(body) > RESULT_MAX_BYTES:
            raise DecoderFailed("the picture decoder gave an answer that makes no sense")
    return answer
