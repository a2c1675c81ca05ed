"""Entries: the only part of the store that cannot be made again.

A log grows at its head by `append` and at its low end by `prepend`, and stays one contiguous
range. Every entry gets the next arrival number of its workspace, from 1 and without gaps, which
is what peers' cursors count. Both assert their conditions: verifying is the caller's work.

An entry's row leaves out what follows from the rest: `prev` is the id of the entry before (the
log keeps it for the lowest), the digest of a ciphertext follows from it while it is there, and
listed roster heads stand in `head_set` under their hash, once for all entries.
"""

import heapq
from collections.abc import Iterator, Sequence

import msgspec

from chat.store.database import Database, Row, Values
from chat.store.logs import Logs, LogState
from chat.store.names import Names
from crdt.entry import Entry, LogId
from crdt.keys import digest

CURSOR_ID_BYTES = 8


_INSERT = """INSERT INTO entry (arrival, log, seq, hlc, epoch, roster, lists_heads, nonce, id,
    signature, ciphertext, ct_hash, ct_len) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_OF_LOG = """SELECT arrival, log, seq, hlc, epoch, roster, lists_heads, nonce, id,
    signature, ciphertext, ct_hash, ct_len FROM entry
    WHERE log = ? AND seq BETWEEN ? AND ? ORDER BY seq"""
ENTRY_COLUMNS = """SELECT e.arrival, e.log, e.seq, e.hlc, e.epoch, e.roster, e.lists_heads,
    e.nonce, e.id, e.signature, e.ciphertext, e.ct_hash, e.ct_len, p.id
    FROM entry e LEFT JOIN entry p ON p.log = e.log AND p.seq = e.seq - 1"""
"""The beginning of a query for whole entries, as `_arrived` takes its rows."""
_BY_ARRIVAL = " ".join(
    (ENTRY_COLUMNS, "WHERE e.arrival > ? AND e.arrival <= ? ORDER BY e.arrival LIMIT ?")
)


class Entries(Logs):
    """Entries in, entries out."""

    def __init__(self, database: Database, names: Names, workspace: bytes) -> None:
        super().__init__(database, names, workspace)
        self._arrival_max: int | None = None

    def forget(self) -> None:
        super().forget()
        self._arrival_max = None

    # Entries in -------------------------------------------------------------------------------

    @property
    def arrival_max(self) -> int:
        """The newest arrival number, 0 when there is none."""
        if self._arrival_max is None:
            row = self._database.one(
                "SELECT arrival FROM entry WHERE arrival > ? AND arrival < ?"
                " ORDER BY arrival DESC LIMIT 1",
                (self._keys_from, self._keys_to),
            )
            self._arrival_max = 0 if row is None else int(row[0]) - self._keys_from
        return self._arrival_max

    def append(self, entries: Sequence[Entry]) -> int:
        """Add consecutive verified entries after a log's head, or as the beginning of a new log.

        Gives the first one's arrival number.
        """
        first, last = entries[0], entries[-1]
        state = self.log_state(first.log)
        low, low_prev, forgotten = first.seq, first.prev, 0
        if state is not None:
            assert (first.seq, first.prev) == (state.head + 1, state.head_id), "not at the head"
            low, low_prev, forgotten = state.low, state.low_prev, state.forgotten
        arrival = self._insert(entries)
        newest = arrival + len(entries) - 1
        self._keep_state(
            LogState(
                first.log,
                low,
                last.seq,
                last.id,
                low_prev,
                last.roster,
                last.hlc,
                newest,
                forgotten,
            )
        )
        self._database.write(
            "UPDATE log SET low = ?, low_prev = ?, head = ?, head_id = ?, head_roster = ?,"
            " head_hlc = ?, last_arrival = ? WHERE number = ?",
            (
                low,
                low_prev,
                last.seq,
                last.id,
                self._names.number(last.roster),
                last.hlc,
                newest,
                self._log_numbers[first.log],
            ),
        )
        return arrival

    def prepend(self, entries: Sequence[Entry]) -> int:
        """Add consecutive verified entries that end right below a log's low end.

        Gives the first one's arrival number.
        """
        first, last = entries[0], entries[-1]
        state = self.log_state(first.log)
        assert state is not None, "nothing is held above"
        assert (last.seq, last.id) == (state.low - 1, state.low_prev), "not at the low end"
        arrival = self._insert(entries)
        newest = arrival + len(entries) - 1
        replace = msgspec.structs.replace
        self._keep_state(replace(state, low=first.seq, low_prev=first.prev, last_arrival=newest))
        self._database.write(
            "UPDATE log SET low = ?, low_prev = ?, last_arrival = ? WHERE number = ?",
            (first.seq, first.prev, newest, self._log_numbers[first.log]),
        )
        return arrival

    def _insert(self, entries: Sequence[Entry]) -> int:
        arrival = self.arrival_max + 1
        log, number = entries[0].log, self._log(entries[0].log)
        rows: list[Values] = []
        before: Entry | None = None
        for key, entry in enumerate(entries, self._keys_from + arrival):
            assert before is None or (entry.seq, entry.prev, entry.log) == (
                before.seq + 1,
                before.id,
                log,
            ), "entries are not consecutive"
            if entry.heads:
                self.remember_head_set(entry.roster, entry.heads)
            rows.append(self._row(key, number, entry))
            before = entry
        self._database.write_many(_INSERT, rows)
        self._arrival_max = arrival + len(entries) - 1
        return arrival

    def _row(self, key: int, log: int, entry: Entry) -> Values:
        erased = entry.ciphertext is None
        return (
            key,
            log,
            entry.seq,
            entry.hlc,
            self._names.number(entry.epoch),
            self._names.number(entry.roster),
            1 if entry.heads else 0,
            entry.nonce,
            entry.id,
            entry.signature or None,
            entry.ciphertext,
            entry.ct_hash if erased else None,
            entry.ct_len if erased else None,
        )

    def erase(self, log: LogId, seqs: Sequence[int]) -> int:
        """Drop the ciphertexts of entries; headers stay, so the chain still verifies.

        Gives how many there were to drop.
        """
        number, dropped = self._find_log(log), 0
        for seq in seqs:
            row = self._database.one(
                "SELECT ciphertext FROM entry WHERE log = ? AND seq = ?", (number, seq)
            )
            if row is not None and row[0] is not None:
                dropped += self._database.write(
                    "UPDATE entry SET ciphertext = NULL, ct_hash = ?, ct_len = ?"
                    " WHERE log = ? AND seq = ?",
                    (digest(b"x1.ct", row[0]), len(row[0]), number, seq),
                )
        return dropped

    # Entries out ------------------------------------------------------------------------------

    def entries(self, log: LogId, first: int, last: int) -> list[Entry]:
        """The entries held of a log from seq `first` to seq `last`, both included."""
        state = self.log_state(log)
        if state is None:
            return []
        first, last = max(first, state.low), min(last, state.head)
        if first > last:
            return []
        number = self._log_numbers[log]
        prev = state.low_prev
        if first > state.low:
            row = self._database.one(
                "SELECT id FROM entry WHERE log = ? AND seq = ?", (number, first - 1)
            )
            if row is None:
                raise self._database.damaged()
            prev = row[0]
        found: list[Entry] = []
        for row in self._database.read(_OF_LOG, (number, first, last)):
            entry = self._entry(row, log, prev)
            found.append(entry)
            prev = entry.id
        if len(found) != last - first + 1:
            raise self._database.damaged()
        return found

    def since(self, arrival: int, limit: int) -> list[tuple[int, Entry]]:
        """At most `limit` (arrival number, entry) pairs after an arrival number, in order."""
        rows = self._database.read(_BY_ARRIVAL, (self._keys_from + arrival, self._keys_to, limit))
        return list(self._arrived(rows))

    def entry_at(self, arrival: int) -> Entry | None:
        """The entry with an arrival number."""
        found = self.since(arrival - 1, 1)
        return found[0][1] if found and found[0][0] == arrival else None

    def entry_by_id(self, entry_id: bytes) -> Entry | None:
        """The entry with an id. Looks through all, the newest first: for evidence, not for paths
        that matter."""
        row = self._database.one(
            "SELECT arrival FROM entry WHERE id = ? AND arrival > ? AND arrival < ?"
            " ORDER BY arrival DESC LIMIT 1",
            (entry_id, self._keys_from, self._keys_to),
        )
        return None if row is None else self.entry_at(int(row[0]) - self._keys_from)

    def id_at(self, arrival: int) -> bytes | None:
        """The first 8 bytes of the id of the entry with an arrival number."""
        row = self._database.one(
            "SELECT id FROM entry WHERE arrival = ?", (self._keys_from + arrival,)
        )
        return None if row is None or arrival < 1 else bytes(row[0][:CURSOR_ID_BYTES])

    def _arrived(self, rows: Sequence[Row]) -> Iterator[tuple[int, Entry]]:
        for row in rows:
            log = self._log_id(row[1])
            prev = row[13]
            if prev is None:
                state = self.log_state(log)
                if state is None or state.low != row[2]:
                    raise self._database.damaged()
                prev = state.low_prev
            yield row[0] - self._keys_from, self._entry(row, log, prev)

    def _entry(self, row: Row, log: LogId, prev: bytes) -> Entry:
        (_, _, seq, hlc, epoch, roster, listed, nonce, entry_id, signature, sealed) = row[:11]
        ct_hash, ct_len = row[11], row[12]
        if sealed is not None:
            ct_hash, ct_len = digest(b"x1.ct", sealed), len(sealed)
        roster_hash = self._names.value(roster)
        heads: tuple[bytes, ...] = ()
        if listed:
            known = self.head_set(roster_hash)
            if known is None:
                raise self._database.damaged()
            heads = known
        return Entry(
            log,
            seq,
            entry_id,
            prev,
            hlc,
            roster_hash,
            self._names.value(epoch),
            nonce,
            heads,
            sealed,
            ct_hash,
            ct_len,
            signature or b"",
        )

    def newest(
        self, channel: bytes, part: int, before_hlc: int | None, limit: int
    ) -> dict[LogId, tuple[int, int]]:
        """Where the newest entries of a channel's part stand: (first seq, last seq) by log.

        They are at most `limit` in all, by hybrid clock, older than `before_hlc` when that is
        given. Each range ends where the log does, or right below `before_hlc`.
        """
        upcoming: list[tuple[int, int, int, LogId]] = []
        lasts: dict[LogId, int] = {}
        for log, state in self._held().get(channel, {}).items():
            if log.part != part:
                continue
            number, last, hlc = self._log_numbers[log], state.head, state.head_hlc
            if before_hlc is not None:
                last = self._last_before(state, number, before_hlc)
                if last < state.first_kept:
                    continue
                hlc = self._hlc(number, last)
            lasts[log] = last
            upcoming.append((-hlc, number, last, log))
        heapq.heapify(upcoming)
        ranges: dict[LogId, tuple[int, int]] = {}
        while upcoming and limit > 0:
            _, number, seq, log = heapq.heappop(upcoming)
            ranges[log] = (seq, lasts[log])
            limit -= 1
            if seq > self._held()[channel][log].first_kept:
                following = (-self._hlc(number, seq - 1), number, seq - 1, log)
                heapq.heappush(upcoming, following)
        return ranges

    def _hlc(self, number: int, seq: int) -> int:
        row = self._database.one("SELECT hlc FROM entry WHERE log = ? AND seq = ?", (number, seq))
        if row is None:
            raise self._database.damaged()
        return int(row[0])

    def _last_before(self, state: LogState, number: int, before_hlc: int) -> int:
        """The last seq of a log older than a reading, below `low` when there is none.

        Honest clocks rise along a log. In a dishonest one this finds some such place.
        """
        low, high = state.low - 1, state.head
        while low < high:
            middle = (low + high + 1) // 2
            if self._hlc(number, middle) < before_hlc:
                low = middle
            else:
                high = middle - 1
        return low
