"""What this machine holds of which file, learned from its own disk when somebody asks.

A file's record is loaded in steps: is the root here; read it; which of its pieces are here; read
its sub-manifests; which of their chunks are here. Until that is done, messages about the file wait
in the record and are replayed afterwards. Records of files that nobody here wants are dropped when
there are many; they can be loaded again.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from chat.blocks.errors import Invalid
from chat.blocks.exchange.ports import BlocksFound, Effect, FindBlocks, ReadBlock, Received
from chat.blocks.exchange.tree import ROOT, Tree
from chat.blocks.limits import TREE_PIECES_MAX, TREES_MAX, WAITING_PER_FILE_MAX


@dataclass(slots=True)
class Record:
    """One file as this machine knows it.

    Attributes:
        steps: requests to the disk under way; loaded when none is left.
        fetched: pieces that came from a peer in this run, so that peer has them too.
        subscribers: peers that are told what comes in, and whether they only prefetch.
        waiting: messages to replay once the disk has answered.
        told: subscribers have had a HAVE; what comes in later is news.
        news: pieces found on disk after that, not announced yet.
        broken: why the manifests cannot be used, or "".
    """

    tree: Tree
    steps: set[int] = field(default_factory=set)
    started: bool = False
    wanted: bool = False
    fetched: int = 0
    subscribers: dict[bytes, bool] = field(default_factory=dict)
    waiting: list[Received] = field(default_factory=list)
    broken: str = ""
    told: bool = False
    news: int = 0

    @property
    def loaded(self) -> bool:
        return self.started and not self.steps

    @property
    def servable(self) -> bool:
        """Whether HAVE can be said: the layout is known and the root is here."""
        return self.tree.known and self.tree.root_here and not self.broken


class Library:
    """All records. `emit` takes the effects."""

    def __init__(self, emit: Callable[[Effect], None]) -> None:
        self._emit = emit
        self._records: OrderedDict[bytes, Record] = OrderedDict()
        self._finds: dict[int, tuple[Record, tuple[bytes, ...]]] = {}
        self._reads: dict[int, tuple[Record, int]] = {}
        self._next_request = 0

    def request_number(self) -> int:
        """A new number for a `ReadBlock` or `FindBlocks`."""
        self._next_request += 1
        return self._next_request

    def peek(self, root: bytes) -> Record | None:
        """The record of a file if there is one; asks nothing of the disk."""
        return self._records.get(root)

    def records(self) -> list[Record]:
        return list(self._records.values())

    def open(self, root: bytes) -> Record:
        """The record of a file, its loading under way or done."""
        record = self._records.get(root)
        if record is None:
            record = self._records[root] = Record(Tree(root))
            self._evict()
        self._records.move_to_end(root)
        if not record.started:
            record.started = True
            self._find(record, (root,))
        return record

    def wait(self, record: Record, received: Received) -> None:
        """Keep a message until the record is loaded; too many are dropped, the peer asks again."""
        if len(record.waiting) < WAITING_PER_FILE_MAX:
            record.waiting.append(received)

    def forget(self, root: bytes) -> None:
        """The disk lost blocks of this file: what is known of them is read anew."""
        record = self._records.get(root)
        if record is not None and not record.wanted:
            for request in record.steps:
                self._finds.pop(request, None)
                self._reads.pop(request, None)
            self._records[root] = Record(Tree(root), subscribers=record.subscribers)

    def _evict(self) -> None:
        idle = [
            root
            for root, each in self._records.items()
            if not each.wanted and each.loaded and not each.waiting
        ]
        pieces = sum(self._records[root].tree.count for root in idle)
        for root in idle:
            if len(idle) <= TREES_MAX and pieces <= TREE_PIECES_MAX:
                return
            record = self._records[root]
            pieces -= record.tree.count
            if record.subscribers:
                self._records[root] = Record(Tree(root), subscribers=record.subscribers)
            else:
                del self._records[root]
            idle = idle[1:]

    def _find(self, record: Record, cids: tuple[bytes, ...]) -> None:
        request = self.request_number()
        record.steps.add(request)
        self._finds[request] = (record, cids)
        self._emit(FindBlocks(request, cids))

    def _read(self, record: Record, piece: int) -> None:
        request = self.request_number()
        record.steps.add(request)
        self._reads[request] = (record, piece)
        self._emit(ReadBlock(request, record.tree.cid_of(piece)))

    def found(self, answer: BlocksFound) -> Record | None:
        """Take an answer to `FindBlocks`; the record it was about, if it still matters."""
        if answer.request not in self._finds:
            return None
        record, asked = self._finds.pop(answer.request)
        record.steps.discard(answer.request)
        for cid in asked:
            piece = record.tree.piece_of(cid)
            here = cid in answer.cids
            if piece is None:
                continue
            if piece == ROOT:
                if here:
                    self._read(record, ROOT)
                continue
            record.tree.checked |= 1 << piece
            if here:
                record.tree.add(piece)
                record.news |= 1 << piece
                if record.tree.is_node(piece):
                    self._read(record, piece)
        return record

    def read(self, request: int, data: bytes | None) -> Record | None:
        """Take an answer to `ReadBlock`; None when the request was not this library's."""
        if request not in self._reads:
            return None
        record, piece = self._reads.pop(request)
        record.steps.discard(request)
        if data is not None:
            self.learn(record, piece, data)
        elif piece != ROOT:
            record.tree.remove(piece)
        return record

    def learn(self, record: Record, piece: int, data: bytes) -> None:
        """A manifest of this file is on disk: read it and ask which of its blocks are here."""
        try:
            links = record.tree.learn(piece, data)
        except Invalid as reason:
            record.broken = str(reason)
            return
        if piece == ROOT:
            record.tree.root_here = True
        else:
            record.tree.add(piece)
        self._find(record, links)
