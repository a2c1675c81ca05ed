"""What is shown and never kept: who is writing, and where somebody's cursor is.

It goes to members that are linked and may see the channel, not to relays, and reaches no disk.
Whoever a message comes from is who it is about, since a link proves its device. A message is a
msgpack array, its kind first; a kind this build does not know is `TooNew`, and passed over.
Format: docs/protocol/ephemeral.md.
"""

import msgspec

from crdt import limits
from crdt.errors import Invalid, TooNew

EPHEMERAL_MAX_BYTES = 512
"""A cursor's place is under 64 bytes."""
PLACE_MAX_BYTES = 128


class Ephemeral(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Base of these messages."""


class Writing(Ephemeral, frozen=True, tag=1):
    """The sender's member writes in a channel now; forgotten after five seconds."""

    channel: bytes


class CursorAt(Ephemeral, frozen=True, tag=2):
    """The sender's cursor in a channel's notes, as a place in the Yjs text; empty hides it."""

    channel: bytes
    place: bytes


AnyEphemeral = Writing | CursorAt
_LAST_KIND = b"\x02"
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(AnyEphemeral)


def encode(message: AnyEphemeral) -> bytes:
    """A message as bytes."""
    return _encoder.encode(message)


def decode(data: bytes) -> AnyEphemeral:
    """A message from bytes.

    Raises:
        TooNew: of a kind this build does not know.
        Invalid: it is none.
    """
    if len(data) > EPHEMERAL_MAX_BYTES:
        raise Invalid("an ephemeral message is too large")
    try:
        message: AnyEphemeral = _decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if b"\x91" <= data[:1] <= b"\x9f" and _LAST_KIND < data[1:2] < b"\x80":
            raise TooNew("ephemeral message needs a newer Clowder") from None
        raise Invalid(f"not an ephemeral message: {error}") from None
    if len(message.channel) != limits.ID_BYTES:
        raise Invalid("an ephemeral message names no channel")
    if isinstance(message, CursorAt) and len(message.place) > PLACE_MAX_BYTES:
        raise Invalid("a cursor's place is too long")
    return message
