"""Two people in one room in memory, and somebody who may stand in between.

A `Room` has the inviter's machine and the machines of those who come, with nothing but lists of
messages between them. What the wire carries can be looked at, kept back, changed or repeated.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import permutations
from typing import Any

from chat.effects import CloseLink, Send
from chat.nearby.approach import Approach, ApproachEffect, Invited
from chat.nearby.code import commitment
from chat.nearby.messages import (
    AnyNearby,
    NearbyAsk,
    NearbyCommit,
    NearbyNonce,
    NearbyReveal,
    decode,
    encode,
)
from chat.nearby.offer import MakeInvite, Offer, OfferEffect, TakeBack
from tests.chat.engine_team import seeded

INVITE = "clowder:aeaacaqdaqcqmbyibefawdanbyhwgyluonzg633nbxcs5pi"
Wire = Callable[[bytes], Iterable[bytes]]
"""What becomes of a payload on its way."""


def plain(payload: bytes) -> list[bytes]:
    return [payload]


def link_hash(name: str) -> bytes:
    """What a handshake leaves, other for each link."""
    return blake2b(name.encode()).digest()


def said(effects: Iterable[object]) -> list[AnyNearby]:
    """The messages among a machine's effects."""
    return [decode(effect.payload) for effect in effects if isinstance(effect, Send)]


def closed(effects: Iterable[object]) -> list[int]:
    return [effect.link for effect in effects if isinstance(effect, CloseLink)]


@dataclass
class Desk:
    """Who invites: the machine, and what its shell was asked for."""

    seed: str = "ana"
    now: int = 0
    invites: int = 0
    taken_back: int = 0
    gone: list[int] = field(default_factory=list)
    wire: list[tuple[int, bytes]] = field(default_factory=list)
    able: bool = True

    def __post_init__(self) -> None:
        self.offer = Offer(seeded(self.seed), self.now)

    def does(self, effects: Iterable[OfferEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.wire.append((effect.link, effect.payload))
            elif isinstance(effect, CloseLink):
                self.gone.append(effect.link)
            elif isinstance(effect, MakeInvite):
                self.invites += 1
                self.does(self.offer.give(INVITE) if self.able else self.offer.fail())
            elif isinstance(effect, TakeBack):
                self.taken_back += 1


@dataclass
class Guest:
    """Who comes: the machine of one link, and what came of it."""

    link: int
    handshake_hash: bytes
    seed: str = "bo"
    now: int = 0
    invite: str = ""
    home: bytes = b""
    """How the id of the workspace begins that this one is in."""
    gone: bool = False
    wire: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.approach = Approach(
            self.link,
            self.handshake_hash,
            seeded(self.seed),
            self.now,
            is_in=lambda beginning: beginning == self.home,
        )
        self.does(self.approach.begin())

    def does(self, effects: Iterable[ApproachEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.wire.append(effect.payload)
            elif isinstance(effect, CloseLink):
                self.gone = True
            elif isinstance(effect, Invited):
                self.invite = effect.link


class Room:
    """One desk and one guest over one link, which is open from the beginning."""

    def __init__(self, *, there: Wire = plain, back: Wire = plain, seed: str = "") -> None:
        self.now = 0
        self.there, self.back = there, back
        self.desk = Desk(f"ana{seed}")
        self.guest = Guest(1, link_hash(f"one{seed}"), f"bo{seed}")
        self.desk.does(self.desk.offer.link_up(1, self.guest.handshake_hash, self.now))

    def run(self) -> None:
        """Carry messages until there are none."""
        while self.guest.wire or self.desk.wire:
            sent, self.guest.wire = self.guest.wire, []
            for payload in [each for whole in sent for each in self.there(whole)]:
                self.desk.does(self.desk.offer.receive(1, payload, self.now))
            answers, self.desk.wire = self.desk.wire, []
            for payload in [each for _, whole in answers for each in self.back(whole)]:
                self.guest.does(self.guest.approach.receive(payload, self.now))
            if 1 in self.desk.gone:
                self.guest.does(self.guest.approach.link_down())
            if self.guest.gone and not self.guest.wire:  # What it said last comes first.
                self.desk.does(self.desk.offer.link_down(1))

    def pass_time(self, by: int) -> None:
        self.now += by
        self.desk.does(self.desk.offer.tick(self.now))
        self.guest.does(self.guest.approach.tick(self.now))
        self.run()

    def ana_says(self, same: bool) -> None:
        self.desk.does(self.desk.offer.answer(same, self.now))
        self.run()

    def bo_says(self, same: bool) -> None:
        self.guest.does(self.guest.approach.answer(same, self.now))
        self.run()

    @property
    def codes(self) -> tuple[str, str]:
        return self.desk.offer.stands.code, self.guest.approach.stands.code

    @property
    def whys(self) -> tuple[str, str]:
        return self.desk.offer.stands.why, self.guest.approach.stands.why


class Between:
    """Answers as ana to bo, and as bo to ana, over two links with its own keys.

    Each story chooses what it says in which order; it may look at everything.
    """

    def __init__(self, seed: int) -> None:
        self.desk = Desk(f"ana{seed}")
        self.guest = Guest(1, link_hash(f"to bo{seed}"), f"bo{seed}")
        self.desk.does(self.desk.offer.link_up(1, link_hash(f"to ana{seed}"), 0))
        self.random = seeded(f"mallory{seed}")

    def to_ana(self, message: Any) -> list[Any]:
        """Say something, and hear what comes back."""
        self.desk.does(self.desk.offer.receive(1, encode(message), 0))
        heard, self.desk.wire = self.desk.wire, []
        return [decode(payload) for _, payload in heard]

    def to_bo(self, message: Any) -> list[Any]:
        self.guest.wire.clear()
        self.guest.does(self.guest.approach.receive(encode(message), 0))
        return [decode(payload) for payload in self.guest.wire]

    @property
    def codes(self) -> tuple[str, str]:
        return self.desk.offer.stands.code, self.guest.approach.stands.code

    def people_compare(self) -> list[Any]:
        """Ana and bo look at both screens and say what they see; what ana's machine says to it."""
        ana, bo = self.codes
        self.guest.does(self.guest.approach.answer(ana == bo, 0))
        self.desk.does(self.desk.offer.answer(ana == bo, 0))
        heard, self.desk.wire = self.desk.wire, []
        return [decode(payload) for _, payload in heard]

    def pass_on(self, order: tuple[str, ...]) -> None:
        """Both conversations to their codes, in one of the orders that are possible."""
        own = self.random(16)
        (theirs,) = self.to_ana(NearbyAsk())
        heard: list[Any] = []
        for step in order:
            if step == "commit":
                bound = commitment(self.guest.handshake_hash, own)
                heard += self.to_bo(NearbyCommit(bound))
            elif step == "nonce":
                # Bo's own nonce, when it is known; ana's link has another hash.
                known = heard[0].nonce if heard else self.random(16)
                self.to_ana(NearbyNonce(known))
            else:
                self.to_bo(NearbyReveal(own))
        assert isinstance(theirs, NearbyCommit)


ORDERS = [
    order
    for order in permutations(("commit", "nonce", "reveal"))
    if order.index("commit") < order.index("reveal")
]
"""In which somebody in between can bind itself towards bo, and say a nonce to either."""
