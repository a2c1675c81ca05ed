"""Who is online, and what they do at the moment, from hand to hand. Pure, and never on a disk.

Not everybody is linked with everybody, because there are too many of them, or since a router is in
between. So what a device says that is true for a moment is signed by it and passed on: each device
passes each message on once, to the links it did not come by, until it has made `hops` of them.

    Writing, CursorAt   to members who may see the channel, and through such only
    Here                a device's *card*: it is online, and accepts links there; again and again
    Lost                a neighbour does not answer; believed unless it says `Here` again
    Away                its member is away, or back; said again with each card (`absence`)

What that is proof against. Nobody speaks for another, since devices sign. Nothing old is shown as
new: a stamp is taken once, and only while it is about now; by the sender's clock, so hearsay from
a device whose clock is ten minutes wrong goes no further than its own links. Nobody makes
others loud: each device has a small allowance, wherever its messages come from. Somebody may
claim that another is lost; that costs the other one card more, at most every three seconds.

Who passes on what it cannot have checked (a bad signature) breaks a rule, and loses the link. Who
is not in the roster here is passed over: a moment later it may be.

Relays hear and tell cards alone, and only of devices that are linked with them: so a relay brings
those together that cannot find each other, and learns of nobody but its own peers. What a relay
tells is not passed on either: who is *near* is known from members all the way, and so it is the
same for all who are.

In a team that is linked all with all nobody passes anything on: a device that knows all others
to be linked with it gives its messages no hops.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import msgspec

from chat.engine import ephemeral
from chat.engine.absence import Absences
from chat.engine.ephemeral import AnyEphemeral, AnySaid, Away, Here, Lost, Signed
from chat.engine.gossip_ports import (
    Card,
    Company,
    Effect,
    Link,
    OnlineChanged,
    Pass,
    Shown,
)
from chat.engine.limits import (
    CARDS_AT_ONCE,
    CARDS_MAX,
    HERE_AGAIN_MS,
    HERE_EVERY_MS,
    HERE_KEPT,
    HERE_MAX_SECONDS,
    HERE_PER_DEVICE_MS,
    HOPS_MAX,
    LOST_AFTER_MS,
    LOST_SPREAD_MS,
    SUSPECT_MS,
)
from chat.engine.voices import Voices, is_about_now
from chat.workspace import Now
from crdt.errors import TooNew


class Gossip:
    """Everything that goes round, at one device.

    Args:
        workspace, device, sign_seed: where, and who we are.
        company: the roster.
        relay: this device is a relay.
        draw: gives numbers uniformly from [0, 1).
    """

    def __init__(
        self,
        workspace: bytes,
        device: bytes,
        sign_seed: bytes,
        *,
        company: Company,
        relay: bool,
        draw: Callable[[], float],
    ) -> None:
        self._workspace, self._device, self._seed = workspace, device, sign_seed
        self._company = company
        self._relay = relay
        self._draw = draw
        self._links: dict[int, Link] = {}
        self._cards: dict[bytes, Card] = {}
        self._voices = Voices()
        self._absences = Absences()
        self._lost: dict[bytes, tuple[int, int]] = {}
        """Devices whose last link ended: when to say so, and the stamp of their card then."""
        self._left: dict[bytes, int] = {}
        """Devices that said goodbye, and when by their stamp; what they said before comes late."""
        self._stamp = 0
        self._urls: tuple[str, ...] = ()
        self._own: Signed | None = None
        self._said_here = 0
        self._doubted, self._due = False, 0
        self._here_at: int | None = None
        """When to say `Here` the next time; None for now, and to everybody."""

    # What is asked ------------------------------------------------------------------------------

    @property
    def online(self) -> Mapping[bytes, Card]:
        """Other devices that say that they are online, linked with this one or not."""
        return self._cards

    @property
    def away(self) -> Mapping[bytes, str]:
        """Members who are away, this one too, and why."""
        return self._absences.away

    @property
    def due(self) -> int:
        """When to call `tick`, in monotonic milliseconds; 0 for now."""
        return self._due

    # What this device does ----------------------------------------------------------------------

    def say(self, said: AnyEphemeral, now: Now) -> list[Effect]:
        """Tell the members who may see the channel."""
        return list(self._send_on(self._sign(said, self._hops(said), now), said))

    def say_away(self, said: Away, now: Now) -> list[Effect]:
        """This member is away, or back, whatever their other devices said before."""
        me = self._company.member(self._device)
        self._stamp = max(self._stamp, self._absences.stamp(me))
        message = self._sign(said, self._hops(said), now)
        return [*(self._absences.take(me, message, said) or ()), *self._send_on(message, said)]

    def leave(self, now: Now) -> list[Effect]:
        """Say goodbye."""
        goodbye = Here(0, ())
        return list(self._send_on(self._sign(goodbye, HOPS_MAX, now), goodbye))

    def listens_at(self, urls: Iterable[str]) -> None:
        """Where this device accepts links since now; told with the next `tick`."""
        told = ephemeral.fitting(urls)
        if told != self._urls:
            self._urls = told
            self._here_at = None
            self._due = 0

    def link_up(self, number: int, device: bytes, host: str, now: Now) -> list[Effect]:
        """A link to a device of the roster stands; `host` is where it leads to."""
        self._links[number] = Link(device, host)
        self._lost.pop(device, None)
        if self._own is None:
            return self._say_here(now)
        return list(self._give(number, [self._own]))

    def link_down(self, number: int, now: Now, *, let_go: bool) -> list[Effect]:
        """A link ended; with `let_go` one side did not need it, and both are there."""
        link = self._links.pop(number, None)
        if link is None or let_go or self._is_linked(link.device):
            return []
        card = self._cards.get(link.device)
        if card is not None:
            wait = LOST_AFTER_MS + int(LOST_SPREAD_MS * self._draw())
            self._lost[link.device] = (now.mono + wait, card.message.stamp)
            self._due = min(self._due, now.mono + wait)
            self._suspect(link.device, now)
        return []

    def tick(self, now: Now) -> list[Effect]:
        """Time passed."""
        out: list[Effect] = []
        for device, (at, stamp) in list(self._lost.items()):
            if now.mono >= at:
                del self._lost[device]
                card = self._cards.get(device)
                if card is not None and card.message.stamp == stamp and not self._relay:
                    lost = Lost(device, stamp)
                    out += self._send_on(self._sign(lost, HOPS_MAX, now), lost)
        if self._here_at is None or now.mono >= self._here_at:
            out += self._say_here(now)
        out += self._forget(now)
        assert self._here_at is not None
        until = [card.until for card in self._cards.values()]
        self._due = min([self._here_at, *until, *(at for at, _ in self._lost.values())])
        return out

    # What others say ----------------------------------------------------------------------------

    def hear(self, number: int, message: Signed, now: Now) -> list[Effect]:
        """A signed message came by a link.

        Raises:
            crdt.errors.Invalid: its device did not say that, or it says nothing.
        """
        link = self._links.get(number)
        if link is None or message.device == self._device:
            return []
        first_hand = message.device == link.device
        if not self._knows(message.device) or (self._relay and not first_hand):
            return []
        if self._voices.knows(message.device, message.stamp):
            return self._heard_again(number, link, message, now)
        about_now = is_about_now(message.stamp, now)
        if not (first_hand or about_now):
            return []
        if not self._voices.may(message.device, message.stamp, now):
            return []
        ephemeral.verify(self._workspace, message)
        self._voices.take(message.device, message.stamp, now)
        try:
            said = ephemeral.decode_said(message.said)
        except TooNew:
            return []
        out = self._take(number, link, message, said, now)
        if out is None:
            return []
        if first_hand or not self._company.is_relay(link.device):
            out += self._pass_on(number, message, said, now)
        return out

    # Inside: taking -----------------------------------------------------------------------------

    def _take(
        self, number: int, link: Link, message: Signed, said: AnySaid, now: Now
    ) -> list[Effect] | None:
        """What it means here; None if it means nothing, and goes no further."""
        device, company = message.device, self._company
        if isinstance(said, Here):
            return self._take_card(number, link, message, said, now)
        if self._relay or not company.is_member(device):
            return None
        if isinstance(said, Lost):
            self._take_lost(said, now)
            return []
        if isinstance(said, Away):
            return self._absences.take(company.member(device), message, said)
        if company.sees(device, said.channel) and company.sees(self._device, said.channel):
            return [Shown(device, said)]
        return None

    def _take_card(
        self, number: int, link: Link, message: Signed, said: Here, now: Now
    ) -> list[Effect] | None:
        device, out = message.device, list[Effect]()
        before = self._cards.get(device)
        newest = self._left.get(device, 0) if before is None else before.message.stamp
        if message.stamp < newest:
            return None
        link.had[device] = message.stamp
        if not said.seconds:
            self._left[device] = message.stamp
            self._cards.pop(device, None)
        elif before is not None or len(self._cards) < CARDS_MAX:
            until = now.mono + 1_000 * said.seconds
            self._due = min(self._due, until)
            near = device == link.device or self._company.is_member(link.device)
            self._cards[device] = Card(message, said.urls, until, near, link.host)
        after = self._cards.get(device)
        if before is None or after is None or _where(before) != _where(after):
            out.append(OnlineChanged())
        return out + self._introduce(number, link, message)

    def _take_lost(self, said: Lost, now: Now) -> None:
        self._lost.pop(said.device, None)
        own, card = self._own, self._cards.get(said.device)
        if said.device == self._device:
            if own is not None and said.stamp >= own.stamp and self._here_at is not None:
                self._here_at = max(now.mono, self._said_here + HERE_AGAIN_MS)
                self._due = min(self._due, self._here_at)
                self._doubted = True
        elif card is not None and card.message.stamp <= said.stamp:
            if not self._is_linked(said.device):
                self._suspect(said.device, now)

    def _heard_again(self, number: int, link: Link, message: Signed, now: Now) -> list[Effect]:
        """It came another way before; whoever sends it has it."""
        card = self._cards.get(message.device)
        if card is None or card.message.stamp != message.stamp:
            return []
        link.had[message.device] = message.stamp
        out = self._introduce(number, link, message)
        if self._company.is_member(link.device) and not card.near:
            self._cards[message.device] = replace(card, near=True)
            again = msgspec.structs.replace(card.message, hops=message.hops)
            out += [OnlineChanged(), *self._pass_on(number, again, Here(0, ()), now)]
        return out

    def _suspect(self, device: bytes, now: Now) -> None:
        card = self._cards[device]
        until = min(card.until, now.mono + SUSPECT_MS)
        self._cards[device] = replace(card, until=until)
        self._due = min(self._due, until)

    def _forget(self, now: Now) -> list[Effect]:
        """Who was not heard of again is gone, and so is who was removed."""
        self._voices.keep(self._knows)
        self._left = {each: at for each, at in self._left.items() if is_about_now(at, now)}
        gone = [
            device
            for device, card in self._cards.items()
            if card.until <= now.mono or not self._knows(device)
        ]
        for device in gone:
            del self._cards[device]
        news = self._absences.keep({self._device, *self._cards})
        return [OnlineChanged(), *news] if gone else news

    # Inside: telling ----------------------------------------------------------------------------

    def _sign(self, said: AnySaid, hops: int, now: Now) -> Signed:
        self._stamp = max(self._stamp + 1, now.wall)
        return ephemeral.sign(
            self._workspace, self._device, self._seed, stamp=self._stamp, hops=hops, said=said
        )

    def _hops(self, said: AnyEphemeral | Here | Away) -> int:
        """None, if all whom it concerns are linked with this device."""
        linked = {link.device for link in self._links.values()}
        others = self._cards.keys() - linked
        if not isinstance(said, Here | Away):
            others = {each for each in others if self._company.sees(each, said.channel)}
        return HOPS_MAX if others else 0

    def _say_here(self, now: Now) -> list[Effect]:
        every = max(HERE_EVERY_MS, HERE_PER_DEVICE_MS * len(self._cards))
        seconds = min(int(every * HERE_KEPT / 1_000), HERE_MAX_SECONDS)
        here = Here(seconds, self._urls)
        news = self._here_at is None or self._doubted
        self._own = self._sign(here, HOPS_MAX if news else self._hops(here), now)
        self._said_here, self._doubted = now.mono, False
        self._here_at = now.mono + int(every * (3 + self._draw()) / 4)
        out = list(self._send_on(self._own, here))
        away = self._absences.said_by(self._company.member(self._device), self._device)
        return out if away is None else out + self.say_away(away, now)

    def _introduce(self, number: int, link: Link, message: Signed) -> list[Effect]:
        """Tell a device who else is online, whoever is linked with this one first.

        It hears this device since now, for it says so itself; before, it may not have known it.
        """
        if message.device != link.device or link.introduced:
            return []
        link.introduced = True
        told = [] if self._own is None else [self._own]
        if not self._company.is_relay(link.device):
            linked = {each.device for each in self._links.values()}
            near = [card.message for card in self._cards.values() if card.near or self._relay]
            near.sort(key=lambda each: each.device not in linked)
            told += [each for each in near if link.had.get(each.device) != each.stamp]
        if self._relay:
            told = [each for each in told if self._is_linked(each.device) or each is self._own]
        told = [each for each in told if each.device != link.device]
        told = told[: CARDS_AT_ONCE + 1]
        words = () if self._company.is_relay(link.device) else self._absences.told(told)
        out: list[Effect] = [Pass(number, ephemeral.passed_anew(word)) for word in words]
        return [*self._give(number, told), *out]

    def _give(self, number: int, cards: Iterable[Signed]) -> Iterator[Effect]:
        for card in cards:
            self._links[number].had[card.device] = card.stamp
            yield Pass(number, ephemeral.passed_anew(card))

    def _pass_on(self, source: int, message: Signed, said: AnySaid, now: Now) -> Iterator[Effect]:
        if message.hops and is_about_now(message.stamp, now):
            passed = msgspec.structs.replace(message, hops=message.hops - 1)
            yield from self._send_on(passed, said, source)

    def _send_on(
        self, message: Signed, said: AnySaid, source: int | None = None
    ) -> Iterator[Effect]:
        """Give it to all links that it is for and that have it not."""
        payload = ephemeral.encode(message)
        for number, link in self._links.items():
            if number == source or link.device == message.device:
                continue
            if not self._is_for(link.device, message, said):
                continue
            if isinstance(said, Here):
                if link.had.get(message.device) == message.stamp:
                    continue
                link.had[message.device] = message.stamp
            yield Pass(number, payload)

    def _is_for(self, device: bytes, message: Signed, said: AnySaid) -> bool:
        company = self._company
        if company.is_relay(device):
            return isinstance(said, Here) and message.device == self._device
        if not company.is_member(device):
            return False
        return isinstance(said, Here | Lost | Away) or company.sees(device, said.channel)

    def _is_linked(self, device: bytes) -> bool:
        return any(link.device == device for link in self._links.values())

    def _knows(self, device: bytes) -> bool:
        return self._company.is_member(device) or self._company.is_relay(device)


def _where(card: Card) -> tuple[object, ...]:
    return card.urls, card.near, card.host
