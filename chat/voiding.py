"""Which entries are void here, and what is read again when that changes.

An entry is void when its member's writing was ended beside it and nobody accepted it, when its
member had left the channel by the roster heads that it names (`crdt.cuts`,
docs/protocol/roster.md), or when its log is proven to be forked there or below (`crdt.forks`). All
of it follows from the roster, from proofs, and from what is held of its log, so all who hold the
same agree. Void entries are marked as they come in. When the roster changes or a fork is proven,
the logs that it is about are judged again, a whole run under the same heads at a time: what stands
now is read, and what was read and is void now is forgotten (`chat.reader.read_turned`).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chat.workspace import Workspace
from crdt import entry as entries
from crdt import ops
from crdt.cuts import Cut, last_good
from crdt.entry import Entry, LogId
from crdt.errors import Invalid, NotReadable
from crdt.forks import void_from
from crdt.limits import MESSAGE_TEXT_MAX_CHARS, SEQ_MAX
from crdt.ops import PART_NOTES
from crdt.roster_ops import MODE_PUBLIC
from crdt.text import clean_text

NEVER = SEQ_MAX + 1
"""A seq that no entry has."""


class Grounds(NamedTuple):
    """What the roster and proofs say that voidness follows from; equal ones void the same."""

    cuts: dict[bytes, tuple[Cut, ...]]
    insiders: dict[bytes, frozenset[bytes]]
    forks: dict[LogId, int]


class Turned(NamedTuple):
    """What changed with the roster or with a proof.

    Attributes:
        standing: arrival numbers of entries that were void and stand now, ascending.
        fallen: by channel, arrival numbers of entries that are void now and were not.
        notes: channels whose notes log is another one now, sorted.
    """

    standing: list[int]
    fallen: dict[bytes, list[int]]
    notes: list[bytes]


def closed_from(workspace: Workspace, log: LogId, member: bytes) -> int:
    """From which seq on a member's log is void because it was forked; NEVER when it was not."""
    point = workspace.store.fork_points().get(log)
    if point is None:
        return NEVER
    entry_id = workspace.store.entry_id
    # A row is not believed before its entry is here: this may be the other branch.
    pinned = (
        row.seq
        for cut in _pins(workspace, log, member)
        for row in cut.kept[log]
        if entry_id(log, row.seq) == row.id
    )
    return void_from(point, pinned)


def _pins(workspace: Workspace, log: LogId, member: bytes) -> Iterator[Cut]:
    """The cuts that name a last good entry of a log, whatever its entries know of them."""
    scope = workspace.scope_of(log.channel)
    for cut in workspace.roster.state.cuts.get(member, ()):
        if scope in cut.scopes and log in cut.kept:
            yield cut


class Voiding:
    """Judges the entries of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        # Whether what is known of forks was gone by is looked at once, at the start.
        self._grounds = self._read_grounds()._replace(forks={})
        self.doubts: set[LogId] = set()
        """Logs that turned out to be another branch than what was accepted, or, of forked ones,
        that very branch."""

    def is_void(self, entry: Entry, member: bytes) -> bool:
        """Whether an entry of a member's device, which is stored, does not stand."""
        workspace, log = self._workspace, entry.log
        if self._was_outside(log.channel, entry.roster, member):
            return True
        void = entry.seq >= closed_from(workspace, log, member)
        # Until this one came, those below it were believed to stand.
        if self._is_pinned(entry, member):
            self.doubts.add(log)
        for cut in self._cuts(member, workspace.scope_of(log.channel), entry.roster):
            good = self._last_good(cut, log)
            void = void or entry.seq > good
        return void

    def judge(self) -> Turned | None:
        """Judge again what may have changed; None when nothing that matters did.

        What stands now is no longer marked; the caller reads it, and forgets and marks the rest.
        """
        before, self._grounds = self._grounds, self._read_grounds()
        affected = _differing(before, self._grounds)
        doubts, self.doubts = self.doubts, set()
        # Proofs are never taken back, and a lower one takes the place of a higher one.
        doubts |= {log for log, _ in self._grounds.forks.items() - before.forks.items()}
        if not affected and not doubts:
            return None
        store = self._workspace.store
        standing: list[int] = []
        fallen: dict[bytes, list[int]] = {}
        notes: set[bytes] = set()
        for log, member in self._logs_of(affected, doubts):
            void = self._void_seqs(log, member)
            marked = store.void_seqs(log)
            freed = store.unmark_void(log, sorted(marked - void))
            if log.part == PART_NOTES and void != marked:
                notes.add(log.channel)
            if void - marked:
                arrivals = store.arrivals(log, sorted(void - marked))
                fallen.setdefault(log.channel, []).extend(arrivals)
            standing += freed
        return Turned(sorted(standing), dict(sorted(fallen.items())), sorted(notes))

    # Inside -------------------------------------------------------------------------------------

    def _read_grounds(self) -> Grounds:
        state = self._workspace.roster.state
        forks = dict(self._workspace.store.fork_points())
        return Grounds(dict(state.cuts), dict(state.scopes), forks)

    def _logs_of(self, members: set[bytes], doubts: set[LogId]) -> Iterator[tuple[LogId, bytes]]:
        for state in self._workspace.store.logs():
            member = self._workspace.member_of(state.log.device)
            if member is not None and (member in members or state.log in doubts):
                yield state.log, member

    def _void_seqs(self, log: LogId, member: bytes) -> set[int]:
        """All places of a log whose entries are void."""
        workspace = self._workspace
        scope, closed = workspace.scope_of(log.channel), closed_from(workspace, log, member)
        void: set[int] = set()
        for roster, first, last in workspace.store.rosters_of(log):
            void.update(range(max(first, closed), last + 1))
            if self._was_outside(log.channel, roster, member):
                void.update(range(first, last + 1))
                continue
            for cut in self._cuts(member, scope, roster):
                good = self._last_good(cut, log)
                void.update(range(max(first, good + 1), last + 1))
        return void

    def _cuts(self, member: bytes, scope: bytes, roster: bytes) -> Iterator[Cut]:
        """The cuts that an entry with these heads does not know of."""
        for cut in self._workspace.roster.state.cuts.get(member, ()):
            if scope in cut.scopes and not self._covers(roster, cut.op):
                yield cut

    def _is_pinned(self, entry: Entry, member: bytes) -> bool:
        """Whether some cut names this very place, and what is held there decides over others."""
        forked = entry.log in self._workspace.store.fork_points()
        return any(
            row.seq == entry.seq and (forked or row.id != entry.id)
            for cut in _pins(self._workspace, entry.log, member)
            for row in cut.kept[entry.log]
        )

    def _last_good(self, cut: Cut, log: LogId) -> int:
        store = self._workspace.store
        point = store.fork_points().get(log)
        return last_good(cut, log, lambda seq: store.entry_id(log, seq), point)

    def _was_outside(self, channel: bytes, roster: bytes, member: bytes) -> bool:
        known = self._workspace.roster.state.channels.get(channel)
        if known is None or known.scope == self._workspace.scope or known.mode == MODE_PUBLIC:
            return False
        self._workspace.register_heads(roster)
        return self._workspace.roster.was_outside(roster, known.scope, member)

    def _covers(self, roster: bytes, op: bytes) -> bool:
        self._workspace.register_heads(roster)
        return self._workspace.roster.covers(roster, op)


def _differing(before: Grounds, after: Grounds) -> set[bytes]:
    """The members whom a change may be about."""
    affected = {
        member
        for member in {*before.cuts, *after.cuts}
        if before.cuts.get(member) != after.cuts.get(member)
    }
    for scope in {*before.insiders, *after.insiders}:
        one, other = before.insiders.get(scope), after.insiders.get(scope)
        if one is not None and other is not None:
            affected |= one ^ other
    return affected


class VoidPost(NamedTuple):
    """A new message that does not stand, and who says it wrote it."""

    entry: Entry
    member: bytes
    message: bytes
    text: str
    reply_to: bytes | None


def void_posts(workspace: Workspace, channel: bytes, limit: int) -> list[VoidPost]:
    """The new messages among the newest `limit` void entries of a channel, newest first."""
    posts = (_post(workspace, e) for _, e in workspace.store.void_entries(channel, limit))
    return [post for post in posts if post is not None]


def plain_posts(workspace: Workspace, arrivals: Sequence[int]) -> dict[int, bytes] | None:
    """Message ids by arrival number, when all these entries are posts; None when one is not."""
    found: dict[int, bytes] = {}
    for arrival in arrivals:
        entry = workspace.store.entry_at(arrival)
        post = None if entry is None else _post(workspace, entry)
        if post is None:
            return None
        found[arrival] = post.message
    return found


def _post(workspace: Workspace, entry: Entry) -> VoidPost | None:
    """The new message in an entry; None when it has none that anybody could read."""
    member = workspace.member_of(entry.log.device)
    if member is None or entry.ciphertext is None:
        return None
    try:
        key = workspace.epochs.channel_key(entry.epoch, entry.log.channel)
        op = ops.decode(entries.open_payload(workspace.id, entry, key), entry.log.part)
    except (NotReadable, Invalid):
        return None
    if not isinstance(op, ops.Post):
        return None
    text = clean_text(op.text, MESSAGE_TEXT_MAX_CHARS)
    return VoidPost(entry, member, ops.message_id(member, op.salt), text, op.reply_to)
