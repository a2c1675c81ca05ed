"""The few small files of a profile: written whole, made durable, and every refusal a sentence.

The disk errors of the operating system leave here as one `StoreError`, like those of the database.
"""

import errno
import os
from pathlib import Path

from chat.errors import StoreError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
OTHERS = 0o077

_FULL = "The disk is full, and {path} cannot be written. Free some space and try again."
_FORBIDDEN = "{path} may not be written. Make it and its folder yours and try again."
_NO_FOLDER = "{path} is in the way: a profile is a folder. Choose another one with --home."
_SENTENCES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: "{path} is on a disk that is read-only. Make it writable and try again.",
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.EISDIR: "{path} is a folder, and should be a file. Move it away and try again.",
    errno.ENAMETOOLONG: "{path} is too long a name. Choose a shorter one with --home.",
}
_OTHER = "The disk reports an error with {path}: {reason}. Check the disk and try again."


def refusal(error: OSError, path: Path) -> StoreError:
    """What to tell the user when the disk refuses; names the file if the error knows it."""
    sentence = _SENTENCES.get(error.errno or 0, _OTHER)
    reason = error.strerror or type(error).__name__
    return StoreError(sentence.format(path=error.filename or path, reason=reason))


def make_folder(folder: Path) -> None:
    """See that there is a folder, and that nobody else can read one that was made or is empty.

    A folder that already holds something keeps its mode: what a profile puts there is private file
    by file.
    """
    if not folder.is_dir():
        folder.mkdir(PRIVATE_FOLDER, parents=True)
        sync_folder(folder.parent)
    elif not any(folder.iterdir()):
        folder.chmod(PRIVATE_FOLDER)


def write_new(path: Path, data: bytes) -> None:
    """Make a private file that was not there; when this returns, a power cut does not undo it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    _write(descriptor, data)
    sync_folder(path.parent)


def overwrite(path: Path, data: bytes) -> None:
    """Replace what a private file says, in place, durably; a power cut may leave a part of it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    _write(descriptor, data)


def _write(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make new and renamed names in a folder durable."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def touch(path: Path) -> None:
    """Give a file other times than it ever had, durably; its contents stay."""
    before = path.stat()
    # One nanosecond is enough, and shows even where a clock ticks slowly.
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    _sync(path, os.O_RDWR)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
