"""What people did, and what they were told of it: what the oracles hold the replicas against."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chat.engine.talking import Saying
from crdt import ops
from crdt.entry import LogId
from tests.sim.world import Machine, World


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One entry that its author was told is on disk."""

    author: str
    channel: bytes
    log: LogId
    seq: int
    entry: bytes


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


@dataclass
class Ledger:
    """The history of one run.

    Attributes:
        excused: entries that stood on lost disks only; they may be here or not.
    """

    world: World
    spoken: dict[bytes, Spoken] = field(default_factory=dict)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    excused: set[bytes] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    held: dict[tuple[str, LogId], int] = field(default_factory=dict)
    """How far a machine held a log before it lost its disk."""

    def try_to(self, machine: Machine, saying: Saying) -> None:
        """Somebody is about to write this."""
        channel, op, mid = saying
        if isinstance(op, ops.Post):
            self.spoken[mid] = Spoken(machine.name, machine.workspace.me, channel, {op.text})
        elif isinstance(op, ops.Edit):
            self.spoken[mid].texts.add(op.text)

    def done(self, machine: Machine, sayings: Sequence[Saying]) -> None:
        """These, of one channel and part, were acknowledged together."""
        store = machine.workspace.store
        log = machine.workspace.own_log(sayings[0].channel, ops.part_of(sayings[0].op))
        state = store.log_state(log)
        assert state is not None, "acknowledged, and not there"
        entries = store.entries(log, state.head - len(sayings) + 1, state.head)
        for (channel, op, mid), entry in zip(sayings, entries, strict=True):
            self.acknowledged.append(Acknowledged(machine.name, channel, log, entry.seq, entry.id))
            if isinstance(op, ops.Post):
                self.spoken[mid].entry = entry.id
            elif isinstance(op, ops.Delete):
                self.spoken[mid].deleted = entry.id

    def lose(self, machine: Machine) -> None:
        """A disk is lost, or its owner is shown the door: what nobody else holds may go with it."""
        others = [
            other
            for other in self.world.desks.values()
            if other is not machine and not other.gone and other.name not in self.removed
        ]
        for each in self.acknowledged:
            if each.entry not in self.excused and not any(
                holds(other, each.log, each.seq) for other in others
            ):
                self.excused.add(each.entry)
        for state in machine.workspace.store.logs():
            key = (machine.name, state.log)
            self.held[key] = max(self.held.get(key, -1), state.head)

    def ever_held(self, machine: Machine, log: LogId, seq: int) -> bool:
        """Whether a receipt of this machine for that entry can be true."""
        return holds(machine, log, seq) or self.held.get((machine.name, log), -1) >= seq


def holds(machine: Machine, log: LogId, seq: int) -> bool:
    """Whether an entry is on a machine's disk."""
    state = machine.workspace.store.log_state(log)
    return state is not None and state.low <= seq <= state.head
