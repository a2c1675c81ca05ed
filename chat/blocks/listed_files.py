"""Which files the folders list that were shared or opened here: ids only, no names and no keys.

    folder/listed/<id of the listing>    the roots it lists, 36 bytes each

A message names a folder, the folder names its files. Without this, whoever makes room would have to
open every listing to know which files a message still needs. Blocking, but short.
"""

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from chat.blocks.cid import check_cid, format_cid, parse_cid
from chat.blocks.errors import Invalid, StoreFailure
from chat.blocks.limits import CID_BYTES, FOLDER_FILES_MAX
from chat.blocks.store_files import sentence_of, sync_folder


class ListedRoots:
    """The roots below each listing. Raises StoreFailure when the disk refuses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "listed"
        self._below: dict[bytes, frozenset[bytes]] = {}
        try:
            if self._folder.is_dir():
                for entry in self._folder.iterdir():
                    with suppress(Invalid):
                        self._below[parse_cid(entry.name)] = _read(entry)
        except OSError as error:
            raise StoreFailure(sentence_of(error, self._folder)) from error

    def note(self, listing: bytes, roots: Iterable[bytes]) -> None:
        """A listing names these; durable when this returns."""
        below = frozenset(roots)
        if self._below.get(listing) == below:
            return
        written = self._folder / f".{secrets.token_hex(8)}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with written.open("wb") as file:
                file.write(b"".join(sorted(below)))
                file.flush()
                os.fsync(file.fileno())
            written.replace(self._folder / format_cid(listing))
            sync_folder(self._folder)
        except OSError as error:
            with suppress(OSError):
                written.unlink(missing_ok=True)
            raise StoreFailure(sentence_of(error, self._folder)) from error
        self._below[listing] = below

    def below(self, listings: Iterable[bytes]) -> set[bytes]:
        """What the known ones of these name."""
        return {root for each in listings for root in self._below.get(each, ())}


def _read(path: Path) -> frozenset[bytes]:
    data = path.read_bytes()[: FOLDER_FILES_MAX * CID_BYTES]
    whole = range(0, len(data) - len(data) % CID_BYTES, CID_BYTES)
    return frozenset(check_cid(data[start : start + CID_BYTES]) for start in whole)
