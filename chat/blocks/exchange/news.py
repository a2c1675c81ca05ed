"""Announcing what came in: gathered a few milliseconds, told to those who want the file.

Not to all of them at once. To know of a few holders of each piece is enough to ask for it, and in a
team of twenty most of what a machine handles would otherwise be announcements, each of which wakes
a process. So a few hear at once: whoever is spoken to anyway, for then it leaves in one frame with
the rest, else some chosen by lot. The others hear when they are spoken to and are owed some pieces,
when they are owed many, when the file is whole, or when it is late.
"""

from collections.abc import Callable

from chat.blocks.exchange.library import Library
from chat.blocks.exchange.ports import Effect, SendTo
from chat.blocks.exchange.tree import lowest
from chat.blocks.limits import (
    HAVE_ALONG_PIECES,
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

    def flush(self, now: float, spoken: set[bytes]) -> None:
        """Tell subscribers what they do not hold themselves, when the time has come.

        Args:
            spoken: peers to whom something else goes out now.
        """
        due = self._fresh_due is not None and self._fresh_due <= now
        for root in list(self._fresh) if due or spoken else ():
            subscribers = self._subscribers(root)
            if due or not spoken.isdisjoint(subscribers):
                self._spread(root, subscribers, spoken)
        if not self._fresh:
            self._fresh_due = None
        if self._owed:
            self._along(spoken)
            if self._late_due is None:
                self._late_due = now + HAVE_LATE_MS
        if self._late_due is not None and self._late_due <= now:
            owed, self._owed, self._late_due = self._owed, {}, None
            for root, peers in owed.items():
                for peer, pieces in peers.items():
                    self._tell(peer, root, pieces)

    def _subscribers(self, root: bytes) -> list[bytes]:
        record = self._library.peek(root)
        return list(record.subscribers) if record else []

    def _spread(self, root: bytes, subscribers: list[bytes], spoken: set[bytes]) -> None:
        """Tell some of a file's news, and note them for the others."""
        pieces = self._fresh.pop(root)
        owed = self._owed.pop(root, {})
        for peer in subscribers:
            owed[peer] = owed.get(peer, 0) | pieces
        asking = [peer for peer in subscribers if owed[peer] & ~self._holds(root, peer)]
        # Who comes first is by lot, so that nobody is always the last to hear.
        first = int(self._lot() * len(asking))
        asking = asking[first:] + asking[:first]
        asking.sort(key=lambda peer: peer not in spoken)
        later: dict[bytes, int] = {}
        for place, peer in enumerate(asking):
            if place < HAVE_PROMPT_PEERS or owed[peer].bit_count() >= HAVE_LATE_PIECES:
                self._tell(peer, root, owed[peer])
            else:
                later[peer] = owed[peer]
        if later:
            self._owed[root] = later

    def _along(self, spoken: set[bytes]) -> None:
        """Tell what is owed to peers that get a frame anyway."""
        for root, owed in list(self._owed.items()):
            record = self._library.peek(root)
            # Of a whole file there is no more to come that this could wait for.
            least = 1 if record is not None and record.tree.complete else HAVE_ALONG_PIECES
            for peer in [each for each in owed if each in spoken]:
                if owed[peer].bit_count() >= least:
                    self._tell(peer, root, owed.pop(peer))
            if not owed:
                del self._owed[root]

    def _tell(self, peer: bytes, root: bytes, pieces: int) -> None:
        pieces &= ~self._holds(root, peer)
        numbers: list[int] = []
        while pieces:
            numbers.append(lowest(pieces))
            pieces &= pieces - 1
        for start in range(0, len(numbers), HAVE_PIECES_MAX):
            part = tuple(numbers[start : start + HAVE_PIECES_MAX])
            self._emit(SendTo(peer, HaveMore(root, part), PRIORITY_WANTED))
