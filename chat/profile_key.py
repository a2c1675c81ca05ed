"""The file with the database's key: `version u8 || key (32 random bytes)`, mode 0600.

Version 1 is the key itself. It lies beside the database it opens, so it keeps the database from
nobody who has the folder: a stolen disk is a stolen identity. What it is good for: the database is
sealed already when a passphrase or a keyring comes to guard the key, which are other versions.

A profile exists from the moment its key has its name. Until its database is whole, a new key is
called `key.new`; a crash in between leaves the two, and the next try goes on from there. Apart
from that, a key without a database or a database without a key is never made up for: what is
missing may come back from a backup, and whatever were put in its place would stand in the way.
"""

from pathlib import Path

from chat.errors import NotFound, StoreError
from chat.profile_files import OTHERS, PRIVATE_FILE, sync_folder, write_new
from crdt.keys import Entropy
from crdt.limits import KEY_BYTES

KEY_NAME = "key"
DRAFT_NAME = "key.new"
PLAIN = 1
"""Version of a file that holds the key as it is."""

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


class KeyFile:
    """The key of one database, both in one folder."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = database.with_name(KEY_NAME)
        self._draft = database.with_name(DRAFT_NAME)

    @property
    def has_profile(self) -> bool:
        """Whether there is a key or a database, so anything that could be opened or lost."""
        return self._path.exists() or (self._database.exists() and not self._draft.exists())

    def read(self) -> bytes:
        """The key of a profile that exists.

        Raises:
            StoreError: the key or the database is missing or damaged; nothing was changed.
        """
        if not self._path.exists():
            raise self._error(_NO_KEY)
        # An empty file would be taken for a new database.
        if not self._database.exists() or self._database.stat().st_size == 0:
            raise self._error(_NO_DATABASE)
        # A key that came back readable for others is closed again.
        if self._path.stat().st_mode & OTHERS:
            self._path.chmod(PRIVATE_FILE)
        return self._decoded(self._path)

    def begin(self, entropy: Entropy) -> bytes:
        """A key for a database to be made, and the empty file of that database.

        Raises:
            StoreError: an earlier try left something that cannot be gone on with.
        """
        if not self._database.exists():
            self._draft.unlink(missing_ok=True)
            write_new(self._draft, bytes((PLAIN,)) + entropy(KEY_BYTES))
            # SQLite would make it readable for others; files beside it take over its mode.
            write_new(self._database, b"")
        return self._decoded(self._draft)

    def finish(self) -> None:
        """The database is whole: from now on there is a profile."""
        self._draft.rename(self._path)
        sync_folder(self._path.parent)

    def _decoded(self, path: Path) -> bytes:
        data = path.read_bytes()
        if data and data[0] > PLAIN:
            raise self._error(_NEWER)
        if len(data) != 1 + KEY_BYTES or data[0] != PLAIN:
            raise self._error(_DAMAGED)
        return data[1:]

    def _error(self, sentence: str) -> StoreError:
        return StoreError(sentence.format(key=self._path, database=self._database))


def no_workspace() -> NotFound:
    """The error for a folder without a profile, and for a profile without a workspace."""
    return NotFound(NO_WORKSPACE)
