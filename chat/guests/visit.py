"""The guest's side: a pure machine that asks one host after the other until one gave all of it.

Any number of links may be open; one of them is asked at a time, in the order in which they came up.
A host that is silent, refuses or breaks a rule makes way for the next; so does one whose bytes
turned out to be worth less than they should (`reject`), as only the caller can say.
"""

from dataclasses import dataclass

from chat.effects import CloseLink, Send
from chat.guests.limits import RECEIVED_MAX_BYTES, SILENT_MS
from chat.guests.messages import (
    REASONS,
    UNKNOWN_REASON,
    GuestAsk,
    GuestEnd,
    GuestMore,
    GuestPart,
    ask,
    decode,
)
from crdt.errors import Invalid, TooNew


@dataclass(frozen=True, slots=True)
class Took:
    """More bytes came from the host that is asked."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Whole:
    """The host says that this was all of it. Judge it; then `reject` it, or be done."""

    link: int


@dataclass(frozen=True, slots=True)
class Anew:
    """Another host begins: forget what came before."""

    link: int


VisitEffect = Send | CloseLink | Took | Whole | Anew


class Visit:
    """One reading of one channel; times are monotonic milliseconds.

    Args:
        newest: how many entries to ask for, 0 for all.

    Attributes:
        reason: why the last host that was given up did not do, a sentence without its end.
    """

    def __init__(self, newest: int) -> None:
        self.reason = ""
        self._newest = newest
        self._waiting: dict[int, None] = {}
        self._asked: int | None = None
        self._heard = 0
        self._size = 0

    def link_up(self, link: int, now: int) -> list[VisitEffect]:
        """A link to somebody who knows the channel's door is open."""
        self._waiting[link] = None
        return self._next(now)

    def link_down(self, link: int, now: int) -> list[VisitEffect]:
        """A link ended."""
        self._waiting.pop(link, None)
        if link != self._asked:
            return []
        self._asked = None
        self.reason = self.reason or "it hung up"
        return self._next(now)

    def receive(self, link: int, payload: bytes, now: int) -> list[VisitEffect]:
        """What a host says."""
        if link != self._asked:
            return self._overheard(link, payload)
        self._heard = now
        try:
            message = decode(payload)
            if isinstance(message, GuestPart):
                self._size += len(message.data)
                if self._size > RECEIVED_MAX_BYTES:
                    raise Invalid("a channel is not that large")
                return [Took(message.data), ask(link, GuestMore())]
            if isinstance(message, GuestEnd):
                if not message.reason:
                    return [Whole(link)]
                return self.reject(link, _sentence(message), now)
            raise Invalid("a host neither asks nor takes")
        except TooNew:
            return []
        except Invalid as error:
            return self.reject(link, str(error), now)

    def reject(self, link: int, reason: str, now: int) -> list[VisitEffect]:
        """This host did not do: ask the next one."""
        self._waiting.pop(link, None)
        self.reason = reason
        if link == self._asked:
            self._asked = None
        return [CloseLink(link, reason), *self._next(now)]

    def tick(self, now: int) -> list[VisitEffect]:
        """Time has passed: a host that is silent is given up."""
        due = self.due()
        if self._asked is None or due is None or now < due:
            return []
        return self.reject(self._asked, "it says nothing", now)

    def due(self) -> int | None:
        """When `tick` is to be called; None while nobody is asked."""
        return None if self._asked is None else self._heard + SILENT_MS

    def _overheard(self, link: int, payload: bytes) -> list[VisitEffect]:
        """Somebody who was not asked yet: it may say that there is no use in it, nothing else."""
        if link not in self._waiting:
            return []
        try:
            message = decode(payload)
        except TooNew:
            return []
        except Invalid as error:
            del self._waiting[link]
            return [CloseLink(link, str(error))]
        del self._waiting[link]
        if isinstance(message, GuestEnd) and message.reason:
            self.reason = _sentence(message)
        return [CloseLink(link, "not asked yet")]

    def _next(self, now: int) -> list[VisitEffect]:
        if self._asked is not None or not self._waiting:
            return []
        link = self._asked = next(iter(self._waiting))
        del self._waiting[link]
        self._heard, self._size = now, 0
        return [Anew(link), ask(link, GuestAsk(newest=self._newest))]


def _sentence(end: GuestEnd) -> str:
    return REASONS.get(end.reason, UNKNOWN_REASON)
