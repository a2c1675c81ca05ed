"""Logs: what is held of each, their fingerprints, roster heads by hash, and evidence of forks.

What is held of a log is one contiguous range, `low` to `head`. The rows are read once and then
kept in memory; a log also has a row, but no range, when only receipts or a fork name it.
"""

from collections.abc import Mapping, Sequence

import msgspec

from chat.store.database import Database
from chat.store.limits import UNHELD_LOGS_MAX
from chat.store.names import Names
from chat.store.tables import Tables
from crdt.entry import LogId
from crdt.limits import DIGEST_BYTES
from crdt.sync_messages import log_fingerprint

FINGERPRINT_MODULUS = 2**128


class LogState(msgspec.Struct, frozen=True, gc=False):
    """What is held of one log.

    Attributes:
        low, head: the first and the last seq held.
        low_prev: `prev` of the entry at `low`: the id that backfill must end with.
        head_id, head_roster, head_hlc: of the entry at `head`.
        last_arrival: the newest arrival number of any of its entries.
        forgotten: what is held below this seq was forgotten by age; 0 when nothing was.
    """

    log: LogId
    low: int
    head: int
    head_id: bytes
    low_prev: bytes
    head_roster: bytes
    head_hlc: int
    last_arrival: int
    forgotten: int = 0

    @property
    def first_kept(self) -> int:
        """From here to `head` content is kept; at most `head`."""
        return min(max(self.low, self.forgotten), self.head)

    @property
    def lacks_beginning(self) -> bool:
        """Whether there may be more below `low` than what would be forgotten."""
        return self.low > 0 and self.forgotten <= self.low


class Fork(msgspec.Struct, frozen=True):
    """Proof that a device signed two entries for one place of its log, as two runs."""

    log: LogId
    seq: int
    first: bytes
    second: bytes


class Logs(Tables):
    """Which logs there are and how far they reach."""

    def __init__(self, database: Database, names: Names, workspace: bytes) -> None:
        super().__init__(database, names, workspace)
        self._states: dict[bytes, dict[LogId, LogState]] | None = None
        self._log_numbers: dict[LogId, int] = {}
        self._log_ids: dict[int, LogId] = {}
        self._prints: dict[bytes, int] = {}
        self._unheld: int | None = None
        self._forked: dict[LogId, int] | None = None

    def forget(self) -> None:
        super().forget()
        self._states = None
        self._log_numbers.clear()
        self._log_ids.clear()
        self._prints.clear()
        self._unheld = None
        self._forked = None

    # What is held -----------------------------------------------------------------------------

    def log_state(self, log: LogId) -> LogState | None:
        """What is held of a log, None when nothing is."""
        return self._held().get(log.channel, {}).get(log)

    def logs(self, channel: bytes | None = None) -> list[LogState]:
        """The logs held, of one channel or of all."""
        held = self._held()
        if channel is not None:
            return list(held.get(channel, {}).values())
        return [state for states in held.values() for state in states.values()]

    def touched_since(self, arrival: int) -> list[LogState]:
        """The logs that got entries after an arrival number, at either end."""
        return [state for state in self.logs() if state.last_arrival > arrival]

    def fingerprint(self, channel: bytes) -> int:
        """The sum modulo 2^128 over a channel's logs of what their head ids add to it."""
        self._held()
        return self._prints.get(channel, 0)

    def fingerprints(self) -> dict[bytes, int]:
        """The fingerprint of every channel that has entries."""
        self._held()
        return dict(self._prints)

    def _held(self) -> dict[bytes, dict[LogId, LogState]]:
        if self._states is None:
            self._states = {}
            for row in self._database.read(
                "SELECT l.number, c.id, l.part, d.value, l.incarnation, l.low, l.head, l.head_id,"
                " l.low_prev, r.value, l.head_hlc, l.last_arrival, l.forgotten FROM log l"
                " JOIN channel c ON c.number = l.channel JOIN name d ON d.number = l.device"
                " JOIN name r ON r.number = l.head_roster"
                " WHERE c.workspace = ? AND l.head IS NOT NULL",
                (self._number,),
            ):
                log = LogId(*row[1:5])
                self._keep_log(log, row[0])
                self._keep_state(LogState(log, *row[5:]))
        return self._states

    def _keep_log(self, log: LogId, number: int) -> None:
        self._log_numbers[log] = number
        self._log_ids[number] = log

    def _keep_state(self, state: LogState) -> None:
        assert self._states is not None
        channel = state.log.channel
        states = self._states.setdefault(channel, {})
        before = states.get(state.log)
        total = self._prints.get(channel, 0) + log_fingerprint(state.head_id)
        if before is not None:
            total -= log_fingerprint(before.head_id)
        self._prints[channel] = total % FINGERPRINT_MODULUS
        states[state.log] = state

    def _find_log(self, log: LogId) -> int | None:
        """The number of a log's row, which also exists for logs named in receipts and forks."""
        number = self._log_numbers.get(log)
        if number is None:
            channel, device = self._find_channel(log.channel), self._names.find(log.device)
            if channel is None or device is None:
                return None
            row = self._database.one(
                "SELECT number FROM log"
                " WHERE channel = ? AND part = ? AND device = ? AND incarnation = ?",
                (channel.number, log.part, device, log.incarnation),
            )
            if row is None:
                return None
            number = int(row[0])
            self._keep_log(log, number)
        return number

    def _log(self, log: LogId) -> int:
        """The number of a log's row; it gets one if it has none."""
        number = self._find_log(log)
        if number is None:
            channel, device = self._channel(log.channel).number, self._names.number(log.device)
            number = self._database.insert(
                "INSERT INTO log (channel, part, device, incarnation) VALUES (?, ?, ?, ?)",
                (channel, log.part, device, log.incarnation),
            )
            self._keep_log(log, number)
        return number

    def _log_unheld(self, log: LogId) -> int | None:
        """The number of a log that may not be held; None when too many such are known."""
        number = self._find_log(log)
        if number is None:
            if self._unheld is None:
                row = self._database.one("SELECT count(*) FROM log WHERE head IS NULL")
                self._unheld = int(row[0]) if row is not None else 0
            if self._unheld >= UNHELD_LOGS_MAX:
                return None
            number = self._log(log)
            self._unheld += 1
        return number

    def _log_id(self, number: int) -> LogId:
        """The log whose number stands in some row."""
        log = self._log_ids.get(number)
        if log is None:
            row = self._database.one(
                "SELECT channel, part, device, incarnation FROM log WHERE number = ?", (number,)
            )
            if row is None:
                raise self._database.damaged()
            channel, part, device, incarnation = row
            log = LogId(self._channel_id(channel), part, self._names.value(device), incarnation)
            self._keep_log(log, number)
        return log

    # Beside the entries -----------------------------------------------------------------------

    def head_set(self, roster_hash: bytes) -> tuple[bytes, ...] | None:
        """The sorted roster heads behind a hash, as far as they are known."""
        roster = self._names.find(roster_hash)
        row = self._database.one("SELECT heads FROM head_set WHERE roster = ?", (roster,))
        if row is None:
            return None
        heads, size = bytes(row[0]), DIGEST_BYTES
        return tuple(heads[at : at + size] for at in range(0, len(heads), size))

    def remember_head_set(self, roster_hash: bytes, heads: Sequence[bytes]) -> None:
        """Keep the sorted roster heads behind a hash."""
        self._database.write(
            "INSERT OR IGNORE INTO head_set (roster, heads) VALUES (?, ?)",
            (self._names.number(roster_hash), b"".join(heads)),
        )

    def add_fork(self, log: LogId, seq: int, first: bytes, second: bytes) -> bool:
        """Keep a proof of a fork, its two runs; of one log the lowest counts.

        False when a lower one is known, or too many logs that are not held.
        """
        points = self._fork_points()
        number = None if points.get(log, seq + 1) <= seq else self._log_unheld(log)
        if number is None:
            return False
        self._database.write(
            "INSERT OR REPLACE INTO fork (log, seq, first, second) VALUES (?, ?, ?, ?)",
            (number, seq, first, second),
        )
        points[log] = seq
        return True

    def fork(self, log: LogId) -> tuple[bytes, bytes] | None:
        """The two runs that prove that a log was forked."""
        if log not in self._fork_points():
            return None
        row = self._database.one(
            "SELECT first, second FROM fork WHERE log = ?", (self._find_log(log),)
        )
        return None if row is None else (bytes(row[0]), bytes(row[1]))

    def fork_points(self) -> Mapping[LogId, int]:
        """The lowest proven place of every log that was forked."""
        return self._fork_points()

    def _fork_points(self) -> dict[LogId, int]:
        if self._forked is None:
            self._forked = {fork.log: fork.seq for fork in self.forks()}
        return self._forked

    def forks(self) -> list[Fork]:
        """The evidence of forks, one for each forked log."""
        rows = self._database.read(
            "SELECT f.log, f.seq, f.first, f.second FROM fork f JOIN log l ON l.number = f.log"
            " JOIN channel c ON c.number = l.channel WHERE c.workspace = ? ORDER BY f.log",
            (self._number,),
        )
        return [Fork(self._log_id(log), seq, first, second) for log, seq, first, second in rows]
