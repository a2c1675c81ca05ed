"""The giving half: what this machine tells and sends to peers that want files."""

from collections.abc import Callable
from dataclasses import dataclass

from chat.blocks.cid import DAG_CBOR, codec_of
from chat.blocks.exchange.library import Library, Record
from chat.blocks.exchange.ports import Effect, ReadBlock, Received, RootHeard, SendTo
from chat.blocks.exchange.sources import Source
from chat.blocks.exchange.uploads import Ask, No, Uploads
from chat.blocks.limits import (
    NODE_READS_PER_PEER_MAX,
    PRIORITY_PREFETCH,
    PRIORITY_WANTED,
    RETRY_MAX_MS,
    SUBSCRIPTIONS_PER_PEER_MAX,
)
from chat.blocks.messages import (
    ABSENT,
    BUSY,
    Block,
    Cancel,
    GetBlock,
    Have,
    HaveNot,
    Offer,
    Refused,
    WantRoot,
)


@dataclass(frozen=True, slots=True)
class _Read:
    """A block is being read for a peer."""

    source: Source
    root: bytes
    cid: bytes
    prefetch: bool
    node: bool


class Serving:
    """Answers WANT-ROOT and GET-BLOCK. `elsewhere` says whether others hold a piece of a file."""

    def __init__(
        self,
        library: Library,
        emit: Callable[[Effect], None],
        elsewhere: Callable[[Record, int], bool],
    ) -> None:
        self._library = library
        self._emit = emit
        self._elsewhere = elsewhere
        self._uploads = Uploads()
        self._reads: dict[int, _Read] = {}

    def want_root(self, source: Source, message: WantRoot) -> None:
        """Note the wish and answer it, now or when the disk has been asked."""
        record = self._library.open(message.root)
        if not record.loaded:
            self._library.wait(record, Received(source.peer, message))
            return
        if len(source.subscriptions) < SUBSCRIPTIONS_PER_PEER_MAX or (
            message.root in source.subscriptions
        ):
            source.subscriptions.add(message.root)
            record.subscribers[source.peer] = message.prefetch
        if record.servable:
            self.tell(record, source.peer)
        else:
            answer = HaveNot(message.root, record.wanted)
            self._emit(SendTo(source.peer, answer, PRIORITY_WANTED))
        if not record.servable or not (record.wanted or record.tree.complete):
            # A relay that stopped half-way goes on when somebody asks for the rest.
            self._emit(RootHeard(message.root, source.peer, None))

    def unwant(self, source: Source, root: bytes) -> None:
        source.subscriptions.discard(root)
        record = self._library.peek(root)
        if record is not None:
            record.subscribers.pop(source.peer, None)

    def tell(self, record: Record, peer: bytes) -> None:
        """Say what of a file is here."""
        have = Have(record.tree.root, record.tree.bitmap(), not record.fetched)
        self._emit(SendTo(peer, have, PRIORITY_WANTED))

    def loaded(self, record: Record) -> None:
        """The disk has been asked: tell everybody who had asked, if the file is servable now."""
        if record.servable and not record.told:
            record.told = True
            record.news = 0
            for peer in record.subscribers:
                self.tell(record, peer)

    def offer(self, source: Source, message: Offer) -> None:
        """A peer offers a file; the caller of the machine decides."""
        record = self._library.open(message.root)
        if not record.loaded:
            self._library.wait(record, Received(source.peer, message))
        elif not record.wanted and not record.tree.complete:
            self._emit(RootHeard(message.root, source.peer, message.size))

    def get_block(self, source: Source, message: GetBlock, now: float) -> None:
        """Send a block, or say why not."""
        record = self._library.open(message.root)
        if not record.loaded:
            self._library.wait(record, Received(source.peer, message))
            return
        piece = record.tree.piece_of(message.cid)
        held = piece is not None and (
            record.tree.root_here if piece < 0 else record.tree.here >> piece & 1
        )
        if piece is None or not held:
            self._refuse(source, message.root, message.cid, No(ABSENT, RETRY_MAX_MS))
            return
        prefetch = record.subscribers.get(source.peer, False)
        node = codec_of(message.cid) == DAG_CBOR
        if node:
            if source.node_reads >= NODE_READS_PER_PEER_MAX:
                self._refuse(source, message.root, message.cid, No(BUSY, RETRY_MAX_MS))
                return
            source.node_reads += 1
        else:
            length = record.tree.length_bound(piece)
            no = self._uploads.admit(
                Ask(
                    source.peer,
                    message.cid,
                    length,
                    length * record.tree.count,
                    message.alone,
                    prefetch,
                    self._elsewhere(record, piece),
                ),
                now,
            )
            if no is not None:
                self._refuse(source, message.root, message.cid, no)
                return
        request = self._library.request_number()
        self._reads[request] = _Read(source, message.root, message.cid, prefetch, node)
        self._emit(ReadBlock(request, message.cid))

    def _refuse(self, source: Source, root: bytes, cid: bytes, no: No) -> None:
        refused = Refused(root, cid, no.reason, no.retry_ms)
        self._emit(SendTo(source.peer, refused, PRIORITY_WANTED))

    def read(self, request: int, data: bytes | None) -> None:
        """A block that a peer asked for came from the disk, or did not."""
        read = self._reads.pop(request, None)
        if read is None:
            return
        if read.node:
            read.source.node_reads -= 1
        if data is None:
            self._uploads.abandon(read.source.peer, read.cid)
            self._refuse(read.source, read.root, read.cid, No(ABSENT, RETRY_MAX_MS))
            self._library.forget(read.root)
            return
        priority = PRIORITY_PREFETCH if read.prefetch else PRIORITY_WANTED
        self._emit(SendTo(read.source.peer, Block(read.cid, data), priority))

    def cancel(self, source: Source, message: Cancel) -> None:
        """Not wanted any more: dropped when it has not been read yet."""
        for request, read in list(self._reads.items()):
            if read.source is source and read.cid == message.cid and not read.node:
                del self._reads[request]
                self._uploads.abandon(source.peer, message.cid)

    def sent(self, peer: bytes, cid: bytes, now: float) -> None:
        self._uploads.sent(peer, cid, now)

    def peer_gone(self, source: Source) -> None:
        """Forget everything about a peer whose link ended."""
        for root in source.subscriptions:
            record = self._library.peek(root)
            if record is not None:
                record.subscribers.pop(source.peer, None)
        for request in [key for key, read in self._reads.items() if read.source is source]:
            del self._reads[request]
        self._uploads.peer_gone(source.peer)
