"""What is read: a marker for each channel, and the messages that came in out of time.

Everything up to the marker is read. It rises by `mark_read` and by this member's own posts, and
never falls. A message that merges in above it (its author was cut off for a while) was not seen
by anybody: such a one stands in `untimely` as unread until a later `mark_read` passes it, and is
called late when it is minutes above. What is older than the channel is here is history, and not
untimely. A message that is ahead of now stands there, too, with the distance: positive when its
author's clock ran ahead, negative when that clock only followed another's, and for own messages.

All this is judged once, when a message comes in, and cannot be found out again from entries. So
it is kept apart from the projection, and projecting anew does not judge anew.
"""

import json
from collections.abc import Collection

from chat.store.limits import LATE_AFTER_MS, UNREAD_COUNTED_MAX
from chat.store.tables import ChannelRow, Tables
from crdt.clock import milliseconds
from crdt.limits import CLOCK_BADGE_MS

_BELOW = """SELECT count(*) FROM (SELECT 1 FROM message
    WHERE channel = ?1 AND (hlc, mid) > (?2, ?3) AND counted"""
_AT_MOST = " LIMIT ?4)"

Place = tuple[int, bytes]
"""Where a message stands in the timeline: (hlc, message id)."""


class Unread(Tables):
    """Markers and counts."""

    def unread(self, channel: bytes, ignored: Collection[bytes] = frozenset()) -> tuple[int, int]:
        """How many messages of others are unread, and how many of these mention this member.

        Those of `ignored` members do not count. Counting stops at `UNREAD_COUNTED_MAX`.
        """
        row = self._find_channel(channel)
        if row is None:
            return 0, 0
        numbers = (self._names.find(member) for member in ignored)
        unheard = json.dumps([number for number in numbers if number is not None])
        # Nobody is ignored by most, and then an index alone has all that is counted.
        heard = " AND member NOT IN (SELECT value FROM json_each(?5))" if ignored else ""
        marker = (row.number, row.read_hlc, row.read_message, UNREAD_COUNTED_MAX)
        values = (*marker, unheard) if ignored else marker
        below = self._count("".join((_BELOW, heard, _AT_MOST)), values)
        mentions = self._count("".join((_BELOW, " AND mentions_me", heard, _AT_MOST)), values)
        untimely = self._database.read(
            "SELECT m.mentions_me FROM untimely u INDEXED BY untimely_unread"
            " CROSS JOIN message m ON m.mid = u.mid AND m.channel = u.channel"
            " WHERE u.channel = ? AND u.unread AND m.counted"
            " AND m.member NOT IN (SELECT value FROM json_each(?)) LIMIT ?",
            (row.number, unheard, UNREAD_COUNTED_MAX),
        )
        mentions += sum(mentioned for (mentioned,) in untimely)
        return (
            min(below + len(untimely), UNREAD_COUNTED_MAX),
            min(mentions, UNREAD_COUNTED_MAX),
        )

    def channel_last(self, channel: bytes) -> int:
        """The hybrid clock of a channel's newest message, 0 when it has none."""
        row = self._find_channel(channel)
        newest = None if row is None else self._newest_place(row)
        return 0 if newest is None else newest[0]

    def mark_read(self, channel: bytes, message: bytes | None = None) -> None:
        """Everything up to a message is read, up to the newest when none is given.

        The marker never falls; a message that is not here changes nothing.
        """
        row = self._find_channel(channel)
        if row is None:
            return
        place = self._newest_place(row) if message is None else self._place(row, message)
        if place is None:
            return
        self._read_up_to(row, place)
        self._write_channel(row)

    def _read_up_to(self, row: ChannelRow, place: Place) -> None:
        """Raise the marker in memory, and pass what was untimely; the caller writes the row."""
        row.read_hlc, row.read_message = max(place, (row.read_hlc, row.read_message))
        passed = (row.number, *place)
        self._database.write(
            "DELETE FROM untimely WHERE channel = ? AND unread AND (hlc, mid) <= (?, ?)"
            " AND NOT late AND NOT ahead_ms",
            passed,
        )
        self._database.write(
            "UPDATE untimely SET unread = 0 WHERE channel = ? AND unread AND (hlc, mid) <= (?, ?)",
            passed,
        )

    def _judge(
        self, row: ChannelRow, place: Place, *, mine: bool, follows: bool, now_ms: int
    ) -> None:
        """A message came in at this place; `follows` when its author's clock is not to blame."""
        hlc, mid = place
        marker = (row.read_hlc, row.read_message)
        written_ms = milliseconds(hlc)
        ahead_ms = written_ms - now_ms if written_ms - now_ms > CLOCK_BADGE_MS else 0
        if mine or follows:
            ahead_ms = -ahead_ms
        unread = not mine and place <= marker and written_ms >= row.first_ms
        # Beside a marker on a message of the future, those of today are not late.
        read_ms = min(milliseconds(row.read_hlc), now_ms)
        late = unread and read_ms - written_ms > LATE_AFTER_MS
        if mine and place > marker:
            self._read_up_to(row, place)
        if unread or ahead_ms:
            self._database.write(
                "INSERT OR REPLACE INTO untimely (channel, mid, hlc, late, unread, ahead_ms)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (row.number, mid, hlc, late, unread, ahead_ms),
            )

    def _newest_place(self, row: ChannelRow) -> Place | None:
        return self._database.one(
            "SELECT hlc, mid FROM message WHERE channel = ? ORDER BY hlc DESC, mid DESC LIMIT 1",
            (row.number,),
        )

    def _place(self, row: ChannelRow, message: bytes) -> Place | None:
        return self._database.one(
            "SELECT hlc, mid FROM message WHERE mid = ? AND channel = ?", (message, row.number)
        )

    def _count(self, sql: str, values: tuple[int | str | bytes | None, ...]) -> int:
        row = self._database.one(sql, values)
        return 0 if row is None else int(row[0])
