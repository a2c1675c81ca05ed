"""Files of the user, on their way in and out. Blocking; run by `Disk.file`.

Only what the user names is touched. A name that came with a message is never made a path.

A picture is read whole, because its metadata can only be removed from a whole file; there is a
limit to its size (chat.pictures.limits). Everything else is read twice in pieces, once for its hash
and once to be sealed, and a file that changed in between is refused.
"""

import mimetypes
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chat.blocks.disk_files import pieces_of
from chat.blocks.errors import TooLarge
from chat.blocks.limits import FILE_MAX_BYTES, MIB
from chat.blocks.sealing import FileSeal, Read
from chat.errors import NotFound, UsageError
from chat.files.disk import KeepOn
from chat.files.sentences import KEEP_METADATA, cannot_read, sentence, shown
from chat.pictures import metadata
from chat.pictures.errors import CannotClean, Invalid
from chat.pictures.formats import SNIFF_BYTES, display_name, media_type
from chat.pictures.limits import PICTURE_MAX_BYTES
from crdt.limits import MEDIA_TYPE_MAX_CHARS

_UNSURE = {"application/octet-stream", "text/plain", "application/zip"}
"""What a name may make more precise: by their bytes, these may be many things."""

# Without the tables of this system, so that a name means the same on every machine.
_TYPES_BY_NAME = mimetypes.MimeTypes(filenames=())


@dataclass(frozen=True, slots=True)
class UserFile:
    """A file of the user, looked at and hashed, its metadata removed.

    Attributes:
        name: display name, no folder.
        type: media type.
        picture: what a preview is made of, when it is a picture.
        seal: the first pass over what is shared.
        removed: kinds of metadata that were taken out.
    """

    path: Path
    name: str
    type: str
    picture: bytes | Path | None = field(repr=False)
    seal: FileSeal = field(repr=False)
    removed: tuple[str, ...]


def open_user_file(path: Path, secret: bytes, keep_metadata: bool, keep_on: KeepOn) -> UserFile:
    """Look at a file, take its metadata out if it is a picture, and hash it.

    Raises:
        NotFound, UsageError: it is not there, no plain file, not readable, too large, changed
            meanwhile, or a picture whose metadata cannot be removed.
    """
    try:
        _check_plain(path)
        with path.open("rb") as file:
            kind = type_of(file.read(SNIFF_BYTES), path.name)
        is_image = kind.startswith("image/")
        data: bytes | None = None
        removed: tuple[str, ...] = ()
        if kind in _HAVE_METADATA and not keep_metadata:
            data, removed = _cleaned(path, kind)
        read: Read = pieces_of(path) if data is None else _pieces_in_memory(data)
        seal = FileSeal(_interruptible(read, keep_on), secret)
    except OSError as error:
        raise cannot_read(error, path) from error
    except TooLarge as error:
        raise UsageError(sentence(error)) from None
    picture = (path if data is None else data) if is_image else None
    return UserFile(path, display_name(path.name), kind, picture, seal, removed)


_HAVE_METADATA = metadata.CLEANED | {"image/tiff"}


def _check_plain(path: Path) -> None:
    if not path.is_absolute():
        raise UsageError(f"{shown(path)} is not a whole path; begin it with a slash.")
    if "\0" in str(path):
        raise NotFound(f"There is no file {shown(path)}.")
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise UsageError(
            f"{shown(path)} is a folder; share its files one by one, or pack it into one file."
        )
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{shown(path)} is not a plain file; only files can be shared.")
    if found.st_size > FILE_MAX_BYTES:
        raise UsageError(
            f"{shown(path)} is too large; a shared file has at most {FILE_MAX_BYTES >> 30} GiB."
        )


def type_of(head: bytes, name: str) -> str:
    """The media type by content and, where that leaves it open, by name.

    A name alone never makes a file a picture: what is shown must be one by its bytes.
    """
    kind = media_type(head)
    if kind not in _UNSURE:
        return kind
    guessed, encoding = _TYPES_BY_NAME.guess_type(name, strict=True)
    if guessed is None or encoding is not None or len(guessed) > MEDIA_TYPE_MAX_CHARS:
        return kind
    drawn_text = guessed == "image/svg+xml" and kind == "text/plain"
    if guessed.startswith("image/") and not drawn_text:
        return kind
    if guessed.startswith("text/") and kind != "text/plain":
        return kind
    return guessed


def _cleaned(path: Path, kind: str) -> tuple[bytes, tuple[str, ...]]:
    """The bytes of a picture without metadata, and what was taken out."""
    name = display_name(path.name)
    try:
        if path.stat().st_size > PICTURE_MAX_BYTES:
            raise CannotClean(
                f"metadata is removed from pictures up to {PICTURE_MAX_BYTES >> 20} MiB only"
            )
        cleaned = metadata.remove(_read_whole(path), kind)
    except CannotClean as reason:
        raise UsageError(f"“{name}” was not shared: {reason}; {KEEP_METADATA}.") from None
    except Invalid as reason:
        raise UsageError(
            f"“{name}” was not shared: its metadata cannot be removed, because it is damaged "
            f"({reason}); {KEEP_METADATA}."
        ) from None
    return cleaned.data, cleaned.removed


def _read_whole(path: Path) -> bytes:
    """A file at one moment. Raises UsageError when it changes while it is read."""
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        data = file.read(PICTURE_MAX_BYTES + 1)
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise changed(path)
    return data


def changed(path: Path) -> UsageError:
    """The user's file is still being written."""
    return UsageError(f"{shown(path)} changed while it was being shared; share it again.")


def _pieces_in_memory(data: bytes) -> Read:
    def read() -> Iterator[bytes]:
        for start in range(0, len(data), MIB):
            yield data[start : start + MIB]

    return read


def _interruptible(read: Read, keep_on: KeepOn) -> Read:
    def pieces() -> Iterator[bytes]:
        for piece in read():
            keep_on()
            yield piece

    return pieces


def destination(path: Path) -> Path:
    """Where a file that the user wants at `path` is written; links are followed.

    Raises:
        NotFound: its folder does not exist.
        UsageError: not a whole path, or something that is no plain file is there.
    """
    if not path.is_absolute() or "\0" in str(path):
        raise UsageError(f"{shown(path)} is not a whole path; begin it with a slash.")
    try:
        real = path.resolve()
        if not real.parent.is_dir():
            raise NotFound(f"There is no folder {shown(path.parent)} to write to.")
        if real.is_dir():
            raise UsageError(f"{shown(path)} is a folder; name the file to write in it.")
        if real.exists() and not real.is_file():
            raise UsageError(f"{shown(path)} is not a plain file; name another.")
    except (OSError, RuntimeError) as error:
        raise UsageError(f"{shown(path)} cannot be written: {error}.") from None
    return real
