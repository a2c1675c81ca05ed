"""Who comes: a pure machine over one link to whoever answers under a label. Times are monotonic ms.

Its nonce goes out once, and then this approach is the only one until a person picks a label again:
whatever ends the link ends it, and nothing is tried again by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chat.effects import CloseLink, Send
from chat.errors import UsageError
from chat.invitation import parse
from chat.nearby.code import code, fits
from chat.nearby.limits import (
    COMPARE_MS,
    GREETING_MS,
    HANDOVER_MS,
    MESSAGES_PER_LINK_MAX,
    NONCE_BYTES,
)
from chat.nearby.messages import (
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
    ALREADY,
    CLOSED,
    DIFFERS,
    FAULT,
    INSIDE,
    LATE,
    LEFT,
    LOST,
    Stands,
    heard,
)
from crdt.errors import Invalid, TooNew
from crdt.keys import Entropy


@dataclass(frozen=True, slots=True)
class Invited:
    """The link of an invite came; never in a representation."""

    link: str

    def __repr__(self) -> str:
        return "Invited()"


ApproachEffect = Send | CloseLink | Stands | Invited


class Approach:
    """One link, from the moment it is open.

    Args:
        link: the shell's number for it.
        handshake_hash: 64 bytes that name it on both sides.
        is_in: whether this profile is in the workspace whose id begins so, and needs no invite.
    """

    def __init__(
        self,
        link: int,
        handshake_hash: bytes,
        entropy: Entropy,
        now: int,
        *,
        is_in: Callable[[bytes], bool],
    ) -> None:
        self.stands = Stands("meeting")
        self._link = link
        self._hash = handshake_hash
        self._entropy = entropy
        self._is_in = is_in
        self._until = now + GREETING_MS
        self._messages = 0
        self._committed = b""
        self._nonce = b""

    def begin(self) -> list[ApproachEffect]:
        """Ask."""
        return [say(self._link, NearbyAsk())]

    def receive(self, payload: bytes, now: int) -> list[ApproachEffect]:
        """What the inviter's side says."""
        if self.stands.is_final:
            return []
        self._messages += 1
        try:
            if self._messages > MESSAGES_PER_LINK_MAX:
                raise Invalid("too many messages")
            return self._hear(decode(payload), now)
        except TooNew:
            return []
        except Invalid as error:
            return [CloseLink(self._link, str(error)), self._end(FAULT)]

    def link_down(self) -> list[ApproachEffect]:
        """The link ended."""
        return [] if self.stands.is_final else [self._end(LOST)]

    def answer(self, same: bool, now: int) -> list[ApproachEffect]:
        """The person here compared the codes; counts once, while a code is shown."""
        if self.stands.where != "code":
            return []
        if not same:
            return self._break_off(DIFFERS, DIFFERS)
        # The other side's time runs out first, and then it has to make the invite.
        self._until += HANDOVER_MS
        self.stands = Stands("waiting", self.stands.code)
        return [say(self._link, NearbyAgree()), self.stands]

    def cancel(self) -> list[ApproachEffect]:
        """The person here gives up."""
        return [] if self.stands.is_final else self._break_off(CLOSED, LEFT)

    def tick(self, now: int) -> list[ApproachEffect]:
        """Time has passed."""
        if self.stands.is_final or now < self._until:
            return []
        return self._break_off(LATE, LOST if self.stands.where == "meeting" else LATE)

    @property
    def due(self) -> int | None:
        """When `tick` is to be called; None when it is over."""
        return None if self.stands.is_final else self._until

    # Inside -------------------------------------------------------------------------------------

    def _hear(self, message: AnyNearby, now: int) -> list[ApproachEffect]:
        where = self.stands.where
        match message:
            case NearbyCommit(commitment=committed) if not self._committed:
                self._committed = committed
                self._nonce = self._entropy(NONCE_BYTES)
                return [say(self._link, NearbyNonce(self._nonce))]
            case NearbyReveal(nonce=theirs) if self._committed and where == "meeting":
                if not fits(self._committed, self._hash, theirs):
                    raise Invalid("a nonce that was not committed to")
                self._until = now + COMPARE_MS
                self.stands = Stands("code", code(self._hash, theirs, self._nonce))
                return [self.stands]
            case NearbyInvite(link=link) if where == "waiting":
                try:
                    invite = parse(link)
                except UsageError:
                    raise Invalid("not an invite") from None
                if invite.workspace and self._is_in(invite.workspace):
                    return self._break_off(ALREADY, INSIDE)  # Not taken, it is revoked there.
                self.stands = Stands("done", self.stands.code)
                return [say(self._link, NearbyTaken()), Invited(link), self.stands]
            case NearbyEnd(reason=reason):
                return [CloseLink(self._link, ""), self._end(heard(reason))]
        raise Invalid("a message out of its order")

    def _break_off(self, told: str, why: str) -> list[ApproachEffect]:
        """End it from this side."""
        goodbye = (say(self._link, NearbyEnd(told)), CloseLink(self._link, told))
        return [*goodbye, self._end(why)]

    def _end(self, why: str) -> Stands:
        self.stands = Stands("over", why=why)
        return self.stands
