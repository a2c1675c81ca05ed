"""What is known of other stores: how far they were read, what they hold, where they were met."""

from typing import NamedTuple

from chat.store.database import Database
from chat.store.limits import (
    ADDRESSES_MAX,
    CURSORS_MAX,
    RECEIPTS_CACHED_LOGS,
    TOUCHED_BY_ENTRIES_MAX,
)
from chat.store.logs import Logs, LogState
from chat.store.names import Names
from crdt.entry import LogId


class Address(NamedTuple):
    """Where a peer was met, and which device answered (None when that is not known)."""

    url: str
    device: bytes | None
    seen_ms: int


class Meetings(Logs):
    """Cursors, receipts, addresses."""

    def __init__(self, database: Database, names: Names, workspace: bytes) -> None:
        super().__init__(database, names, workspace)
        self._receipts: dict[LogId, dict[bytes, int]] = {}

    def forget(self) -> None:
        super().forget()
        self._receipts.clear()

    def cursor(self, replica_id: bytes) -> tuple[int, bytes] | None:
        """How far another store was read: its arrival number, and 8 bytes of the id there."""
        row = self._database.one(
            "SELECT arrival, id FROM cursor WHERE workspace = ? AND replica = ?",
            (self._number, replica_id),
        )
        return None if row is None else (int(row[0]), bytes(row[1]))

    def set_cursor(self, replica_id: bytes, arrival: int, entry_id: bytes) -> None:
        """Another store was read up to an arrival number."""
        changed = self._database.write(
            "UPDATE cursor SET arrival = ?, id = ? WHERE workspace = ? AND replica = ?",
            (arrival, entry_id, self._number, replica_id),
        )
        if changed:
            return
        self._database.write(
            "INSERT INTO cursor (workspace, replica, arrival, id) VALUES (?, ?, ?, ?)",
            (self._number, replica_id, arrival, entry_id),
        )
        self._database.write(
            "DELETE FROM cursor WHERE workspace = ?1 AND number NOT IN (SELECT number FROM cursor"
            " WHERE workspace = ?1 ORDER BY number DESC LIMIT ?2)",
            (self._number, CURSORS_MAX),
        )

    def touched_since(self, arrival: int) -> list[LogState]:
        """The logs that got entries after an arrival number, at either end.

        A peer that was away for a while is told what came meanwhile: that costs as much as came,
        not as much as there is.
        """
        start, end = self._keys_from + arrival, self._keys_to
        far = self._database.one(
            "SELECT 1 FROM entry WHERE arrival > ? AND arrival < ? LIMIT 1",
            (start + TOUCHED_BY_ENTRIES_MAX, end),
        )
        if far is not None:
            return super().touched_since(arrival)
        rows = self._database.read(
            "SELECT log FROM entry WHERE arrival > ? AND arrival < ? GROUP BY log ORDER BY log",
            (start, end),
        )
        states = (self.log_state(self._log_id(number)) for (number,) in rows)
        return [state for state in states if state is not None]

    def add_receipt(self, device: bytes, log: LogId, seq: int) -> bool:
        """A device holds a log up to `seq`; False when that was known."""
        known = self.receipts(log)
        if known.get(device, -1) >= seq:
            return False
        number = self._log_unheld(log)
        if number is None:
            return False
        self._database.write(
            "INSERT OR REPLACE INTO receipt (log, device, seq) VALUES (?, ?, ?)",
            (number, self._names.number(device), seq),
        )
        self._receipts.setdefault(log, known)[device] = seq
        return True

    def receipts(self, log: LogId) -> dict[bytes, int]:
        """Up to which seq each device is known to hold a log. Not to be changed."""
        known = self._receipts.get(log)
        if known is None:
            rows = self._database.read(
                "SELECT device, seq FROM receipt WHERE log = ?", (self._find_log(log),)
            )
            known = {self._names.value(device): seq for device, seq in rows}
            if len(self._receipts) >= RECEIPTS_CACHED_LOGS:
                self._receipts.clear()
            self._receipts[log] = known
        return known

    def remember_address(self, url: str, device: bytes | None, now_ms: int) -> None:
        """A peer was met at this address; the one seen longest ago of too many is dropped."""
        self._database.write(
            "INSERT INTO address (workspace, url, device, seen_ms) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (workspace, url) DO UPDATE SET"
            " device = coalesce(excluded.device, device), seen_ms = excluded.seen_ms",
            (self._number, url, device, now_ms),
        )
        self._database.write(
            "DELETE FROM address WHERE workspace = ?1 AND number NOT IN (SELECT number FROM"
            " address WHERE workspace = ?1 ORDER BY seen_ms DESC, number DESC LIMIT ?2)",
            (self._number, ADDRESSES_MAX),
        )

    def addresses(self) -> list[Address]:
        """Where peers were met, the newest first."""
        rows = self._database.read(
            "SELECT url, device, seen_ms FROM address WHERE workspace = ?"
            " ORDER BY seen_ms DESC, number DESC",
            (self._number,),
        )
        return [Address(*row) for row in rows]
