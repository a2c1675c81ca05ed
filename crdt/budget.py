"""What one device may add here in a day: a quota for entries, so that no member fills disks.

Every valid entry of a member is stored by everybody, so somebody who writes without end, or whose
key was stolen, could fill the disks of a whole team. Each device has a budget of bytes and entries
for each day, far beyond what people write and programs should. An entry is charged to the day that
its clock states: so a newcomer takes years of history of others at once, each day of it out of its
own budget. What does not fit there any more is charged to the day on which it comes; and what does
not fit there either is not taken today. Nothing is refused for good: what is left out stays wanted,
and is asked for again the next day. Days that have not come count as today, so a clock that runs
ahead gives nothing; days before there were budgets count as the first one.

Pure: the day is set by the caller, and what was spent lives in the store.
"""

from collections.abc import Sequence
from typing import Protocol

from crdt import limits
from crdt.clock import milliseconds
from crdt.entry import Entry
from crdt.limits import BUDGET_DAY_BYTES, BUDGET_DAY_ENTRIES, BUDGET_FIRST_DAY

DAY_MS = 24 * 60 * 60 * 1000


class Spending(Protocol):
    """How much of its budgets each device has used."""

    def spent(self, device: bytes, day: int) -> tuple[int, int]:
        """Bytes and entries of a device that were charged to a day."""
        ...

    def spend(self, device: bytes, day: int, size: int, entries: int) -> None: ...


class Budget:
    """Charges what comes in.

    Attributes:
        own: this device, which is not counted.
        today: days since 1970, by the wall clock here.
    """

    def __init__(self, store: Spending, own: bytes, today: int = BUDGET_FIRST_DAY) -> None:
        self._store = store
        self._closed: dict[bytes, int] = {}
        self.own = own
        self.today = today

    def open_day(self, wall_ms: int) -> None:
        """It is this day now."""
        self.today = wall_ms // DAY_MS

    def take(self, entries: Sequence[Entry]) -> bool:
        """Charge entries of one log; False, and nothing is, when they do not fit today."""
        device = entries[0].log.device
        if device == self.own:
            return True
        charged = self._charges(device, entries)
        if charged is None:
            self._closed[device] = self.today
            return False
        for day, (size, count) in charged.items():
            self._store.spend(device, day, size, count)
        return True

    def _charges(
        self, device: bytes, entries: Sequence[Entry]
    ) -> dict[int, tuple[int, int]] | None:
        """Bytes and entries by the day that they are charged to; None when they do not fit."""
        charged: dict[int, tuple[int, int]] = {}
        used: dict[int, tuple[int, int]] = {}
        for entry in entries:
            stated = milliseconds(entry.hlc) // DAY_MS
            cost = entry.ct_len + limits.BUDGET_ENTRY_BYTES
            for day in (max(BUDGET_FIRST_DAY, min(stated, self.today)), self.today):
                size, count = charged.get(day, (0, 0))
                if day not in used:
                    used[day] = self._store.spent(device, day)
                before = used[day]
                if before[0] + size + cost > BUDGET_DAY_BYTES:
                    continue
                if before[1] + count + 1 > BUDGET_DAY_ENTRIES:
                    continue
                charged[day] = size + cost, count + 1
                break
            else:
                return None
        return charged

    def is_closed(self, device: bytes) -> bool:
        """Whether something of a device was left out today."""
        return self._closed.get(device) == self.today

    def closed(self) -> list[bytes]:
        """The devices of which something was left out today, in the order in which it happened."""
        return [device for device, day in self._closed.items() if day == self.today]

    def reopened(self) -> list[bytes]:
        """The devices of which something was left out on an earlier day; once."""
        over = [device for device, day in self._closed.items() if day != self.today]
        for device in over:
            del self._closed[device]
        return over
