"""A profile: everything one device keeps, one folder.

    key             the key of the database          profile_key, profile_vault, profile_guard
    clowder.db      the store                        store
    blocks/         pieces of files                  blocks.store_files
    config.toml     settings                         config
    lock            held by one process              profile_lock
    marker          was it shut down cleanly?        profile_marker
    control.sock    commands of other processes      profile_socket, control
    workspaces/     more of the same                 profile_workspaces

`Profile` knows the names and touches nothing. `Profile.open` takes the lock, decides whether this
is the very profile that was shut down cleanly, and if it cannot be sure, commits a new incarnation
and a new replica id before anybody can use them. So what this process writes can never stand where
something else stands already, whatever backup, copy or crash came before. The order of the steps:

    open     lock · come by the key · read and empty the marker · touch the database · open it ·
             compare · commit the new incarnation, unless it continues
    close    roll back what was not committed · count the shutdown and commit · close the database ·
             write the marker · unlock

A crash between any two of them leaves an empty marker, or none.
"""

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from chat import profile_marker
from chat.errors import StoreError
from chat.profile_files import make_folder, refusal, touch
from chat.profile_guard import KeyGuard
from chat.profile_key import KeyFile, no_workspace
from chat.profile_lock import ProfileLock
from chat.profile_socket import prepare_socket_folder, socket_path
from crdt.keys import Entropy
from crdt.limits import INCARNATION_BYTES

if TYPE_CHECKING:
    from chat.store import Store

_INCARNATION = "incarnation"
_SHUTDOWNS = "shutdowns"


def default_home() -> Path:
    """`CLOWDER_HOME`, or the folder that the system has for an application's data."""
    given = os.environ.get("CLOWDER_HOME")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_data_path

    return user_data_path("clowder", appauthor=False)


class Profile:
    """The names of a profile's files. Need not exist.

    Attributes:
        main: the profile's first workspace, whose settings and key count; mostly this one.
    """

    def __init__(self, home: Path, main: "Profile | None" = None) -> None:
        self.home = home.absolute()
        self.main = self if main is None else main
        main_key = None if main is None else main.key_file
        self.key_file: KeyFile = KeyFile(self.database_path, main_key)
        """The key of the database, and what guards it."""

    @property
    def is_main(self) -> bool:
        """Whether this is the first workspace of its profile."""
        return self.main is self

    @property
    def config_path(self) -> Path:
        return self.main.home / "config.toml"

    @property
    def database_path(self) -> Path:
        return self.home / "clowder.db"

    @property
    def blocks_path(self) -> Path:
        return self.home / "blocks"

    @property
    def marker_path(self) -> Path:
        return self.home / "marker"

    @property
    def lock_path(self) -> Path:
        return self.home / "lock"

    @property
    def control_path(self) -> Path:
        """The socket of the process that holds this profile. Raises StoreError."""
        return socket_path(self.home)

    def open(
        self, entropy: Entropy, *, create: bool, passphrase: str | None = None
    ) -> "OpenProfile":
        """Hold the profile; with `create`, make it if there is none.

        Raises:
            ProfileInUse: another process holds it.
            NotFound: there is none, and `create` is not given.
            Locked: it takes a passphrase, and this is not it; nothing was changed.
            StoreError: the disk refuses, or a part is missing or damaged; that part is as it was.
        """
        try:
            return self._open(entropy, create, passphrase)
        except OSError as error:
            raise refusal(error, self.home) from None

    def _open(self, entropy: Entropy, create: bool, passphrase: str | None) -> "OpenProfile":
        from chat.store import Store  # SQLite is not loaded by who only asks for a name

        key_file = self.key_file
        if not create and not key_file.has_profile:
            raise no_workspace()
        make_folder(self.home)
        with ExitStack() as undo:
            lock = ProfileLock(self.lock_path)
            undo.callback(lock.release)
            is_new = not key_file.has_profile
            if is_new and not create:
                raise no_workspace()
            if is_new:
                key = key_file.begin(entropy, passphrase)
            else:
                key = key_file.read(passphrase)
            warning = "" if is_new else key_file.close_to_others()
            KeyGuard(self.main.key_file).clean()
            prepare_socket_folder(self.home)
            said = profile_marker.take(self.marker_path)
            witness = profile_marker.Witness.of(self.database_path)
            touch(self.database_path)
            store = Store(self.database_path, key, entropy)
            undo.callback(store.close)
            incarnation = store.get(_INCARNATION)
            if incarnation is None or said != profile_marker.text(_shutdowns(store), witness):
                continues = False
                incarnation = _begin_anew(store, entropy)
            else:
                continues = True
            if is_new:
                key_file.finish()
            undo.pop_all()
        return OpenProfile(self, store, lock, incarnation, continues, warning)


class OpenProfile:
    """A profile held by this process, until `close` or the end of a `with` block.

    Attributes:
        store: its database.
        incarnation: 8 bytes; the name of the logs that this device may write to.
        continues: it was shut down cleanly and is no copy, so the logs of before go on.
        warning: a sentence about its key, or nothing.
    """

    def __init__(
        self,
        profile: Profile,
        store: "Store",
        lock: ProfileLock,
        incarnation: bytes,
        continues: bool,
        warning: str = "",
    ) -> None:
        self.profile = profile
        self.store = store
        self.incarnation = incarnation
        self.continues = continues
        self.warning = warning
        self._lock: ProfileLock | None = lock

    def close(self, clean: bool = True) -> None:
        """Let go of the profile; what was not committed is forgotten.

        `clean` says that nothing was given out which is not committed, so that the logs may be
        continued. A disk that refuses here loses nothing: it makes the shutdown an unclean one.
        """
        if self._lock is None:
            return
        lock, self._lock = self._lock, None
        try:
            shutdowns = self._count_shutdown() if clean else None
            with suppress(StoreError, OSError):
                self.store.close()
                if shutdowns is not None:
                    profile = self.profile
                    profile_marker.leave(profile.marker_path, shutdowns, profile.database_path)
        finally:
            lock.release()

    def _count_shutdown(self) -> int | None:
        """The number of clean shutdowns with this one; None when it cannot be committed."""
        try:
            self.store.rollback()
            shutdowns = _shutdowns(self.store) + 1
            self.store.put(_SHUTDOWNS, shutdowns.to_bytes(8, "big"))
            self.store.commit()
        except StoreError:
            return None
        return shutdowns

    def __enter__(self) -> "OpenProfile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(clean=error is None)


def _shutdowns(store: "Store") -> int:
    return int.from_bytes(store.get(_SHUTDOWNS) or b"", "big")


def _begin_anew(store: "Store", entropy: Entropy) -> bytes:
    """A new incarnation and a new name among peers, committed."""
    incarnation = entropy(INCARNATION_BYTES)
    store.put(_INCARNATION, incarnation)
    store.renew_replica_id(entropy)
    store.commit()
    return incarnation
