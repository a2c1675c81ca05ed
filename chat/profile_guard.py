"""Changing what guards the key: a passphrase, the system's keyring, or nothing.

Only the file `key` changes, never the database, so it works while a node holds the profile. The
steps, any of which may be the last:

    lock the folder against another change · remove what an earlier change left ·
    open the key as it is guarded now · write the new file as `key.next`, durably ·
    read it back and open it · rename it to `key` · make the name durable ·
    forget the key in the keyring, if it was there

Before the rename the old way opens the profile, after it the new one; there is no moment between.
A `key.next` that a crash left may be the bare key, so the next opening removes it (`clean`).

What cannot be taken back: the database's key stays the same. Whoever copied the file before, and
knows the passphrase of then, opens every copy of the database, also later ones.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chat import profile_keyring
from chat.errors import StoreError, Unavailable, UsageError
from chat.profile_files import refusal, sync_folder, write_new
from chat.profile_key import KeyFile
from chat.profile_vault import (
    COST,
    PASSPHRASE_MAX_BYTES,
    Cost,
    Plain,
    Ringed,
    Vault,
    encode,
    prepared,
    ringed,
    sealed_with,
)
from crdt.errors import Invalid
from crdt.keys import Entropy

NEXT_NAME = "key.next"
PASSPHRASE_MIN_CHARS = 8
"""Fewer are guessed in hours, whatever each try costs."""


def check_new(passphrase: str) -> None:
    """Whether this may become a passphrase. Raises UsageError."""
    if len(passphrase) < PASSPHRASE_MIN_CHARS:
        raise UsageError(
            f"A passphrase has at least {PASSPHRASE_MIN_CHARS} characters; five words by chance "
            "are better than any trick. Nothing was changed."
        )
    if len(prepared(passphrase)) > PASSPHRASE_MAX_BYTES:
        raise UsageError(f"A passphrase has at most {PASSPHRASE_MAX_BYTES} bytes.")


class KeyGuard:
    """The guard of one key file."""

    def __init__(self, key_file: KeyFile) -> None:
        self._file = key_file
        self._next = key_file.path.with_name(NEXT_NAME)

    def set_passphrase(
        self, new: str, current: str | None, entropy: Entropy, cost: Cost = COST
    ) -> None:
        """From now on `new` opens the profile; `current` does now, if it takes a passphrase.

        Raises:
            UsageError: no passphrase at all. Locked: the current one does not open.
            StoreError: the disk refuses. Nothing is changed then.
        """
        check_new(new)

        def seal(key: bytes) -> Vault:
            try:
                return sealed_with(new, key, entropy, cost)
            except Invalid:
                raise StoreError(
                    "There is not enough memory to set a passphrase. Close some programs and try "
                    "again; nothing was changed."
                ) from None

        self._change(current, seal, new)

    def use_keyring(self, current: str | None, entropy: Entropy) -> None:
        """Leave the key in the system's keyring.

        Raises:
            Unavailable: there is no keyring. Locked, StoreError: as `set_passphrase`.
        """

        def hand_over(key: bytes) -> Vault:
            vault = ringed(key, entropy)
            profile_keyring.store(vault.name, key)
            return vault

        self._change(current, hand_over, None)

    def remove(self, current: str | None) -> None:
        """Nothing guards the key any more. Raises Locked, StoreError, as `set_passphrase`."""
        self._change(current, Plain, None)

    def clean(self) -> None:
        """Remove what a change left that was cut off; a change under way is left alone."""
        if self._next.exists():
            with suppress(OSError, UsageError), self._alone():
                self._next.unlink(missing_ok=True)

    def _change(self, current: str | None, make: Callable[[bytes], Vault], new: str | None) -> None:
        try:
            with self._alone():
                before = self._file.vault()
                key = self._file.opened(before, current)
                after = make(key)
                try:
                    self._replace(key, after, new)
                except BaseException:
                    if self._file.at(self._file.path) != after:
                        _forget(after)
                    raise
                sync_folder(self._file.path.parent)
                _forget(before)
        except OSError as error:
            raise refusal(error, self._file.path) from None

    def _replace(self, key: bytes, vault: Vault, passphrase: str | None) -> None:
        self._next.unlink(missing_ok=True)
        try:
            write_new(self._next, encode(vault))
            # What cannot be opened now will never be.
            if self._file.opened(self._file.at(self._next), passphrase) != key:
                raise StoreError(f"{self._next} does not say what was written. Check the disk.")
            self._next.replace(self._file.path)
        except BaseException:
            with suppress(OSError):
                self._next.unlink(missing_ok=True)
            raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else changes the guard meanwhile. Raises UsageError: somebody does."""
        descriptor = os.open(self._file.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    "Another command changes the passphrase of this profile just now."
                ) from None
            yield
        finally:
            os.close(descriptor)


def _forget(vault: Vault) -> None:
    """A key that this file does not name any more need not be in the keyring."""
    if isinstance(vault, Ringed):
        with suppress(Unavailable):
            profile_keyring.forget(vault.name)


def key_guard(home: Path) -> KeyGuard:
    """The guard of the profile in a folder."""
    return KeyGuard(KeyFile(home / "clowder.db"))
