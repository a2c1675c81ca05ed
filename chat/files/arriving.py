"""Waiting for a file that is on its way: until it is whole, or for each next part of it.

Who reads a file from its beginning while it comes (a film, an archive to unpack) gets its chunks in
order, each as soon as it is on the disk; the exchange asks for what is lacking first. Every chunk
is opened with its own key before it is given out. The hash of the whole can only be told at the
end.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

from chat.blocks.chunking import chunk_count
from chat.blocks.errors import Invalid, Missing, StoreFailure
from chat.blocks.exchange.ports import FileGone
from chat.blocks.sealing import FileReader, FileRef
from chat.blocks.store_files import BlockStore
from chat.errors import ChatError, StoreError
from chat.files.disk import Disk
from chat.files.fetching import Fetching
from chat.files.sentences import named, nothing_came, sentence
from chat.files.shelf import Shelf
from chat.files.transfers import Transfer, TransferState
from crdt.ops import FileInfo

Write = Callable[[bytes], Awaitable[None]]
"""Takes the next bytes; returns when there is room for more."""


class _Chunks:
    """The chunks of one file as far as they are here; reads its manifests once."""

    def __init__(self, ref: FileRef, store: BlockStore) -> None:
        self._ref = ref
        self._store = store
        self._reader: FileReader | None = None

    def read(self, index: int) -> bytes | None:
        """A chunk's bytes, None while they are not here. Raises Invalid, StoreFailure."""
        try:
            if self._reader is None:
                self._reader = FileReader(self._ref, self._store.get)
            return self._reader.chunk(index)
        except Missing:
            return None


class Arriving:
    """Files on their way, for those who wait for them. Event loop only."""

    def __init__(
        self,
        store: BlockStore,
        disk: Disk,
        shelf: Shelf,
        fetching: Fetching,
        give: Callable[[FileGone], None],
        check_open: Callable[[], None],
        now_ms: Callable[[], float],
    ) -> None:
        """`give` tells the exchange that blocks are gone; `check_open` raises Unavailable when this
        machine stops."""
        self._store = store
        self._disk = disk
        self._shelf = shelf
        self._fetching = fetching
        self._give = give
        self._check_open = check_open
        self._now_ms = now_ms

    async def whole(self, info: FileInfo, ref: FileRef, timeout: float) -> TransferState:
        """Fetch a file and wait until it is whole; raises as `Files.fetch`."""
        transfer = self._fetching.want(ref, prefetch=False)
        if transfer is None:
            return TransferState(ref.root, ref.size, ref.size, "done")
        while not transfer.ended:
            await self._moved(info, transfer, timeout)
        self._check_ended(info, transfer)
        return transfer.state(self._now_ms())

    async def stream(
        self, info: FileInfo, ref: FileRef, write: Write, timeout: float
    ) -> TransferState:
        """Fetch a file and give its bytes out in order as they come; raises as `Files.stream`."""
        digest = hashlib.sha256()
        chunks = _Chunks(ref, self._store)
        transfer = self._fetching.want(ref, prefetch=False, in_order=True)
        for index in range(chunk_count(ref.size)):
            chunk = await self._next(info, chunks, index, transfer, timeout)
            if chunk is None:
                # Counted as here and is not: a damaged block was set aside. It comes once more.
                self._shelf.count_anew()
                self._give(FileGone(ref.root))
                transfer = self._fetching.want(ref, prefetch=False, in_order=True)
                chunk = await self._next(info, chunks, index, transfer, timeout)
            if chunk is None:
                raise StoreError(f"{named(info)} cannot be read from this disk.")
            digest.update(chunk)
            await write(chunk)
        if digest.digest() != ref.plaintext_sha256:
            raise ChatError(f"{named(info)} is not what its message says: the hash is another.")
        if transfer is None:
            return TransferState(ref.root, ref.size, ref.size, "done")
        return transfer.state(self._now_ms())

    async def _next(
        self,
        info: FileInfo,
        chunks: _Chunks,
        index: int,
        transfer: Transfer | None,
        timeout: float,
    ) -> bytes | None:
        """A chunk as soon as it is here; None when it does not come, because it should be."""
        while True:
            over = transfer is None or transfer.ended
            steps = 0 if transfer is None else transfer.steps
            chunk = await self._chunk(info, chunks, index)
            if chunk is not None or transfer is None:
                return chunk
            if over:
                self._check_ended(info, transfer)
                return None
            if transfer.steps == steps and not transfer.ended:
                await self._moved(info, transfer, timeout)

    async def _chunk(self, info: FileInfo, chunks: _Chunks, index: int) -> bytes | None:
        self._check_open()
        try:
            return await self._disk.file(lambda keep_on: chunks.read(index))
        except Invalid as reason:
            raise ChatError(f"{named(info)} is not what its message says: {reason}.") from None
        except StoreFailure as failure:
            raise StoreError(sentence(failure)) from failure

    async def _moved(self, info: FileInfo, transfer: Transfer, timeout: float) -> None:
        """Wait until something of it came, or it ended. Raises NoPeer, Unavailable."""
        try:
            async with asyncio.timeout(timeout):
                await transfer.progress()
        except TimeoutError:
            raise nothing_came(info, bool(transfer.holders), timeout) from None
        self._check_open()

    def _check_ended(self, info: FileInfo, transfer: Transfer) -> None:
        if transfer.ended == "failed":
            kind = StoreError if self._fetching.disk_refused(transfer.reason) else ChatError
            raise kind(f"{named(info)} was not fetched: {transfer.reason}")
