"""The projection: opened operations become what the face reads, in this transaction.

Operations may come in any order, in any batches and more than once: what they say is joined as
`crdt.timeline` and `crdt.registers` join it, and `canonical` is the same everywhere. Most are
plain posts of messages that nothing is known of yet; these are inserted many at a time, and
everything else one by one, in the order given.

The projection of a workspace can be made again from its entries, which a newer program may need:

    if workspace.is_stale:
        workspace.clear_projection()
        ...                             # read all entries again
        workspace.finish_projection()

A crash on the way leaves it stale, and it is cleared once more.
"""

from collections.abc import Sequence
from typing import NamedTuple

from chat.store.aside import Aside
from chat.store.database import Database
from chat.store.files import Files
from chat.store.finding import Finding
from chat.store.limits import PROJECTED_AT_ONCE
from chat.store.names import Names
from chat.store.plain_posts import Item, PlainPosts
from chat.store.registers import Registers
from chat.store.rows import MessageRow
from chat.store.states import Arrival
from chat.store.tables import PROJECTION_VERSION, ChannelRow
from chat.store.unread import Unread
from crdt.clock import milliseconds
from crdt.entry import Entry
from crdt.limits import CLOCK_BADGE_MS
from crdt.ops import AnyOp, Delete, Edit, Hide, NoteUpdate, Pin, Post, React
from crdt.registers import StateOp
from crdt.timeline import Stamp, apply, target

__all__ = ["MessageRow", "ProjectedChange", "Projection"]

_OF_CHANNELS = "WHERE channel IN (SELECT number FROM channel WHERE workspace = ?)"
_CLEARED = tuple(
    " ".join(("DELETE FROM", table, _OF_CHANNELS))
    for table in ("message", "orphan", "reaction", "register", "file", "quarantine", "wording")
)
_CLEAR_WORDS = " ".join(
    ("DELETE FROM search WHERE rowid IN (SELECT number FROM message", _OF_CHANNELS, ")")
)


class ProjectedChange(NamedTuple):
    """What one operation changed of what can be seen.

    Attributes:
        message: the message that looks different now, None when none does.
        is_new: it can be seen for the first time.
        parent: the message it replies to, whose count of replies changed.
        registers: keys of the channel's registers that have another value now.
        taken_back: member and salt of a message that is taken back, when the operation is one of
            its author's about it.
    """

    channel: bytes
    message: bytes | None = None
    is_new: bool = False
    parent: bytes | None = None
    registers: tuple[str, ...] = ()
    taken_back: tuple[bytes, bytes] | None = None

    @property
    def changed(self) -> bool:
        """Whether anything looks different."""
        return self.message is not None or bool(self.registers)


class _Call(NamedTuple):
    """What is the same for all operations of a call."""

    now_ms: int
    me: bytes | None
    following: frozenset[bytes]
    """Entries ahead of now whose author's clock only followed another's."""


class Projection(PlainPosts, Finding, Files, Unread, Registers, Aside):
    """Everything that is read, and how it comes about."""

    def __init__(self, database: Database, names: Names, workspace: bytes) -> None:
        super().__init__(database, names, workspace)
        self._stale: bool | None = None

    def forget(self) -> None:
        super().forget()
        self._stale = None

    # Operations in ----------------------------------------------------------------------------

    def project(
        self,
        entry: Entry,
        arrival: int,
        op: AnyOp,
        member: bytes,
        *,
        now_ms: int,
        mine: bool,
        me: bytes | None,
    ) -> ProjectedChange:
        """Add the operation of one stored entry; `me` is this member."""
        (change,) = self.project_many([(entry, arrival, op, member, mine)], now_ms=now_ms, me=me)
        return change

    def project_many(
        self, items: Sequence[Item], *, now_ms: int, me: bytes | None, followed: int = 0
    ) -> list[ProjectedChange]:
        """Add operations of stored entries; gives one change for each, in order.

        Notes change nothing here: they are replayed elsewhere, from `note_entries`.

        Args:
            now_ms: wall time, by which is judged what is late and what is ahead.
            me: this member.
            followed: the newest clock reading that was known before these entries came.
        """
        call = _Call(now_ms, me, _following(items, followed, now_ms))
        changes: list[ProjectedChange] = []
        for start in range(0, len(items), PROJECTED_AT_ONCE):
            changes += self._project_some(items[start : start + PROJECTED_AT_ONCE], call)
        return changes

    def _project_some(self, items: Sequence[Item], call: _Call) -> list[ProjectedChange]:
        touched: dict[bytes, ChannelRow] = {}
        for entry, _, op, _, _ in items:
            channel = entry.log.channel
            if channel not in touched and not isinstance(op, NoteUpdate):
                row = touched[channel] = self._channel(channel)
                row.first_ms = row.first_ms or call.now_ms
        plain = self._insert_plain_posts(items, touched)
        changes: list[ProjectedChange] = []
        for index, item in enumerate(items):
            entry, _, op, _, mine = item
            mid = plain.get(index)
            if mid is None or not isinstance(op, Post):
                changes.append(self._project_one(touched, item, call))
            else:
                row = touched[entry.log.channel]
                self._added(row, entry, mid, mine=mine, call=call)
                changes.append(ProjectedChange(entry.log.channel, mid, True, op.reply_to))
        for row in touched.values():
            self._write_channel(row)
        return changes

    def _project_one(
        self, touched: dict[bytes, ChannelRow], item: Item, call: _Call
    ) -> ProjectedChange:
        entry, _, op, member, _ = item
        channel, stamp = entry.log.channel, Stamp(entry.hlc, entry.id)
        if isinstance(op, Post | Edit | Delete):
            return self._join_words(touched[channel], item, op, call)
        if isinstance(op, React):
            number = touched[channel].number
            if self._react(number, op, member, stamp) and self._is_shown(number, op.message):
                return ProjectedChange(channel, op.message)
        elif isinstance(op, StateOp):
            row = touched[channel]
            keys = tuple(self._write_registers(row, op, member, stamp))
            shown = None
            if isinstance(op, Pin | Hide) and keys and self._is_shown(row.number, op.message):
                shown = op.message
            return ProjectedChange(channel, shown, registers=keys)
        return ProjectedChange(channel)

    def _join_words(
        self, row: ChannelRow, item: Item, op: Post | Edit | Delete, call: _Call
    ) -> ProjectedChange:
        """Join an operation, and remember which entries have words of a message."""
        _, arrival, _, member, _ = item
        mid = target(op, member)
        if not isinstance(op, Delete):
            stored = self._load(row.number, mid)
            self._keep_wording(row.number, mid, self._keys_from + arrival)
            if stored is not None and isinstance(op, Post):
                self._keep_wording(row.number, mid, stored.entry)
        change = self._join(row, item, op, call)
        if self._is_taken_back(row.number, mid):
            return change._replace(taken_back=(member, op.salt))
        return change

    def _join(
        self, row: ChannelRow, item: Item, op: Post | Edit | Delete, call: _Call
    ) -> ProjectedChange:
        """Any operation on a message, through its whole state."""
        entry, arrival, _, member, mine = item
        channel, mid, key = entry.log.channel, target(op, member), self._keys_from + arrival
        stored = self._load(row.number, mid)
        before = self._load_orphan(row.number, mid) if stored is None else stored.state
        state = apply(before, op, member, Stamp(entry.hlc, entry.id))
        if state is before:
            return ProjectedChange(channel)
        if state.post is None:
            self._save_orphan(row.number, mid, state)
            return ProjectedChange(channel)
        parent = state.post.reply_to
        if stored is None:
            log = self._log(entry.log)
            self._insert_message(row, mid, state, log, Arrival(key, mine, call.me))
            self._added(row, entry, mid, mine=mine, call=call)
            return ProjectedChange(channel, mid, True, None if state.deleted else parent)
        same_post = stored.state.post is not None and stored.state.post.stamp == state.post.stamp
        carrier = stored.entry if same_post else key
        self._update_message(row, mid, stored, state, entry=carrier, me=call.me)
        if stored.state.deleted and carrier == stored.entry:
            return ProjectedChange(channel)
        counts = isinstance(op, Delete) or not same_post
        return ProjectedChange(channel, mid, parent=parent if counts else None)

    def _added(self, row: ChannelRow, entry: Entry, mid: bytes, *, mine: bool, call: _Call) -> None:
        row.messages += 1
        if not self.is_stale:
            follows = entry.id in call.following
            self._judge(row, (entry.hlc, mid), mine=mine, follows=follows, now_ms=call.now_ms)

    def standing(self, channel: bytes, op: AnyOp, member: bytes) -> int:
        """The hybrid clock of the write that a member's operation is to replace.

        Gives 0 when there is none, or when it is not the larger stamp that stands.
        """
        row = self._find_channel(channel)
        if row is None:
            return 0
        if isinstance(op, Edit):
            mid = target(op, member)
            stored = self._load(row.number, mid)
            state = self._load_orphan(row.number, mid) if stored is None else stored.state
            return 0 if state is None or state.edit is None else state.edit.stamp.hlc
        if isinstance(op, React):
            return self._reacted(row.number, op, member)
        return self._standing_register(row, op, member) if isinstance(op, StateOp) else 0

    # Anew -------------------------------------------------------------------------------------

    @property
    def is_stale(self) -> bool:
        """Whether the projection is to be made again, or this is under way."""
        if self._stale is None:
            row = self._database.one(
                "SELECT projection FROM workspace WHERE number = ?", (self._number,)
            )
            self._stale = row is not None and row[0] != PROJECTION_VERSION
        return self._stale

    def clear_projection(self) -> None:
        """Forget all that follows from entries; what was read and what was late stays."""
        self._set_version(0)
        row = self._database.one("SELECT count(*) FROM workspace")
        if row is not None and row[0] == 1:
            self._database.write("INSERT INTO search (search) VALUES ('delete-all')")
        else:
            self._database.write(_CLEAR_WORDS, (self._number,))
        for statement in _CLEARED:
            self._database.write(statement, (self._number,))
        for statement in (
            "DELETE FROM waiting WHERE entry > ? AND entry < ?",
            "DELETE FROM newer WHERE entry > ? AND entry < ?",
        ):
            self._database.write(statement, (self._keys_from, self._keys_to))
        self._database.write("UPDATE channel SET messages = 0 WHERE workspace = ?", (self._number,))
        for channel in self._channels.values():
            channel.messages = 0

    def finish_projection(self) -> None:
        """All entries were read again."""
        self._set_version(PROJECTION_VERSION)

    def _set_version(self, version: int) -> None:
        self._database.write(
            "UPDATE workspace SET projection = ? WHERE number = ?", (version, self._number)
        )
        self._stale = version != PROJECTION_VERSION

    # Counters ---------------------------------------------------------------------------------

    def count_entries(self) -> int:
        """How many entries are here; arrival numbers have no gaps."""
        return self.arrival_max

    def count_messages(self) -> int:
        """How many messages are here, those taken back among them."""
        row = self._database.one(
            "SELECT sum(messages) FROM channel WHERE workspace = ?", (self._number,)
        )
        return 0 if row is None else int(row[0] or 0)


def _following(items: Sequence[Item], followed: int, now_ms: int) -> frozenset[bytes]:
    """Entries ahead of now that only follow: who has heard of a reading from the future goes on
    counting in its very millisecond, until the wall clock is there."""
    ahead = [entry for entry, *_ in items if milliseconds(entry.hlc) - now_ms > CLOCK_BADGE_MS]
    first: dict[int, Entry] = {}
    for entry in sorted(ahead, key=lambda entry: entry.hlc):
        first.setdefault(milliseconds(entry.hlc), entry)
    following: set[bytes] = set()
    for entry in ahead:
        leader = first[milliseconds(entry.hlc)]
        led = leader.hlc < entry.hlc and leader.log.device != entry.log.device
        if led or milliseconds(entry.hlc) <= milliseconds(followed):
            following.add(entry.id)
    return frozenset(following)
