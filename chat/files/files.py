"""Files of a node: shared, fetched, kept, handed on. See the package for the theory."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from chat.blocks import disk_files, messages
from chat.blocks.cid import check_cid
from chat.blocks.errors import Invalid, TooNew
from chat.blocks.exchange import ports
from chat.blocks.folder import FOLDER_TYPE, FolderFile
from chat.blocks.limits import FOLDER_MAX_BYTES, PRIORITY_PREFETCH
from chat.blocks.sealing import FileReader, FileRef
from chat.blocks.store_files import BlockStore
from chat.errors import ChatError, NotFound, Unavailable
from chat.files.arriving import Arriving, Write
from chat.files.departures import Unsent
from chat.files.disk import Disk, KeepOn
from chat.files.fetching import Fetching
from chat.files.housekeeping import Housekeeping
from chat.files.limits import AUTO_FETCH_BYTES, QUOTA_BYTES
from chat.files.needs import NOTHING_KNOWN, Needs
from chat.files.quota import Quota
from chat.files.reading import Reading, ref_of
from chat.files.replicating import Replicating
from chat.files.sentences import named
from chat.files.sharing import Known, Prepared, Previews, Sharing
from chat.files.shelf import Shelf, Stats
from chat.files.shell import ExchangeShell, Send
from chat.files.transfers import TransferState
from chat.files.user_files import destination
from chat.pictures.decoder import PictureDecoder
from chat.pictures.formats import is_picture
from crdt.ops import FileInfo

T = TypeVar("T")


class Files:
    """All files of one node. Event loop only; create it there and end it with `aclose`.

    Attributes:
        room: what is kept, what goes, and who else holds what. flows: who gives what to whom.
    """

    _closed = False

    def __init__(
        self,
        store: BlockStore,
        *,
        send: Send,
        on_transfer: Callable[[TransferState], None],
        on_complete: Callable[[bytes], None],
        lot: Callable[[], float],
        now_ms: Callable[[], float],
        unsent: Unsent = lambda device, priority: 0,
        relay: bool = False,
        quota_bytes: int = QUOTA_BYTES,
        auto_bytes: int = AUTO_FETCH_BYTES,
        previews: Previews | None = None,
        needs: Needs = NOTHING_KNOWN,
    ) -> None:
        """
        Args:
            send: queues a payload of kind "blocks" on a device's link; may do nothing.
            on_transfer: a file on its way changed; called often, so gather before showing.
            on_complete: the file of this root is whole here now.
            lot: numbers in [0, 1) that break ties.
            now_ms: monotonic milliseconds.
            unsent: payload bytes of a priority that wait on a device's link (departures.py).
            relay: keep what peers offer or want, up to `quota_bytes`.
            quota_bytes: beyond these, what others hold as well is dropped.
            auto_bytes: pictures up to this size are fetched when a message names them.
            previews: makes previews; None for a decoder process of our own.
            needs: what the workspace needs of its files.

        Raises:
            StoreFailure: the disk refuses.
        """
        self._store = store
        self._now_ms = now_ms
        self._auto_bytes = auto_bytes
        self._disk = Disk()
        self._shelf = Shelf(store)
        self._reading = Reading(store, self._disk, self._shelf, self._gone)
        self._decoder = PictureDecoder() if previews is None else None
        self._sharing = Sharing(store, self._disk, self._shelf, previews or self._own_decoder())
        self._fetching = Fetching(
            self._shelf,
            lambda event: self._shell.give(event),
            on_transfer=on_transfer,
            on_complete=self._completed,
            now_ms=now_ms,
            quota=Quota(quota_bytes, store.total_bytes) if relay else None,
            make_room=lambda size: self.room.look(size),
        )
        self._on_complete = on_complete
        self.room = self._housekeeping(quota_bytes, needs, lot)
        self._replicating = Replicating(
            self.room, self._shelf, self._fetching, needs, relay=relay, lot=lot, now_ms=now_ms
        )
        self._arriving = Arriving(
            store, self._disk, self._shelf, self._fetching, self._gone, self._open, now_ms
        )
        self._shell = ExchangeShell(
            store,
            self._disk,
            send=send,
            unsent=unsent,
            on_news=self._fetching.heard,
            on_stored=self._stored,
            on_damaged=self._shelf.count_anew,
            lot=lot,
            now_ms=now_ms,
        )
        self.flows = self._shell.flows

    def _housekeeping(
        self, quota_bytes: int, needs: Needs, lot: Callable[[], float]
    ) -> Housekeeping:
        return Housekeeping(
            self._store,
            self._disk,
            self._shelf,
            self._fetching,
            needs,
            quota_bytes=quota_bytes,
            give=self._gone,
            send=lambda device, message: self._shell.send(device, message, PRIORITY_PREFETCH),
            lot=lot,
            now_ms=self._now_ms,
            wall=time.time,
        )

    def _own_decoder(self) -> Previews:
        assert self._decoder is not None
        return self._decoder

    def _gone(self, event: ports.FileGone) -> None:
        self._shell.give(event)

    def _stored(self, size: int, failure: str | None) -> None:
        self._fetching.stored(size, failure)
        self.room.look()

    def _completed(self, root: bytes) -> None:
        self.room.came(root)
        self._on_complete(root)

    # Links

    def peer_up(self, device: bytes, relay: bool = False) -> None:
        """The first link with a device is open."""
        self._fetching.peer_up(device)
        self._shell.give(ports.PeerUp(device, relay))
        self.room.peer_up(device)
        self._replicating.begin()

    def peer_down(self, device: bytes) -> None:
        """The last link with a device has ended."""
        self._shell.give(ports.PeerDown(device))
        self.room.peer_down(device)
        self._fetching.peer_down(device)

    def receive(
        self, device: bytes, payload: bytes, taken: Callable[[], None] | None = None
    ) -> None:
        """A payload of kind "blocks" came. `taken` is called once its bytes are dealt with (a
        block: on disk), which is when the link may be granted credit for it.

        Raises:
            Invalid: it breaks the rules; the text says which. Close the link.
        """
        try:
            message = messages.decode(payload)
        except TooNew:
            if taken is not None:
                taken()
            return
        if isinstance(message, messages.AskHolding | messages.Holding):
            self.room.receive(device, message)
            if taken is not None:
                taken()
            return
        if isinstance(message, messages.WantRoot | messages.Unwant):
            self.room.fetches(device, message.root, isinstance(message, messages.WantRoot))
        self._fetching.said(device, message)
        self._shell.give(ports.Received(device, message), taken)

    # Sharing

    async def prepare(
        self,
        path: str,
        *,
        secret: bytes,
        known: Known,
        keep_metadata: bool = False,
        alt: str = "",
        preview: bool = True,
    ) -> Prepared:
        """Make a file of this machine ready to be posted; its blocks are durable then.

        Args:
            path: absolute, as the user named it.
            secret: the convergence secret of the scope and epoch.
            known: what an earlier message of the same scope said of a file with this hash; if all
                its blocks are here they are posted again.
            preview: make one, if it is a picture.

        Raises:
            NotFound, UsageError: the file cannot be shared. StoreError: the disk refuses.
            Unavailable: this machine stops.
        """
        self._open()
        with self.room.paused():
            prepared = await self._sharing.prepare(
                Path(path), secret, keep_metadata, alt, known, preview
            )
            self._put(prepared.info)
        return prepared

    async def prepare_folder(
        self, name: str, files: tuple[FolderFile, ...], *, secret: bytes, alt: str = ""
    ) -> FileInfo:
        """Make the listing of files that are prepared ready to be posted. Raises as `prepare`."""
        self._open()
        with self.room.paused():
            info = await self._sharing.prepare_folder(name, files, secret, alt)
            await self.room.listed(info.root, [file.ref.root for file in files])
            self._put(info)
        return info

    def _put(self, info: FileInfo) -> None:
        self._open()
        self._shelf.note(info.root, 1.0)
        self.room.used(info.root)
        self.room.came(info.root)
        self.room.look()
        self.hold(info)

    def hold(self, info: FileInfo) -> None:
        """A file of ours is whole here: relays that are linked, or will be, hear of it.

        `prepare` does this; do it again after a restart for what relays may not have yet.
        """
        self._shell.give(ports.Hold(info.root, info.size))

    # Fetching

    def announced(self, info: FileInfo) -> bool:
        """A message names this file: fetch it if pictures of its size come by themselves, or the
        listing of a folder. Gives whether it is wanted now."""
        is_listing = info.type == FOLDER_TYPE and info.size <= FOLDER_MAX_BYTES
        if not is_listing and (not is_picture(info.type) or info.size > self._auto_bytes):
            return False
        if not self.room.room_for(info.size):
            self.room.look(info.size)
            return False
        return self.want(info, prefetch=True)

    def want(self, info: FileInfo, prefetch: bool = False) -> bool:
        """Fetch a file until it is whole. False when there is nothing to fetch: it is whole, or
        the message contradicts itself. After a restart, want again what is not whole."""
        try:
            ref = ref_of(info)
        except Invalid:
            return False
        return not self._closed and self._fetching.want(ref, prefetch) is not None

    def want_root(self, root: bytes, limit: int) -> None:
        """Keep a file whose message cannot be read here, up to `limit` plaintext bytes.

        Relays do this by themselves for what peers offer and want.
        """
        check_cid(root)
        if not self._closed:
            self._fetching.want_root(root, limit)

    def stop(self, root: bytes) -> None:
        """Fetch a file no more. What is here of it stays and is served."""
        self._fetching.stop(root)

    async def fetch(self, info: FileInfo, timeout: float) -> TransferState:
        """Fetch a file and wait until it is whole.

        Args:
            timeout: seconds without any progress.

        Raises:
            NoPeer: nothing came for so long; the file stays wanted.
            StoreError, ChatError: it cannot be had. Unavailable: this machine stops.
        """
        self._open()
        ref = self._checked(info)
        return await self._arriving.whole(info, ref, timeout)

    async def stream(self, info: FileInfo, write: Write, timeout: float) -> TransferState:
        """Fetch a file and give its bytes out in order, as they come; those that are here at once.

        Raises:
            NoPeer, StoreError, ChatError, Unavailable: as `fetch`; also at the end, when all bytes
                are out and do not have the hash that the message names.
        """
        self._open()
        ref = self._checked(info)
        self.room.used(ref.root)
        return await self._arriving.stream(info, ref, write, timeout)

    # Reading

    async def save(self, info: FileInfo, path: str) -> None:
        """Write a file that is whole here to `path` (absolute, the user's), replacing what is
        there; all of it, checked, or nothing.

        Raises:
            NotFound: part of it is not here, or the folder is not. UsageError: no such path.
            StoreError: the disk refuses. ChatError: not the file that the message names.
        """
        self._open()
        ref = self._checked(info)
        self.room.used(ref.root)
        await self._reading.file(
            info, ref, lambda reader: disk_files.save_as(reader, destination(Path(path)))
        )

    async def read(self, info: FileInfo) -> bytes:
        """A small file that is whole here. Raises as `save`."""
        self._open()
        ref = self._checked(info)
        self.room.used(ref.root)
        return await self._reading.file(info, ref, FileReader.read)

    async def on_disk(self, job: Callable[[KeepOn], T]) -> T:
        """Let a thread for files of the user do something. Raises what it raises."""
        self._open()
        return await self._disk.file(job)

    async def get(self, info: FileInfo, path: str, timeout: float) -> TransferState:
        """Fetch a file and, unless `path` is "", write it there. Raises as `fetch` and `save`."""
        state = await self.fetch(info, timeout)
        if not path:
            return state
        try:
            await self.save(info, path)
        except NotFound:
            if self._shelf.complete(info.root):
                raise
            state = await self.fetch(info, timeout)
            await self.save(info, path)
        return state

    def have(self, info: FileInfo) -> float:
        """The share of a file's blocks that is here, 0.0 to 1.0. Cheap: ask it for every row."""
        try:
            return self._shelf.share(ref_of(info).root)
        except Invalid:
            return 0.0

    def blocks(self, info: FileInfo) -> tuple[int, int]:
        """How many blocks of a file are here, and how many it has; (0, 0) when it has none."""
        try:
            ref = ref_of(info)
        except Invalid:
            return 0, 0
        return self._shelf.blocks(ref.root, ref.size)

    def transfers(self) -> list[TransferState]:
        """Files on their way, and the last that ended; those not done first."""
        return self._fetching.states()

    def stats(self) -> Stats:
        """What is stored."""
        return Stats(self._store.count, self._store.total_bytes)

    # Ending

    async def aclose(self) -> None:
        """Stop: writes under way end, everybody who waits is told."""
        self._closed = True
        self._shell.close()
        self._fetching.release()
        await self._replicating.aclose()
        await self.room.aclose()
        await self._disk.aclose()
        if self._decoder is not None:
            await self._decoder.aclose()

    def _open(self) -> None:
        if self._closed:
            raise Unavailable("This was not finished, because Clowder is closing.")

    @staticmethod
    def _checked(info: FileInfo) -> FileRef:
        try:
            return ref_of(info)
        except Invalid as reason:
            raise ChatError(f"The message about {named(info)} is not right: {reason}.") from None
