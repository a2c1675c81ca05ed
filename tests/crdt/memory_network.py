"""A network of virtual time that runs many replicas.

It carries payloads in order within one link and priority, with seeded delays between links, and
cuts links at any message. It executes effects as a node does.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from crdt.sync_ports import Effect, Misbehaved, Send, WakeAt
from tests.crdt.memory_replica import Replica


@dataclass
class Wire:
    """One link between two replicas."""

    number: int
    ends: tuple["Replica", "Replica"]
    up: bool = True
    sent: list[tuple[str, int, bytes]] = field(default_factory=list)
    clear_at: dict[tuple[str, int], int] = field(default_factory=dict)

    def other(self, replica: "Replica") -> "Replica":
        return self.ends[1] if replica is self.ends[0] else self.ends[0]

    def bytes_from(self, replica: "Replica") -> int:
        return sum(len(payload) for name, _, payload in self.sent if name == replica.name)


class Net:
    """Replicas, links, and virtual milliseconds."""

    def __init__(self, seed: int = 0, delay_ms: tuple[int, int] = (1, 20)) -> None:
        self.random = random.Random(seed)
        self.now = 1_000
        self.delay_ms = delay_ms
        self.wires: dict[int, Wire] = {}
        self.replicas: dict[str, Replica] = {}
        self.wake: dict[str, int] = {}
        self.log: list[tuple[str, Effect]] = []
        self.delivered = 0
        self._events: list[tuple[int, int, Wire, Replica, bytes]] = []
        self._count = 0
        self.corrupt: Callable[[Wire, Replica, bytes], Iterable[bytes]] | None = None

    def join(self, *replicas: Replica) -> None:
        for replica in replicas:
            self.replicas[replica.name] = replica

    def connect(self, left: Replica, right: Replica, *, known: bool | None = None) -> Wire:
        """Link two replicas; `known` overrides what each roster says of the other."""
        self.join(left, right)
        number = len(self.wires) + 1
        wire = self.wires[number] = Wire(number, (left, right))
        for one, other in ((left, right), (right, left)):
            member = other.device in one.roster.state.devices if known is None else known
            self.run_effects(
                one, one.machine.link_up(number, other.device, other.relay, member, self.now)
            )
        return wire

    def cut(self, wire: Wire) -> None:
        """The link ends; what is on the way is lost."""
        if wire.up:
            wire.up = False
            for replica in wire.ends:
                self.run_effects(replica, replica.machine.link_down(wire.number, self.now))

    def write(self, replica: Replica, channel: bytes, text: str = "hello", count: int = 1) -> None:
        self.join(replica)
        self.run_effects(replica, replica.write(channel, text, count=count, now=self.now))

    def run_effects(self, replica: Replica, effects: Sequence[Effect]) -> None:
        replica.effects.extend(effects)
        for effect in effects:
            self.log.append((replica.name, effect))
            if isinstance(effect, Send):
                self._send(replica, effect)
            elif isinstance(effect, WakeAt):
                self.wake[replica.name] = effect.ms
            elif isinstance(effect, Misbehaved):
                wire = self.wires[effect.link]
                wire.up = False
                other = wire.other(replica)
                self.run_effects(other, other.machine.link_down(wire.number, self.now))

    def _send(self, replica: Replica, effect: Send) -> None:
        wire = self.wires[effect.link]
        if not wire.up:
            return
        wire.sent.append((replica.name, effect.priority, effect.payload))
        order = (replica.name, effect.priority)
        at = max(self.now + self.random.randint(*self.delay_ms), wire.clear_at.get(order, 0))
        wire.clear_at[order] = at
        payloads: Iterable[bytes] = (effect.payload,)
        if self.corrupt is not None:
            payloads = self.corrupt(wire, replica, effect.payload)
        for payload in payloads:
            self._count += 1
            heappush(self._events, (at, self._count, wire, wire.other(replica), payload))

    def step(self, until: int) -> bool:
        """Deliver the next message or wake the next sleeper; False when none is due."""
        sleeper = min(self.wake, key=lambda name: (self.wake[name], name), default=None)
        wake_at = None if sleeper is None else self.wake[sleeper]
        event_at = self._events[0][0] if self._events else None
        if event_at is not None and (wake_at is None or event_at <= wake_at):
            if event_at > until:
                return False
            self.now, _, wire, to, payload = heappop(self._events)
            if wire.up:
                self.delivered += 1
                self.run_effects(to, to.machine.receive(wire.number, payload, self.now))
            return True
        if sleeper is None or wake_at is None or wake_at > until:
            return False
        del self.wake[sleeper]
        self.now = max(self.now, wake_at)
        replica = self.replicas[sleeper]
        self.run_effects(replica, replica.machine.tick(self.now))
        return True

    def run(self, ms: int = 30_000, steps: int = 200_000) -> None:
        """Let virtual time pass."""
        until = self.now + ms
        for _ in range(steps):
            if not self.step(until):
                self.now = until
                return
        raise AssertionError("the network does not come to rest")
