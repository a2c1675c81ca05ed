"""Entries that are kept and not shown: without their key, of a newer program, or broken.

They are replicated like all others. Those without a key wait for it, in the order they came.
Notes stand here as well, because another part replays them: the store only hands them out.
"""

from chat.store.database import Database
from chat.store.entries import ENTRY_COLUMNS, Entries
from chat.store.limits import READ_AT_ONCE_ENTRIES, REASON_MAX_CHARS
from chat.store.names import Names
from crdt.entry import Entry
from crdt.ops import PART_NOTES
from crdt.text import clean_line

_WAITING = " ".join(
    (
        ENTRY_COLUMNS,
        "JOIN waiting w ON w.entry = e.arrival",
        "WHERE w.epoch = ? AND w.entry > ? AND w.entry < ? ORDER BY w.entry LIMIT ?",
    )
)
_NOTES = " ".join(
    (
        ENTRY_COLUMNS,
        "JOIN log l ON l.number = e.log WHERE l.channel = ? AND l.part = ? AND e.arrival > ?",
        "AND NOT EXISTS (SELECT 1 FROM voided v WHERE v.entry = e.arrival) ORDER BY e.arrival",
    )
)


class Aside(Entries):
    """Waiting, newer and broken entries, and those of notes."""

    def __init__(self, database: Database, names: Names, workspace: bytes) -> None:
        super().__init__(database, names, workspace)
        self._newest: dict[bytes, tuple[int, int]] = {}
        """By epoch: the last row of `waiting` that was looked at, and the highest clock so far."""

    def forget(self) -> None:
        super().forget()
        self._newest.clear()

    def mark_waiting(self, arrival: int, epoch: bytes) -> None:
        """The entry with this arrival number waits for the key of an epoch."""
        self._database.write(
            "INSERT OR REPLACE INTO waiting (entry, epoch) VALUES (?, ?)",
            (self._keys_from + arrival, self._names.number(epoch)),
        )

    def waiting(
        self, epoch: bytes, after: int = 0, limit: int = READ_AT_ONCE_ENTRIES
    ) -> list[tuple[int, Entry]]:
        """At most `limit` (arrival number, entry) pairs that wait for an epoch, in order."""
        rows = self._database.read(
            _WAITING, (self._names.find(epoch), self._keys_from + after, self._keys_to, limit)
        )
        return list(self._arrived(rows))

    def clear_waiting(self, epoch: bytes, through: int | None = None) -> None:
        """What waits for an epoch, up to the arrival number `through`, waits no longer."""
        last = self._keys_to if through is None else self._keys_from + through
        self._database.write(
            "DELETE FROM waiting WHERE epoch = ? AND entry > ? AND entry <= ?",
            (self._names.find(epoch), self._keys_from, last),
        )

    def waiting_epochs(self) -> list[bytes]:
        """The epochs that entries wait for."""
        rows = self._database.read(
            "SELECT DISTINCT epoch FROM waiting WHERE entry > ? AND entry < ?",
            (self._keys_from, self._keys_to),
        )
        return sorted(self._names.value(epoch) for (epoch,) in rows)

    def newest_waiting(self, epoch: bytes) -> int:
        """The highest hybrid clock of all that waited for an epoch since this store was opened.

        Each call looks at what came since the last one: there may be a channel's whole past, and
        this is asked whenever the channel changes. What is forgotten meanwhile leaves it as it was.
        """
        seen, highest = self._newest.get(epoch, (self._keys_from, 0))
        last, newest = self._database.read(
            "SELECT max(w.entry), max(e.hlc) FROM waiting w JOIN entry e ON e.arrival = w.entry"
            " WHERE w.epoch = ? AND w.entry > ? AND w.entry < ?",
            (self._names.find(epoch), seen, self._keys_to),
        )[0]
        if last is not None:
            highest = max(highest, newest)
            self._newest[epoch] = (last, highest)
        return highest

    def count_waiting(self, epoch: bytes | None = None) -> int:
        """How many entries wait for a key, or for that of one epoch."""
        span = self._keys_from, self._keys_to
        every = "SELECT count(*) FROM waiting WHERE entry > ? AND entry < ?"
        if epoch is None:
            row = self._database.one(every, span)
        else:
            row = self._database.one(f"{every} AND epoch = ?", (*span, self._names.find(epoch)))
        return 0 if row is None else int(row[0])

    def mark_newer(self, arrival: int, part: int) -> None:
        """The entry with this arrival number says something that this program does not know."""
        self._database.write(
            "INSERT OR REPLACE INTO newer (entry, part) VALUES (?, ?)",
            (self._keys_from + arrival, part),
        )

    def count_newer(self) -> int:
        """How many entries need a newer program."""
        row = self._database.one(
            "SELECT count(*) FROM newer WHERE entry > ? AND entry < ?",
            (self._keys_from, self._keys_to),
        )
        return 0 if row is None else int(row[0])

    def quarantine(self, channel: bytes, entry_id: bytes, reason: str) -> None:
        """Set an entry aside that opens to nonsense; the first reason stays."""
        self._database.write(
            "INSERT OR IGNORE INTO quarantine (channel, id, reason) VALUES (?, ?, ?)",
            (self._channel(channel).number, entry_id, clean_line(reason, REASON_MAX_CHARS)),
        )

    def quarantined(self, channel: bytes) -> dict[bytes, str]:
        """The entries of a channel that were set aside, and why."""
        row = self._find_channel(channel)
        if row is None:
            return {}
        rows = self._database.read(
            "SELECT id, reason FROM quarantine WHERE channel = ? ORDER BY id", (row.number,)
        )
        return dict(rows)

    def note_entries(self, channel: bytes, after: int = 0) -> list[tuple[int, Entry]]:
        """The entries of a channel's notes as (arrival number, entry), in order of arrival.

        All that are not void, or those that arrived after an arrival number.
        """
        row = self._find_channel(channel)
        if row is None:
            return []
        values = (row.number, PART_NOTES, self._keys_from + after)
        return list(self._arrived(self._database.read(_NOTES, values)))
