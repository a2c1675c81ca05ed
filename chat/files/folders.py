"""Folders in and out: every file of it by itself, and a listing that a message carries.

In: the folder is walked, nothing in it followed that leads elsewhere; each file is prepared as if
it was shared alone, and the listing of all of them is sealed last. Out: the listing is fetched and
read, then all files, then each is written below a folder that is made for it. The names that stand
there are made from those in the listing by `chat.blocks.folder.Places`, so no listing writes
anywhere else, over anything, or twice in one place.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from chat.blocks import folder
from chat.blocks.errors import Invalid
from chat.blocks.folder import FOLDER_TYPE, FolderFile, Places
from chat.blocks.limits import FOLDER_DEPTH_MAX, FOLDER_FILES_MAX, FOLDER_MAX_BYTES
from chat.blocks.sealing import FileRef
from chat.errors import ChatError, NotFound, UsageError
from chat.files.disk import KeepOn
from chat.files.files import Files
from chat.files.sentences import cannot_read, named, shown
from chat.files.transfers import TransferState
from crdt.ops import FileInfo


def is_folder(info: FileInfo) -> bool:
    """Whether a message's file is the listing of a folder."""
    return info.type == FOLDER_TYPE


class Folders:
    """Shares and fetches folders through a node's files. Event loop only."""

    def __init__(self, files: Files) -> None:
        self._files = files

    async def prepare(
        self, path: str, *, secret: bytes, keep_metadata: bool = False, alt: str = ""
    ) -> FileInfo:
        """Make a folder of this machine ready to be posted; raises as `Files.prepare`."""
        top = Path(path)
        files: list[FolderFile] = []
        with self._files.room.paused():
            for below in await self._files.on_disk(lambda keep_on: list(_files_below(top))):
                prepared = await self._files.prepare(
                    str(top.joinpath(*below)),
                    secret=secret,
                    known=lambda sha256: None,
                    keep_metadata=keep_metadata,
                    preview=False,
                )
                info = prepared.info
                ref = FileRef(info.root, info.key, info.sha256, info.size)
                files.append(FolderFile(below, ref, info.type))
            return await self._files.prepare_folder(top.name, tuple(files), secret=secret, alt=alt)

    async def open(self, info: FileInfo, timeout: float) -> tuple[FolderFile, ...]:
        """Fetch a listing and read it. Raises as `Files.fetch`."""
        if info.size > FOLDER_MAX_BYTES:
            raise ChatError(f"{named(info)} is not a folder: its listing is too large.")
        await self._files.fetch(info, timeout)
        try:
            files = folder.decode(await self._files.read(info))
        except Invalid as reason:
            raise ChatError(f"{named(info)} cannot be opened: {reason}.") from None
        await self._files.room.listed(info.root, [file.ref.root for file in files])
        return files

    async def inside(self, info: FileInfo) -> tuple[FolderFile, ...]:
        """The files of a folder whose listing is here; none when it is not, or no folder."""
        if not is_folder(info) or info.size > FOLDER_MAX_BYTES or self._files.have(info) < 1.0:
            return ()
        try:
            return folder.decode(await self._files.read(info))
        except (Invalid, ChatError):
            return ()

    async def get(self, info: FileInfo, path: str, timeout: float) -> TransferState:
        """Fetch a folder and, unless `path` is "", write it there, where nothing may be yet.

        Raises:
            NotFound, UsageError: not a place for a folder. Else as `Files.get`.
        """
        if path:
            await self._files.on_disk(lambda keep_on: _check_place(Path(path)))
        files = await self.open(info, timeout)
        for file in files:
            self._files.want(info_of(file))
        states = [await self._files.fetch(info_of(file), timeout) for file in files]
        if path:
            await self._write(files, Path(path))
        return _together(info.root, states)

    async def _write(self, files: tuple[FolderFile, ...], top: Path) -> None:
        places = Places()
        for file in files:
            place = top.joinpath(*places.place_of(file.path))
            await self._files.on_disk(partial(_make_folder, place.parent))
            await self._files.save(info_of(file), str(place))


def info_of(file: FolderFile) -> FileInfo:
    """A file of a folder as a message would carry it."""
    ref = file.ref
    return FileInfo(ref.root, ref.key, ref.plaintext_sha256, ref.size, file.path[-1], file.type)


def _together(root: bytes, states: list[TransferState]) -> TransferState:
    sources: dict[bytes, int] = {}
    for state in states:
        for device, count in state.sources:
            sources[device] = sources.get(device, 0) + count
    size = sum(state.total for state in states)
    return TransferState(
        root,
        size,
        size,
        "done",
        tuple(sources.items()),
        max(state.seconds for state in states),
        max(state.holders for state in states),
    )


def _files_below(top: Path) -> Iterator[tuple[str, ...]]:
    """The files in a folder, as paths below it, in order. Raises NotFound, UsageError."""
    if not top.is_absolute():
        raise UsageError(f"{shown(top)} is not a whole path; begin it with a slash.")
    found = sorted(_walk(top, ()))
    if not found:
        raise UsageError(f"{shown(top)} has no files in it.")
    if len(found) > FOLDER_FILES_MAX:
        raise UsageError(
            f"{shown(top)} has more than {FOLDER_FILES_MAX} files; pack it into one file."
        )
    yield from found


def _walk(top: Path, below: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    here = top.joinpath(*below)
    if len(below) >= FOLDER_DEPTH_MAX:
        raise UsageError(f"{shown(here)} is too deep in its folder; pack it into one file.")
    try:
        entries = sorted(os.scandir(here), key=lambda each: each.name)
    except OSError as error:
        raise cannot_read(error, here) from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(top, (*below, entry.name))
        elif entry.is_file(follow_symlinks=False):
            yield (*below, entry.name)
        else:
            raise UsageError(
                f"{shown(Path(entry.path))} is no plain file; a folder with such a thing in it is "
                "not shared."
            )


def _check_place(path: Path) -> None:
    if not path.is_absolute() or "\0" in str(path):
        raise UsageError(f"{shown(path)} is not a whole path; begin it with a slash.")
    try:
        if not path.parent.is_dir():
            raise NotFound(f"There is no folder {shown(path.parent)} to write to.")
        if os.path.lexists(path) and not (
            path.is_dir() and not path.is_symlink() and next(path.iterdir(), None) is None
        ):
            raise UsageError(f"{shown(path)} is there already; name a folder that is not.")
    except OSError as error:
        raise UsageError(f"{shown(path)} cannot be written: {error}.") from None


def _make_folder(path: Path, _: KeepOn) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{shown(path)} cannot be written: {error}.") from None
