"""What passes at a channel's door.

    guest                                      member or relay
       GuestAsk (how much)    ->
                              <-   GuestPart (bytes of a signed export), up to 8 on the way
       GuestMore              ->   ...
                              <-   GuestEnd ("", or why there is no more)

A message is a msgpack array, its kind first. Who asks names the version it speaks; another one is
answered with the reason `newer`. `host` and `visit` are the two sides as machines.
Format: docs/protocol/guests.md.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from chat.effects import KIND_GUEST, PRIORITY_GUEST, PRIORITY_LIVE, Send
from chat.guests.limits import MESSAGE_MAX_BYTES, NEWEST_MAX, PART_MAX_BYTES, WINDOW_PARTS
from crdt.tagged import read

VERSION = 1

BUSY = "busy"
NEWER = "newer"
CLOSED = "closed"
REASONS = {
    BUSY: "it has as many guests as it takes; try again in a while",
    NEWER: "it needs a newer Clowder than this one",
    CLOSED: "the link was renewed, or its channel is not there any more",
}
"""Why a host ends early, as code and as the guest's own words: no foreign text is shown."""
UNKNOWN_REASON = "it refuses, for a reason that this version does not know"


class Guest(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Base of what passes at a door."""


class GuestAsk(Guest, frozen=True, tag=1):
    """Show me the channel whose door this is: its `newest` entries, or with 0 all of it."""

    version: Annotated[int, Meta(ge=1, lt=256)] = VERSION
    newest: Annotated[int, Meta(ge=0, le=NEWEST_MAX)] = 0


class GuestPart(Guest, frozen=True, tag=2):
    """The next bytes."""

    data: Annotated[bytes, Meta(min_length=1, max_length=PART_MAX_BYTES)]


class GuestMore(Guest, frozen=True, tag=3):
    """So many parts were taken."""

    parts: Annotated[int, Meta(ge=1, le=WINDOW_PARTS)] = 1


class GuestEnd(Guest, frozen=True, tag=4):
    """That was all of it; or with a reason, a code of `REASONS`, there is no more."""

    reason: Annotated[str, Meta(max_length=16)] = ""


AnyGuest = GuestAsk | GuestPart | GuestMore | GuestEnd
_LAST_KIND = 4
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyGuest] = msgspec.msgpack.Decoder(AnyGuest)


def encode(message: AnyGuest) -> bytes:
    """A message as bytes."""
    return _encoder.encode(message)


def decode(data: bytes) -> AnyGuest:
    """A message from bytes.

    Raises:
        TooNew: of a kind this build does not know.
        Invalid: it is none.
    """
    return read(_decoder, data, last=_LAST_KIND, most=MESSAGE_MAX_BYTES, what="guest message")


def ask(link: int, message: GuestAsk | GuestMore) -> Send:
    """The effect that sends what a guest says."""
    return Send(link, KIND_GUEST, PRIORITY_LIVE, encode(message))


def answer(link: int, message: GuestPart | GuestEnd) -> Send:
    """The effect that sends what a host says: in order, and behind everything else."""
    return Send(link, KIND_GUEST, PRIORITY_GUEST, encode(message))
