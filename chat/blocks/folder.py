"""Folders: one sealed file that lists others, so that a folder is one thing in one message.

A listing is a file like any other, cut, sealed and fetched as those are; its plaintext is one
dag-cbor node

    {"v": 1, "files": [[[part, ...], size, link, key, sha256, type], ...]}

sorted by path. `part` are the folders and the name of a file below the shared folder, `link` its
root; with key, hash and size that is all it takes to fetch and check it. Names and keys are in the
plaintext only, so whoever holds the blocks without the message's key sees one more file.

What a listing says of names is for showing. On a disk stands what `place_of` makes of them, below a
folder that is made for it.
"""

import itertools
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from chat.blocks import dagcbor
from chat.blocks.errors import Invalid
from chat.blocks.limits import (
    FILE_MAX_BYTES,
    FOLDER_DEPTH_MAX,
    FOLDER_FILES_MAX,
    FOLDER_MAX_BYTES,
    FOLDER_PART_MAX_CHARS,
    FOLDER_TYPE_MAX_CHARS,
)
from chat.blocks.sealing import FileRef, check_ref

VERSION = 1
FOLDER_TYPE = "application/vnd.clowder.folder"
"""The media type by which a message says that its file is a listing."""

_RESERVED = {"con", "prn", "aux", "nul"} | {f"{p}{n}" for p in ("com", "lpt") for n in range(10)}
"""Names that are devices on Windows, whatever extension they have."""
_NAME_MAX_BYTES = 200
"""File systems take 255; an extension, a number and a temporary name find room beside it."""


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file of a folder: where it stands in it, what it takes to fetch it, its media type."""

    path: tuple[str, ...]
    ref: FileRef
    type: str


def encode(files: Iterable[FolderFile]) -> bytes:
    """The listing of these files, the same for every order of them."""
    return dagcbor.encode(
        {
            "v": VERSION,
            "files": [
                [
                    list(file.path),
                    file.ref.size,
                    dagcbor.Link(file.ref.root),
                    file.ref.key,
                    file.ref.plaintext_sha256,
                    file.type,
                ]
                for file in sorted(files, key=lambda each: each.path)
            ],
        }
    )


def decode(listing: bytes) -> tuple[FolderFile, ...]:
    """The files of a listing, in the order of their paths.

    Raises:
        Invalid: not a listing, more or larger than a folder can be, or not in order.
    """
    if len(listing) > FOLDER_MAX_BYTES:
        raise Invalid("the folder's listing is larger than a listing can be")
    node = dagcbor.decode(listing)
    if not isinstance(node, dict) or node.keys() != {"v", "files"}:
        raise Invalid("the folder's listing does not have the fields of its kind")
    if node["v"] != VERSION:
        raise Invalid("the folder's listing has a version that needs a newer Clowder")
    rows = node["files"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= FOLDER_FILES_MAX:
        raise Invalid("the folder has no files, or too many")
    files = tuple(map(_file, rows))
    paths = [file.path for file in files]
    if any(one >= other for one, other in itertools.pairwise(paths)):
        raise Invalid("the folder's files are not in order")
    if sum(file.ref.size for file in files) > FILE_MAX_BYTES:
        raise Invalid("the folder is larger than a folder can be")
    return files


def _file(row: dagcbor.Value) -> FolderFile:
    if not isinstance(row, list) or len(row) != 6:
        raise Invalid("the folder lists something that is no file")
    parts, size, link, key, sha256, kind = row
    if not (
        isinstance(parts, list)
        and isinstance(size, int)
        and isinstance(link, dagcbor.Link)
        and isinstance(key, bytes)
        and isinstance(sha256, bytes)
        and isinstance(kind, str)
    ):
        raise Invalid("the folder lists something that is no file")
    if not 1 <= len(parts) <= FOLDER_DEPTH_MAX or len(kind) > FOLDER_TYPE_MAX_CHARS:
        raise Invalid("the folder lists a file that is too deep in it, or of no type")
    path: list[str] = []
    for part in parts:
        if not isinstance(part, str) or not 1 <= len(part) <= FOLDER_PART_MAX_CHARS:
            raise Invalid("the folder lists a file without a name, or with too long a one")
        path.append(part)
    return FolderFile(tuple(path), check_ref(FileRef(link.cid, key, sha256, size)), kind)


class Places:
    """Where the files of a folder stand on a disk: no two in one place, none outside."""

    def __init__(self) -> None:
        self._folders: dict[tuple[str, ...], tuple[str, ...]] = {(): ()}
        self._taken: set[tuple[str, ...]] = set()

    def place_of(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Names of folders and of the file, each one that every file system takes as a name."""
        for depth in range(1, len(path)):
            folder = path[:depth]
            if folder not in self._folders:
                self._folders[folder] = self._free(self._folders[folder[:-1]], folder[-1])
        return self._free(self._folders[path[:-1]], path[-1])

    def _free(self, folder: tuple[str, ...], part: str) -> tuple[str, ...]:
        name = whole = safe_name(part)
        stem, _, extension = whole.rpartition(".")
        number = 1
        while (taken := (*map(str.casefold, folder), name.casefold())) in self._taken:
            number += 1
            name = f"{stem} ({number}).{extension}" if stem else f"{whole} ({number})"
        self._taken.add(taken)
        return (*folder, name)


def safe_name(part: str) -> str:
    """A name that is nothing but a name: no path, no hidden file, no device, nothing unseen."""
    shown = "".join("_" if each in '/\\:*?"<>|' else each for each in part if _is_shown(each))
    shown = unicodedata.normalize("NFC", " ".join(shown.split()))
    shown = shown.encode("utf-8")[:_NAME_MAX_BYTES].decode("utf-8", "ignore").rstrip(". ")
    if shown.startswith("."):
        shown = "_" + shown[1:]
    if not shown or shown.partition(".")[0].casefold() in _RESERVED:
        shown = "_" + shown
    return shown


def _is_shown(char: str) -> bool:
    return char.isspace() or unicodedata.category(char)[0] not in "CZ"
