"""What passes between two machines whose people compare a code.

    inviter                                    newcomer
                              <-   NearbyAsk
       NearbyCommit           ->
                              <-   NearbyNonce
       NearbyReveal           ->                            both show the code
                              <-   NearbyAgree              the person there says: the same
       NearbyInvite           ->                            and so does the person here
                              <-   NearbyTaken

Either says NearbyEnd when there is no more. A message is a msgpack array, its kind first. Who asks
names the version it speaks; another one is answered with the reason `newer`. `offer` and
`approach` are the two sides as machines. Format: docs/protocol/nearby.md.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from chat.effects import KIND_NEARBY, PRIORITY_LIVE, Send
from chat.nearby.limits import LINK_MAX_CHARS, MESSAGE_MAX_BYTES, NONCE_BYTES
from crdt.roster_ops import Bytes32
from crdt.tagged import read

VERSION = 1
_Nonce = Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]


class Nearby(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Base of what passes."""


class NearbyAsk(Nearby, frozen=True, tag=1):
    """Somebody picked the label."""

    version: Annotated[int, Meta(ge=1, lt=256)] = VERSION


class NearbyCommit(Nearby, frozen=True, tag=2):
    """What the inviter's nonce will have to fit."""

    commitment: Bytes32


class NearbyNonce(Nearby, frozen=True, tag=3):
    """The newcomer's nonce."""

    nonce: _Nonce


class NearbyReveal(Nearby, frozen=True, tag=4):
    """The inviter's nonce."""

    nonce: _Nonce


class NearbyAgree(Nearby, frozen=True, tag=5):
    """The person here says that the codes are the same."""


class NearbyInvite(Nearby, frozen=True, tag=6):
    """The link of an invite; never in a representation."""

    link: Annotated[str, Meta(min_length=1, max_length=LINK_MAX_CHARS)]

    def __repr__(self) -> str:
        return "NearbyInvite()"


class NearbyTaken(Nearby, frozen=True, tag=7):
    """The invite is here."""


class NearbyEnd(Nearby, frozen=True, tag=8):
    """There is no more; the reason is a code of `standing.SENTENCES`."""

    reason: Annotated[str, Meta(max_length=16)] = ""


AnyNearby = (
    NearbyAsk
    | NearbyCommit
    | NearbyNonce
    | NearbyReveal
    | NearbyAgree
    | NearbyInvite
    | NearbyTaken
    | NearbyEnd
)
_LAST_KIND = 8
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyNearby] = msgspec.msgpack.Decoder(AnyNearby)


def encode(message: AnyNearby) -> bytes:
    """A message as bytes."""
    return _encoder.encode(message)


def decode(data: bytes) -> AnyNearby:
    """A message from bytes.

    Raises:
        TooNew: of a kind this build does not know.
        Invalid: it is none.
    """
    return read(_decoder, data, last=_LAST_KIND, most=MESSAGE_MAX_BYTES, what="nearby message")


def say(link: int, message: AnyNearby) -> Send:
    """The effect that sends a message on a link."""
    return Send(link, KIND_NEARBY, PRIORITY_LIVE, encode(message))
