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
and with its own. A member admits at once; a relay keeps the claim and passes it to members.
"""

import msgspec

from crdt.errors import Invalid

LOBBY_MESSAGE_MAX_BYTES = 8 * 1024
"""The rest of an invite is under 1 KiB and a claim at most 1 KiB."""


class Lobby(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Base of the lobby's messages."""


class LobbyAsk(Lobby, frozen=True, tag=1):
    """Tell me the rest of this invite."""


class LobbyInvite(Lobby, frozen=True, tag=2):
    """The invite op's id and its sealed rest."""

    invite: bytes
    blob: bytes


class LobbyClaim(Lobby, frozen=True, tag=3):
    """A signed claim."""

    wire: bytes


class LobbyState(Lobby, frozen=True, tag=4):
    """Where the claim stands; `reason` is a sentence when refused."""

    state: str
    reason: str = ""


AnyLobby = LobbyAsk | LobbyInvite | LobbyClaim | LobbyState
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(AnyLobby)


def encode(message: AnyLobby) -> bytes:
    """A lobby message as bytes."""
    return _encoder.encode(message)


def decode(data: bytes) -> AnyLobby:
    """A lobby message from bytes.

    Raises:
        Invalid: it is none.
    """
    if len(data) > LOBBY_MESSAGE_MAX_BYTES:
        raise Invalid("lobby message is too large")
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Invalid(f"not a lobby message: {error}") from None
