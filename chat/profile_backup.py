"""Backups: a folder with everything of a profile, and a profile made from it elsewhere.

A backup is laid out as a profile is: `key`, `clowder.db`, `blocks/` and the rest, without what is
of one process only (lock, marker, socket) or half done; further workspaces likewise. Beside them
stands `backup`, one line of JSON that is written last and says how much there should be. Each
database comes from the process that holds it, as a copy of one moment; files are copied afterwards,
while more may come and some may go, which the database survives: what it misses is fetched.

There is no marker in a backup, so whatever is opened from it begins new logs, has a new name among
peers, and can never put two entries where one may stand. Restoring opens it once, so that this is
committed before anybody can use it.

Both appear under their name when they are whole, and what fails leaves nothing.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec

from chat.errors import NotFound, StoreError, UsageError
from chat.profile import Profile
from chat.profile_files import PRIVATE_FILE, PRIVATE_FOLDER, refusal, sync_folder, write_new
from chat.profile_guard import NEXT_NAME
from chat.profile_key import DRAFT_NAME, KEY_NAME
from chat.profile_socket import SOCKET_NAME
from chat.profile_vault import encode, sealed_with
from chat.profile_workspaces import FOLDER_NAME, workspaces_of
from crdt.errors import Invalid, TooNew
from crdt.keys import Entropy

MANIFEST_NAME = "backup"
MANIFEST_MAX_BYTES = 1024
VERSION = 2
"""With further workspaces; a backup of one alone is of version 1, which earlier builds restore."""
COPY_BYTES = 1024 * 1024
"""Read and written at once."""
_DATABASE = "clowder.db"
_OF_A_PROCESS = {"lock", "marker", SOCKET_NAME}
_OWN = {KEY_NAME, DRAFT_NAME, NEXT_NAME, MANIFEST_NAME, _DATABASE}
_OWN |= {f"{_DATABASE}-wal", f"{_DATABASE}-shm", f"{_DATABASE}-journal"}
_HALF_DONE = {("blocks", "incoming"), ("blocks", "damaged")}

Progress = Callable[[int, int], None]
"""Is told how many bytes of how many are copied."""
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Manifest(msgspec.Struct, frozen=True):
    """What the file `backup` says.

    Attributes:
        made_ms: when, milliseconds since 1970.
        database: bytes of the database, or of all of them.
        files: how many other files there are, keys aside.
        bytes: of all these.
    """

    v: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    made_ms: _Count
    database: _Count
    files: _Count
    bytes: _Count


def encode_manifest(manifest: Manifest) -> bytes:
    """One line of JSON."""
    return msgspec.json.encode(manifest) + b"\n"


def decode_manifest(data: bytes) -> Manifest:
    """What a manifest says. Raises Invalid: it is none. TooNew: a later version."""
    try:
        manifest = msgspec.json.decode(data[:MANIFEST_MAX_BYTES], type=Manifest)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Invalid("not the manifest of a backup") from None
    if manifest.v > VERSION:
        raise TooNew("a backup of a later version")
    return manifest


class Backup:
    """A backup that is being made, in a folder beside its place until `finish`.

    Use it as `with new_backup(profile, path) as backup:`.
    """

    def __init__(self, profile: Profile, folder: Path) -> None:
        self._profile = profile
        self._folder = folder
        self.workspaces = workspaces_of(profile)
        """Those that it has, the first one first."""

    def database_of(self, workspace: Profile) -> Path:
        """Where the copy of a workspace's database belongs."""
        return self._place(workspace) / _DATABASE

    def write_keys(self, passphrase: str | None, entropy: Entropy) -> None:
        """The keys, guarded as in the profile; with a passphrase of its own if that is a keyring.

        Raises:
            Locked: the keyring does not give the key. StoreError, OSError.
        """
        key_file = self._profile.key_file
        vault = key_file.vault()
        if key_file.guard() == "keyring":
            assert passphrase is not None, "a backup opens without the keyring of this machine"
            vault = sealed_with(passphrase, key_file.opened(vault, None), entropy)
        write_new(self._folder / KEY_NAME, encode(vault))
        for workspace in self.workspaces[1:]:
            place = self._place(workspace)
            place.parent.mkdir(PRIVATE_FOLDER, exist_ok=True)
            place.mkdir(PRIVATE_FOLDER)
            write_new(place / KEY_NAME, encode(workspace.key_file.vault()))

    def copy_files(self, progress: Progress) -> tuple[int, int]:
        """Everything else; gives how many files, and their bytes. Raises OSError."""
        pairs = [(each.home, self._place(each)) for each in self.workspaces]
        return _copy_all(pairs, progress, vanishing=True)

    def finish(self, made_ms: int, files: int, size: int) -> Manifest:
        """Say that it is whole. Raises OSError."""
        database = sum(self.database_of(each).stat().st_size for each in self.workspaces)
        version = VERSION if len(self.workspaces) > 1 else 1
        manifest = Manifest(version, made_ms, database, files, size)
        for workspace in self.workspaces[1:]:
            sync_folder(self._place(workspace))
            sync_folder(self._place(workspace).parent)
        write_new(self._folder / MANIFEST_NAME, encode_manifest(manifest))
        return manifest

    def _place(self, workspace: Profile) -> Path:
        return self._folder / workspace.home.relative_to(self._profile.home)


@contextmanager
def new_backup(profile: Profile, path: Path) -> Iterator[Backup]:
    """A backup that appears at the end of the block, where nothing may be yet.

    Raises:
        UsageError: something is, or it is inside of the profile. StoreError: the disk refuses.
    """
    if path.resolve().is_relative_to(profile.home.resolve()):
        raise UsageError(f"{path} is inside of the profile that is copied.")
    with _appearing(path) as part:
        yield Backup(profile, part)


def restore(
    source: Path, home: Path, passphrase: str | None, entropy: Entropy, progress: Progress
) -> Manifest:
    """Make a profile from a backup, in a folder that is not there yet or empty.

    Raises:
        NotFound: there is no backup. UsageError: something is at `home`.
        Locked: it takes a passphrase, and this is not it.
        StoreError: the backup is damaged or of a newer program, or the disk refuses.
    """
    manifest = read_manifest(source)
    if home.resolve().is_relative_to(source.resolve()):
        raise UsageError(f"{home} is inside of the backup; give another folder with --home.")
    with _appearing(home) as part:
        below = [Path(), *(_further(source) if manifest.v > 1 else ())]
        for folder in below[1:]:
            (part / FOLDER_NAME).mkdir(PRIVATE_FOLDER, exist_ok=True)
            (part / folder).mkdir(PRIVATE_FOLDER)
        for folder in below:
            for name in (KEY_NAME, _DATABASE):
                _copy(source / folder / name, part / folder / name, lambda _: None)
        pairs = [(source / folder, part / folder) for folder in below]
        files, size = _copy_all(pairs, progress, vanishing=False)
        database = sum((part / folder / _DATABASE).stat().st_size for folder in below)
        if (files, size, database) != (manifest.files, manifest.bytes, manifest.database):
            raise StoreError(
                f"{source} is not complete: it has {files} files of {size} bytes and a database of "
                f"{database}, and should have {manifest.files} of {manifest.bytes} and one of "
                f"{manifest.database}. Nothing was restored; use another backup."
            )
        for workspace in workspaces_of(Profile(part)):
            with workspace.open(entropy, create=False, passphrase=passphrase) as opened:
                opened.store.check()
            workspace.lock_path.unlink(missing_ok=True)
    return manifest


def _further(source: Path) -> list[Path]:
    """The folders of further workspaces in a backup, relative to it."""
    found = sorted(os.scandir(source / FOLDER_NAME), key=lambda entry: entry.name)
    return [Path(FOLDER_NAME, each.name) for each in found if each.is_dir(follow_symlinks=False)]


def read_manifest(source: Path) -> Manifest:
    """What a backup says of itself. Raises NotFound, StoreError."""
    path = source / MANIFEST_NAME
    try:
        with path.open("rb") as file:
            return decode_manifest(file.read(MANIFEST_MAX_BYTES + 1))
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(
            f"{source} is no backup that was finished: it has no file `{MANIFEST_NAME}`."
        ) from None
    except OSError as error:
        raise refusal(error, path) from None
    except TooNew:
        raise StoreError(f"{source} was made by a newer Clowder. Update Clowder.") from None
    except Invalid:
        raise StoreError(f"{path} is damaged. Use another backup.") from None


# Copying ----------------------------------------------------------------------------------------


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """A private folder that appears at the end of the block, and not at all if that fails."""
    path = path.absolute()
    if os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir())):
        raise UsageError(f"{path} is there already, and nothing is replaced. Move it away first.")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            part.mkdir(PRIVATE_FOLDER)
            yield part
            sync_folder(part)
            part.replace(path)
            sync_folder(path.parent)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise refusal(error, path) from None


def _files_of(folder: Path) -> Iterator[tuple[Path, int]]:
    """The plain files to be copied, relative, with their sizes; links and sockets are none."""
    waiting = [Path()]
    while waiting:
        below = waiting.pop()
        for entry in sorted(os.scandir(folder / below), key=lambda entry: entry.name):
            relative = below / entry.name
            if below == Path() and entry.name in _OF_A_PROCESS | _OWN | {FOLDER_NAME}:
                continue
            if entry.is_dir(follow_symlinks=False):
                if relative.parts not in _HALF_DONE:
                    waiting.append(relative)
            elif entry.is_file(follow_symlinks=False):
                yield relative, entry.stat(follow_symlinks=False).st_size


def _copy_all(
    pairs: Sequence[tuple[Path, Path]], progress: Progress, *, vanishing: bool
) -> tuple[int, int]:
    """Copy the files of workspaces, each from one folder to another.

    With `vanishing`, some may be gone when their turn comes.
    """
    planned = [
        (source, target, relative, size)
        for source, target in pairs
        for relative, size in _files_of(source)
    ]
    total = sum(size for _, _, _, size in planned)
    files = done = 0

    def copied(count: int) -> None:
        nonlocal done
        done += count
        progress(done, max(total, done))

    folders: set[Path] = set()
    for source, target, relative, _ in planned:
        for below in reversed(relative.parents):  # each private, not only the innermost
            if target / below not in folders:
                (target / below).mkdir(PRIVATE_FOLDER, exist_ok=True)
                folders.add(target / below)
        try:
            _copy(source / relative, target / relative, copied)
            files += 1
        except FileNotFoundError:
            if not vanishing:
                raise
    for folder in folders:
        sync_folder(folder)
    return files, done


def _copy(source: Path, target: Path, copied: Callable[[int], None]) -> None:
    """Copy a plain file into a new private one, durably; its times go along."""
    with os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0) as reading:
        times = os.fstat(reading.fileno())
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(target, flags, PRIVATE_FILE), "wb", buffering=0) as writing:
            while piece := reading.read(COPY_BYTES):
                view = memoryview(piece)
                while view:
                    view = view[writing.write(view) :]
                copied(len(piece))
            os.fsync(writing.fileno())
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
