"""What people did, and what they were told of it: what the oracles hold the replicas against."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chat.engine.talking import Saying
from crdt import ops
from crdt.clock import reading
from crdt.entry import Entry, LogId
from crdt.erasure import OPEN_EPOCH
from crdt.registers import StateOp, writes
from crdt.retention import DAY_MS
from crdt.timeline import Stamp
from tests.sim.machine import Machine
from tests.sim.world import World


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One entry that its author was told is on disk."""

    author: str
    channel: bytes
    log: LogId
    seq: int
    entry: bytes
    epoch: bytes
    hlc: int


@dataclass(slots=True)
class Spoken:
    """A message somebody wrote, or tried to.

    Attributes:
        texts: all that its author ever said in it.
        deleted: the entry by which its author took it back, once that was acknowledged.
    """

    author: str
    member: bytes
    channel: bytes
    texts: set[str]
    entry: bytes = b""
    deleted: bytes = b""


@dataclass(frozen=True, slots=True)
class Write:
    """One register that somebody was told is written."""

    channel: bytes
    key: str
    value: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that somebody shares, and the blocks it is made of."""

    info: ops.FileInfo
    data: bytes
    blocks: frozenset[bytes]


@dataclass
class Ledger:
    """The history of one run.

    Attributes:
        excused: entries that stood on lost disks only; they may be here or not.
        newer: entries that nobody here can read.
        unknown_ops: roster ops that nobody here knows, by the machine that made them.
        doubled: machine to the double that uses its keys.
        damaged: how often a database could not be read.
        ruled: channels of which somebody said how long they are kept.
        frugal: relays that were told to forget, whatever the rules.
        old: messages that nobody is to show any more.
        unread: what `done` has to tell the caller, a sentence each; looked at and emptied.
    """

    world: World
    spoken: dict[bytes, Spoken] = field(default_factory=dict)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    pictures: dict[bytes, Picture] = field(default_factory=dict)
    excused: set[bytes] = field(default_factory=set)
    newer: set[bytes] = field(default_factory=set)
    unknown_ops: dict[str, bytes] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    doubled: dict[str, str] = field(default_factory=dict)
    damaged: int = 0
    ruled: set[bytes] = field(default_factory=set)
    frugal: set[str] = field(default_factory=set)
    old: set[bytes] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)
    held: dict[tuple[str, LogId], int] = field(default_factory=dict)
    """How far a machine held a log before it lost its disk."""
    _old_before: int = 0
    """Readings below it are too old."""

    def grow_old(self) -> None:
        """All that was said so far where there is a rule will soon be too old."""
        self.old = {mid for mid, said in self.spoken.items() if said.channel in self.ruled}
        self._old_before = reading(self.world.now().wall + 2 * DAY_MS)

    def is_old(self, log: LogId, hlc: int) -> bool:
        """Whether an entry is one that everybody forgets. Whoever never had it does not ask for it,
        but for the last one of a log."""
        ruled = log.part == ops.PART_TIMELINE and log.channel in self.ruled
        return ruled and hlc < self._old_before

    def try_to(self, machine: Machine, saying: Saying) -> None:
        """Somebody is about to write this."""
        channel, op, mid = saying
        if isinstance(op, ops.Post):
            self.spoken[mid] = Spoken(machine.name, machine.workspace.me, channel, {op.text})
        elif isinstance(op, ops.Edit):
            self.spoken[mid].texts.add(op.text)

    def done(self, machine: Machine, sayings: Sequence[Saying]) -> None:
        """These, of one channel and part, were acknowledged together."""
        log = machine.workspace.own_log(sayings[0].channel, ops.part_of(sayings[0].op))
        entries = self._acknowledge(machine, log, len(sayings))
        for (channel, op, mid), entry in zip(sayings, entries, strict=True):
            if isinstance(op, ops.Post):
                self.spoken[mid].entry = entry.id
            elif isinstance(op, ops.Delete):
                self.spoken[mid].deleted = entry.id
            elif isinstance(op, StateOp):
                self._written(machine, channel, op, Stamp(entry.hlc, entry.id))

    def done_newer(self, machine: Machine, log: LogId) -> None:
        """An entry of a newer build was acknowledged."""
        self.newer.add(self._acknowledge(machine, log, 1)[0].id)

    def _acknowledge(self, machine: Machine, log: LogId, count: int) -> list[Entry]:
        """The newest entries of an own log, whose author was told of them just now."""
        store = machine.workspace.store
        state = store.log_state(log)
        assert state is not None, "acknowledged, and not there"
        entries = store.entries(log, state.head - count + 1, state.head)
        self.acknowledged += [
            Acknowledged(
                machine.name, log.channel, log, entry.seq, entry.id, entry.epoch, entry.hlc
            )
            for entry in entries
        ]
        return entries

    def _written(self, machine: Machine, channel: bytes, op: StateOp, stamp: Stamp) -> None:
        """Who writes a register reads there what they wrote: it replaces all they knew of."""
        store = machine.workspace.store
        for write in writes(op, machine.workspace.me, stamp):
            self.writes.append(Write(channel, write.key, write.value, stamp))
            if store.register(channel, write.key) != write.value:
                self.unread.append(f"{machine.name} wrote {write.key} and reads something else")

    def lose(self, machine: Machine) -> None:
        """A disk is lost, or its owner is shown the door: what nobody else holds may go with it."""
        others = [
            other
            for other in self.world.desks.values()
            if other is not machine
            and not (other.gone or other.rotten or other.name in self.removed)
        ]
        for each in self.acknowledged:
            if each.entry not in self.excused and not any(
                self.has(other, each) and can_be_read(other, each)
                for other in others
                if other.name not in self.frugal
            ):
                self.excused.add(each.entry)
        if not machine.rotten:
            self.note_held(machine)

    def note_held(self, machine: Machine) -> None:
        """What a machine holds now it may have said that it holds."""
        for state in machine.workspace.store.logs():
            key = (machine.name, state.log)
            self.held[key] = max(self.held.get(key, -1), state.head)

    def has(self, machine: Machine, each: Acknowledged) -> bool:
        """Whether an entry is on a machine's disk: this very one, if its log may be forked."""
        if not holds(machine, each.log, each.seq):
            return False
        if not any(
            self.world.desks[name].workspace.device == each.log.device for name in self.doubled
        ):
            return True
        return machine.workspace.store.entries(each.log, each.seq, each.seq)[0].id == each.entry

    def ever_held(self, machine: Machine, log: LogId, seq: int) -> bool:
        """Whether a receipt of this machine for that entry can be true."""
        once = self.held.get((machine.name, log), -1) >= seq
        return once or (not machine.rotten and holds(machine, log, seq))


def holds(machine: Machine, log: LogId, seq: int) -> bool:
    """Whether an entry is on a machine's disk."""
    state = machine.workspace.store.log_state(log)
    return state is not None and state.low <= seq <= state.head


def can_be_read(machine: Machine, each: Acknowledged) -> bool:
    """Whether a machine has the key of an entry, or what others need to open it. Both come a moment
    after the op that makes the key: a disk that is lost in between takes the key with it."""
    workspace = machine.workspace
    return (
        each.epoch in {OPEN_EPOCH, *workspace.store.epoch_keys()}
        or workspace.epochs.seals(each.epoch) is not None
    )
