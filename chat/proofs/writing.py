"""Writing a signed export: the whole roster, and the entries of some channels as they are held.

The roster goes in whole, since rights follow from all of it. Runs end where a signature is kept,
at anchors and at a log's head, so each can be checked with one or two of them. Keys are those of
channels, not those of epochs they follow from: one of these would open the other channels of its
scope and, through its wraps, all of their past.
"""

from collections.abc import Iterator, Sequence

from chat.proofs.records import NAME_MAX_CHARS, Begin, Key, Name, Op, Run, Writer
from chat.workspace import Workspace
from crdt.entry import Entry, LogId, encode_run, to_run
from crdt.errors import NotReadable
from crdt.limits import ANCHOR_EVERY
from crdt.ops import PART_STATE
from crdt.roster_ops import MODE_PUBLIC


def export(
    workspace: Workspace, channels: Sequence[bytes], now_ms: int, *, keys: bool
) -> Iterator[bytes]:
    """The bytes of a file, piece by piece; `keys` also gives those of channels that are not public.

    Between two pieces the store may grow; what comes meanwhile may be in or not.
    """
    writer = Writer()
    yield writer.begin(Begin(workspace.id, now_ms))
    roster = workspace.roster
    for op in roster.missing_from(()):
        yield writer.record(Op(roster.wire(op)))
    for member in sorted({*roster.state.members, *roster.state.former_members}):
        yield writer.record(Name(member, workspace.nick(member)[:NAME_MAX_CHARS]))
    for channel in channels:
        yield writer.record(Name(channel, workspace.channel_name(channel)[:NAME_MAX_CHARS]))
    for channel in channels:
        given: set[bytes] = set()
        closed = roster.state.channels[channel].mode != MODE_PUBLIC
        for log in sorted((state.log for state in workspace.store.logs(channel)), key=_order):
            for entries in _runs(workspace, log):
                if keys and closed:
                    for key in _keys(workspace, entries, given):
                        yield writer.record(key)
                heads = workspace.store.head_set(entries[0].roster) or ()
                yield writer.record(Run(encode_run(to_run(entries, heads))))
    yield writer.end()


def _order(log: LogId) -> tuple[bool, LogId]:
    """Statements of erasure before what was erased by them."""
    return log.part != PART_STATE, log


def _runs(workspace: Workspace, log: LogId) -> Iterator[Sequence[Entry]]:
    """A log as it is held now, cut behind anchors: at most 65 entries a piece."""
    state = workspace.store.log_state(log)
    assert state is not None, "the store listed it"
    first, head = max(state.low, state.forgotten), state.head
    while first <= head:
        last = min(head, (first // ANCHOR_EVERY + 1) * ANCHOR_EVERY)
        yield workspace.store.entries(log, first, last)
        first = last + 1


def _keys(workspace: Workspace, entries: Sequence[Entry], given: set[bytes]) -> Iterator[Key]:
    """The keys that open some entries of a channel and were not given yet."""
    for entry in entries:
        if entry.epoch in given:
            continue
        given.add(entry.epoch)
        try:
            key = workspace.epochs.channel_key(entry.epoch, entry.log.channel)
        except NotReadable:
            continue
        yield Key(entry.epoch, entry.log.channel, key)
