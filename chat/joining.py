"""The newcomer's side of the lobby, as a pure machine.

`Newcomer` runs one join over any number of invite links, at once and one after the other: it
asks, opens the rest, claims, and hears where the claim stands. What it must not forget is one
`Joining`, which its `Learned` effect gives when it grew. With the rest it knows the workspace's
link key, so the caller can also link as a device of the workspace: the roster comes by sync, and
claims pass there as well.

What a host says is a hint and no more. The roster decides who is in, and that is verified from the
workspace's id; so the word of a lying relay costs waiting, never trust. The last word heard is
what is shown, until one says "admitted", which the caller then looks up in the roster.

A lying host could name another invite op than the secret's. A claim for that is worthless; the
newcomer makes another one for the op that the next host names, for the same device and member.

A device's code works the same; what follows from it is another device of a member who is in. Once
the claim is made its secret is not needed, since the roster tells of the admission, and what is
kept leaves it out. A paper's is never kept, not even until then: it is good for ever.

A refusal is kept in the `Joining`, too, so that a later start knows that nothing waits any more and
may begin another join. It ends nothing: a host that knows better is believed as much.
"""

from dataclasses import dataclass

import msgspec

from chat.effects import CloseLink, Send
from chat.lobby import (
    ADMITTED,
    DEVICE_REASONS,
    MESSAGES_PER_LINK_MAX,
    NEWER,
    PENDING,
    REASONS,
    REFUSED,
    UNKNOWN_REASON,
    LobbyAsk,
    LobbyClaim,
    LobbyInvite,
    LobbyState,
    decode,
    say,
)
from crdt.claims import decode_claim, verify
from crdt.errors import Invalid, TooNew
from crdt.invites import InviteKeys, Rest, make_claim, open_rest
from crdt.keys import DeviceKeys, Entropy
from crdt.roster_ops import LEVEL_RELAY

CLAIMS_MADE_MAX = 4
"""Invite ops that hosts name for one secret: one, and what liars add."""
_PERSON = "That is an invite for a person; `clowder join` takes it."
_TICKET = "That is a relay's ticket; `clowder relay --ticket` takes it."
_DEVICE = (
    "That is for a device of somebody who is in: `clowder device join` takes a code, and "
    "`clowder recover` the words of a paper."
)
_PAPER = (
    "That is a paper's secret, which is good for ever: `clowder recover` takes it. It asks for the "
    "words, so that they stand in no history of a shell."
)


class Joining(msgspec.Struct, array_like=True, frozen=True):
    """A join that is under way, as a profile keeps it. Secrets; never logged.

    Attributes:
        secret: of the invite, 16 bytes.
        check: the first 8 bytes of the workspace's id, or nothing when words were typed.
        sign_seed, link_secret, box_secret: the new device's keys.
        salt: 16 bytes, makes the new member's id.
        nick: how the newcomer wants to be called.
        blob: the sealed rest of the invite, once a host gave it.
        claims: (invite op, claim) as made.
        refused: why the claim was refused, a sentence, when that was the last word heard.
        device: by a code, as one more device of a member; then `nick` is the device's name.
        paper: that code is on paper, and is to be written down nowhere else.

    Fields are only ever added at the end, with a default.
    """

    secret: bytes
    check: bytes
    sign_seed: bytes
    link_secret: bytes
    box_secret: bytes
    salt: bytes
    nick: str
    blob: bytes = b""
    claims: tuple[tuple[bytes, bytes], ...] = ()
    refused: str = ""
    device: bool = False
    paper: bool = False

    def __repr__(self) -> str:
        return f"Joining(check={self.check.hex()})"

    @property
    def keys(self) -> DeviceKeys:
        return DeviceKeys(self.sign_seed, self.link_secret, self.box_secret)

    @property
    def door(self) -> bytes | None:
        """The link key that opens the lobby; None once the secret is gone."""
        return InviteKeys.of(self.secret).door if self.secret else None

    @property
    def rest(self) -> Rest | None:
        """What the link did not say, once it is known, and while the secret is here.

        Raises:
            Invalid: it was not this join's.
        """
        return open_rest(self.secret, self.blob) if self.blob and self.secret else None

    @property
    def kept(self) -> "Joining":
        """As it may be written down: a device's code until the claim is made, a paper's never."""
        if not self.device or not (self.claims or self.paper):
            return self
        return msgspec.structs.replace(self, secret=b"", blob=b"")

    def is_of(self, secret: bytes) -> bool:
        """Whether it began with this secret, also when that was not kept."""
        if self.secret or not self.claims:
            return self.secret == secret
        try:
            verify(decode_claim(self.claims[0][1]), InviteKeys.of(secret).public)
        except Invalid:
            return False
        return True


def unwanted(joining: Joining, rest: Rest, *, relay: bool) -> str:
    """Why this rest is not what its holder asked for, a sentence; "" when it is.

    Args:
        relay: what joins is a relay.
    """
    if rest.lasting and not joining.paper:
        return _PAPER
    # A paper of an earlier version does not say that it is one, so whoever says so is believed.
    given = _kind(bool(rest.member), rest.level == LEVEL_RELAY)
    return "" if given is _kind(joining.device, relay) else given


def _kind(device: bool, relay: bool) -> str:
    """What an invite makes of its holder: what is said when that was not wanted."""
    return _DEVICE if device else _TICKET if relay else _PERSON


@dataclass(frozen=True, slots=True)
class Learned:
    """The join knows more than before: keep this, then go on."""

    joining: Joining


@dataclass(frozen=True, slots=True)
class Stands:
    """Where the claim stands, as a host says; `reason` is a sentence when refused.

    The join's `joining` holds a refusal from now on: keep it as well.
    """

    state: str
    reason: str = ""


NewcomerEffect = Send | CloseLink | Learned | Stands


class Newcomer:
    """One join.

    Args:
        joining: what is known of it, from an earlier start or new.
        entropy: randomness for nonces.
    """

    def __init__(self, joining: Joining, entropy: Entropy) -> None:
        self.joining = joining
        waits = joining.claims and not joining.refused
        self.stands = Stands(PENDING if waits else "")
        self._entropy = entropy
        self._heard: dict[int, int] = {}

    def link_up(self, link: int) -> list[NewcomerEffect]:
        """An invite link is open."""
        self._heard[link] = 0
        return [say(link, LobbyAsk())]

    def link_down(self, link: int) -> None:
        """An invite link ended."""
        self._heard.pop(link, None)

    def receive(self, link: int, payload: bytes) -> list[NewcomerEffect]:
        """What a host says."""
        if link not in self._heard:
            return []
        self._heard[link] += 1
        try:
            if self._heard[link] > MESSAGES_PER_LINK_MAX:
                raise Invalid("too many lobby messages")
            message = decode(payload)
            if isinstance(message, LobbyInvite):
                return self._claim(link, message)
            if isinstance(message, LobbyState):
                return self._hear(message)
            raise Invalid("a host neither asks nor claims")
        except TooNew:
            return []
        except Invalid as error:
            del self._heard[link]
            return [CloseLink(link, str(error))]

    def _claim(self, link: int, offer: LobbyInvite) -> list[NewcomerEffect]:
        joining = self.joining
        claims = dict(joining.claims)
        claim = claims.get(offer.invite)
        if claim is not None:
            return [say(link, LobbyClaim(claim))]
        try:
            rest = open_rest(joining.secret, offer.blob)
        except TooNew:
            return self._hear(LobbyState(REFUSED, NEWER))
        if not rest.workspace.startswith(joining.check):
            raise Invalid("the invite belongs to another workspace")
        if len(claims) >= CLAIMS_MADE_MAX:
            raise Invalid("too many invites of one secret")
        claim = make_claim(
            joining.secret,
            rest,
            offer.invite,
            joining.keys,
            salt=joining.salt,
            nick=joining.nick,
            entropy=self._entropy,
        ).wire
        self.joining = msgspec.structs.replace(
            joining, blob=offer.blob, claims=(*joining.claims, (offer.invite, claim))
        )
        return [Learned(self.joining), say(link, LobbyClaim(claim))]

    def _hear(self, message: LobbyState) -> list[NewcomerEffect]:
        reason = ""
        if message.state == REFUSED:
            reasons = DEVICE_REASONS if self.joining.device else REASONS
            reason = reasons.get(message.reason, UNKNOWN_REASON)
        said = Stands(message.state, reason)
        if said == self.stands or self.stands.state == ADMITTED:
            return []
        self.stands = said
        self.joining = msgspec.structs.replace(self.joining, refused=reason)
        return [said]
