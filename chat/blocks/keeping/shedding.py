"""One attempt to make room: files asked about a few at a time, promises gathered, drops chosen."""

from collections.abc import Callable, Iterable

from chat.blocks.keeping.ports import Shed
from chat.blocks.limits import PROMISE_MS, SHED_ASK_MS, SHED_ASKED_MAX


class Shedding:
    """The files of one `Shed`, from the first to the last or until enough is free.

    Attributes:
        number: of the question that is asked now.
        needed, freed: bytes.
        refused: a holder would not promise, because it asks about the same file.
    """

    def __init__(self, shed: Shed) -> None:
        self.number = 0
        self.needed = shed.needed
        self.freed = 0
        self.refused = False
        self._copies = max(1, shed.copies)
        self._left = list(reversed(shed.files))
        self._sizes: dict[bytes, int] = {}
        self._promised: dict[bytes, dict[bytes, float]] = {}
        """By root, then by peer: until when a drop may count on the promise."""
        self._missing: set[tuple[bytes, bytes]] = set()
        """(peer, root) of answers that have not come."""
        self._asked_at = 0.0

    @property
    def asked(self) -> tuple[bytes, ...]:
        """The files that others are asked to promise now: of these we promise nothing."""
        return tuple(self._promised)

    def ask(
        self, number: int, peers: Iterable[bytes], may_go: Callable[[bytes], bool], now: float
    ) -> tuple[bytes, ...]:
        """The next files to ask `peers` about; none when the attempt is over."""
        self.number, self._asked_at = number, now
        self._sizes, self._promised = {}, {}
        while self._left and len(self._promised) < SHED_ASKED_MAX and self.freed < self.needed:
            root, size = self._left.pop()
            if may_go(root):
                self._sizes[root] = size
                self._promised[root] = {}
        self._missing = {(peer, root) for peer in peers for root in self._promised}
        return self.asked

    def answered(
        self, peer: bytes, held: Iterable[bytes], lacking: Iterable[bytes], keep_ms: int
    ) -> None:
        """A peer said which of these it holds, and promises (when `keep_ms` is not 0) to keep."""
        until = self._asked_at + min(keep_ms, PROMISE_MS) / 2
        for root in held:
            if (peer, root) in self._missing:
                self._missing.discard((peer, root))
                self._promised[root][peer] = until
                self.refused = self.refused or keep_ms == 0
        for root in lacking:
            self.unsaid(peer, root)

    def unsaid(self, peer: bytes, root: bytes) -> None:
        """A peer does not hold a file, whatever it said."""
        self._missing.discard((peer, root))
        self._promised.get(root, {}).pop(peer, None)

    def gone(self, peer: bytes) -> None:
        """A peer is no longer linked: what it promised counts no more."""
        for root in self._promised:
            self.unsaid(peer, root)

    @property
    def due(self) -> float:
        """When nobody is waited for any longer."""
        return self._asked_at + SHED_ASK_MS

    def ready(self, now: float) -> bool:
        """Whether it can be decided what goes."""
        return not self._missing or now >= self.due

    def choose(self, now: float) -> list[tuple[bytes, int]]:
        """(root, bytes) of what goes: files with many copies first, then those with one."""
        counted = {
            root: sum(until > now for until in promised.values())
            for root, promised in self._promised.items()
        }
        many = [root for root, copies in counted.items() if copies >= self._copies]
        few = [root for root, copies in counted.items() if 1 <= copies < self._copies]
        chosen: list[tuple[bytes, int]] = []
        left = self.needed - self.freed
        for root in many + few:
            if left > 0:
                chosen.append((root, self._sizes[root]))
                left -= self._sizes[root]
        return chosen
