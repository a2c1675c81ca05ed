"""Devices that gossip, in virtual time: production machines, links with a delay, and a roster.

town = Town(relays=1)
ana, bo = town.add("ana"), town.add("bo")
town.link(ana, bo)
town.run(1_000)
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush

from chat.engine import ephemeral
from chat.engine.ephemeral import AnyEphemeral, Away, Signed
from chat.engine.gossip import Gossip
from chat.engine.gossip_ports import AwayChanged, Effect, OnlineChanged, Pass, Shown
from chat.workspace import Now
from crdt import keys
from crdt.errors import Invalid

WORKSPACE = b"W" * 32
START_MS = 1_790_000_000_000


@dataclass(eq=False)
class Person:
    """A device, what it was shown, and who broke a rule towards it."""

    name: str
    seed: bytes
    relay: bool
    gossip: Gossip
    links: dict[int, "Person"] = field(default_factory=dict)
    shown: list[tuple[str, AnyEphemeral, int]] = field(default_factory=list)
    changes: int = 0
    away_changes: int = 0
    faults: list[str] = field(default_factory=list)
    wall_ahead_ms: int = 0
    wake_at: int | None = None

    @property
    def device(self) -> bytes:
        return keys.sign_public(self.seed)


class Town:
    """Everybody, and time."""

    def __init__(self, seed: int = 0, delay_ms: tuple[float, float] = (0.5, 2.0)) -> None:
        self.random = random.Random(seed)
        self.delay_ms = delay_ms
        self.time = 1_000.0
        self.people: dict[str, Person] = {}
        self.by_device: dict[bytes, Person] = {}
        self.removed: set[bytes] = set()
        self.readers: dict[bytes, set[str]] = {}
        """Who sees a channel; everybody, where none is named."""
        self.bytes: Counter[int] = Counter()
        self.passed: Counter[str] = Counter()
        self._events: list[tuple[float, int, int, Person, bytes]] = []
        self._wakes: list[tuple[int, str]] = []
        self._count = 0
        self._clear: dict[tuple[int, str], float] = {}
        self._number = 0

    # The roster ---------------------------------------------------------------------------------

    def is_member(self, device: bytes) -> bool:
        person = self.by_device.get(device)
        return person is not None and not person.relay and device not in self.removed

    def is_relay(self, device: bytes) -> bool:
        person = self.by_device.get(device)
        return person is not None and person.relay and device not in self.removed

    def member(self, device: bytes) -> bytes:
        """Devices named `bo` and `bo-phone` are those of one member."""
        return self.by_device[device].name.partition("-")[0].encode()

    def sees(self, device: bytes, channel: bytes) -> bool:
        readers = self.readers.get(channel)
        return readers is None or self.by_device[device].name in readers

    # People -------------------------------------------------------------------------------------

    def add(self, name: str, *, relay: bool = False) -> Person:
        seed = name.encode().ljust(32, b".")
        device = keys.sign_public(seed)
        gossip = Gossip(WORKSPACE, device, seed, company=self, relay=relay, draw=self.random.random)
        person = Person(name, seed, relay, gossip)
        self.people[name] = self.by_device[device] = person
        gossip.listens_at([f"ws://10.0.0.{len(self.people) % 250}:7311"])
        return person

    def link(self, left: Person, right: Person) -> int:
        self._number += 1
        for here, there in ((left, right), (right, left)):
            here.links[self._number] = there
            self._do(
                here, here.gossip.link_up(self._number, there.device, "10.0.0.1", self.now(here))
            )
        return self._number

    def cut(self, left: Person, right: Person, *, let_go: bool = False) -> None:
        for here, there in ((left, right), (right, left)):
            for number in [n for n, other in here.links.items() if other is there]:
                del here.links[number]
                self._do(here, here.gossip.link_down(number, self.now(here), let_go=let_go))

    def crash(self, person: Person) -> None:
        """Without a word."""
        del self.people[person.name]
        for other in list(person.links.values()):
            self.cut(person, other)

    def leave(self, person: Person) -> None:
        self._do(person, person.gossip.leave(self.now(person)))
        self.run(5)
        self.crash(person)

    def say(self, person: Person, said: AnyEphemeral) -> None:
        self._do(person, person.gossip.say(said, self.now(person)))

    def say_away(self, person: Person, text: str = "", *, back: bool = False) -> None:
        said = Away(not back, text)
        self._do(person, person.gossip.say_away(said, self.now(person)))

    def give(self, person: Person, other: Person, message: Signed) -> None:
        """Put bytes on a link, whatever the machine of that end thinks."""
        number = next(n for n, each in person.links.items() if each is other)
        self._do(person, [Pass(number, ephemeral.encode(message))])

    def knows(self, person: Person) -> set[str]:
        return {self.by_device[device].name for device in person.gossip.online}

    # Time ---------------------------------------------------------------------------------------

    def now(self, person: Person) -> Now:
        return Now(START_MS + int(self.time) + person.wall_ahead_ms, int(self.time))

    def run(self, ms: float) -> None:
        until = self.time + ms
        while True:
            wake_at = self._next_wake()
            at = self._events[0][0] if self._events else None
            if at is not None and (wake_at is None or at <= wake_at):
                if at > until:
                    break
                self.time, _, number, to, payload = heappop(self._events)
                self._arrive(to, number, payload)
                continue
            if wake_at is None or wake_at > until:
                break
            self.time = max(self.time, float(wake_at))
            sleeper = self.people[heappop(self._wakes)[1]]
            sleeper.wake_at = None
            self._do(sleeper, sleeper.gossip.tick(self.now(sleeper)))
        self.time = until

    def look(self, person: Person) -> None:
        """See when it wants to be woken."""
        due = max(person.gossip.due, int(self.time))
        if due != person.wake_at:
            person.wake_at = due
            heappush(self._wakes, (due, person.name))

    def _next_wake(self) -> int | None:
        while self._wakes:
            at, name = self._wakes[0]
            person = self.people.get(name)
            if person is not None and person.wake_at == at:
                return at
            heappop(self._wakes)
        return None

    def _arrive(self, to: Person, number: int, payload: bytes) -> None:
        if number not in to.links or to.name not in self.people:
            return
        message = ephemeral.decode(payload)
        assert isinstance(message, Signed)
        try:
            self._do(to, to.gossip.hear(number, message, self.now(to)))
        except Invalid:
            other = to.links[number]
            to.faults.append(other.name)
            self.cut(to, other)

    def _do(self, person: Person, done: list[Effect]) -> None:
        for effect in done:
            if isinstance(effect, Pass):
                to = person.links[effect.link]
                self.bytes[effect.link] += len(effect.payload)
                self.passed[person.name] += 1
                order = (effect.link, person.name)
                at = max(self.time + self.random.uniform(*self.delay_ms), self._clear.get(order, 0))
                self._clear[order] = at
                self._count += 1
                heappush(self._events, (at, self._count, effect.link, to, effect.payload))
            elif isinstance(effect, Shown):
                name = self.by_device[effect.device].name
                person.shown.append((name, effect.said, int(self.time)))
            elif isinstance(effect, AwayChanged):
                person.away_changes += 1
            else:
                assert isinstance(effect, OnlineChanged)
                person.changes += 1
        self.look(person)
