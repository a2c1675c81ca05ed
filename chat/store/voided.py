"""Void entries: kept and passed on like all others, and without effect on what is shown.

Whether an entry stands is decided elsewhere, from the roster (`chat.voiding`), and may change when
somebody accepts it, or when its author is removed. Here is which ones are void, and how what was
read is forgotten when it is void now. A plain post goes by itself, and most of what is late is
that. Else the channel is read once more: it is cleared, all its entries are read, and those that
are void are passed over.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from chat.store.entries import ENTRY_COLUMNS
from chat.store.limits import READ_AT_ONCE_ENTRIES
from chat.store.projection import Projection
from crdt.entry import Entry, LogId
from crdt.ops import PART_TIMELINE

_OF_CHANNEL = " ".join(
    (
        ENTRY_COLUMNS,
        "JOIN log l ON l.number = e.log WHERE l.channel = ? AND e.arrival > ?",
        "ORDER BY e.arrival LIMIT ?",
    )
)
_VOID = " ".join(
    (
        ENTRY_COLUMNS,
        "JOIN voided v ON v.entry = e.arrival JOIN log l ON l.number = e.log",
        "WHERE l.channel = ? ORDER BY e.hlc DESC, e.id DESC LIMIT ?",
    )
)
_STANDS_BEHIND = """WITH fallen AS (SELECT e.arrival, e.hlc, l.device FROM entry e
    JOIN log l ON l.number = e.log WHERE e.arrival IN (SELECT value FROM json_each(?3)))
    SELECT 1 FROM log l CROSS JOIN entry e ON e.log = l.number
    WHERE l.channel = ?1 AND l.part = ?2 AND l.device IN (SELECT device FROM fallen)
    AND e.hlc >= (SELECT min(hlc) FROM fallen) AND e.arrival NOT IN (SELECT arrival FROM fallen)
    AND NOT EXISTS (SELECT 1 FROM voided v WHERE v.entry = e.arrival) LIMIT 1"""
_FORGOTTEN = (
    "DELETE FROM search WHERE rowid IN (SELECT number FROM message WHERE channel = ?)",
    *(
        " ".join(("DELETE FROM", table, "WHERE channel = ?"))
        for table in ("message", "orphan", "reaction", "register", "file", "quarantine", "wording")
    ),
    *(
        " ".join(
            (
                "DELETE FROM",
                table,
                "WHERE entry IN (SELECT e.arrival FROM entry e",
                "JOIN log l ON l.number = e.log WHERE l.channel = ?)",
            )
        )
        for table in ("waiting", "newer", "voided")
    ),
)


class Voided(Projection):
    """Which entries are void."""

    def rosters_of(self, log: LogId) -> list[tuple[bytes, int, int]]:
        """Under which roster heads (their hash) a log was written: (hash, first seq, last seq)."""
        rows = self._database.read(
            "SELECT roster, min(seq), max(seq) FROM entry WHERE log = ? GROUP BY roster",
            (self._find_log(log),),
        )
        return [(self._names.value(roster), first, last) for roster, first, last in rows]

    def entry_id(self, log: LogId, seq: int) -> bytes | None:
        """The id of the entry that is held at a place of a log."""
        row = self._database.one(
            "SELECT id FROM entry WHERE log = ? AND seq = ?", (self._find_log(log), seq)
        )
        return None if row is None else bytes(row[0])

    def mark_void(self, arrivals: Iterable[int]) -> None:
        """The entries with these arrival numbers are void."""
        self._database.write_many(
            "INSERT OR IGNORE INTO voided (entry) VALUES (?)",
            [(self._keys_from + arrival,) for arrival in arrivals],
        )

    def unmark_void(self, log: LogId, seqs: Iterable[int]) -> list[int]:
        """These entries of a log stand again; gives their arrival numbers."""
        arrivals = self.arrivals(log, seqs)
        self._database.write_many(
            "DELETE FROM voided WHERE entry = ?",
            [(self._keys_from + arrival,) for arrival in arrivals],
        )
        return arrivals

    def arrivals(self, log: LogId, seqs: Iterable[int]) -> list[int]:
        """The arrival numbers of the entries that are held at places of a log."""
        number = self._find_log(log)
        rows = (
            self._database.one("SELECT arrival FROM entry WHERE log = ? AND seq = ?", (number, seq))
            for seq in seqs
        )
        return [int(row[0]) - self._keys_from for row in rows if row is not None]

    def void_seqs(self, log: LogId) -> set[int]:
        """Where a log has entries that are marked as void."""
        rows = self._database.read(
            "SELECT e.seq FROM voided v JOIN entry e ON e.arrival = v.entry WHERE e.log = ?",
            (self._find_log(log),),
        )
        return {int(seq) for (seq,) in rows}

    def void_entries(self, channel: bytes, limit: int) -> list[tuple[int, Entry]]:
        """The newest void entries of a channel as (arrival number, entry), newest first."""
        row = self._find_channel(channel)
        if row is None:
            return []
        return list(self._arrived(self._database.read(_VOID, (row.number, limit))))

    def count_void(self) -> dict[bytes, int]:
        """How many entries of each device are void."""
        rows = self._database.read(
            "SELECT d.value, count(*) FROM voided v JOIN entry e ON e.arrival = v.entry"
            " JOIN log l ON l.number = e.log JOIN name d ON d.number = l.device"
            " WHERE v.entry > ? AND v.entry < ? GROUP BY d.value",
            (self._keys_from, self._keys_to),
        )
        return {bytes(device): int(count) for device, count in rows}

    def drop_plain(self, channel: bytes, posts: Mapping[int, bytes]) -> bool:
        """Forget the messages that these entries alone made: plain posts, that nobody edited.

        Takes message ids by arrival number; False, and nothing is done, when one is no such, or
        when the same devices wrote something later that stands: it may post the same once more.
        """
        row, numbers = self._channel(channel), []
        listed = json.dumps([self._keys_from + arrival for arrival in posts])
        if self._database.one(_STANDS_BEHIND, (row.number, PART_TIMELINE, listed)) is not None:
            return False
        for arrival, mid in posts.items():
            found = self._database.one(
                "SELECT number FROM message"
                " WHERE mid = ? AND channel = ? AND entry = ? AND state IS NULL",
                (mid, row.number, self._keys_from + arrival),
            )
            if found is None:
                return False
            numbers.append(found)
        self._database.write_many("DELETE FROM search WHERE rowid = ?", numbers)
        self._database.write_many("DELETE FROM message WHERE number = ?", numbers)
        row.messages -= len(numbers)
        self._write_channel(row)
        return True

    def entries_of(
        self, channel: bytes, after: int, limit: int = READ_AT_ONCE_ENTRIES
    ) -> list[tuple[int, Entry]]:
        """At most `limit` entries of a channel behind an arrival number, in order of arrival."""
        row = self._find_channel(channel)
        if row is None:
            return []
        values = (row.number, self._keys_from + after, limit)
        return list(self._arrived(self._database.read(_OF_CHANNEL, values)))

    @contextmanager
    def made_anew(self, channel: bytes) -> Iterator[None]:
        """Forget what follows from a channel's entries; the caller reads them all in here.

        What was read by the user stays read, and what came late stays late.
        """
        row, before = self._channel(channel), self._stale
        for statement in _FORGOTTEN:
            self._database.write(statement, (row.number,))
        row.messages = 0
        self._write_channel(row)
        self._stale = True
        try:
            yield
        finally:
            self._stale = before
