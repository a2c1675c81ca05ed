"""Erasures: which entries their authors let be forgotten, and forgetting them.

What a statement names is kept whether or not it is here, as it may come later. An entry that is
forgotten loses its ciphertext and nothing else: `crdt.entry` has why its log still verifies.

The search index gives words up when its pieces are merged. That takes long where much is indexed,
so it is done in steps: `purge_words` is called until it says that it is done, and what is to be
done outlives the process.
"""

from collections.abc import Sequence

from chat.store.database import Database
from chat.store.entries import Entries
from chat.store.limits import PURGE_PAGES
from chat.store.names import Names
from crdt.entry import LogId
from crdt.erasure import Erasure
from crdt.ops import PART_TIMELINE

_PURGE_KEY = "purge"
_BEGUN = b"begun"
_SAME_PLACE = "channel = ? AND device = ? AND incarnation = ? AND seq"
_WORDED = """SELECT e.log, e.seq FROM entry e JOIN
    (SELECT entry FROM wording WHERE channel = ?1 AND mid = ?2
    UNION SELECT entry FROM message WHERE channel = ?1 AND mid = ?2) w ON w.entry = e.arrival
    WHERE e.ciphertext IS NOT NULL ORDER BY e.arrival"""


class Erasures(Entries):
    """What is named by statements."""

    def __init__(self, database: Database, names: Names, workspace: bytes) -> None:
        super().__init__(database, names, workspace)
        self._named: set[LogId] | None = None
        self._purge: bytes | None = self._read_purge()

    def forget(self) -> None:
        super().forget()
        self._named = None
        self._purge = self._read_purge()

    def add_erasure(self, arrival: int, erasure: Erasure) -> None:
        """Remember what the statement with an arrival number names; once more changes nothing."""
        logs = self._named_logs()
        for log, seq in erasure.places:
            self._database.write(
                "INSERT OR IGNORE INTO erasure"
                " (channel, device, incarnation, seq, statement, salt, post)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    self._channel(log.channel).number,
                    self._names.number(log.device),
                    log.incarnation,
                    seq,
                    self._keys_from + arrival,
                    erasure.salt,
                    (log, seq) == erasure.post,
                ),
            )
            logs.add(log)

    def is_named(self, log: LogId) -> bool:
        """Whether some statement names something of a log."""
        return log in self._named_logs()

    def named(self, log: LogId, first: int, last: int) -> set[int]:
        """The places of a range that statements name, whether or not they are held."""
        if not self.is_named(log):
            return set()
        rows = self._database.read(
            " ".join(("SELECT seq FROM erasure WHERE", _SAME_PLACE, "BETWEEN ? AND ?")),
            (*self._log_key(log), first, last),
        )
        return {int(seq) for (seq,) in rows}

    def statements(self, log: LogId, seq: int) -> list[int]:
        """The arrival numbers of the statements that name a place."""
        if not self.is_named(log):
            return []
        rows = self._database.read(
            " ".join(("SELECT statement FROM erasure WHERE", _SAME_PLACE, "= ? ORDER BY 1")),
            (*self._log_key(log), seq),
        )
        return [int(statement) - self._keys_from for (statement,) in rows]

    def erased_post(self, log: LogId, seq: int) -> bytes | None:
        """The salt of the message that an entry posted, if statements say that it posted one."""
        row = self._database.one(
            " ".join(("SELECT salt FROM erasure WHERE", _SAME_PLACE, "= ? AND post LIMIT 1")),
            (*self._log_key(log), seq),
        )
        return None if row is None else bytes(row[0])

    def worded(self, channel: bytes, mid: bytes) -> list[tuple[LogId, int]]:
        """Where entries stand that still have words of a message: its posts and edits."""
        row = self._find_channel(channel)
        if row is None:
            return []
        found = self._database.read(_WORDED, (row.number, mid))
        return [(self._log_id(log), int(seq)) for log, seq in found]

    def carrier(self, channel: bytes, mid: bytes) -> tuple[LogId, int] | None:
        """Where the entry stands that posted a message."""
        row = self._find_channel(channel)
        found = self._database.one(
            "SELECT e.log, e.seq FROM message m JOIN entry e ON e.arrival = m.entry"
            " WHERE m.channel = ? AND m.mid = ?",
            (-1 if row is None else row.number, mid),
        )
        return None if found is None else (self._log_id(found[0]), int(found[1]))

    def erase(self, log: LogId, seqs: Sequence[int]) -> int:
        """Drop the ciphertexts of entries, and see to their words; gives how many there were."""
        dropped = super().erase(log, seqs)
        if dropped and log.part == PART_TIMELINE:
            self._purge_due(b"")
        return dropped

    # The search index ---------------------------------------------------------------------------

    @property
    def purging(self) -> bool:
        """Whether the search index may still hold words that were erased."""
        return self._purge is not None

    def purge_words(self) -> None:
        """Do a part of it: some milliseconds."""
        if not self.purging:
            return
        begun = self._purge == _BEGUN
        # A negative number begins to merge everything into one piece, a positive one goes on.
        pages = PURGE_PAGES if begun else -PURGE_PAGES
        changed = self._database.write_many(
            "INSERT INTO search (search, rank) VALUES ('merge', ?)", [(pages,)]
        )
        if begun and changed < 2:
            self._database.write("DELETE FROM setting WHERE key = ?", (_PURGE_KEY,))
            self._purge = None
        elif not begun:
            self._purge_due(_BEGUN)

    def _purge_due(self, state: bytes) -> None:
        if self._purge == state:
            return
        self._purge = state
        self._database.write(
            "INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", (_PURGE_KEY, state)
        )

    def _read_purge(self) -> bytes | None:
        row = self._database.one("SELECT value FROM setting WHERE key = ?", (_PURGE_KEY,))
        return None if row is None else bytes(row[0])

    # Inside -------------------------------------------------------------------------------------

    def _named_logs(self) -> set[LogId]:
        if self._named is None:
            rows = self._database.read(
                "SELECT DISTINCT c.id, d.value, e.incarnation FROM erasure e"
                " JOIN channel c ON c.number = e.channel JOIN name d ON d.number = e.device"
                " WHERE c.workspace = ?",
                (self._number,),
            )
            self._named = {
                LogId(channel, PART_TIMELINE, device, incarnation)
                for channel, device, incarnation in rows
            }
        return self._named

    def _log_key(self, log: LogId) -> tuple[int | None, int | None, bytes]:
        row = self._find_channel(log.channel)
        return None if row is None else row.number, self._names.find(log.device), log.incarnation
