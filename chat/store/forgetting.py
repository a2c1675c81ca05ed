"""Forgetting by age: content that is older than it is kept, and what was made of it.

An entry that is forgotten loses its ciphertext like one that was erased; its header stays, so that
its log goes on verifying, and no arrival number, cursor or fingerprint changes. It is always the
beginning of a log that goes, up to the first entry that is young enough: `LogState.forgotten` says
where that is. The messages which the entries posted go from the projection as if they had never
come, edits with them; what else is said about them is not shown, and waits until it is old itself.
"""

from collections.abc import Sequence

import msgspec

from chat.store.erasures import Erasures
from chat.store.projection import Projection
from crdt.entry import LogId

_OLDEST = """SELECT arrival, seq, hlc FROM entry WHERE log = ? AND seq >= ? AND seq <= ?
    ORDER BY seq LIMIT ?"""
_POSTED = "SELECT number, mid FROM message WHERE channel = ? AND hlc = ? AND entry = ?"
_OF_MESSAGE = tuple(
    " ".join(("DELETE FROM", table, "WHERE channel = ? AND mid = ?"))
    for table in ("file", "wording", "untimely")
)
_OF_ENTRY = tuple(
    " ".join(("DELETE FROM", table, "WHERE entry = ?")) for table in ("waiting", "newer")
)
_OF_ORPHAN = tuple(
    " ".join(("DELETE FROM", table, "WHERE channel = ? AND mid = ?"))
    for table in ("orphan", "wording")
)
_OLD_REACTIONS = """DELETE FROM reaction WHERE channel = ?1 AND hlc < ?2 AND NOT EXISTS
    (SELECT 1 FROM message m WHERE m.mid = reaction.mid AND m.channel = ?1)"""


class Forgetting(Projection, Erasures):
    """Forgets what is too old."""

    def forget_before(
        self, log: LogId, hlc: int, limit: int, *, first: int | None = None, last: int | None = None
    ) -> tuple[int, bool]:
        """Forget the beginning of a log, as far as its readings are below `hlc`.

        It is looked at from `first` on, else from where it was forgotten up to last time, and up
        to `last`; at most `limit` entries. Gives how many there were, and whether messages went.
        """
        state = self.log_state(log)
        if state is None:
            return 0, False
        first = max(state.low, state.forgotten) if first is None else first
        last = state.head if last is None else last
        number = self._log_numbers[log]
        old: list[tuple[int, int, int]] = []
        for arrival, seq, reading in self._database.read(_OLDEST, (number, first, last, limit)):
            if reading >= hlc:
                break
            old.append((arrival, seq, reading))
        if not old:
            return 0, False
        self.erase(log, [seq for _, seq, _ in old])
        forgotten = max(state.forgotten, old[-1][1] + 1)
        self._keep_state(msgspec.structs.replace(state, forgotten=forgotten))
        self._database.write("UPDATE log SET forgotten = ? WHERE number = ?", (forgotten, number))
        return len(old), self._drop_posts(log.channel, old)

    def _drop_posts(self, channel: bytes, old: Sequence[tuple[int, int, int]]) -> bool:
        """Forget the messages that these entries posted; whether there were any."""
        row = self._channel(channel)
        dropped: list[tuple[int, bytes]] = []
        for arrival, _, reading in old:
            dropped += self._database.read(_POSTED, (row.number, reading, arrival))
        arrivals = [(arrival,) for arrival, _, _ in old]
        for statement in _OF_ENTRY:
            self._database.write_many(statement, arrivals)
        if not dropped:
            return False
        numbers = [(number,) for number, _ in dropped]
        self._database.write_many("DELETE FROM search WHERE rowid = ?", numbers)
        self._database.write_many("DELETE FROM message WHERE number = ?", numbers)
        for statement in _OF_MESSAGE:
            self._database.write_many(statement, [(row.number, mid) for _, mid in dropped])
        row.messages -= len(dropped)
        self._write_channel(row)
        return True

    def forget_remarks(self, channel: bytes, hlc: int) -> None:
        """Forget what was said before `hlc` about messages that are not here."""
        row = self._find_channel(channel)
        if row is None:
            return
        self._database.write(_OLD_REACTIONS, (row.number, hlc))
        orphans = self._database.read(
            "SELECT mid, state FROM orphan WHERE channel = ?", (row.number,)
        )
        for mid, blob in orphans:
            edit = self._decode(blob).edit
            if edit is not None and edit.stamp.hlc < hlc:
                for statement in _OF_ORPHAN:
                    self._database.write(statement, (row.number, mid))
