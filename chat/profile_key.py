"""The file `key`, mode 0600: the database's key, or how to come by it (bytes: `profile_vault`).

As a profile begins it is the key itself, which lies beside the database it opens and so keeps it
from nobody who has the folder: a stolen disk is a stolen identity. A passphrase or the system's
keyring can guard it from then on (`profile_guard`); the database stays as it is.

A profile exists from the moment its key has its name. Until its database is whole, a new key is
called `key.new`; a crash in between leaves the two, and the next try goes on from there. Apart
from that, a key without a database or a database without a key is never made up for: what is
missing may come back from a backup, and whatever were put in its place would stand in the way.

A workspace beside the first one (`profile_workspaces`) has a key that follows from the first one's:
what guards that guards both. The first key is kept once it is known, because the passphrase may be
another one when the next workspace is opened, and stretching it takes a while.
"""

from pathlib import Path
from typing import Literal, assert_never

from chat import profile_keyring
from chat.errors import Locked, NotFound, StoreError, Unavailable
from chat.profile_files import OTHERS, PRIVATE_FILE, sync_folder, write_new
from chat.profile_vault import (
    FILE_MAX_BYTES,
    Derived,
    Plain,
    Ringed,
    Sealed,
    Vault,
    decode,
    derived,
    encode,
)
from crdt.errors import Invalid, TooNew
from crdt.keys import Entropy
from crdt.limits import KEY_BYTES

KEY_NAME = "key"
DRAFT_NAME = "key.new"

Guard = Literal["nothing", "passphrase", "keyring"]
"""What stands between who has the folder and the key."""

NO_WORKSPACE = (
    "There is no workspace here yet. `clowder new NAME --nick YOU` founds one, "
    "`clowder join INVITE --nick YOU` joins one."
)
_NO_KEY = (
    "{database} has lost its key: {key} is not there. Clowder leaves it as it is. Put the key back "
    "from a backup of the folder, or move the folder away and join again."
)
_NO_DATABASE = (
    "{database} is missing or empty, though its key is there. Put a backup of the whole folder in "
    "its place, or move the folder away and join again."
)
_DAMAGED = (
    "{key} is damaged. Clowder leaves it as it is. Put it back from a backup of the folder, or "
    "move the folder away and join again."
)
_NEWER = "{key} was written by a newer Clowder. Update Clowder; the file is unchanged."
_LOCKED = (
    "{home} is locked with a passphrase. Start Clowder in a terminal, which asks for it, or name a "
    "file that holds it in CLOWDER_PASSPHRASE_FILE."
)
_WRONG = "That passphrase does not open {home}. Nothing was changed."
_NO_MEMORY = (
    "There is not enough memory to try the passphrase of {home}. Close some programs and try again."
)
_NOT_IN_KEYRING = (
    "The key of {home} should be in the system's keyring, and is not, or is another one. Unlock "
    "the keyring of the user who put it there, or restore a backup."
)
_OF_ANOTHER = (
    "{key} belongs to another profile. Put the whole folder back from a backup, with all its "
    "workspaces."
)
_BESIDE = (
    "{home} is one of several workspaces of a profile. Name the profile's folder with --home and "
    "this one with --workspace."
)
_WAS_OPEN = {
    "nothing": (
        "{key} could be read by others on this machine, and opens everything here. It is closed "
        "now; whoever read it has your identity until a member removes this device."
    ),
    "passphrase": (
        "{key} could be read by others on this machine, who can guess at its passphrase. It is "
        "closed now."
    ),
    "keyring": "{key} could be read by others on this machine. It is closed now.",
}


class KeyFile:
    """The key of one database, both in one folder; `main` is that of the profile's first one."""

    def __init__(self, database: Path, main: "KeyFile | None" = None) -> None:
        self._database = database
        self._main = main
        self._known: bytes | None = None
        self.path = database.with_name(KEY_NAME)
        self._draft = database.with_name(DRAFT_NAME)

    @property
    def has_profile(self) -> bool:
        """Whether there is a key or a database, so anything that could be opened or lost."""
        return self.path.exists() or (self._database.exists() and not self._draft.exists())

    def guard(self) -> Guard:
        """What guards the key of a profile that exists. Raises StoreError, as `read`."""
        match self.vault():
            case Plain():
                return "nothing"
            case Sealed():
                return "passphrase"
            case Ringed():
                return "keyring"
            case Derived():
                return self._followed().guard()
            case never:
                assert_never(never)

    def vault(self) -> Vault:
        """What the file of a profile that exists says. Raises StoreError, as `read`."""
        if not self.path.exists():
            raise self._error(_NO_KEY)
        # An empty file would be taken for a new database.
        if not self._database.exists() or self._database.stat().st_size == 0:
            raise self._error(_NO_DATABASE)
        return self.at(self.path)

    def read(self, passphrase: str | None = None) -> bytes:
        """The key of a profile that exists.

        Raises:
            Locked: it takes a passphrase, and there is none or another; or the keyring lost it.
            StoreError: the key or the database is missing or damaged; nothing was changed.
        """
        self._known = self.opened(self.vault(), passphrase)
        return self._known

    def known(self, passphrase: str | None = None) -> bytes:
        """As `read`, unless this key was read before."""
        return self.read(passphrase) if self._known is None else self._known

    def opened(self, vault: Vault, passphrase: str | None) -> bytes:
        """The key that this file, or its next contents, holds. Raises Locked."""
        match vault:
            case Plain(key):
                return key
            case Ringed(name):
                return self._from_keyring(vault, name)
            case Sealed():
                return self._with_passphrase(vault, passphrase)
            case Derived():
                try:
                    return vault.key_from(self._followed().known(passphrase))
                except Invalid:
                    raise self._error(_OF_ANOTHER) from None

    def _followed(self) -> "KeyFile":
        """The key file that this one follows. Raises StoreError: nobody said which."""
        if self._main is None:
            raise self._error(_BESIDE)
        return self._main

    def _with_passphrase(self, vault: Sealed, passphrase: str | None) -> bytes:
        if passphrase is None:
            raise Locked(self._sentence(_LOCKED))
        try:
            stretched = vault.stretched(passphrase)
        except Invalid:
            raise self._error(_NO_MEMORY) from None
        try:
            return vault.open(stretched)
        except Invalid:
            raise Locked(self._sentence(_WRONG)) from None

    def _from_keyring(self, vault: Ringed, name: bytes) -> bytes:
        try:
            key = profile_keyring.load(name)
        except Unavailable as error:
            raise Locked(f"{self._sentence(_NOT_IN_KEYRING)} ({error})") from None
        if key is None or not vault.is_of(key):
            raise Locked(self._sentence(_NOT_IN_KEYRING))
        return key

    def close_to_others(self) -> str:
        """Close a key that came back readable for others; a sentence about it, or nothing."""
        if not self.path.stat().st_mode & OTHERS:
            return ""
        self.path.chmod(PRIVATE_FILE)
        return self._sentence(_WAS_OPEN[self.guard()])

    def begin(self, entropy: Entropy, passphrase: str | None = None) -> bytes:
        """A key for a database to be made, and the empty file of that database.

        Raises:
            StoreError: an earlier try left something that cannot be gone on with.
            Locked: it follows a key that the passphrase does not open.
        """
        if not self._database.exists():
            self._draft.unlink(missing_ok=True)
            main = None if self._main is None else self._main.known(passphrase)
            made = Plain(entropy(KEY_BYTES)) if main is None else derived(main, entropy)
            write_new(self._draft, encode(made))
            # SQLite would make it readable for others; files beside it take over its mode.
            write_new(self._database, b"")
        return self.opened(self.at(self._draft), passphrase)

    def finish(self) -> None:
        """The database is whole: from now on there is a profile."""
        self._draft.rename(self.path)
        sync_folder(self.path.parent)

    def at(self, path: Path) -> Vault:
        """What a file of this kind says, under whatever name. Raises StoreError."""
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES)
        try:
            return decode(data)
        except TooNew:
            raise self._error(_NEWER) from None
        except Invalid:
            raise self._error(_DAMAGED) from None

    def _sentence(self, sentence: str) -> str:
        return sentence.format(key=self.path, database=self._database, home=self.path.parent)

    def _error(self, sentence: str) -> StoreError:
        return StoreError(self._sentence(sentence))


def no_workspace() -> NotFound:
    """The error for a folder without a profile, and for a profile without a workspace."""
    return NotFound(NO_WORKSPACE)
