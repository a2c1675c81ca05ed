"""The taking half: every wanted file, and the fair use of the requests among them."""

from collections import OrderedDict, deque
from collections.abc import Callable

from chat.blocks.cid import cid_dag
from chat.blocks.errors import Invalid
from chat.blocks.exchange.download import Coming, Download
from chat.blocks.exchange.library import Library, Record
from chat.blocks.exchange.news import News
from chat.blocks.exchange.pace import Pace
from chat.blocks.exchange.ports import (
    BlockStored,
    Complete,
    Effect,
    Failed,
    Progress,
    SendTo,
    SourceDropped,
    StoreBlock,
    Want,
)
from chat.blocks.exchange.serving import Serving
from chat.blocks.exchange.sources import Holder, Source
from chat.blocks.exchange.tree import ROOT
from chat.blocks.limits import (
    DEFERRED_REST_SHARE,
    LIVE_EXACT_MAX,
    LIVE_POLL_MS,
    PRIORITY_PREFETCH,
    PRIORITY_WANTED,
    RETRY_MIN_MS,
    STORING_MAX,
    TRIES_PER_INPUT,
)
from chat.blocks.messages import (
    ABSENT,
    BUSY,
    Block,
    Cancel,
    GetBlock,
    Have,
    HaveMore,
    HaveNot,
    Refused,
    Unwant,
    WantRoot,
)

_JITTER = 0.25  # of a hint is added by lot, so that refused peers do not come back as one


class Wanting:
    """All downloads of this machine."""

    def __init__(
        self,
        library: Library,
        serving: Callable[[], Serving],
        news: News,
        emit: Callable[[Effect], None],
        lot: Callable[[], float],
    ) -> None:
        self._library = library
        self._serving = serving
        self._emit = emit
        self._lot = lot
        self._sources: dict[bytes, Source] = {}
        self._downloads: dict[bytes, tuple[Want, Download]] = {}
        self._live: OrderedDict[bytes, Download] = OrderedDict()
        """Downloads that somebody linked holds, the one served longest ago first."""
        self._storing: dict[bytes, bytes] = {}
        """Block id to root, for what is on its way to the disk."""
        self._news = news
        self._pace = Pace()
        self._roomy = True
        """`fill` left room for more requests."""
        self._crowded = False
        """More files were live than one input looks at."""

    # Wishes

    def want(self, want: Want, now: float) -> None:
        """Begin, or go on with, fetching a file."""
        if want.root in self._downloads:
            self._upgrade(want)
            return
        record = self._library.open(want.root)
        record.wanted = True
        download = Download(record.tree, want.size, want.prefetch, self._lot)
        download.in_order = want.in_order
        download.wanters.update(record.subscribers)
        self._downloads[want.root] = (want, download)
        if record.loaded:
            self.loaded(record, now)

    def _upgrade(self, want: Want) -> None:
        """A person wants what so far was only prefetched, or wants it from its beginning."""
        known, download = self._downloads[want.root]
        download.in_order = download.in_order or want.in_order
        if known.prefetch and not want.prefetch:
            self._downloads[want.root] = (want, download)
            download.prefetch = False
            for peer in self._sources if download.told else ():
                self._emit(SendTo(peer, WantRoot(want.root, False), PRIORITY_WANTED))

    def stop(self, root: bytes) -> Want | None:
        """Fetch a file no more; gives the wish that ended."""
        if root not in self._downloads:
            return None
        want, _ = self._downloads[root]
        self._close(root)
        return want

    def download(self, root: bytes) -> Download | None:
        known = self._downloads.get(root)
        return known[1] if known else None

    def _tell_wish(self, source: Source, download: Download, now: float) -> None:
        download.unanswered[source.peer] = now
        wish = WantRoot(download.tree.root, download.prefetch)
        self._emit(SendTo(source.peer, wish, PRIORITY_WANTED))

    def _close(self, root: bytes) -> None:
        _, download = self._downloads.pop(root)
        self._live.pop(root, None)
        record = self._library.peek(root)
        if record is not None:
            record.wanted = False
        for request in download.all_requests():
            cancel = Cancel(root, download.tree.cid_of(request.piece))
            self._emit(SendTo(request.source.peer, cancel, PRIORITY_WANTED))
            download.give_up(request)
        for peer in self._sources if download.told else ():
            self._emit(SendTo(peer, Unwant(root), PRIORITY_WANTED))

    def _fail(self, root: bytes, reason: str) -> None:
        self._close(root)
        self._emit(Failed(root, reason))

    # Peers

    def peer_up(self, source: Source, now: float) -> None:
        self._sources[source.peer] = source
        for _, download in self._downloads.values():
            if download.told:
                self._tell_wish(source, download, now)

    def peer_gone(self, source: Source) -> None:
        del self._sources[source.peer]
        for root, (_, download) in self._downloads.items():
            download.remove_holder(source.peer)
            download.unanswered.pop(source.peer, None)
            download.wanters.discard(source.peer)
            download.dropped.discard(source.peer)
            if not download.holders:
                self._live.pop(root, None)

    def wants_too(self, peer: bytes, root: bytes, wants: bool) -> None:
        """A peer said that it is, or is no longer, after a file."""
        download = self.download(root)
        if download is not None:
            (download.wanters.add if wants else download.wanters.discard)(peer)

    # Answers of peers

    def have(self, source: Source, message: Have) -> None:
        download = self.download(message.root)
        if download is None or source.peer in download.dropped:
            return
        download.unanswered.pop(source.peer, None)
        try:
            download.add_holder(source, message.bitmap, message.origin)
        except Invalid as reason:
            self._drop(source, download, str(reason))
            return
        self._live.setdefault(message.root, download)

    def have_not(self, source: Source, message: HaveNot) -> None:
        download = self.download(message.root)
        if download is not None:
            download.unanswered.pop(source.peer, None)
            self.wants_too(source.peer, message.root, message.wants)

    def have_more(self, source: Source, message: HaveMore) -> None:
        download = self.download(message.root)
        holder = download.holders.get(source.peer) if download else None
        if download is None or holder is None:
            return
        try:
            download.add_pieces(holder, list(message.pieces))
        except Invalid as reason:
            self._drop(source, download, str(reason))

    def refused(self, source: Source, message: Refused, now: float) -> None:
        source.asked.pop(message.cid, None)
        download = self.download(message.root)
        piece = download.tree.piece_of(message.cid) if download else None
        if download is None or piece is None:
            return
        request = download.request_to(source.peer, piece)
        if request is None:
            return
        download.give_up(request)
        retry = max(message.retry_ms, RETRY_MIN_MS)
        holder = download.holders.get(source.peer)
        if message.reason == BUSY:
            self._pace.refused()
            source.busy(retry * (1 + _JITTER * self._lot()), now)
        elif holder is not None and message.reason == ABSENT:
            download.lacks(holder, piece)
            if not download.holders:
                self._live.pop(message.root, None)
        elif holder is not None and piece != ROOT:
            holder.defer(piece, now + retry * (1 + _JITTER * self._lot()))
            # It gives out what nobody else has: most of what we could name next is given, too.
            source.busy(retry * DEFERRED_REST_SHARE * (0.5 + self._lot()), now)

    def block(self, source: Source, message: Block, now: float) -> None:
        """A block came. Only what was asked of this peer is looked at."""
        root = source.asked.pop(message.cid, None)
        download = self.download(root) if root is not None else None
        piece = download.tree.piece_of(message.cid) if download else None
        if root is None or download is None or piece is None:
            return
        request = download.request_to(source.peer, piece)
        if request is not None:
            download.give_up(request)
        tree = download.tree
        source.strikes = 0
        self._pace.came()
        if request is not None and not tree.is_node(piece):
            source.arrived(now - request.at, now)
            download.answered(now - request.at)
        there = tree.root_here if piece == ROOT else tree.here >> piece & 1
        if there or piece in download.storing:
            return
        self._take(root, download, piece, Coming(message.data, source))
        for other in list(download.requests.get(piece, ())):
            cancel = Cancel(root, message.cid)
            self._emit(SendTo(other.source.peer, cancel, PRIORITY_WANTED))
            download.give_up(other)

    def _take(self, root: bytes, download: Download, piece: int, coming: Coming) -> None:
        cid = download.tree.cid_of(piece)
        download.arrived(piece, coming)
        self._storing[cid] = root
        self._emit(StoreBlock(cid, coming.data))

    def _drop(self, source: Source, download: Download, reason: str) -> None:
        """A peer broke a rule about a file: it is no source of it any more."""
        if source.peer in download.dropped:
            return
        root = download.tree.root
        download.dropped.add(source.peer)
        download.remove_holder(source.peer)
        if not download.holders:
            self._live.pop(root, None)
        self._emit(SourceDropped(root, source.peer, reason))

    # Answers of the disk

    def loaded(self, record: Record, now: float) -> None:
        """The disk has been asked about a file; the layout may be known now."""
        root = record.tree.root
        known = self._downloads.get(root)
        if known is None:
            return
        want, download = known
        refusal = self._refusal(want, record)
        if refusal:
            self._fail(root, refusal)
            return
        for peer, reason in download.layout_known() if record.tree.known else ():
            self._drop(self._sources[peer], download, reason)
        self._news.add(root, record.news, now)
        record.news = 0
        if record.tree.known:
            self._progress(root, download)
        elif want.manifest is not None and cid_dag(want.manifest) == root:
            if ROOT not in download.storing:
                self._take(root, download, ROOT, Coming(want.manifest, None))
        if not download.told and root in self._downloads:
            download.told = True
            for source in self._sources.values():
                self._tell_wish(source, download, now)

    @staticmethod
    def _refusal(want: Want, record: Record) -> str:
        size = record.tree.size
        if record.broken:
            return f"this file cannot be read: {record.broken}"
        if size is not None and want.size not in (None, size):
            return "the file's list of blocks is of another size than the message says"
        if size is not None and want.limit is not None and size > want.limit:
            return "the file is larger than this machine takes"
        return ""

    def stored(self, event: BlockStored, now: float) -> None:
        """A block is on disk, or cannot be."""
        cid = event.cid
        root = self._storing.pop(cid, None)
        if root is None:
            return
        record = self._library.peek(root)
        download = self.download(root)
        if download is None or record is None:
            self._library.forget(root)
            return
        piece = record.tree.piece_of(cid)
        coming = download.storing.get(piece) if piece is not None else None
        if piece is None or coming is None:
            return  # An earlier download of this file asked for it, and has ended.
        if event.failure is not None:
            self._fail(root, event.failure)
            return
        download.stored(piece, counts=not event.wrong)
        if event.wrong:
            if coming.source is not None and coming.source is self._sources.get(coming.source.peer):
                reason = "it sent bytes that are not the block it named"
                self._drop(coming.source, download, reason)
            return
        if piece != ROOT:
            record.fetched |= 1 << piece
            self._news.add(root, 1 << piece, now)
        if record.tree.is_node(piece):
            self._library.learn(record, piece, coming.data)
            if record.broken:
                self.loaded(record, now)
            return
        record.tree.add(piece)
        self._serving().loaded(record)
        self._progress(root, download)

    def _progress(self, root: bytes, download: Download) -> None:
        tree = download.tree
        total = tree.size if tree.size is not None else download.size or 0
        done = total if tree.complete else tree.done_bytes
        sources = tuple(sorted(download.gave.items()))
        self._emit(Progress(root, done, total, sources, len(download.holders)))
        if tree.complete:
            self._close(root)
            self._emit(Complete(root))

    # Time

    def tick(self, now: float) -> None:
        """Give up what took too long."""
        for download in self._live.values():
            for request in download.all_requests():
                if request.deadline <= now:
                    download.give_up(request)
                    request.source.strike(now)

    def fill(self, now: float) -> None:
        """Make requests while there is room: people's files in turn, then prefetched ones."""
        self._crowded = False
        self._roomy = self._room(now)
        for prefetch in (False, True) if self._roomy else ():
            turn = deque(root for root, each in self._live.items() if each.prefetch == prefetch)
            tries = 0
            while turn and self._roomy:
                tries += 1
                if tries > TRIES_PER_INPUT:
                    self._crowded = True
                    break
                root = turn.popleft()
                self._live.move_to_end(root)
                download = self._live[root]
                picked = download.pick(now)
                if picked is not None:
                    self._ask(root, download, *picked, now)
                    turn.append(root)
                    self._roomy = self._room(now)

    def _room(self, now: float) -> bool:
        if len(self._storing) >= STORING_MAX:
            return False
        return self._pace.has_room(self._sources.values(), self._live.values(), now)

    def _ask(self, root: bytes, download: Download, holder: Holder, piece: int, now: float) -> None:
        cid = download.tree.cid_of(piece)
        download.asked(holder, piece, now)
        holder.source.remember(cid, root)
        alone = download.alone_with(holder.source.peer, now)
        priority = PRIORITY_PREFETCH if download.prefetch else PRIORITY_WANTED
        self._emit(SendTo(holder.source.peer, GetBlock(root, cid, alone), priority))

    def next_time(self, now: float) -> float | None:
        """When something is to be done although nothing came in; ask after `fill`."""
        if self._crowded:
            return now + 1
        if len(self._live) > LIVE_EXACT_MAX:
            return now + LIVE_POLL_MS
        # Where there is no room for a request it does not matter whose rest ends when.
        times = [each.next_time(now, asking=self._roomy) for each in self._live.values()]
        return min((each for each in times if each is not None), default=None)
