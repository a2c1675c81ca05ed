"""The lobby: what passes on an invite link, before the newcomer is a member.

An invite link's key derives from the invite, so any member or relay that holds the roster can
answer it; it grants nothing but this conversation:

    newcomer                                   member or relay
       LobbyAsk               ->
                              <-   LobbyInvite (the sealed rest of the invite)
       LobbyClaim             ->
                              <-   LobbyState  pending | admitted | refused

The newcomer opens the rest with the secret that only it and the inviter have, checks that it
names the workspace whose beginning stands in the link, and signs its claim with the invite's key
and with its own. A member admits at once; a relay keeps the claim and passes it to members. When
the state changes while the link lasts, it is said again.

A message is a msgpack array, its kind first. Who asks names the version it speaks; another one is
answered with a refusal for that reason. `joining` and `welcome` have its two sides as machines.
Format: docs/protocol/invites.md.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from chat.effects import KIND_LOBBY, PRIORITY_LIVE, Send
from crdt.limits import CLAIM_MAX_BYTES, INVITE_REST_MAX_BYTES
from crdt.roster_ops import Bytes32
from crdt.tagged import read

VERSION = 1
LOBBY_MESSAGE_MAX_BYTES = 8 * 1024
"""The rest of an invite is at most 1 KiB and a claim at most 4 KiB."""
MESSAGES_PER_LINK_MAX = 16
"""A conversation has four messages, and a few changes of state."""

PENDING: Final = "pending"
ADMITTED: Final = "admitted"
REFUSED: Final = "refused"

USED = "used"
EXPIRED = "expired"
REVOKED = "revoked"
TAKEN = "taken"
INVALID = "invalid"
NEWER = "newer"
REASONS = {
    USED: "This invite was used already; ask for a new one.",
    EXPIRED: "This invite has expired; ask for a new one.",
    REVOKED: "This invite was taken back; ask for a new one.",
    TAKEN: "Somebody else asks to come in with this invite; ask for a new one.",
    INVALID: "The claim was not accepted; ask for a new invite.",
    NEWER: "The other side needs a newer Clowder than this one.",
}
"""Why a claim is refused, as code and as the newcomer's own sentence: no foreign text is shown."""
_ANOTHER = "`clowder device add` on another device of yours shows a new one."
DEVICE_REASONS = {
    **REASONS,
    USED: f"This code was used already; {_ANOTHER}",
    EXPIRED: f"This code has expired; {_ANOTHER}",
    REVOKED: "This code or paper was taken back; nobody comes in by it any more.",
    TAKEN: "Another machine asks to come in by the same words, and is heard first.",
    INVALID: f"The claim was not accepted; {_ANOTHER}",
}
"""The same where the claim is that of one more device, by a code or a paper."""
UNKNOWN_REASON = "The invite was refused for a reason that this version does not know."


class Lobby(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Base of the lobby's messages."""


class LobbyAsk(Lobby, frozen=True, tag=1):
    """Tell me the rest of this invite."""

    version: Annotated[int, Meta(ge=1, lt=256)] = VERSION


class LobbyInvite(Lobby, frozen=True, tag=2):
    """The invite op's id and its sealed rest."""

    invite: Bytes32
    blob: Annotated[bytes, Meta(min_length=1, max_length=INVITE_REST_MAX_BYTES)]


class LobbyClaim(Lobby, frozen=True, tag=3):
    """A signed claim."""

    wire: Annotated[bytes, Meta(min_length=1, max_length=CLAIM_MAX_BYTES)]


class LobbyState(Lobby, frozen=True, tag=4):
    """Where the claim stands; `reason` is a code of `REASONS` when refused, else empty."""

    state: Literal["pending", "admitted", "refused"]
    reason: Annotated[str, Meta(max_length=16)] = ""


AnyLobby = LobbyAsk | LobbyInvite | LobbyClaim | LobbyState
_LAST_KIND = 4
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyLobby] = msgspec.msgpack.Decoder(AnyLobby)


def encode(message: AnyLobby) -> bytes:
    """A lobby message as bytes."""
    return _encoder.encode(message)


def decode(data: bytes) -> AnyLobby:
    """A lobby message from bytes.

    Raises:
        TooNew: of a kind this build does not know.
        Invalid: it is none.
    """
    return read(_decoder, data, last=_LAST_KIND, most=LOBBY_MESSAGE_MAX_BYTES, what="lobby message")


def say(link: int, message: AnyLobby) -> Send:
    """The effect that sends a lobby message on a link."""
    return Send(link, KIND_LOBBY, PRIORITY_LIVE, encode(message))
