"""Messages as they are read: single ones, pages in either direction, threads, pins, search.

A page is found first, in indexes alone and channel by channel, as places in the timeline; only
the messages on it are then loaded. So the newest page costs the same whatever lies behind it.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from chat.store import words
from chat.store.database import Row
from chat.store.limits import FOUND_BY_PREFIX_MAX, REACTIONS_SHOWN_MAX
from chat.store.states import States, shown_files
from chat.store.unread import Place
from crdt.clock import milliseconds
from crdt.entry import LogId
from crdt.errors import Invalid
from crdt.limits import EMOJI_MAX_CHARS, ID_BYTES
from crdt.ops import FileInfo
from crdt.registers import Hidden, hidden_by
from crdt.text import clean_line
from crdt.timeline import MessageState

ID_DIGITS = 2 * ID_BYTES
_Values = tuple[int | bytes, ...]

_ROW = """SELECT m.channel, m.mid, m.member, m.hlc, m.text, m.reply_to, m.deleted, m.mine, m.state,
    e.log, e.seq, m.salt, u.late, u.ahead_ms,
    (SELECT count(*) FROM message r
        WHERE r.channel = m.channel AND r.reply_to = m.mid AND NOT r.deleted),
    EXISTS (SELECT 1 FROM register p WHERE p.channel = m.channel
        AND p.key = 'pin/' || lower(hex(m.mid)) AND p.value != ''),
    (SELECT h.value FROM register h WHERE h.channel = m.channel
        AND h.key = 'hide/' || lower(hex(m.mid)))
    FROM message m JOIN entry e ON e.arrival = m.entry
    LEFT JOIN untimely u ON u.channel = m.channel AND u.mid = m.mid"""
_ROW_AT = " ".join((_ROW, "WHERE m.number = ?"))
_ROW_OF = " ".join((_ROW, "WHERE m.mid = ? AND m.channel = ?"))
_PLACE = "SELECT m.hlc, m.mid, m.number FROM"
_ALL = "message m WHERE m.channel = ?"
_ROOT = "message m WHERE m.channel = ? AND m.mid = ?"
_REPLIES = "message m WHERE m.channel = ? AND m.reply_to = ?"
# A cross join is one whose order the planner leaves alone: pins are few, messages are not.
_PINNED = """register p
    CROSS JOIN message m ON m.mid = unhex(substr(p.key, 5)) AND m.channel = p.channel
    WHERE p.channel = ? AND p.key >= 'pin/' AND p.key < 'pin0' AND p.value != ''
    AND NOT m.deleted"""
_SEARCH = """SELECT m.number FROM search s JOIN message m ON m.number = s.rowid
    WHERE search MATCH ? AND m.channel IN
        (SELECT number FROM channel WHERE workspace = ? AND (?3 IS NULL OR number = ?3))
    ORDER BY s.rowid DESC LIMIT ?"""


class MessageRow(NamedTuple):
    """A message as it stands now; every string in it is clean.

    Attributes:
        hlc: the hybrid clock of its post; (hlc, mid) is its place in the timeline.
        text: empty when it was taken back, as are `reactions`, `files` and `mentions`.
        reactions: members by emoji, both sorted.
        log, seq: where the entry of its post stands.
        salt: what makes its id, with the member's.
        ahead_ms: how far its author's clock ran ahead when it came in, 0 when it did not.
        at_ms: when it was written, or came in when it claims to be from later than that.
        mine: this member wrote it.
        replies: how many there are that were not taken back.
        late: it merged in minutes above what was already read.
        hidden: which admin hid it, and why; never of one that was taken back.
    """

    mid: bytes
    channel: bytes
    member: bytes
    hlc: int
    text: str
    reply_to: bytes | None
    edited: bool
    deleted: bool
    reactions: dict[str, list[bytes]]
    files: tuple[FileInfo, ...]
    log: LogId
    seq: int
    salt: bytes
    ahead_ms: int
    at_ms: int
    mine: bool
    mentions: tuple[bytes, ...]
    replies: int
    pinned: bool
    late: bool
    hidden: Hidden | None = None


class Found(NamedTuple):
    """A message that a search found; the snippet marks its words as `chat.store.words` says."""

    row: MessageRow
    snippet: str


class Rows(States):
    """Reads messages."""

    def message(self, mid: bytes) -> MessageRow | None:
        """A message by id."""
        return self.message_row(None, mid)

    def message_row(self, channel: bytes | None, mid: bytes) -> MessageRow | None:
        """A message of one channel, or of whichever it is in."""
        for number in self._numbers(channel):
            row = self._database.one(_ROW_OF, (mid, number))
            if row is not None:
                return self._message_row(row)
        return None

    def messages(
        self,
        channel: bytes | None = None,
        *,
        limit: int,
        before: Place | None = None,
        after: Place | None = None,
        thread: bytes | None = None,
        pinned: bool = False,
    ) -> list[MessageRow]:
        """The newest `limit` messages, oldest first, of one channel or of all.

        Args:
            before, after: places, both exclusive; with `after` it is the oldest `limit` after it.
            thread: a message: it and its replies only.
            pinned: pinned messages only.
        """
        found: dict[int, Place] = {}
        for number in self._numbers(channel):
            sources: list[tuple[str, _Values]] = [(_PINNED if pinned else _ALL, (number,))]
            if thread is not None and not pinned:
                sources = [(_ROOT, (number, thread)), (_REPLIES, (number, thread))]
            elif thread is not None:
                in_thread = " ".join((_PINNED, "AND ? IN (m.mid, m.reply_to)"))
                sources = [(in_thread, (number, thread))]
            for source, values in sources:
                found |= self._places(source, values, limit, before, after)
        order = sorted(found, key=found.__getitem__)
        page = order[:limit] if after is not None else order[max(0, len(order) - limit) :]
        return [self._load_row(number) for number in page]

    def _places(
        self,
        source: str,
        values: _Values,
        limit: int,
        before: Place | None,
        after: Place | None,
    ) -> dict[int, Place]:
        parts = [_PLACE, source]
        if before is not None:
            parts.append("AND (m.hlc, m.mid) < (?, ?)")
            values = (*values, *before)
        if after is not None:
            parts.append("AND (m.hlc, m.mid) > (?, ?) ORDER BY m.hlc, m.mid LIMIT ?")
            values = (*values, *after)
        else:
            parts.append("ORDER BY m.hlc DESC, m.mid DESC LIMIT ?")
        rows = self._database.read(" ".join(parts), (*values, max(0, limit)))
        return {number: (hlc, mid) for hlc, mid, number in rows}

    def _numbers(self, channel: bytes | None) -> list[int]:
        if channel is None:
            return self._channel_numbers()
        row = self._find_channel(channel)
        return [] if row is None else [row.number]

    def oldest_of(self, channel: bytes, mids: Sequence[bytes]) -> int | None:
        """The hybrid clock of the oldest of these messages of a channel, None when none is here."""
        row = self._find_channel(channel)
        if row is None:
            return None
        found = self._database.one(
            # One by one: a minimum of the channel's index is sought from the channel's beginning.
            "SELECT min(m.hlc) FROM json_each(?) j"
            " CROSS JOIN message m ON m.mid = unhex(j.value) AND m.channel = ?",
            (json.dumps([mid.hex() for mid in mids]), row.number),
        )
        return None if found is None or found[0] is None else int(found[0])

    def own_among_newest(self, channel: bytes, count: int) -> list[bytes]:
        """This member's messages among the newest `count` of a channel."""
        row = self._find_channel(channel)
        if row is None:
            return []
        found = self._database.read(
            "SELECT mid FROM (SELECT mid, mine FROM message WHERE channel = ?"
            " ORDER BY hlc DESC, mid DESC LIMIT ?) WHERE mine",
            (row.number, count),
        )
        return [mid for (mid,) in found]

    def find_message(self, hex_prefix: str) -> list[bytes]:
        """Some ids that begin with these digits; two when that is ambiguous."""
        digits = hex_prefix.lower()
        if len(digits) > ID_DIGITS or any(c not in "0123456789abcdef" for c in digits):
            return []
        rows = self._database.read(
            "SELECT DISTINCT mid FROM message WHERE mid BETWEEN ? AND ?"
            " AND +channel IN (SELECT number FROM channel WHERE workspace = ?) LIMIT ?",
            (
                bytes.fromhex(digits.ljust(ID_DIGITS, "0")),
                bytes.fromhex(digits.ljust(ID_DIGITS, "f")),
                self._number,
                FOUND_BY_PREFIX_MAX,
            ),
        )
        return [mid for (mid,) in rows]

    def search(self, query: str, channel: bytes | None = None, limit: int = 50) -> list[Found]:
        """The newest messages with all words of a query, newest first.

        Text, file names and alternative texts are searched. A query is never syntax.
        """
        wanted = words.query_words(query)
        numbers = self._numbers(channel)
        if not wanted or not numbers:
            return []
        only = None if channel is None else numbers[0]
        rows = self._database.read(
            _SEARCH, (words.match_expression(wanted), self._number, only, max(0, limit))
        )
        found = [self._load_row(number) for (number,) in rows]
        found.sort(key=lambda row: (row.hlc, row.mid), reverse=True)
        return [
            Found(row, words.snippet(words.searched(row.text, row.files), wanted)) for row in found
        ]

    def _load_row(self, number: int) -> MessageRow:
        row = self._database.one(_ROW_AT, (number,))
        if row is None:
            raise self._database.damaged()
        return self._message_row(row)

    def _message_row(self, row: Row) -> MessageRow:
        channel, mid, member, hlc, text, reply_to, deleted, mine, blob, log, seq = row[:11]
        salt, late, ahead_ms, replies, pinned, hidden = row[11:]
        state = MessageState() if blob is None else self._decode(blob)
        return MessageRow(
            mid=mid,
            channel=self._channel_id(channel),
            member=self._names.value(member),
            hlc=hlc,
            text=text,
            reply_to=reply_to,
            edited=state.edit is not None and not deleted,
            deleted=bool(deleted),
            reactions={} if deleted else self._reactions(channel, mid),
            files=shown_files(state),
            log=self._log_id(log),
            seq=seq,
            salt=salt,
            ahead_ms=max(0, ahead_ms or 0),
            at_ms=milliseconds(hlc) - abs(ahead_ms or 0),
            mine=bool(mine),
            mentions=state.mentions,
            replies=replies,
            pinned=bool(pinned) and not deleted,
            late=bool(late),
            hidden=None if deleted else self._hidden(hidden or ""),
        )

    def _hidden(self, value: str) -> Hidden | None:
        try:
            return hidden_by(value)
        except Invalid:
            raise self._database.damaged() from None

    def _reactions(self, channel: int, mid: bytes) -> dict[str, list[bytes]]:
        rows = self._database.read(
            "SELECT emoji, member FROM reaction WHERE channel = ? AND mid = ? AND shown LIMIT ?",
            (channel, mid, REACTIONS_SHOWN_MAX),
        )
        members: dict[str, set[bytes]] = {}
        for emoji, member in rows:
            # Rows keep what was sent, so that joins agree everywhere; what is shown is clean.
            shown = clean_line(emoji, EMOJI_MAX_CHARS)
            if shown:
                members.setdefault(shown, set()).add(self._names.value(member))
        return {emoji: sorted(members[emoji]) for emoji in sorted(members)}
