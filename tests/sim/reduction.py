"""What a channel must show, worked out anew from the entries that a machine holds.

Deliberately by other code than the store's: the timeline by `crdt.timeline` in memory, registers by
the one sentence of their rule. What a removal made void is as the machine has it marked; what a
fork makes void (docs/protocol/entries.md) can be left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crdt import entry as entries
from crdt import ops
from crdt.entry import Entry, LogId
from crdt.erasure import OPEN_EPOCH, open_op, statement
from crdt.errors import NotReadable, TooNew
from crdt.ops import decode
from crdt.registers import StateOp, writes
from crdt.timeline import Stamp, Timeline
from tests.sim.machine import Machine

Void = Mapping[LogId, int]
"""By forked log: the first seq that is void."""


@dataclass(frozen=True, slots=True)
class Reduced:
    """A channel as it must be.

    Attributes:
        timeline: canonical bytes.
        registers: those with a value.
        ids: of the entries, but those that a fork makes void.
        newer: how many of them this build cannot read.
        waiting: how many of them have no key here.
    """

    timeline: bytes
    registers: dict[str, str]
    ids: frozenset[bytes]
    newer: int
    waiting: int


def all_entries(machine: Machine) -> dict[bytes, list[Entry]]:
    """The entries held, by channel."""
    found: dict[bytes, list[Entry]] = {}
    for _, entry in machine.workspace.store.since(0, 1_000_000):
        found.setdefault(entry.log.channel, []).append(entry)
    return found


def reduce(machine: Machine, channel: bytes, held: list[Entry], void: Void) -> Reduced:
    """A channel out of entries that this machine has the keys for."""
    workspace = machine.workspace
    timeline, newest, newer, waiting = Timeline(), dict[str, tuple[Stamp, str]](), 0, 0
    counted = [entry for entry in held if entry.seq < void.get(entry.log, entry.seq + 1)]
    marked = {log: workspace.store.void_seqs(log) for log in {entry.log for entry in counted}}
    erased = _erased_posts(machine, held)
    for entry in counted:
        if entry.seq in marked[entry.log]:
            continue
        member, stamp = workspace.member_of(entry.log.device), Stamp(entry.hlc, entry.id)
        if entry.ciphertext is None:
            salt = erased.get((entry.log, entry.seq))
            state = workspace.store.log_state(entry.log)
            if state is not None and entry.seq < state.forgotten:
                continue
            if member is not None and salt is not None:
                timeline.apply(ops.Delete(salt), member, stamp)
                timeline.apply(ops.Post(salt, ""), member, stamp)
            continue
        if entry.epoch == OPEN_EPOCH:
            if member is not None:
                said = open_op(workspace.id, entry)
                timeline.apply(ops.Delete(said.salt), member, stamp)
            continue
        try:
            key = workspace.epochs.channel_key(entry.epoch, channel)
            op = decode(entries.open_payload(workspace.id, entry, key), entry.log.part)
        except NotReadable:
            waiting += 1
            continue
        except TooNew:
            newer += 1
            continue
        if member is None or isinstance(op, ops.NoteUpdate):
            continue
        if isinstance(op, StateOp):
            for write in writes(op, member, stamp):
                newest[write.key] = max(newest.get(write.key, (stamp, "")), (stamp, write.value))
        else:
            timeline.apply(op, member, stamp)
    registers = {key: value for key, (_, value) in sorted(newest.items()) if value}
    ids = frozenset(entry.id for entry in counted)
    return Reduced(timeline.canonical(), registers, ids, newer, waiting)


def _erased_posts(machine: Machine, held: list[Entry]) -> dict[tuple[LogId, int], bytes]:
    """Salts of messages by the place of their post, as statements of erasure name it."""
    workspace = machine.workspace
    found = [statement(workspace.id, entry, workspace.roster) for entry in held]
    return {
        erasure.post: erasure.salt
        for erasure in found
        if erasure is not None and erasure.post is not None
    }
