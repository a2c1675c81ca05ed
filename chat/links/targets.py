"""Whom to dial, where, and when. Pure: times and random numbers are arguments.

A *target* is somebody to be linked to, by one or several addresses. It comes from

    asked        a person or the node named the address; tried until told otherwise
    found        an announcement on the LAN; forgotten two hours after the last one
    heard        a linked device of the roster named its addresses, for when the link is lost; or
                 one that is not linked, through others, to be dialled
    remembered   it led somewhere in former times; like `heard`, forgotten after ten minutes

Nobody can know beforehand which device an address leads to, so two targets may turn out to be one
device; from then on they count as one, and rest while a link to it stands. What a device says of
its addresses makes others rest only where its link comes from that very host: otherwise a member
could keep two others apart by naming their addresses as its own. Delays are
`transport.proto.backoff.Redial`. After a fault or a refusal a target cools down instead, for longer
each time, because dialling again would only repeat it.

Others can make this device dial: their targets are bounded in number and in addresses, and
announcements that come too fast are followed later.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from chat.links.limits import (
    ACCEPTED_HEAD_START_SECONDS,
    COOL_DOWN_FIRST_SECONDS,
    COOL_DOWN_MAX_SECONDS,
    FOUND_BURST,
    FOUND_EVERY_SECONDS,
    FOUND_FORGET_SECONDS,
    HEARD_FORGET_SECONDS,
    OWN_URLS_MAX,
    RESTLESS_SECONDS,
    TARGET_URLS_MAX,
    TARGETS_MAX,
)
from transport.proto.backoff import Redial
from transport.proto.hints import LinkSecret


class Origin(IntEnum):
    """Where a target comes from; the smaller is dialled first."""

    ASKED = 0
    FOUND = 1
    HEARD = 2
    REMEMBERED = 3


@dataclass(slots=True, eq=False)
class Target:
    """Somebody to be linked to.

    Attributes:
        urls: where, the likeliest first.
        secret: what to open the link with; None for the first this device has.
        origin: who said so.
        redial: when.
        touched: when somebody last spoke of it or a link to it stood.
        device: whom it led to.
        sure: of what was heard, the addresses that stand for the device; None for all.
        gone: its announcement was withdrawn; the next dial that fails is the last.
        dialling: a dial is under way.
        reason: why the last one failed, a sentence.
        strikes: faults and refusals in a row.
        restless: links in a row that fell at once.
        lobby: the link that stands was opened with an invite.
        unmatched: somebody answered the last dial, who does not know what it was opened with.
    """

    urls: tuple[str, ...]
    secret: LinkSecret | None
    origin: Origin
    redial: Redial
    touched: float
    device: bytes | None = None
    sure: frozenset[str] | None = None
    gone: bool = False
    dialling: bool = False
    reason: str = ""
    strikes: int = 0
    restless: int = 0
    lobby: bool = False
    unmatched: bool = False

    @property
    def asked(self) -> bool:
        return self.origin is Origin.ASKED

    @property
    def invited(self) -> bool:
        """To be opened with an invite, or as a guest."""
        return self.secret is not None and self.secret.at_door

    @property
    def names(self) -> frozenset[str]:
        """The addresses by which it is recognised."""
        return frozenset(self.urls) if self.sure is None else self.sure


Wanted = Callable[[Target], bool]
"""Whether somebody is worth a link now."""


class Targets:
    """Everybody this device wants a link to."""

    def __init__(self) -> None:
        self._targets: list[Target] = []
        self._linked: set[bytes] = set()
        self._member = False
        self._own_urls: dict[str, None] = {}
        self._found_until = 0.0

    def __iter__(self) -> Iterator[Target]:
        return iter(list(self._targets))

    # Where they come from. All URLs are canonical.

    def ask(self, url: str, secret: LinkSecret | None, now: float, *, keep: bool = True) -> None:
        """Link to this address, now; `keep` says for how long: until told otherwise."""
        origin = Origin.ASKED if keep else Origin.REMEMBERED
        target = self._at([url])
        if target is None:
            self._add(Target((url,), secret, origin, Redial(due=now), now))
            return
        target.urls = _merged([url], target.urls)
        target.secret = secret
        target.origin = min(target.origin, origin)
        target.sure = None
        target.touched = now
        target.redial = target.redial.network_changed(now)

    def found(self, urls: Sequence[str], secret: LinkSecret, now: float) -> None:
        """A device announces itself there."""
        urls = [url for url in urls if url not in self._own_urls]
        if not urls:
            return
        target = self._at(urls)
        due = now
        if target is None or target.redial.due is not None:
            # Announcements come at any rate; what is above ours is followed later.
            self._found_until = max(self._found_until, now) + FOUND_EVERY_SECONDS
            due = max(now, self._found_until - FOUND_BURST * FOUND_EVERY_SECONDS)
        if target is None:
            redial = Redial(seen=now, due=due)
            self._add(Target(_merged(urls, ()), secret, Origin.FOUND, redial, now))
            return
        target.touched, target.gone = now, False
        if target.asked:
            target.urls = _merged([target.urls[0], *urls], target.urls)
        else:
            target.urls, target.secret = _merged(urls, target.urls), secret
            target.origin = min(target.origin, Origin.FOUND)
            target.sure = None
        if not target.strikes:
            target.redial = target.redial.announced(due)

    def gone(self, urls: Sequence[str]) -> None:
        """The announcement of these addresses was withdrawn, by its device or by anybody."""
        target = self._at(urls)
        if target is not None and target.origin is Origin.FOUND:
            target.gone = True

    def heard(self, device: bytes, sure: Sequence[str], unsure: Sequence[str], now: float) -> None:
        """A linked device of the roster says that it listens there.

        Args:
            sure: addresses on the host that its link comes from.
            unsure: the others.
        """
        for target in self._targets:
            # An address somebody asked for is bound to a device only by dialling it.
            if target.device is None and not target.asked and not target.names.isdisjoint(sure):
                self._rest(target, device, now)
        if (before := self._of(device, Origin.HEARD)) is not None:
            self._targets.remove(before)
        held = {url for each in self._targets if each.device == device for url in each.urls}
        held |= self._own_urls.keys()
        urls = tuple(url for url in (*sure, *unsure) if url not in held)[:TARGET_URLS_MAX]
        if urls:
            redial = Redial().linked(now)
            certain = frozenset(sure)
            self._add(Target(urls, None, Origin.HEARD, redial, now, device, certain))

    def told(self, device: bytes, urls: Sequence[str], now: float, wait: float) -> None:
        """A device of the roster that is not linked lets everybody know that it listens there;
        `wait` is seconds before the first dial."""
        held = {url for each in self._targets if each.device == device for url in each.urls}
        news = [url for url in urls if url not in held and url not in self._own_urls]
        target = self._of(device, Origin.HEARD)
        if target is not None:
            target.touched = now
            if news and (due := target.redial.due) is not None:
                due = min(due, now + wait + target.redial.failures)
                target.urls = _merged(news, target.urls)
                target.redial = replace(target.redial, due=due)
        elif news and device not in self._linked:
            # It may name addresses of others as its own, so it is recognised by none of them.
            redial = Redial(due=now + wait)
            self._add(Target(_merged(news, ()), None, Origin.HEARD, redial, now, device, _NONE))

    def remember(self, url: str, now: float) -> None:
        """It led somewhere in former times."""
        if self._at([url]) is None and url not in self._own_urls:
            self._add(Target((url,), None, Origin.REMEMBERED, Redial(due=now), now))

    def asks_for(self, device: bytes) -> bool:
        """Whether somebody asked for an address that leads to it."""
        return any(target.asked and target.device == device for target in self._targets)

    def drop(self, url: str) -> None:
        """Link to this address no more."""
        self._targets = [target for target in self._targets if url not in target.urls]

    # What became of dialling.

    def failed(self, target: Target, now: float, rand: float, reason: str) -> None:
        """No link."""
        if target.device in self._linked:
            return  # Somebody else's dial, or theirs, has led there meanwhile.
        if target.gone and target in self._targets:
            self._targets.remove(target)
        target.reason = reason
        target.redial = target.redial.failed(now, rand)

    def refused(self, target: Target, now: float, rand: float, reason: str) -> None:
        """A link was refused, by them or by us."""
        if target.device in self._linked:
            return
        target.reason = reason
        _cool_down(target, now, rand)

    def own(self, target: Target, urls: Sequence[str]) -> None:
        """Some of its addresses are this device's."""
        for url in urls:
            self._own_urls[url] = None
        while len(self._own_urls) > OWN_URLS_MAX:
            del self._own_urls[next(iter(self._own_urls))]
        target.urls = tuple(url for url in target.urls if url not in self._own_urls)
        if not target.urls and target in self._targets:
            self._targets.remove(target)

    def linked(
        self, target: Target | None, device: bytes, now: float, *, lobby: bool = False
    ) -> None:
        """A link to the device stands; `target` led to it if this side dialled."""
        if not lobby:
            self._linked.add(device)
        if target is not None:
            target.device = device
        for each in self._targets:
            # A member's link to a lobby is for that conversation and spares no other dial.
            if each.device == device and not (lobby and self._member and not each.invited):
                self._rest(each, device, now)
                each.lobby = lobby

    def lost(
        self,
        device: bytes,
        now: float,
        rand: float,
        *,
        stood: float,
        ours: bool,
        cooling: bool,
        reason: str,
    ) -> None:
        """No link to the device stands any more.

        Args:
            stood: seconds the last one did.
            ours: this side had dialled it, or alone knows that it is lost.
            cooling: it ended with a fault or a refusal.
        """
        self._linked.discard(device)
        for target in self._targets:
            if target.device != device:
                continue
            target.touched = now
            target.reason = reason
            steady = stood >= RESTLESS_SECONDS
            target.restless = 0 if steady else target.restless + 1
            if steady or not cooling:
                target.strikes = 0
            if cooling:
                _cool_down(target, now, rand)
                continue
            failures = max(0, target.restless - 1)
            redial = Redial(failures=failures, seen=now).failed(now, rand)
            assert redial.due is not None
            due = redial.due if ours else redial.due + ACCEPTED_HEAD_START_SECONDS
            target.redial = replace(redial, due=due)

    def leave_lobby(self, now: float) -> None:
        """The workspace's secret is there: invites have served, and who was met with one is
        dialled anew."""
        self._member = True
        for target in self._targets:
            if target.invited or target.lobby:
                target.secret, target.lobby = None, False
                target.redial = Redial(seen=target.redial.seen, due=now)

    def network_changed(self, now: float) -> None:
        """This device is somewhere else, was asleep, or knows better: try everybody again."""
        self._own_urls.clear()
        for target in self._targets:
            target.strikes = 0
            target.redial = target.redial.network_changed(now)

    # When.

    def due(self, now: float, room: int, wanted: Wanted) -> list[Target]:
        """Whom to dial now, at most `room`; they count as being dialled from here on."""
        self._forget(now)
        ready = [t for t in self._ready(wanted) if (due := t.redial.due) is not None and due <= now]
        ready.sort(key=lambda target: (target.origin, target.redial.due))
        chosen: list[Target] = []
        devices: set[bytes] = set()
        for target in ready:
            if len(chosen) >= room:
                break
            if target.device in devices:
                continue
            if target.device is not None:
                devices.add(target.device)
            target.dialling = True
            chosen.append(target)
        return chosen

    def next_due(self, wanted: Wanted) -> float | None:
        """When somebody is to be dialled; None if nobody is."""
        times = [target.redial.due for target in self._ready(wanted)]
        return min((time for time in times if time is not None), default=None)

    def _ready(self, wanted: Wanted) -> Iterator[Target]:
        busy = {target.device for target in self._targets if target.dialling} - {None}
        for target in self._targets:
            if not target.dialling and target.device not in busy and wanted(target):
                yield target

    # The table.

    def _at(self, urls: Sequence[str]) -> Target | None:
        """The target with one of these addresses; what was asked for before others."""
        wanted = frozenset(urls)
        holders = [target for target in self._targets if not wanted.isdisjoint(target.names)]
        return min(holders, key=lambda target: target.origin, default=None)

    def _of(self, device: bytes, origin: Origin) -> Target | None:
        for target in self._targets:
            if target.device == device and target.origin is origin:
                return target
        return None

    def _add(self, target: Target) -> None:
        others = [each for each in self._targets if not each.asked]
        if not target.asked and len(others) >= TARGETS_MAX:
            idle = [each for each in others if each.redial.due is not None and not each.dialling]
            if not idle:
                return
            self._targets.remove(min(idle, key=lambda each: each.touched))
        self._targets.append(target)

    def _rest(self, target: Target, device: bytes, now: float) -> None:
        target.device = device
        target.touched = now
        target.reason = ""
        target.redial = target.redial.linked(now)

    def _forget(self, now: float) -> None:
        self._targets = [
            target
            for target in self._targets
            if target.asked
            or target.dialling
            or target.redial.due is None
            or now - target.touched < _FORGET_SECONDS[target.origin]
        ]


_NONE: frozenset[str] = frozenset()
_FORGET_SECONDS = {
    Origin.FOUND: FOUND_FORGET_SECONDS,
    Origin.HEARD: HEARD_FORGET_SECONDS,
    Origin.REMEMBERED: HEARD_FORGET_SECONDS,
}


def _cool_down(target: Target, now: float, rand: float) -> None:
    longest = min(COOL_DOWN_MAX_SECONDS, COOL_DOWN_FIRST_SECONDS * 2.0 ** min(target.strikes, 16))
    target.strikes += 1
    # Half of it is drawn, so that those who were turned away together do not come back together.
    target.redial = replace(target.redial, due=now + longest * (1 + rand) / 2)


def _merged(first: Sequence[str], then: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *then)))[:TARGET_URLS_MAX]
