"""Replicas in memory, a small roster, and a network of virtual time that runs many of them.

`Net` carries payloads between replicas: FIFO within one link and priority, seeded delays between
links, cuts at any message. It executes effects as a node does.
"""

import hashlib
import random
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec

from crdt import entry as entries_module
from crdt.entry import NO_ENTRY, Entry, LogId, Position
from crdt.errors import Invalid
from crdt.keys import DeviceKeys, digest
from crdt.ops import PART_TIMELINE, Post, encode
from crdt.sync import Replicator
from crdt.sync_messages import log_fingerprint
from crdt.sync_ports import Effect, Misbehaved, RosterView, SealStore, Send, Stored, WakeAt

WORKSPACE = digest(b"x1.test", b"workspace")
EPOCH = digest(b"x1.test", b"epoch")
KEY = digest(b"x1.test", b"key")


def channel_id(name: str) -> bytes:
    return digest(b"x1.test", name.encode())[:16]


def device_keys(name: str) -> DeviceKeys:
    count = 0

    def entropy(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.blake2b(f"{name}/{count}".encode(), digest_size=size).digest()

    return DeviceKeys.generate(entropy)


class State(NamedTuple):
    """What is held of a log."""

    log: LogId
    low: int
    head: int
    head_id: bytes
    low_prev: bytes
    head_roster: bytes
    head_hlc: int


class MemoryStore:
    """An EntryStore of dictionaries; checks the invariants that a real store relies on."""

    def __init__(self, replica_id: bytes) -> None:
        self.replica_id = replica_id
        self.arrivals: list[Entry] = []
        self.held: dict[LogId, dict[int, Entry]] = {}
        self.states: dict[LogId, State] = {}
        self.last_arrival: dict[LogId, int] = {}
        self.prints: dict[bytes, int] = {}
        self.sets: dict[bytes, tuple[bytes, ...]] = {}
        self.cursors: dict[bytes, tuple[int, bytes]] = {}
        self.got: dict[LogId, dict[bytes, int]] = {}
        self.forks: dict[tuple[LogId, int], tuple[bytes, bytes]] = {}
        self.ops: dict[bytes, bytes] = {}
        self.blocks: dict[bytes, bytes] = {}

    @property
    def arrival_max(self) -> int:
        return len(self.arrivals)

    def log_state(self, log: LogId) -> State | None:
        return self.states.get(log)

    def logs(self, channel: bytes | None = None) -> list[State]:
        states = self.states.values()
        return [state for state in states if channel in (None, state.log.channel)]

    def append(self, entries: Sequence[Entry]) -> int:
        first, last = entries[0], entries[-1]
        state = self.states.get(first.log)
        channel = first.log.channel
        if state is None:
            low, low_prev = first.seq, first.prev
        else:
            assert first.seq == state.head + 1
            assert first.prev == state.head_id
            low, low_prev = state.low, state.low_prev
            self.prints[channel] -= log_fingerprint(state.head_id)
        total = self.prints.get(channel, 0) + log_fingerprint(last.id)
        self.prints[channel] = total % 2**128
        self.states[first.log] = State(
            first.log, low, last.seq, last.id, low_prev, last.roster, last.hlc
        )
        return self._put(entries)

    def prepend(self, entries: Sequence[Entry]) -> int:
        state = self.states[entries[0].log]
        assert entries[-1].seq == state.low - 1
        assert entries[-1].id == state.low_prev
        first = entries[0]
        self.states[first.log] = state._replace(low=first.seq, low_prev=first.prev)
        return self._put(entries)

    def _put(self, entries: Sequence[Entry]) -> int:
        held = self.held.setdefault(entries[0].log, {})
        for before, entry in zip((None, *entries), entries, strict=False):
            assert entry.seq not in held, "stored twice"
            assert before is None or (before.seq + 1, before.id) == (entry.seq, entry.prev)
            held[entry.seq] = entry
        self.arrivals.extend(entries)
        self.last_arrival[entries[0].log] = len(self.arrivals)
        return len(self.arrivals) - len(entries) + 1

    def entries(self, log: LogId, first: int, last: int) -> list[Entry]:
        held, state = self.held.get(log, {}), self.states.get(log)
        if state is None:
            return []
        return [held[seq] for seq in range(max(first, state.low), min(last, state.head) + 1)]

    def since(self, arrival: int, limit: int) -> list[tuple[int, Entry]]:
        found = self.arrivals[arrival : arrival + limit]
        return [(arrival + number, entry) for number, entry in enumerate(found, 1)]

    def id_at(self, arrival: int) -> bytes | None:
        return self.arrivals[arrival - 1].id[:8] if 0 < arrival <= len(self.arrivals) else None

    def touched_since(self, arrival: int) -> list[State]:
        return [self.states[log] for log, last in self.last_arrival.items() if last > arrival]

    def newest(
        self, channel: bytes, part: int, before_hlc: int | None, limit: int
    ) -> dict[LogId, tuple[int, int]]:
        found = [
            entry
            for log, held in self.held.items()
            if (log.channel, log.part) == (channel, part)
            for entry in held.values()
            if before_hlc is None or entry.hlc < before_hlc
        ]
        found.sort(key=lambda entry: (entry.hlc, entry.id), reverse=True)
        ranges: dict[LogId, tuple[int, int]] = {}
        for entry in found[:limit]:
            first, last = ranges.get(entry.log, (entry.seq, entry.seq))
            ranges[entry.log] = (min(first, entry.seq), max(last, entry.seq))
        return ranges

    def fingerprints(self) -> Mapping[bytes, int]:
        return {channel: total % 2**128 for channel, total in self.prints.items()}

    def head_set(self, roster_hash: bytes) -> tuple[bytes, ...] | None:
        return self.sets.get(roster_hash)

    def remember_head_set(self, roster_hash: bytes, heads: Sequence[bytes]) -> None:
        self.sets[roster_hash] = tuple(heads)

    def cursor(self, replica_id: bytes) -> tuple[int, bytes] | None:
        return self.cursors.get(replica_id)

    def set_cursor(self, replica_id: bytes, arrival: int, entry_id: bytes) -> None:
        assert len(entry_id) == 8
        self.cursors[replica_id] = (arrival, entry_id)

    def add_receipt(self, device: bytes, log: LogId, seq: int) -> bool:
        devices = self.got.setdefault(log, {})
        newer = devices.get(device, -1) < seq
        if newer:
            devices[device] = seq
        return newer

    def receipts(self, log: LogId) -> dict[bytes, int]:
        return self.got.get(log, {})

    def add_fork(self, log: LogId, seq: int, first: bytes, second: bytes) -> None:
        self.forks[log, seq] = (first, second)

    def add_op(self, op_id: bytes, wire: bytes) -> None:
        self.ops[op_id] = wire

    def put_seals(self, epoch: bytes, block: bytes) -> None:
        self.blocks[epoch] = block

    def contents(self) -> dict[LogId, list[bytes]]:
        """Every held id by log, in order."""
        return {log: [held[seq].id for seq in sorted(held)] for log, held in self.held.items()}


class FakeOp(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """`device` is at `level` from here on; 255 means out."""

    parents: tuple[bytes, ...]
    device: bytes
    level: int


class FakeDevice(NamedTuple):
    level: int


class FakeState(NamedTuple):
    devices: dict[bytes, FakeDevice]


class FakeRoster:
    """A roster whose ops anybody may write, with real ancestry."""

    def __init__(self) -> None:
        self._ops: dict[bytes, FakeOp] = {}
        self._wires: dict[bytes, bytes] = {}
        self._waiting: dict[bytes, bytes] = {}
        self._past: dict[bytes, frozenset[bytes]] = {}
        self._sets: dict[bytes, tuple[bytes, ...]] = {}
        self.state = FakeState({})

    def read_again(self) -> "FakeRoster":
        """The same ops in a new process, which knows no head sets."""
        again = FakeRoster()
        for op_id in self.missing_from(()):
            again.add(self.wire(op_id))
        return again

    def add(self, wire: bytes) -> list[bytes]:
        try:
            msgspec.msgpack.decode(wire, type=FakeOp)
        except msgspec.MsgspecError:
            raise Invalid("not an op") from None
        self._waiting[digest(b"x1.roster", wire)] = wire
        added: list[bytes] = []
        while True:
            ready = [
                (op_id, wire)
                for op_id, wire in self._waiting.items()
                if all(parent in self._ops for parent in self._parents(wire))
            ]
            if not ready:
                return added
            for op_id, wire in ready:
                del self._waiting[op_id]
                if op_id not in self._ops:
                    self._take(op_id, wire)
                    added.append(op_id)

    @staticmethod
    def _parents(wire: bytes) -> tuple[bytes, ...]:
        return msgspec.msgpack.decode(wire, type=FakeOp).parents

    def _take(self, op_id: bytes, wire: bytes) -> None:
        op = msgspec.msgpack.decode(wire, type=FakeOp)
        self._ops[op_id], self._wires[op_id] = op, wire
        past = (self._past[parent] | {parent} for parent in op.parents)
        self._past[op_id] = frozenset().union(*past)
        self.state = FakeState(self._devices(frozenset(self._ops)))

    def _devices(self, ids: frozenset[bytes]) -> dict[bytes, FakeDevice]:
        levels: dict[bytes, int] = {}
        for op_id in ids:
            op = self._ops[op_id]
            levels[op.device] = max(levels.get(op.device, 0), op.level)
        return {device: FakeDevice(level) for device, level in levels.items() if level < 255}

    def admit(self, device: bytes, level: int = 100) -> bytes:
        """Add an op on top of the current heads; gives its id."""
        op = FakeOp(tuple(self.heads), device, level)
        return self.add(msgspec.msgpack.encode(op))[0]

    @property
    def heads(self) -> list[bytes]:
        covered = frozenset().union(*self._past.values()) if self._past else frozenset()
        return sorted(op_id for op_id in self._ops if op_id not in covered)

    @property
    def heads_hash(self) -> bytes:
        return digest(b"x1.heads", *self.heads)

    def missing(self) -> list[bytes]:
        needed = {parent for wire in self._waiting.values() for parent in self._parents(wire)}
        return sorted(needed - self._ops.keys() - self._waiting.keys())

    def missing_from(self, their_heads: Sequence[bytes]) -> list[bytes]:
        known = [head for head in their_heads if head in self._ops]
        theirs = frozenset(known).union(*(self._past[head] for head in known))
        lacking = [op_id for op_id in self._ops if op_id not in theirs]
        return sorted(lacking, key=lambda op_id: (len(self._past[op_id]), op_id))

    def wire(self, op_id: bytes) -> bytes:
        return self._wires[op_id]

    def has(self, op_id: bytes) -> bool:
        return op_id in self._ops

    def register_heads(self, heads: Sequence[bytes]) -> bytes | None:
        if not all(head in self._ops for head in heads):
            return None
        roster_hash = digest(b"x1.heads", *heads)
        self._sets[roster_hash] = tuple(heads)
        return roster_hash

    def _ancestry(self, roster_hash: bytes) -> frozenset[bytes]:
        heads = self._sets[roster_hash]
        return frozenset(heads).union(*(self._past[head] for head in heads))

    def may_write(self, device: bytes, roster_hash: bytes) -> bool | None:
        if roster_hash not in self._sets:
            return None
        found = self._devices(self._ancestry(roster_hash)).get(device)
        return found is not None and found.level < 200

    def descends(self, new_hash: bytes, old_hash: bytes) -> bool:
        return self._ancestry(old_hash) <= self._ancestry(new_hash)


def all_visible(channel: bytes, device: bytes) -> bool:
    return True


class Replica:
    """One device: keys, store, roster, machine, and the entries it writes."""

    def __init__(
        self,
        name: str,
        roster: RosterView | None = None,
        *,
        store: MemoryStore | None = None,
        visible: Callable[[bytes, bytes], bool] = all_visible,
        seals: SealStore | None = None,
        relay: bool = False,
        workspace: bytes = WORKSPACE,
    ) -> None:
        self.name = name
        self.keys = device_keys(name)
        self.device = self.keys.public.sign
        self.roster: RosterView = FakeRoster() if roster is None else roster
        first_id = digest(b"x1.test", b"replica", name.encode())[:8]
        self.store = MemoryStore(first_id) if store is None else store
        self.visible = visible
        self.seals = seals
        self.relay = relay
        self.workspace = workspace
        self.incarnation = digest(b"x1.test", b"incarnation", name.encode())[:8]
        self.hlc = 0
        self.effects: list[Effect] = []
        self.restart()

    def restart(self) -> None:
        """A new process on the same store and roster ops."""
        if isinstance(self.roster, FakeRoster):
            self.roster = self.roster.read_again()
        self.machine = Replicator(
            self.workspace,
            self.store,
            self.roster,
            device=self.device,
            sign_seed=self.keys.sign_seed,
            visible=lambda channel, device: self.visible(channel, device),
            choose=random.Random(self.name).randrange,
            seals=self.seals,
        )

    def log(self, channel: bytes, part: int = PART_TIMELINE) -> LogId:
        return LogId(channel, part, self.device, self.incarnation)

    def write(
        self,
        channel: bytes,
        text: str = "hello",
        *,
        count: int = 1,
        now: int = 0,
        part: int = PART_TIMELINE,
        payload: bytes | None = None,
    ) -> list[Effect]:
        """Append own entries of one log, and tell the machine."""
        log = self.log(channel, part)
        written: list[Entry] = []
        for number in range(count):
            state = self.store.log_state(log)
            position = Position(0, NO_ENTRY, b"")
            if state is not None:
                position = Position(state.head + 1, state.head_id, state.head_roster)
            self.hlc = max(self.hlc, now << 16) + 1
            heads = tuple(self.roster.heads)
            salt = digest(b"x1.test", log.device, log.channel, position.prev)
            entry = entries_module.write(
                self.workspace,
                log,
                position,
                encode(Post(salt[:16], f"{text} {number}")) if payload is None else payload,
                hlc=self.hlc,
                heads=heads,
                epoch=EPOCH,
                channel_key=KEY,
                sign_seed=self.keys.sign_seed,
                nonce=salt[:24],
            )
            self.store.append([entry])
            written.append(entry)
        return self.machine.local(written, now)


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


def workspace_of(*names: str, roster: type[FakeRoster] = FakeRoster) -> list[Replica]:
    """Replicas that all know each other from the start."""
    replicas = [Replica(name) for name in names]
    first = replicas[0].roster
    assert isinstance(first, FakeRoster)
    for replica in replicas:
        first.admit(replica.device)
    for replica in replicas[1:]:
        for op_id in first.missing_from(()):
            replica.roster.add(first.wire(op_id))
    return replicas


def same(*replicas: Replica) -> bool:
    """Whether all hold the same entries."""
    contents = [replica.store.contents() for replica in replicas]
    return all(content == contents[0] for content in contents)


def stored_entries(effects: Iterable[Effect]) -> list[Entry]:
    return [e for effect in effects if isinstance(effect, Stored) for e in effect.entries]


def count_until(numbers: Sequence[int], most: int) -> int:
    """How many sorted numbers are at most `most`."""
    return bisect_right(numbers, most)
