"""Sharing: from a file of the user to the `FileInfo` of a message, its blocks on disk.

    look and hash (metadata gone)  ->  known already?  ->  preview  ->  seal and store  ->  hold

What an earlier message of the scope names is posted with that message's blocks: those that are here
as they are, others sealed again with its key, which gives the same ones.

The preview is made before anything is stored, so that giving up in between leaves nothing behind.
Sealing the same file twice at once would let the one that fails delete what the other counts on;
so one file is sealed once at a time. Different files have different blocks and do not wait.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

from chat.blocks import folder
from chat.blocks.disk_files import store_sealed
from chat.blocks.errors import Changed, Invalid, StoreFailure
from chat.blocks.folder import FolderFile
from chat.blocks.sealing import FileRef, FileSeal
from chat.blocks.store_files import BlockStore
from chat.errors import StoreError, UsageError
from chat.files.disk import Disk
from chat.files.sentences import cannot_read, sentence
from chat.files.shelf import Shelf
from chat.files.user_files import UserFile, changed, open_user_file
from chat.pictures.decoder import Preview
from chat.pictures.errors import PictureError
from chat.pictures.formats import display_name, is_picture, why_not_shown
from crdt.limits import CAPTION_MAX_CHARS, PREVIEW_MAX_BYTES
from crdt.ops import FileInfo

Known = Callable[[bytes], FileInfo | None]
"""`known(sha256)`: what an earlier message of the same scope said of this very file."""


class Previews(Protocol):
    """Makes small pictures in a limited process; `PictureDecoder` does."""

    async def preview(self, source: bytes | Path) -> Preview: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that is ready to be posted: every block is on disk.

    Attributes:
        info: goes into the message.
        removed: kinds of metadata that were taken out: "EXIF", "XMP", "comment", ...
        notes: sentences for the user about what is not as they may expect.
    """

    info: FileInfo
    removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Sharing:
    """Prepares files. Event loop only; what blocks runs on `disk`."""

    def __init__(self, store: BlockStore, disk: Disk, shelf: Shelf, previews: Previews) -> None:
        self._store = store
        self._disk = disk
        self._shelf = shelf
        self._previews = previews
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def prepare(
        self,
        path: Path,
        secret: bytes,
        keep_metadata: bool,
        alt: str,
        known: Known,
        preview_wanted: bool,
    ) -> Prepared:
        """Raises NotFound, UsageError, StoreError, Unavailable: as `Files.prepare`."""
        _check_alt(alt)
        # One for both passes: the second reads through what the first was given.
        gone = threading.Event()
        file = await self._disk.file(
            lambda keep_on: open_user_file(path, secret, keep_metadata, keep_on), gone
        )
        sha256 = file.seal.plaintext_sha256
        earlier = known(sha256)
        if earlier is not None and not self._same(earlier, file):
            earlier = None
        width, height, preview, notes = await self._looks(file, earlier, preview_wanted)
        ref = None if earlier is None else await self._again(earlier, file, gone)
        if ref is None:
            ref = await self._seal(file, gone)
        info = FileInfo(
            root=ref.root,
            key=ref.key,
            sha256=sha256,
            size=ref.size,
            name=file.name,
            type=file.type,
            width=width,
            height=height,
            preview=preview,
            alt=alt,
        )
        return Prepared(info, file.removed, tuple(notes))

    def _same(self, earlier: FileInfo, file: UserFile) -> bool:
        """Whether that message names these bytes."""
        return earlier.sha256 == file.seal.plaintext_sha256 and earlier.size == file.seal.size

    async def _again(
        self, earlier: FileInfo, file: UserFile, gone: threading.Event
    ) -> FileRef | None:
        """The blocks of the earlier message, made from the file where they are not here.

        So one file has one set of blocks in a scope, whatever the epoch. None when the message
        lied: its key does not give its root.
        """
        if self._shelf.complete(earlier.root):
            sha256 = file.seal.plaintext_sha256
            return FileRef(earlier.root, earlier.key, sha256, earlier.size)
        own = file.seal.key
        file.seal.use_key(earlier.key)
        try:
            return await self._seal(file, gone, earlier.root)
        except Invalid:
            file.seal.use_key(own)
            return None

    async def _looks(
        self, file: UserFile, earlier: FileInfo | None, wanted: bool
    ) -> tuple[int, int, bytes, list[str]]:
        """Width, height, preview, and notes. No preview is no reason not to share."""
        notes = []
        if file.type.startswith("video/"):
            notes.append("A video keeps its metadata, which may tell where it was taken.")
        if wanted and (reason := why_not_shown(file.type)):
            notes.append(f"It is shared as a file: {reason}.")
        if file.picture is None or not is_picture(file.type) or not wanted:
            return 0, 0, b"", notes
        if earlier is not None and earlier.preview:
            return earlier.width, earlier.height, earlier.preview, notes
        try:
            made = await self._previews.preview(file.picture)
        except PictureError as reason:
            notes.append(f"There is no preview of this picture: {reason}.")
            return 0, 0, b"", notes
        assert len(made.data) <= PREVIEW_MAX_BYTES
        return made.width, made.height, made.data, notes

    async def _seal(
        self, file: UserFile, gone: threading.Event, root: bytes | None = None
    ) -> FileRef:
        try:
            return await self._store_sealed(file.seal, gone, root)
        except Changed:
            raise changed(file.path) from None
        except OSError as error:
            raise cannot_read(error, file.path) from error

    async def _store_sealed(
        self, seal: FileSeal, gone: threading.Event, root: bytes | None = None
    ) -> FileRef:
        lock = self._locks.get(seal.plaintext_sha256)
        if lock is None:
            lock = self._locks[seal.plaintext_sha256] = asyncio.Lock()
        async with lock:
            try:
                return await self._disk.file(
                    lambda keep_on: store_sealed(seal, self._store, root), gone
                )
            except StoreFailure as failure:
                raise StoreError(sentence(failure)) from failure

    async def prepare_folder(
        self, name: str, files: tuple[FolderFile, ...], secret: bytes, alt: str
    ) -> FileInfo:
        """Seal the listing of a folder. Raises UsageError, StoreError, Unavailable."""
        _check_alt(alt)
        listing = folder.encode(files)
        try:
            folder.decode(listing)
        except Invalid as reason:
            raise UsageError(f"“{display_name(name)}” was not shared: {reason}.") from None
        seal = FileSeal(lambda: (listing,), secret)
        ref = await self._store_sealed(seal, threading.Event())
        return FileInfo(
            root=ref.root,
            key=ref.key,
            sha256=ref.plaintext_sha256,
            size=ref.size,
            name=display_name(name),
            type=folder.FOLDER_TYPE,
            alt=alt,
        )


def _check_alt(alt: str) -> None:
    if len(alt) > CAPTION_MAX_CHARS:
        raise UsageError(f"A description has at most {CAPTION_MAX_CHARS} characters.")
