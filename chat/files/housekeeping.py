"""Room on the disk: what is used longest ago goes, and never the last known copy of a file.

The rule is a pure machine, `chat.blocks.keeping`; this is its shell. Once the store has filled to
its high water, the files on disk are listed by a thread, and those that may go are given to the
machine, which asks the linked peers for promises and says what to drop. So there is room for what
comes next, and a disk that is really full is one of last copies and of what the user keeps.

    may go          not kept, not on its way here, not used for ten minutes
    goes at once    of these, what no message names any more
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from chat.blocks.catalogue import StoredFile, stored_files
from chat.blocks.errors import StoreFailure
from chat.blocks.exchange.ports import FileGone
from chat.blocks.keeping import Keeping, ports
from chat.blocks.kept_files import KeptRoots
from chat.blocks.listed_files import ListedRoots
from chat.blocks.messages import AskHolding, Holding
from chat.blocks.store_files import BlockStore
from chat.errors import StoreError, Unavailable
from chat.files.disk import Disk
from chat.files.fetching import Fetching
from chat.files.limits import (
    IN_USE_SECONDS,
    LOOK_AGAIN_SECONDS,
    REFUSED_AGAIN_SECONDS,
    WATER_PARTS,
)
from chat.files.needs import Needs
from chat.files.sentences import sentence
from chat.files.shelf import Shelf


class Housekeeping:
    """The room of one block store, and who else holds what is in it. Event loop only."""

    def __init__(
        self,
        store: BlockStore,
        disk: Disk,
        shelf: Shelf,
        fetching: Fetching,
        needs: Needs,
        *,
        quota_bytes: int,
        give: Callable[[FileGone], None],
        send: Callable[[bytes, AskHolding | Holding], None],
        lot: Callable[[], float],
        now_ms: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        """
        Args:
            give: tells the exchange that blocks are gone.
            send: gives a message to a device.
            fetching: what is on its way here stays; it is told what went.
            wall: seconds since 1970.

        Raises:
            StoreFailure: the disk refuses.
        """
        self._store = store
        self._disk = disk
        self._shelf = shelf
        self._fetching = fetching
        self._quota = quota_bytes
        self._give = give
        self._send = send
        self._needs = needs
        self._lot = lot
        self._now_ms = now_ms
        self._wall = wall
        self._kept = KeptRoots(store.folder)
        self._listed = ListedRoots(store.folder)
        self._machine = Keeping(shelf.complete)
        self._on_disk: dict[bytes, StoredFile] = {}
        """The files that the attempt under way is about."""
        self._looking: asyncio.Task[None] | None = None
        self._again: asyncio.TimerHandle | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._coming_bytes = 0
        self._paused = 0
        self._closed = False
        self._waiting: list[asyncio.Future[None]] = []

    # What others hold

    def peer_up(self, device: bytes) -> None:
        """A device is linked."""
        self._tell(ports.PeerUp(device))

    def peer_down(self, device: bytes) -> None:
        """A device is no longer linked."""
        self._tell(ports.PeerDown(device))

    def receive(self, device: bytes, message: AskHolding | Holding) -> None:
        """A device asks, or says, what is held."""
        self._tell(ports.Received(device, message))

    def came(self, root: bytes) -> None:
        """A file is whole here now."""
        self._tell(ports.Came(root))

    def holders(self, root: bytes) -> tuple[bytes, ...]:
        """Linked devices that are known to hold every block of a file."""
        return self._machine.holders(root)

    def copies(self, root: bytes) -> int:
        """Linked devices that are known to hold a file, or to fetch it."""
        return self._machine.copies(root)

    def asked_about(self) -> set[bytes]:
        """Files that linked devices asked about."""
        return self._machine.watched()

    def fetches(self, device: bytes, root: bytes, on: bool) -> None:
        """A device said that it fetches a file now, or no longer."""
        self._tell(ports.Fetches(device, root, on))

    async def census(self, roots: Iterable[bytes], seconds: float) -> None:
        """Ask linked devices which of these they hold, and wait for the answers, or so long."""
        asked = tuple(roots)
        self._tell(ports.Census(asked))
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._machine.unsaid(asked) and not self._closed:
                    future = asyncio.get_running_loop().create_future()
                    self._waiting.append(future)
                    await future

    # What stays

    def kept(self, root: bytes) -> bool:
        """Whether the user keeps this file."""
        return root in self._kept

    async def keep(self, root: bytes, on: bool) -> None:
        """Keep a file whatever happens, or no longer. Raises StoreError, Unavailable."""
        try:
            await self._disk.file(lambda keep_on: self._kept.keep(root, on))
        except StoreFailure as failure:
            raise StoreError(sentence(failure)) from failure

    async def listed(self, listing: bytes, roots: Iterable[bytes]) -> None:
        """A folder's listing names these files. Raises StoreError, Unavailable."""
        below = tuple(roots)
        try:
            await self._disk.file(lambda keep_on: self._listed.note(listing, below))
        except StoreFailure as failure:
            raise StoreError(sentence(failure)) from failure

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Drop nothing in here: blocks that are on the disk are being counted on."""
        self._paused += 1
        try:
            yield
        finally:
            self._paused -= 1

    def used(self, root: bytes) -> None:
        """A file is used now."""
        self._store.touch(root)

    # Room

    def room_for(self, size: int) -> bool:
        """Whether so many bytes more are within the quota."""
        return self._store.total_bytes + size <= self._quota

    @property
    def spare(self) -> int:
        """Bytes that may come without making anything else go; none when negative."""
        return self._water(2) - self._store.total_bytes

    def look(self, coming: int = 0) -> None:
        """Make room if there is little, for a file of `coming` bytes too."""
        if self._closed or self._store.total_bytes + coming <= self._water(1 if not coming else 0):
            return
        self._coming_bytes = max(self._coming_bytes, min(coming, self._quota))
        if self._looking is None and self._again is None and not self._machine.shedding:
            self._looking = asyncio.get_running_loop().create_task(self._list_and_shed())

    def _water(self, parts: int) -> int:
        return self._quota - self._quota * parts // WATER_PARTS

    async def _list_and_shed(self) -> None:
        try:
            named = None if self._store.damaged else self._needs.named()
            if named is not None:
                named = named | self._listed.below(named)
            found = await self._disk.file(lambda keep_on: stored_files(self._store, keep_on))
        except Unavailable:
            return  # This machine stops.
        finally:
            self._looking = None
        self._on_disk = {each.root: each for each in found}
        for each in found:
            if named is not None and each.root not in named and self._excess > 0:
                self._drop(each.root)
        self._on_disk = {root: each for root, each in self._on_disk.items() if self._may_go(each)}
        files = tuple((each.root, each.size) for each in self._on_disk.values())
        self._tell(ports.Shed(files, max(0, self._excess), self._needs.copies()))

    @property
    def _excess(self) -> int:
        return self._store.total_bytes + self._coming_bytes - self._water(2)

    def _may_go(self, file: StoredFile) -> bool:
        if self._paused or file.root in self._kept or self._fetching.wanted(file.root):
            return False
        return self._wall() - self._store.used_at(file.root) > IN_USE_SECONDS

    def _drop(self, root: bytes) -> None:
        """Drop a file, unless it is needed since it was listed."""
        file = self._on_disk.get(root)
        if file is None or not self._may_go(file):
            return
        del self._on_disk[root]
        self._fetching.dropped(self._store.forget(file.cids))
        self._shelf.note(root, 0.0)
        self._give(FileGone(root))
        self._disk.block(lambda: self._sweep(file), lambda _: None)
        self._tell(ports.Went(root))

    def _sweep(self, file: StoredFile) -> None:
        # What a failing disk leaves lying is found again at the next start.
        with suppress(StoreFailure):
            self._store.sweep(file.cids)

    # The machine

    def _tell(self, event: ports.Input) -> None:
        if self._closed:
            return
        for effect in self._machine.handle(event, self._now_ms()):
            if isinstance(effect, ports.SendTo):
                self._send(effect.peer, effect.message)
            elif isinstance(effect, ports.Drop):
                self._drop(effect.root)
            elif isinstance(effect, ports.WakeAt):
                self._wake_at(effect.at)
            else:
                self._shed_ended(effect)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _shed_ended(self, ended: ports.ShedEnded) -> None:
        """Look again later, if there is little room still: others may have copies then."""
        self._on_disk = {}
        self._coming_bytes = 0
        if ended.freed:
            self._fetching.room_made()
        seconds = REFUSED_AGAIN_SECONDS if ended.refused else LOOK_AGAIN_SECONDS
        delay = seconds * (1 + 2 * self._lot())
        self._again = asyncio.get_running_loop().call_later(delay, self._look_again)

    def _look_again(self) -> None:
        self._again = None
        self.look()

    def _wake_at(self, at: float) -> None:
        if self._wake is not None:
            self._wake.cancel()
        delay = max(0.0, at - self._now_ms()) / 1000
        self._wake = asyncio.get_running_loop().call_later(delay, self._tell, ports.Tick())

    async def aclose(self) -> None:
        """Drop nothing more."""
        self._closed = True
        for timer in (self._again, self._wake):
            if timer is not None:
                timer.cancel()
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
