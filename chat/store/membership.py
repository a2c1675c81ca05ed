"""Who is in: roster ops as received, blocks of seals, epoch keys, and claims that wait."""

from typing import NamedTuple

from chat.store.limits import CLAIMS_MAX
from chat.store.tables import Tables


class Claim(NamedTuple):
    """Somebody's signed wish to come in, and when it reached this device."""

    id: bytes
    wire: bytes
    at_ms: int


class Membership(Tables):
    """The signed history and the keys."""

    def add_op(self, op_id: bytes, wire: bytes) -> None:
        """Keep a roster op; a known one changes nothing."""
        self._database.write(
            "INSERT OR IGNORE INTO roster_op (workspace, id, wire) VALUES (?, ?, ?)",
            (self._number, op_id, wire),
        )

    def ops(self) -> list[bytes]:
        """All roster ops, in the order they came."""
        rows = self._database.read(
            "SELECT wire FROM roster_op WHERE workspace = ? ORDER BY number", (self._number,)
        )
        return [wire for (wire,) in rows]

    def put_seals(self, epoch: bytes, block: bytes) -> None:
        """Keep the block of seals of an epoch."""
        self._database.write(
            "INSERT OR REPLACE INTO seals (workspace, epoch, block) VALUES (?, ?, ?)",
            (self._number, epoch, block),
        )

    def seals(self) -> dict[bytes, bytes]:
        """Blocks of seals by epoch."""
        rows = self._database.read(
            "SELECT epoch, block FROM seals WHERE workspace = ?", (self._number,)
        )
        return dict(rows)

    def put_epoch_key(self, epoch: bytes, key: bytes) -> None:
        """Keep an opened epoch key."""
        self._database.write(
            "INSERT OR REPLACE INTO epoch_key (workspace, epoch, key) VALUES (?, ?, ?)",
            (self._number, epoch, key),
        )

    def epoch_keys(self) -> dict[bytes, bytes]:
        """Epoch keys by epoch."""
        rows = self._database.read(
            "SELECT epoch, key FROM epoch_key WHERE workspace = ?", (self._number,)
        )
        return dict(rows)

    def add_claim(self, claim_id: bytes, wire: bytes, now_ms: int) -> None:
        """Keep a claim until somebody admits it; the oldest of too many is dropped."""
        self._database.write(
            "INSERT OR IGNORE INTO claim (workspace, id, wire, at_ms) VALUES (?, ?, ?, ?)",
            (self._number, claim_id, wire, now_ms),
        )
        self._database.write(
            "DELETE FROM claim WHERE workspace = ?1 AND number NOT IN (SELECT number FROM claim"
            " WHERE workspace = ?1 ORDER BY number DESC LIMIT ?2)",
            (self._number, CLAIMS_MAX),
        )

    def claims(self) -> list[Claim]:
        """The claims that wait, oldest first."""
        rows = self._database.read(
            "SELECT id, wire, at_ms FROM claim WHERE workspace = ? ORDER BY number",
            (self._number,),
        )
        return [Claim(*row) for row in rows]

    def drop_claim(self, claim_id: bytes) -> None:
        """A claim was decided."""
        self._database.write(
            "DELETE FROM claim WHERE workspace = ? AND id = ?", (self._number, claim_id)
        )
