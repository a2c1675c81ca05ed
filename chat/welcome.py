"""Who stands at the doors of a workspace's invites: the other side of `joining`, pure.

Every device that holds the roster answers every invite in it, so a newcomer needs to meet any one
of them. `Doorman` refuses what the roster already decides (used, revoked, expired) and what is not
signed by the invite's key; what is left is for a witness to admit, and for a relay to keep until a
witness is linked. It takes one claimant for an invite, the first; everything it keeps is bounded
by the number of open invites and of links.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from chat.effects import CloseLink, Send
from chat.lobby import (
    ADMITTED,
    EXPIRED,
    INVALID,
    MESSAGES_PER_LINK_MAX,
    NEWER,
    PENDING,
    REFUSED,
    REVOKED,
    TAKEN,
    USED,
    VERSION,
    AnyLobby,
    LobbyAsk,
    LobbyClaim,
    LobbyInvite,
    LobbyState,
    decode,
    say,
)
from crdt.claims import SignedClaim, decode_claim, verify
from crdt.errors import Invalid, TooNew
from crdt.roster_invites import InviteState
from crdt.roster_state import State

LOBBY_LINKS_MAX = 32
"""Newcomers at the doors of one workspace at one time."""
DOORS_MAX = 250
"""Invites that are answered: open ones, and the papers of a large workspace. Each is one more key
to try when somebody dials, which is a hash."""
EXPIRED_DOOR_MS = 7 * 24 * 3600 * 1000
"""So long an invite that has expired is answered, with that reason in place of silence."""


@dataclass(frozen=True, slots=True)
class Admit:
    """A claim is good, and this device may witness it: publish the admission and share keys."""

    claim: SignedClaim


@dataclass(frozen=True, slots=True)
class KeepClaim:
    """A claim is good, and this device is no witness: keep it, and show it to those who are."""

    claim: SignedClaim


DoormanEffect = Send | CloseLink | Admit | KeepClaim


class Door(NamedTuple):
    """An invite to be answered: the link key of its door, and the op's id."""

    key: bytes
    invite: bytes


def doors(state: State, now: int) -> list[Door]:
    """The doors to answer at this wall time, those that still admit somebody first."""
    shown = [
        invite for invite in state.invites.values() if now <= invite.not_after + EXPIRED_DOOR_MS
    ]
    shown.sort(key=lambda i: (not _is_open(i, now), i.lasting, -i.not_after, i.op))
    return [Door(invite.door, invite.op) for invite in shown[:DOORS_MAX]]


def _is_open(invite: InviteState, now: int) -> bool:
    return not invite.used and not invite.revoked and now <= invite.not_after


@dataclass
class _Visit:
    """One newcomer's link: through which door, how many messages, the claim and its last state."""

    invite: bytes
    heard: int = 0
    claim: SignedClaim | None = None
    told: LobbyState | None = None


class Doorman:
    """Whoever holds the roster, at the doors of its invites.

    Args:
        workspace: its id.
        state: gives the roster's state.
        witness: whether this device may publish admissions by an invite; else it keeps claims.
        kept: claims from earlier starts, as they came.
    """

    def __init__(
        self,
        workspace: bytes,
        state: Callable[[], State],
        witness: Callable[[InviteState], bool],
        kept: Iterable[bytes] = (),
    ) -> None:
        self._workspace = workspace
        self._state = state
        self._witness = witness
        self._visits: dict[int, _Visit] = {}
        self._first: dict[bytes, bytes] = {}
        """Invite to the member that claimed it first."""
        for wire in kept:
            claim = decode_claim(wire).claim
            self._first.setdefault(claim.invite, claim.member)

    def link_up(self, link: int, invite: bytes) -> list[DoormanEffect]:
        """A link was opened with the door key of this invite op."""
        if len(self._visits) >= LOBBY_LINKS_MAX:
            return [CloseLink(link, "too many newcomers at once")]
        self._visits[link] = _Visit(invite)
        return []

    def link_down(self, link: int) -> None:
        """An invite link ended."""
        self._visits.pop(link, None)

    def receive(self, link: int, payload: bytes, now: int) -> list[DoormanEffect]:
        """What a newcomer says, at this wall time."""
        visit = self._visits.get(link)
        if visit is None:
            return []
        visit.heard += 1
        try:
            if visit.heard > MESSAGES_PER_LINK_MAX:
                raise Invalid("too many lobby messages")
            message = decode(payload)
            if isinstance(message, LobbyAsk):
                return [say(link, self._answer(visit, message, now))]
            if isinstance(message, LobbyClaim):
                return self._claimed(link, visit, message.wire, now)
            raise Invalid("a newcomer asks and claims, and nothing else")
        except TooNew:
            return [say(link, LobbyState(REFUSED, NEWER))]
        except Invalid as error:
            del self._visits[link]
            return [CloseLink(link, str(error))]

    def judge(self, wire: bytes, now: int) -> Admit | KeepClaim | LobbyState:
        """What becomes of a claim, whichever way it came: it is good, or where it stands.

        Raises:
            Invalid: it is no claim on an invite of this workspace.
        """
        return self._judge(decode_claim(wire), now)

    def roster_changed(self, now: int) -> list[DoormanEffect]:
        """Somebody was admitted, or an invite was revoked: tell those who wait."""
        invites = self._state().invites
        self._first = {
            invite: member
            for invite, member in self._first.items()
            if invite in invites and _is_open(invites[invite], now)
        }
        told: list[DoormanEffect] = []
        for link, visit in self._visits.items():
            if visit.claim is None:
                continue
            said = self._settled(visit.claim, now)
            if said is not None and said != visit.told:
                visit.told = said
                told.append(say(link, said))
        return told

    def _answer(self, visit: _Visit, ask: LobbyAsk, now: int) -> AnyLobby:
        invite = self._state().invites.get(visit.invite)
        if ask.version != VERSION:
            return LobbyState(REFUSED, NEWER)
        if invite is None:
            return LobbyState(REFUSED, INVALID)
        if not invite.used and not _is_open(invite, now):
            return LobbyState(REFUSED, REVOKED if invite.revoked else EXPIRED)
        return LobbyInvite(invite.op, invite.rest)

    def _claimed(self, link: int, visit: _Visit, wire: bytes, now: int) -> list[DoormanEffect]:
        signed = decode_claim(wire)
        if signed.claim.invite != visit.invite:
            raise Invalid("a claim on another invite than the door's")
        verdict = self._judge(signed, now)
        visit.claim = signed
        if isinstance(verdict, LobbyState):
            visit.told = verdict
            return [say(link, verdict)]
        visit.told = LobbyState(PENDING)
        return [say(link, visit.told), verdict]

    def _judge(self, signed: SignedClaim, now: int) -> Admit | KeepClaim | LobbyState:
        claim = signed.claim
        invite = self._state().invites.get(claim.invite)
        if invite is None or claim.workspace != self._workspace:
            raise Invalid("a claim on no invite of this workspace")
        verify(signed, invite.key)
        settled = self._settled(signed, now)
        if settled is not None:
            return settled
        witness = self._witness(invite)
        if invite.lasting and witness:
            return Admit(signed)  # One paper brings in many devices.
        if self._first.setdefault(claim.invite, claim.member) != claim.member:
            return LobbyState(REFUSED, TAKEN)
        return Admit(signed) if witness else KeepClaim(signed)

    def _settled(self, signed: SignedClaim, now: int) -> LobbyState | None:
        """What the roster says of a claim; None while it is open."""
        state, claim = self._state(), signed.claim
        invite = state.invites.get(claim.invite)
        if invite is None:
            return LobbyState(REFUSED, INVALID)
        device = state.devices.get(claim.sign)
        member = invite.member if invite.device else claim.member
        if device is not None and device.member == member:
            return LobbyState(ADMITTED)
        if invite.used:
            return LobbyState(REFUSED, USED)
        if invite.revoked:
            return LobbyState(REFUSED, REVOKED)
        return None if now <= invite.not_after else LobbyState(REFUSED, EXPIRED)
