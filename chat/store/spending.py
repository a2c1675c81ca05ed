"""How much each device has added here, by day (`crdt.budget`)."""

from chat.store.database import Database
from chat.store.limits import SPENT_CACHED
from chat.store.names import Names
from chat.store.tables import Tables


class Spending(Tables):
    """What was charged to the budgets of devices."""

    def __init__(self, database: Database, names: Names, workspace: bytes) -> None:
        super().__init__(database, names, workspace)
        self._spent: dict[tuple[bytes, int], tuple[int, int]] = {}

    def forget(self) -> None:
        super().forget()
        self._spent.clear()

    def spent(self, device: bytes, day: int) -> tuple[int, int]:
        """Bytes and entries of a device that were charged to a day (days since 1970)."""
        known = self._spent.get((device, day))
        if known is None:
            row = self._database.one(
                "SELECT bytes, entries FROM spent WHERE workspace = ? AND device = ? AND day = ?",
                (self._number, self._names.find(device), day),
            )
            known = (0, 0) if row is None else (int(row[0]), int(row[1]))
            if len(self._spent) >= SPENT_CACHED:
                self._spent.clear()
            self._spent[device, day] = known
        return known

    def spend(self, device: bytes, day: int, size: int, entries: int) -> None:
        """Charge bytes and entries of a device to a day."""
        before = self.spent(device, day)
        now = before[0] + size, before[1] + entries
        self._database.write(
            "INSERT OR REPLACE INTO spent (workspace, device, day, bytes, entries)"
            " VALUES (?, ?, ?, ?, ?)",
            (self._number, self._names.number(device), day, *now),
        )
        self._spent[device, day] = now
