"""The block store: one file a block, named by its id.

    folder/blocks/3q/bafkrei...3q      two-character folders, the last two characters of the name
    folder/incoming/<random>           being written; swept at start
    folder/damaged/<name>              read back with the wrong hash; kept for a look, never served

A block is visible under its name only when it is whole and on disk: written under a temporary name,
fsynced, renamed, and its folder fsynced. The hash is checked when a block comes in and each time it
is read. The text of an id ends in 38 bits of hash, so its last two characters spread evenly; its
first characters are the same for all.

A file is dropped in two steps: `forget` makes its blocks absent at once, from any thread; `sweep`
takes them off the disk when there is time, except those that were put again since. The time of last
use is the modification time of a file's root block: it survives a restart, and losing it costs
nothing but the order in which files are dropped.

The methods block; call them through `asyncio.to_thread`. Several threads may use one store: names
are content, so two writers of one name write the same bytes, and `os.replace` is atomic. The
counters are guarded by a lock.
"""

import errno
import os
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from chat.blocks.cid import check_cid, format_cid, matches, parse_cid
from chat.blocks.errors import Invalid, Missing, StoreFailure
from chat.blocks.limits import BLOCK_MAX_BYTES

_SENTENCES = {
    errno.ENOSPC: "the disk is full; free some space and try again",
    errno.EDQUOT: "your disk quota is used up; free some space and try again",
    errno.EROFS: "the disk is read-only; files cannot be stored",
    errno.EACCES: "this folder may not be written: {folder}",
    errno.EPERM: "this folder may not be written: {folder}",
    errno.EMFILE: "too many files are open; close some programs and try again",
    errno.ENFILE: "too many files are open; close some programs and try again",
    errno.EIO: "the disk reports an error reading or writing; check it and your backups",
}


_FAN_CHARS = 2


class BlockStore:
    """Blocks on disk. Create it once a profile; the process owns the folder."""

    def __init__(self, folder: Path) -> None:
        """Open or make the store and sweep what a crash left half written.

        The scan reads names and sizes, no contents. Raises StoreFailure.
        """
        self._folder = folder
        self._blocks = folder / "blocks"
        self._incoming = folder / "incoming"
        self._damaged = folder / "damaged"
        self._lock = threading.Lock()
        self._sizes: dict[bytes, int] = {}
        self._total_bytes = 0
        self._coming: set[bytes] = set()
        """Blocks between their rename and being counted; `sweep` leaves them alone."""
        try:
            for each in (self._blocks, self._incoming):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
            for leftover in self._incoming.iterdir():
                leftover.unlink()
            self._sizes.update(self._scan())
            self._total_bytes = sum(self._sizes.values())
        except OSError as error:
            raise self._failure(error) from error

    def _scan(self) -> Iterator[tuple[bytes, int]]:
        for fan in os.scandir(self._blocks):
            if not fan.is_dir(follow_symlinks=False):
                continue
            for entry in os.scandir(fan.path):
                if entry.name[-_FAN_CHARS:] == fan.name and entry.is_file():
                    with suppress(Invalid):
                        yield parse_cid(entry.name), entry.stat().st_size

    def _path(self, cid: bytes) -> Path:
        name = format_cid(cid)
        return self._blocks / name[-_FAN_CHARS:] / name

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self._folder

    @property
    def damaged(self) -> bool:
        """Whether a block was ever set aside: then a file may look like another, or like none."""
        return self._damaged.is_dir()

    def has(self, cid: bytes) -> bool:
        """Whether the block is here (its contents are checked when it is read)."""
        return cid in self._sizes

    def put(self, cid: bytes, data: bytes) -> None:
        """Store a block; when this returns, a power cut does not lose it.

        Raises:
            Invalid: the bytes are not the block of that name, or too many.
            StoreFailure: the disk refuses; nothing is left half written.
        """
        check_cid(cid)
        if len(data) > BLOCK_MAX_BYTES:
            raise Invalid("the block is larger than a block can be")
        if not matches(cid, data):
            raise Invalid("the bytes are not the block that this id names")
        if self.has(cid):
            return
        path = self._path(cid)
        incoming = self._incoming / secrets.token_hex(16)
        try:
            self._write_whole(incoming, data)
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                sync_folder(self._blocks)
            with self._lock:
                self._coming.add(cid)
            incoming.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            with suppress(OSError):
                incoming.unlink(missing_ok=True)
            with self._lock:
                self._coming.discard(cid)
            raise self._failure(error) from error
        with self._lock:
            self._coming.discard(cid)
            self._total_bytes += len(data) - self._sizes.get(cid, 0)
            self._sizes[cid] = len(data)

    @staticmethod
    def _write_whole(path: Path, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
            os.fsync(file.fileno())

    def get(self, cid: bytes) -> bytes:
        """The bytes of a block, checked against its name.

        Raises:
            Missing: not here, or damaged on disk (then set aside, so that it is fetched anew).
            StoreFailure: the disk refuses.
        """
        check_cid(cid)
        size = self._sizes.get(cid)
        if size is None:
            raise Missing(cid)
        try:
            with self._path(cid).open("rb") as file:
                # One byte more than there should be, so that a file that grew is noticed.
                data = file.read(size + 1)
        except FileNotFoundError:
            self._forget(cid)
            raise Missing(cid) from None
        except OSError as error:
            raise self._failure(error) from error
        if not matches(cid, data):
            self._set_aside(cid)
            raise Missing(cid, "this block was damaged on disk and has been set aside")
        return data

    def _set_aside(self, cid: bytes) -> None:
        self._forget(cid)
        try:
            self._damaged.mkdir(mode=0o700, exist_ok=True)
            self._path(cid).replace(self._damaged / format_cid(cid))
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._failure(error) from error

    def delete(self, cid: bytes) -> None:
        """Remove a block if it is here. Raises StoreFailure."""
        self._forget(cid)
        try:
            self._path(check_cid(cid)).unlink(missing_ok=True)
        except OSError as error:
            raise self._failure(error) from error

    def _forget(self, cid: bytes) -> int:
        with self._lock:
            size = self._sizes.pop(cid, 0)
            self._total_bytes -= size
        return size

    def forget(self, cids: Iterable[bytes]) -> int:
        """These blocks are not here any more; gives their bytes. `sweep` frees the disk."""
        return sum(map(self._forget, cids))

    def sweep(self, cids: Iterable[bytes]) -> None:
        """Remove blocks that were forgotten and not put again since. Raises StoreFailure."""
        try:
            for cid in cids:
                with self._lock:
                    if cid not in self._sizes and cid not in self._coming:
                        self._path(cid).unlink(missing_ok=True)
        except OSError as error:
            raise self._failure(error) from error

    def touch(self, cid: bytes) -> None:
        """The file of this root is used now; of a block that is not here, nothing is noted."""
        with suppress(OSError):
            os.utime(self._path(check_cid(cid)))

    def used_at(self, cid: bytes) -> float:
        """When it was put or touched last, in seconds since 1970; 0.0 when it is not here."""
        try:
            return self._path(check_cid(cid)).stat().st_mtime
        except OSError:
            return 0.0

    def size_of(self, cid: bytes) -> int:
        """Bytes of one block. Raises Missing."""
        size = self._sizes.get(cid)
        if size is None:
            raise Missing(cid)
        return size

    def cids(self) -> list[bytes]:
        """Every block that is here, in the order of ids."""
        with self._lock:
            return sorted(self._sizes)

    @property
    def count(self) -> int:
        return len(self._sizes)

    @property
    def total_bytes(self) -> int:
        """Bytes of all blocks together."""
        return self._total_bytes

    def _failure(self, error: OSError) -> StoreFailure:
        return StoreFailure(sentence_of(error, self._folder))


def sentence_of(error: OSError, folder: Path) -> str:
    """What to tell the user about a disk that refuses in `folder`."""
    sentence = _SENTENCES.get(error.errno or 0)
    if sentence is None:
        return f"writing to {folder} failed: {error.strerror or error}"
    return sentence.format(folder=folder)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable. Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
