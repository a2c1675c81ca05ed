"""Announcing what came in: gathered a few milliseconds, told to those who want the file.

Not to all of them at once. To know of a few holders of each piece is enough to ask for it, and in a
team of twenty most of what a machine handles would otherwise be announcements. So a few chosen by
lot hear at once; the others with the next message to them, or when it was late or much.
"""

from collections.abc import Callable

from chat.blocks.exchange.library import Library
from chat.blocks.exchange.ports import Effect, SendTo
from chat.blocks.exchange.tree import lowest
from chat.blocks.limits import (
    HAVE_BATCH_MS,
    HAVE_LATE_MS,
    HAVE_LATE_PIECES,
    HAVE_PIECES_MAX,
    HAVE_PROMPT_PEERS,
    PRIORITY_WANTED,
)
from chat.blocks.messages import HaveMore


class News:
    """Pieces on disk and not announced yet. `holds(root, peer)` is what a peer has itself."""

    def __init__(
        self,
        library: Library,
        emit: Callable[[Effect], None],
        holds: Callable[[bytes, bytes], int],
        lot: Callable[[], float],
    ) -> None:
        self._library = library
        self._emit = emit
        self._holds = holds
        self._lot = lot
        self._fresh: dict[bytes, int] = {}
        self._owed: dict[bytes, dict[bytes, int]] = {}
        """By file and peer: what it has not been told yet, although others have."""
        self._fresh_due: float | None = None
        self._late_due: float | None = None

    @property
    def due(self) -> float | None:
        """When `flush` has something to say."""
        return min((at for at in (self._fresh_due, self._late_due) if at is not None), default=None)

    def add(self, root: bytes, pieces: int, now: float) -> None:
        """These pieces (a set of bits) came in."""
        if pieces:
            self._fresh[root] = self._fresh.get(root, 0) | pieces
            if self._fresh_due is None:
                self._fresh_due = now + HAVE_BATCH_MS

    def flush(self, now: float) -> None:
        """Tell each subscriber what it does not hold itself, when the time has come."""
        if self._fresh_due is not None and self._fresh_due <= now:
            fresh, self._fresh, self._fresh_due = self._fresh, {}, None
            for root, pieces in fresh.items():
                self._spread(root, pieces)
            if self._owed and self._late_due is None:
                self._late_due = now + HAVE_LATE_MS
        if self._late_due is not None and self._late_due <= now:
            owed, self._owed, self._late_due = self._owed, {}, None
            for root, peers in owed.items():
                for peer, pieces in peers.items():
                    self._tell(peer, root, pieces)

    def _spread(self, root: bytes, pieces: int) -> None:
        record = self._library.peek(root)
        subscribers = list(record.subscribers) if record else []
        owed = self._owed.pop(root, {})
        for peer in subscribers:
            owed[peer] = owed.get(peer, 0) | pieces
        # Whoever is owed most by lot: so nobody is always the last to hear.
        asking = [peer for peer in subscribers if owed[peer] & ~self._holds(root, peer)]
        prompt = set(sorted(asking, key=lambda _: self._lot())[:HAVE_PROMPT_PEERS])
        later: dict[bytes, int] = {}
        for peer in asking:
            if peer in prompt or owed[peer].bit_count() >= HAVE_LATE_PIECES:
                self._tell(peer, root, owed[peer])
            else:
                later[peer] = owed[peer]
        if later:
            self._owed[root] = later

    def _tell(self, peer: bytes, root: bytes, pieces: int) -> None:
        pieces &= ~self._holds(root, peer)
        numbers: list[int] = []
        while pieces:
            numbers.append(lowest(pieces))
            pieces &= pieces - 1
        for start in range(0, len(numbers), HAVE_PIECES_MAX):
            part = tuple(numbers[start : start + HAVE_PIECES_MAX])
            self._emit(SendTo(peer, HaveMore(root, part), PRIORITY_WANTED))
