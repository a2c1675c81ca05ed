"""Writing a signed export: the whole roster, and the entries of some channels as they are held.

The roster goes in whole, since rights follow from all of it. Runs end where a signature is kept,
at anchors and at a log's head, so each can be checked with one or two of them. Keys are those of
channels, not those of epochs they follow from: one of these would open the other channels of its
scope and, through its wraps, all of their past. Proofs of forks go in before all entries, so that
whoever judges the file voids what members see as void.

An excerpt for a guest has the same bytes with less in them: one channel, its newest messages, no
shared notes, no keys, and the names of who wrote them alone.
"""

from collections.abc import Iterator, Sequence

from chat.proofs.records import NAME_MAX_CHARS, Begin, Fork, Key, Name, Op, Run, Writer
from chat.workspace import Workspace
from crdt.entry import Entry, LogId, encode_run, to_run
from crdt.errors import NotReadable
from crdt.forks import prove_again
from crdt.limits import ANCHOR_EVERY
from crdt.ops import PART_NOTES, PART_STATE, PART_TIMELINE
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
    for fork in _forks(workspace, channels):
        yield writer.record(fork)
    for channel in channels:
        given: set[bytes] = set()
        closed = roster.state.channels[channel].mode != MODE_PUBLIC
        for log in sorted((state.log for state in workspace.store.logs(channel)), key=_order):
            for entries in _runs(workspace, log):
                if keys and closed:
                    for key in _keys(workspace, entries, given):
                        yield writer.record(key)
                yield writer.record(_run(workspace, entries))
    yield writer.end()


def excerpt(workspace: Workspace, channel: bytes, now_ms: int, newest: int) -> Iterator[bytes]:
    """The bytes of a file about one channel, for somebody outside, piece by piece.

    Its state is in it whole, and of its timeline the `newest` entries by their clocks, all with 0.
    Of each log the entry before these is there, too, at least the head: so whoever reads sees how
    far back nothing is left out between them.
    """
    writer, roster, store = Writer(), workspace.roster, workspace.store
    yield writer.begin(Begin(workspace.id, now_ms))
    for op in roster.missing_from(()):
        yield writer.record(Op(roster.wire(op)))
    states = sorted((state.log for state in store.logs(channel)), key=_order)
    firsts = {log: 0 for log in states if log.part != PART_NOTES}
    if newest:
        places = store.newest(channel, PART_TIMELINE, None, newest)
        for state in store.logs(channel):
            if state.log.part == PART_TIMELINE:
                first, _ = places.get(state.log, (state.head + 1, 0))
                firsts[state.log] = first - 1
    authors = {workspace.member_of(log.device) for log in firsts}
    for member in sorted(author for author in authors if author is not None):
        yield writer.record(Name(member, workspace.nick(member)[:NAME_MAX_CHARS]))
    for fork in _forks(workspace, (channel,)):
        yield writer.record(fork)
    for log, first in firsts.items():
        for entries in _runs(workspace, log, first):
            yield writer.record(_run(workspace, entries))
    yield writer.end()


def _forks(workspace: Workspace, channels: Sequence[bytes]) -> Iterator[Fork]:
    """What proves that logs of some channels were forked, whether they are held or not."""
    for log in sorted(log for log in workspace.store.fork_points() if log.channel in channels):
        kept = workspace.store.fork(log)
        # What an older build kept has more in it than a proof, and may lack a signature.
        proof = None if kept is None else prove_again(workspace.id, *kept)
        if proof is not None:
            yield Fork(proof.wire)


def _run(workspace: Workspace, entries: Sequence[Entry]) -> Run:
    heads = workspace.store.head_set(entries[0].roster) or ()
    return Run(encode_run(to_run(entries, heads)))


def _order(log: LogId) -> tuple[bool, LogId]:
    """Statements of erasure before what was erased by them."""
    return log.part != PART_STATE, log


def _runs(workspace: Workspace, log: LogId, first: int = 0) -> Iterator[Sequence[Entry]]:
    """A log as it is held now, from a place on, cut behind anchors: at most 65 entries a piece."""
    state = workspace.store.log_state(log)
    assert state is not None, "the store listed it"
    first, head = max(first, state.low, state.forgotten), state.head
    while first <= head:
        last = min(head, (first // ANCHOR_EVERY + 1) * ANCHOR_EVERY)
        entries = workspace.store.entries(log, first, last)
        if entries:  # Else they were forgotten since, as they had become old.
            yield entries
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
