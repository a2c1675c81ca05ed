"""Replicas in memory: a store of dictionaries, and a device that writes to it."""

import hashlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from crdt import entry as entries_module
from crdt.entry import NO_ENTRY, Entry, LogId, Position
from crdt.erasure import Erasure
from crdt.keys import DeviceKeys, digest
from crdt.ops import PART_TIMELINE, Post, encode
from crdt.sync import Replicator
from crdt.sync_messages import log_fingerprint
from crdt.sync_ports import Effect, RosterView, SealStore, Stored
from tests.crdt.fake_roster import FakeRoster

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

    @property
    def first_kept(self) -> int:
        return self.low

    @property
    def lacks_beginning(self) -> bool:
        return self.low > 0


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
        self.forks: dict[LogId, tuple[bytes, bytes]] = {}
        self.points: dict[LogId, int] = {}
        self.spending: dict[tuple[bytes, int], tuple[int, int]] = {}
        self.ops: dict[bytes, bytes] = {}
        self.blocks: dict[bytes, bytes] = {}
        self.erasures: set[tuple[LogId, int]] = set()

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

    def add_erasure(self, arrival: int, erasure: Erasure) -> None:
        self.erasures.update(erasure.places)

    def named(self, log: LogId, first: int, last: int) -> list[int]:
        return [seq for seq in range(first, last + 1) if (log, seq) in self.erasures]

    def erase(self, log: LogId, seq: int) -> None:
        """Drop the ciphertext of an entry, if it is here."""
        entry = self.held.get(log, {}).get(seq)
        if entry is not None:
            bare = msgspec.structs.replace(entry, ciphertext=None)
            self.held[log][seq] = bare
            self.arrivals[self.arrivals.index(entry)] = bare

    def add_fork(self, log: LogId, seq: int, first: bytes, second: bytes) -> bool:
        known = self.points.get(log)
        if known is not None and known <= seq:
            return False
        self.points[log] = seq
        self.forks[log] = (first, second)
        return True

    def fork(self, log: LogId) -> tuple[bytes, bytes] | None:
        return self.forks.get(log)

    def fork_points(self) -> Mapping[LogId, int]:
        return self.points

    def spent(self, device: bytes, day: int) -> tuple[int, int]:
        return self.spending.get((device, day), (0, 0))

    def spend(self, device: bytes, day: int, size: int, entries: int) -> None:
        before = self.spent(device, day)
        self.spending[device, day] = before[0] + size, before[1] + entries

    def add_op(self, op_id: bytes, wire: bytes) -> None:
        self.ops[op_id] = wire

    def put_seals(self, epoch: bytes, block: bytes) -> None:
        self.blocks[epoch] = block

    def contents(self) -> dict[LogId, list[bytes]]:
        """Every held id by log, in order."""
        return {log: [held[seq].id for seq in sorted(held)] for log, held in self.held.items()}


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


def workspace_of(*names: str) -> list[Replica]:
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
