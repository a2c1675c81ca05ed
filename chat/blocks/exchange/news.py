"""Announcing what came in: gathered a few milliseconds, told to those who want the file."""

from collections.abc import Callable

from chat.blocks.exchange.library import Library
from chat.blocks.exchange.ports import Effect, SendTo
from chat.blocks.exchange.tree import lowest
from chat.blocks.limits import HAVE_BATCH_MS, HAVE_PIECES_MAX, PRIORITY_WANTED
from chat.blocks.messages import HaveMore


class News:
    """Pieces on disk and not announced yet. `holds(root, peer)` is what a peer has itself."""

    def __init__(
        self,
        library: Library,
        emit: Callable[[Effect], None],
        holds: Callable[[bytes, bytes], int],
    ) -> None:
        self._library = library
        self._emit = emit
        self._holds = holds
        self._pieces: dict[bytes, int] = {}
        self.due: float | None = None
        """When `flush` has something to say."""

    def add(self, root: bytes, pieces: int, now: float) -> None:
        """These pieces (a set of bits) came in."""
        if pieces:
            self._pieces[root] = self._pieces.get(root, 0) | pieces
            if self.due is None:
                self.due = now + HAVE_BATCH_MS

    def flush(self, now: float) -> None:
        """Tell each subscriber what it does not hold itself, when the time has come."""
        if self.due is None or self.due > now:
            return
        for root, pieces in self._pieces.items():
            record = self._library.peek(root)
            for peer in record.subscribers if record else ():
                self._tell(peer, root, pieces & ~self._holds(root, peer))
        self._pieces = {}
        self.due = None

    def _tell(self, peer: bytes, root: bytes, pieces: int) -> None:
        numbers: list[int] = []
        while pieces:
            numbers.append(lowest(pieces))
            pieces &= pieces - 1
        for start in range(0, len(numbers), HAVE_PIECES_MAX):
            part = tuple(numbers[start : start + HAVE_PIECES_MAX])
            self._emit(SendTo(peer, HaveMore(root, part), PRIORITY_WANTED))
