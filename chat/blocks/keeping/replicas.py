"""Which files this machine takes a copy of, so that each has as many as the workspace wants.

Everybody who may hold a file and has room for it looks now and then which have too few copies. Were
all of them to fetch it, there would be one each; so each waits a time by lot, looks again, and
fetches only if copies are lacking still. Who is fetching already counts as a copy. No two machines
need to agree: a copy too many costs some room, and goes first when room is short.
"""

from collections.abc import Callable, Iterable

from chat.blocks.limits import REPLICA_FETCHES_MAX, REPLICA_PLANNED_MAX, REPLICA_SPREAD_MS


class Replicas:
    """Plans copies. Pure; times are monotonic milliseconds."""

    def __init__(self, copies: Callable[[bytes], int], lot: Callable[[], float]) -> None:
        """`copies(root)`: linked machines that hold all of a file, or are fetching it; we do
        neither. `lot` gives numbers in [0, 1)."""
        self._copies = copies
        self._lot = lot
        self._due: dict[bytes, float] = {}

    def consider(self, roots: Iterable[bytes], wanted: int, now: float) -> None:
        """These could be fetched here: plan it for those with some copies, but too few."""
        for root in roots:
            if not self._lacking(root, wanted):
                self._due.pop(root, None)
            elif root not in self._due and len(self._due) < REPLICA_PLANNED_MAX:
                self._due[root] = now + self._lot() * REPLICA_SPREAD_MS

    def take(self, wanted: int, now: float) -> list[bytes]:
        """What is to be fetched now: few at a time, those whose time came first."""
        ready = sorted((at, root) for root, at in self._due.items() if at <= now)
        taken: list[bytes] = []
        for _, root in ready:
            if not self._lacking(root, wanted):
                del self._due[root]
            elif len(taken) < REPLICA_FETCHES_MAX:
                del self._due[root]
                taken.append(root)
        return taken

    @property
    def next_time(self) -> float | None:
        """When `take` may have something."""
        return min(self._due.values(), default=None)

    def _lacking(self, root: bytes, wanted: int) -> bool:
        return 1 <= self._copies(root) < wanted
