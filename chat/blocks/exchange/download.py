"""One wanted file: which piece to ask whom next.

Order of wishes: the root manifest; then the rarest missing piece among those that some free holder
offers, ties by lot. Order of holders: those who fetched it too, then the origin, then relays;
within a rank the one with the fewest requests. A piece goes to a later rank only when no free
holder of an earlier one has anything we need. Of a file that is used while it comes, the first
missing pieces go before all others, from whatever rank, and the lowest before the rarest. Near the
end a piece that is slow to come is asked for a second time elsewhere.

Rarity is counted in bit planes: plane k holds bit k of every piece's number of holders, so counting
and choosing cost a few operations on integers a holder, whatever the number of pieces.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chat.blocks.errors import Invalid
from chat.blocks.exchange.sources import Holder, Source
from chat.blocks.exchange.tree import ROOT, Tree, lowest
from chat.blocks.limits import (
    ANSWER_MS,
    END_GAME_PATIENCE_MS,
    END_GAME_PIECES,
    IN_ORDER_PIECES,
    LAST_RESORT_PATIENCES,
    REQUEST_BASE_MS,
    REQUEST_FLOOR_BYTES_PER_MS,
    STALE_MS,
    WINDOW_PIECES,
)

_RANKS = 3
_ANSWER_WEIGHT = 0.25  # how much one answer moves the smoothed time of answers


@dataclass(frozen=True, slots=True)
class Request:
    """A block was asked of a peer."""

    source: Source
    piece: int
    at: float
    deadline: float


@dataclass(frozen=True, slots=True)
class Coming:
    """A block on its way to the disk, where it is checked; `source` is None for what was ours."""

    data: bytes
    source: Source | None


class Download:
    """The state of one wanted file. Pieces are those of `tree`."""

    def __init__(
        self, tree: Tree, size: int | None, prefetch: bool, lot: Callable[[], float]
    ) -> None:
        """`lot` gives numbers in [0, 1) that break ties."""
        self.tree = tree
        self.size = size
        self.prefetch = prefetch
        self.holders: dict[bytes, Holder] = {}
        self.wanters: set[bytes] = set()
        """Linked peers that are after the file themselves."""
        self.unanswered: dict[bytes, float] = {}
        """Peers that were told WANT-ROOT and have not answered, and since when."""
        self.dropped: set[bytes] = set()
        """Peers that broke a rule about this file."""
        self.in_order = False
        """Whether somebody uses it from its beginning while it comes."""
        self.told = False
        """Whether linked peers were told WANT-ROOT."""
        self.gave: dict[bytes, int] = {}
        """Sealed bytes by holder."""
        self.storing: dict[int, Coming] = {}
        """Pieces on their way to the disk, by number."""
        self.requests: dict[int, list[Request]] = {}
        self._asked = 0
        self._answer_ms = 0.0
        self._planes: list[int] | None = None
        self._lot = lot

    # What peers say

    def add_holder(self, source: Source, bitmap: bytes, origin: bool) -> None:
        """A HAVE came. Raises Invalid when it does not fit the file."""
        holder = self.holders.get(source.peer) or Holder(source)
        holder.bitmap, holder.more, holder.origin = bitmap, [], origin
        if self.tree.known:
            self._read_bitmap(holder)
        self.holders[source.peer] = holder

    def _read_bitmap(self, holder: Holder) -> None:
        assert holder.bitmap is not None
        holder.has = self.tree.read_bitmap(holder.bitmap)
        holder.bitmap = None
        self.add_pieces(holder, holder.more)
        self._planes = None

    def add_pieces(self, holder: Holder, pieces: list[int]) -> None:
        """A HAVE-MORE came. Raises Invalid when it names pieces that the file does not have."""
        if holder.bitmap is not None:
            holder.more = [*holder.more, *pieces][-self._more_max() :]
            return
        bits = 0
        for piece in pieces:
            bits |= 1 << piece
        if bits > self.tree.all:
            raise Invalid("it announced pieces that the file does not have")
        # Who gains pieces fetches them.
        holder.origin = holder.origin and not bits & ~holder.has
        holder.has |= bits
        self._planes = None

    @staticmethod
    def _more_max() -> int:
        return WINDOW_PIECES * 8

    def layout_known(self) -> list[tuple[bytes, str]]:
        """Read the bitmaps that came before the manifest; gives (peer, reason) of bad ones."""
        bad: list[tuple[bytes, str]] = []
        for peer, holder in self.holders.items():
            if holder.bitmap is not None:
                try:
                    self._read_bitmap(holder)
                except Invalid as reason:
                    bad.append((peer, str(reason)))
        self._planes = None
        return bad

    def remove_holder(self, peer: bytes) -> None:
        """It is no source of this file, or not linked, any more."""
        if self.holders.pop(peer, None) is not None:
            self._planes = None
        for request in self.all_requests():
            if request.source.peer == peer:
                self.give_up(request)

    def lacks(self, holder: Holder, piece: int) -> None:
        """It does not have a piece that it announced."""
        if piece == ROOT:
            self.remove_holder(holder.source.peer)
        else:
            holder.has &= ~(1 << piece)
        self._planes = None

    def alone_with(self, peer: bytes, now: float) -> bool:
        """Whether nobody else who is linked has or wants the file, as far as they said."""
        if any(other != peer for other in self.holders) or self.wanters - {peer}:
            return False
        return all(
            other == peer or now - since > ANSWER_MS for other, since in self.unanswered.items()
        )

    # What to ask next

    def pick(self, now: float) -> tuple[Holder, int] | None:
        """The next request to make, if there is one to make now."""
        free = [each for each in self.holders.values() if each.source.free(now)]
        if not free:
            return None
        if not self.tree.known:
            return self._pick_root(free, now)
        need = self._needed()
        if not need:
            return self._end_game(now)
        if self.in_order and need & (first := self._first_missing()):
            picked = self._pick_among(need & first, free, now)
            if picked is not None:
                return picked
        return self._pick_among(need, free, now)

    def _pick_among(self, need: int, free: list[Holder], now: float) -> tuple[Holder, int] | None:
        for rank in range(_RANKS):
            offered = [
                (each, offers & need)
                for each in free
                if each.rank == rank and (offers := each.offers(now)) & need
            ]
            if offered:
                union = 0
                for _, offers in offered:
                    union |= offers
                piece = lowest(union) if self.in_order else self._rarest(union)
                return self._choose([each for each, bits in offered if bits >> piece & 1]), piece
        return None

    def _pick_root(self, free: list[Holder], now: float) -> tuple[Holder, int] | None:
        """The manifest, from anybody who holds it; from a second one when the first is slow."""
        if ROOT in self.storing:
            return None
        if ROOT not in self.requests:
            return self._choose(free), ROOT
        for _, requests in self._slow_last():
            others = [each for each in free if each.source is not requests[0].source]
            if others and now >= requests[0].at + self._patience():
                return self._choose(others), ROOT
        return None

    def _needed(self) -> int:
        tree = self.tree
        need = tree.checked & ~tree.here & ~self._asked
        if need and tree.count > WINDOW_PIECES:
            need &= ((1 << WINDOW_PIECES) - 1) << lowest(need)
        return need

    def _first_missing(self) -> int:
        """The pieces that who reads from the beginning waits for next, there or not."""
        missing = self.tree.all & ~self.tree.here
        return ((1 << IN_ORDER_PIECES) - 1) << lowest(missing)

    def _choose(self, holders: list[Holder]) -> Holder:
        loads = [(each.rank, each.source.outstanding) for each in holders]
        best = min(loads)
        least = [each for each, load in zip(holders, loads, strict=True) if load == best]
        return least[int(self._lot() * len(least))]

    def _rarest(self, pieces: int) -> int:
        for plane in reversed(self._count_planes()):
            rarer = pieces & ~plane
            pieces = rarer or pieces
        start = int(self._lot() * self.tree.count)
        after = pieces >> start << start
        return lowest(after or pieces)

    def _count_planes(self) -> list[int]:
        if self._planes is None:
            planes: list[int] = []
            for holder in self.holders.values():
                carry = holder.has
                for index, plane in enumerate(planes):
                    planes[index], carry = plane ^ carry, plane & carry
                if carry:
                    planes.append(carry)
            self._planes = planes
        return self._planes

    def _end_game(self, now: float) -> tuple[Holder, int] | None:
        for piece, requests in self._slow_last():
            if now < requests[0].at + self._patience():
                continue
            asked = requests[0].source
            others = [each for each in self.holders.values() if each.source is not asked]
            if now < requests[0].at + self._last_resort():
                # The origin's bytes are dear: it is not asked a second time while another holder
                # of the piece is only busy.
                best = min((each.rank for each in others if each.has >> piece & 1), default=_RANKS)
                others = [each for each in others if each.rank == best]
            offering = [
                each for each in others if each.source.free(now) and each.offers(now) >> piece & 1
            ]
            if offering:
                return self._choose(offering), piece
        return None

    def _slow_last(self) -> Iterator[tuple[int, list[Request]]]:
        if 0 < len(self.requests) <= END_GAME_PIECES:
            for piece, requests in self.requests.items():
                if len(requests) == 1:
                    yield piece, requests

    def _patience(self) -> float:
        return max(END_GAME_PATIENCE_MS, 2 * self._answer_ms)

    def _last_resort(self) -> float:
        return LAST_RESORT_PATIENCES * self._patience()

    # Requests under way

    def asked(self, holder: Holder, piece: int, now: float) -> Request:
        """A request goes out."""
        span = REQUEST_BASE_MS + self.tree.length_bound(piece) / REQUEST_FLOOR_BYTES_PER_MS
        request = Request(holder.source, piece, now, now + span)
        self.requests.setdefault(piece, []).append(request)
        if piece != ROOT:
            self._asked |= 1 << piece
        holder.source.outstanding += 1
        return request

    def request_to(self, peer: bytes, piece: int) -> Request | None:
        """The request for a piece to a peer, if one is under way."""
        for request in self.requests.get(piece, ()):
            if request.source.peer == peer:
                return request
        return None

    def give_up(self, request: Request) -> None:
        """A request will not be answered, or no longer needs to be."""
        left = [each for each in self.requests[request.piece] if each is not request]
        request.source.outstanding -= 1
        if left:
            self.requests[request.piece] = left
            return
        del self.requests[request.piece]
        if request.piece != ROOT and request.piece not in self.storing:
            self._asked &= ~(1 << request.piece)

    def arrived(self, piece: int, coming: Coming) -> None:
        """The bytes of a piece go to the disk."""
        self.storing[piece] = coming
        if piece != ROOT:
            self._asked |= 1 << piece

    def answered(self, took: float) -> None:
        self._answer_ms += _ANSWER_WEIGHT * (took - self._answer_ms)

    def stored(self, piece: int, *, counts: bool) -> None:
        """The disk has a piece or, when it does not count, was given the wrong bytes for it."""
        coming = self.storing.pop(piece)
        if counts and coming.source is not None:
            peer = coming.source.peer
            self.gave[peer] = self.gave.get(peer, 0) + len(coming.data)
        if piece != ROOT and piece not in self.requests:
            self._asked &= ~(1 << piece)

    def all_requests(self) -> list[Request]:
        return [request for requests in self.requests.values() for request in requests]

    def next_time(self, now: float, *, asking: bool = True) -> float | None:
        """When `pick` may have something although nothing came in; None: never by itself.

        `asking`: a request may be made before one of those under way ends or is stale.
        """
        times = [each.deadline for each in self.all_requests()]
        if not asking:
            times += [each.at + STALE_MS for each in self.all_requests()]
        if not self._needed():
            for _, requests in self._slow_last():
                asked_at = requests[0].at
                times += [asked_at + self._patience(), asked_at + self._last_resort()]
        for holder in self.holders.values() if asking else ():
            if holder.source.busy_until > now:
                times.append(holder.source.busy_until)
            offer = holder.next_offer()
            if offer is not None:
                times.append(offer)
        return min((each for each in times if each > now), default=None)
