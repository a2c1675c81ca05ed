"""Who invites: a pure machine over the links that come to a label's door. Times are monotonic ms.

One newcomer at a time. Until a code is known, whoever leaves, is silent or breaks a rule makes way
for the next; from then on, whatever ends the link ends the offer: a nonce goes out once for each
label, so that nobody tries again, unseen, until a code fits.

The invite is asked for (`MakeInvite`) when both people have said yes, and given to the machine with
`give`. One that was made and is not known to have arrived is taken back (`TakeBack`).
"""

from dataclasses import dataclass

from chat.effects import CloseLink, Send
from chat.nearby.code import code, commitment
from chat.nearby.limits import (
    COMPARE_MS,
    GREETING_MS,
    HANDOVER_MS,
    MESSAGES_PER_LINK_MAX,
    NONCE_BYTES,
    OFFER_MS,
)
from chat.nearby.messages import (
    VERSION,
    AnyNearby,
    NearbyAgree,
    NearbyAsk,
    NearbyCommit,
    NearbyEnd,
    NearbyInvite,
    NearbyNonce,
    NearbyReveal,
    NearbyTaken,
    decode,
    say,
)
from chat.nearby.standing import (
    BUSY,
    CLOSED,
    DIFFERS,
    FAILED,
    FAULT,
    LATE,
    LEFT,
    LOST,
    NEWER,
    NOBODY,
    Stands,
    heard,
)
from crdt.errors import Invalid, TooNew
from crdt.keys import Entropy


@dataclass(frozen=True, slots=True)
class MakeInvite:
    """Both people said yes: make an invite, durably, and `give` it."""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """The invite that was made may not have arrived: revoke it."""


OfferEffect = Send | CloseLink | Stands | MakeInvite | TakeBack


@dataclass(eq=False)
class _Newcomer:
    """Whoever is at the door, and how far the conversation is."""

    link: int
    handshake_hash: bytes
    since: int
    messages: int = 0
    nonce: bytes = b""
    agreed: bool = False


class Offer:
    """One label, from the moment it is shown."""

    def __init__(self, entropy: Entropy, now: int) -> None:
        self.stands = Stands("open")
        self._entropy = entropy
        self._until = now + OFFER_MS
        self._newcomer: _Newcomer | None = None
        self._asked = self._given = False
        """Whether an invite was asked for, and sent."""

    # What links tell ----------------------------------------------------------------------------

    def link_up(self, link: int, handshake_hash: bytes, now: int) -> list[OfferEffect]:
        """Somebody opened a link at the door."""
        if self._newcomer is not None or self.stands.where != "open":
            return [say(link, NearbyEnd(BUSY)), CloseLink(link, BUSY)]
        self._newcomer = _Newcomer(link, handshake_hash, now)
        return []

    def link_down(self, link: int) -> list[OfferEffect]:
        """A link ended."""
        return self._leaves(LOST) if self._is_at_the_door(link) else []

    def receive(self, link: int, payload: bytes, now: int) -> list[OfferEffect]:
        """What somebody at the door says."""
        newcomer = self._newcomer
        if newcomer is None or newcomer.link != link:
            return []
        newcomer.messages += 1
        try:
            if newcomer.messages > MESSAGES_PER_LINK_MAX:
                raise Invalid("too many messages")
            return self._hear(newcomer, decode(payload), now)
        except TooNew:
            return []
        except Invalid as error:
            return [CloseLink(link, str(error)), *self._leaves(FAULT)]

    # What the person here does, and the time ----------------------------------------------------

    def answer(self, same: bool, now: int) -> list[OfferEffect]:
        """The person here compared the codes; counts once, while a code is shown."""
        if self.stands.where != "code":
            return []
        if not same:
            return self._break_off(DIFFERS, DIFFERS)
        self.stands = Stands("waiting", self.stands.code)
        return [self.stands, *self._agreed(now)]

    def give(self, link: str) -> list[OfferEffect]:
        """The invite that was asked for, as a link."""
        newcomer = self._newcomer
        if newcomer is None:
            return [TakeBack()]
        self._given = True
        return [say(newcomer.link, NearbyInvite(link))]

    def fail(self) -> list[OfferEffect]:
        """The invite that was asked for cannot be made."""
        return self._break_off(FAILED, FAILED) if not self.stands.is_final else []

    def cancel(self) -> list[OfferEffect]:
        """The person here gives up."""
        return self._break_off(CLOSED, LEFT) if not self.stands.is_final else []

    def tick(self, now: int) -> list[OfferEffect]:
        """Time has passed."""
        if self.stands.is_final:
            return []
        if now >= self._until:
            why = NOBODY if self.stands.where == "open" else LOST if self._given else LATE
            return self._break_off(LATE, why)
        newcomer = self._newcomer
        if newcomer is None or self.stands.where != "open" or now < newcomer.since + GREETING_MS:
            return []
        return [CloseLink(newcomer.link, "silent"), *self._leaves(LOST)]

    @property
    def due(self) -> int | None:
        """When `tick` is to be called; None when it is over."""
        if self.stands.is_final:
            return None
        if self._newcomer is None or self.stands.where != "open":
            return self._until
        return min(self._until, self._newcomer.since + GREETING_MS)

    @property
    def until(self) -> int:
        """When this ends by itself, as it stands."""
        return self._until

    # Inside -------------------------------------------------------------------------------------

    def _hear(self, newcomer: _Newcomer, message: AnyNearby, now: int) -> list[OfferEffect]:
        link, where = newcomer.link, self.stands.where
        match message:
            case NearbyAsk(version=version) if not newcomer.nonce:
                if version != VERSION:
                    self._newcomer = None
                    return [say(link, NearbyEnd(NEWER)), CloseLink(link, NEWER)]
                newcomer.nonce = self._entropy(NONCE_BYTES)
                return [
                    say(link, NearbyCommit(commitment(newcomer.handshake_hash, newcomer.nonce)))
                ]
            case NearbyNonce(nonce=theirs) if newcomer.nonce and where == "open":
                digits = code(newcomer.handshake_hash, newcomer.nonce, theirs)
                self._until = now + COMPARE_MS
                self.stands = Stands("code", digits)
                return [say(link, NearbyReveal(newcomer.nonce)), self.stands]
            case NearbyAgree() if where in ("code", "waiting") and not newcomer.agreed:
                newcomer.agreed = True
                return self._agreed(now)
            case NearbyTaken() if self._given:
                self._newcomer = None
                self.stands = Stands("done", self.stands.code)
                return [self.stands, CloseLink(link, "")]
            case NearbyEnd(reason=reason):
                return [CloseLink(link, ""), *self._leaves(heard(reason))]
        raise Invalid("a message out of its order")

    def _agreed(self, now: int) -> list[OfferEffect]:
        """One more yes: are there two?"""
        newcomer = self._newcomer
        assert newcomer is not None, "who leaves after the code ends the offer"
        if self.stands.where != "waiting" or not newcomer.agreed or self._asked:
            return []
        self._asked = True
        self._until = now + HANDOVER_MS
        return [MakeInvite()]

    def _break_off(self, told: str, why: str) -> list[OfferEffect]:
        """End it from this side."""
        newcomer = self._newcomer
        goodbye: list[OfferEffect] = []
        if newcomer is not None:
            goodbye = [say(newcomer.link, NearbyEnd(told)), CloseLink(newcomer.link, told)]
        return [*goodbye, *self._end(why)]

    def _leaves(self, why: str) -> list[OfferEffect]:
        """Whoever was at the door is not any more: the place is free, or the offer is over."""
        if self.stands.where == "open":
            self._newcomer = None
            return []
        return self._end(why)

    def _end(self, why: str) -> list[OfferEffect]:
        self._newcomer = None
        self.stands = Stands("over", why=why)
        return [*([TakeBack()] if self._given else []), self.stands]

    def _is_at_the_door(self, link: int) -> bool:
        return self._newcomer is not None and self._newcomer.link == link
