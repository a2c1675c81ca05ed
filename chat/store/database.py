"""One SQLite connection: keys, transactions, and every error as a sentence.

Rules:
- A write begins a transaction by itself; `commit` makes it durable (write-ahead log, fsync),
  `rollback` forgets it. Reads see the own uncommitted writes.
- Nothing of apsw leaves this file: each of its errors becomes one `StoreError` whose text names
  the file and says what to do.
- SQLite may undo a whole transaction when one statement fails (full disk). So after a failed
  write, writes are refused until `rollback`, and no half of a transaction is ever committed.

The file is encrypted page by page by SQLite3 Multiple Ciphers (AEGIS-256; ChaCha20-Poly1305 in
files of earlier builds), keyed with 32 raw bytes. A changed, cut or foreign page fails its tag, and
shows here as damage.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw

from chat.errors import StoreError
from chat.store.copying import Copying
from chat.store.limits import PAGE_CACHE_KIB, STATEMENTS_CACHED, WAL_KEPT_BYTES

CIPHERS = ("aegis", "chacha20")
"""The first is for new files; a file that does not open with it may be of an earlier build."""

MEMORY = ":memory:"
"""A path for tests: the database is gone with the object."""

Row = tuple[Any, ...]
Values = Sequence[int | str | bytes | None]

_SENTENCES: tuple[tuple[type[apsw.Error], str], ...] = (
    (
        apsw.FullError,
        "The disk is full, and {path} cannot grow. Free some space and try again; "
        "what was stored is safe.",
    ),
    (
        apsw.ReadOnlyError,
        "{path} is read-only. Make its folder writable for you and try again.",
    ),
    (
        apsw.PermissionsError,
        "{path} may not be written. Make it and its folder yours and try again.",
    ),
    (
        apsw.CantOpenError,
        "{path} cannot be opened. See that its folder exists, is not on a read-only disk and may "
        "be written by you.",
    ),
    (apsw.BusyError, "Another program uses {path}. Close it and try again."),
    (apsw.LockedError, "Another program uses {path}. Close it and try again."),
    (apsw.NoMemError, "There is not enough memory to read {path}. Close some programs."),
    (
        apsw.NotADBError,
        "{path} cannot be read: it is damaged, or the key beside it is another one's. Clowder "
        "leaves it as it is. Put a backup of the whole folder in its place, or move the folder "
        "away and join again.",
    ),
    (
        apsw.IOError,
        "The disk reports an error with {path}. Check the disk and its free space, and keep a "
        "copy of the folder before you try again.",
    ),
)
_DAMAGED = (
    "{path} is damaged. Clowder leaves it as it is. Put a backup of the whole folder in its "
    "place, or move the folder away and join again: the other members have what was sent."
)


def damaged(path: str) -> StoreError:
    """The error for content that this program cannot have written."""
    return StoreError(_DAMAGED.format(path=path))


class Database:
    """A keyed connection. Used from one thread at a time."""

    def __init__(self, path: Path | str, key: bytes, *, create: bool = True) -> None:
        """Open the file, or make it when `create` is given. `key` is 32 raw bytes.

        Raises:
            StoreError: it cannot be opened, read with this key, or written.
        """
        self.path = str(path)
        self._key = key
        self.in_transaction = False
        self.at_begin: list[Callable[[], None]] = []
        """Writes that the next transaction starts with."""
        self._failed = False
        assert len(key) == 32
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
        for cipher in CIPHERS:
            try:
                self._open(flags, cipher, key)
                return
            except apsw.Error as error:
                if not isinstance(error, apsw.NotADBError) or cipher == CIPHERS[-1]:
                    raise self._sentence(error) from None

    def _open(self, flags: int, cipher: str, key: bytes) -> None:
        self._cipher = cipher
        self._connection = connection = apsw.Connection(
            self.path, flags=flags, statementcachesize=STATEMENTS_CACHED
        )
        # Closing writes nothing into a file that could not be read.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        # Values choose no plan: else a kept statement is compiled anew each time it gets others.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        try:
            if self.path != MEMORY:
                connection.pragma("cipher", cipher)
                connection.pragma("key", f"raw:{key.hex()}")
                connection.pragma("locking_mode", "EXCLUSIVE")
            connection.execute("SELECT count(*) FROM sqlite_schema")  # fails here with a wrong key
            if self.path != MEMORY:
                connection.pragma("journal_mode", "WAL")
                connection.pragma("synchronous", "FULL")
                connection.pragma("journal_size_limit", WAL_KEPT_BYTES)
            connection.pragma("cache_size", -PAGE_CACHE_KIB)
            connection.pragma("temp_store", "MEMORY")
            connection.pragma("trusted_schema", "OFF")
            connection.pragma("cell_size_check", "ON")
        except apsw.Error:
            connection.close(True)
            raise
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)

    def _sentence(self, error: apsw.Error, path: str = "") -> StoreError:
        path = path or self.path
        for kind, sentence in _SENTENCES:
            if isinstance(error, kind):
                return StoreError(sentence.format(path=path))
        return damaged(path)

    def damaged(self) -> StoreError:
        """The error for a row that this program cannot have written."""
        return damaged(self.path)

    def read(self, sql: str, values: Values = ()) -> list[Row]:
        """All rows of a query."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except apsw.Error as error:
            raise self._sentence(error) from None
        except UnicodeDecodeError:
            raise self.damaged() from None

    def one(self, sql: str, values: Values = ()) -> Row | None:
        """The first row of a query, or None."""
        try:
            return self._connection.execute(sql, values).fetchone()
        except apsw.Error as error:
            raise self._sentence(error) from None
        except UnicodeDecodeError:
            raise self.damaged() from None

    def begin(self) -> None:
        """Begin a transaction if none is under way.

        Raises:
            StoreError: an earlier write of this transaction failed; `rollback` first.
        """
        if self._failed:
            raise StoreError(f"An earlier change to {self.path} failed and is being undone.")
        if not self.in_transaction:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except apsw.Error as error:
                raise self._sentence(error) from None
            self.in_transaction = True
            for write in self.at_begin:
                write()

    def write(self, sql: str, values: Values = ()) -> int:
        """Change something; gives the number of rows changed."""
        self.begin()
        try:
            self._connection.execute(sql, values)
        except apsw.Error as error:
            self._failed = True
            raise self._sentence(error) from None
        return self._connection.changes()

    def insert(self, sql: str, values: Values) -> int:
        """Insert a row; gives its row id."""
        self.write(sql, values)
        return self._connection.last_insert_rowid()

    def write_many(self, sql: str, rows: Iterable[Values]) -> int:
        """Run one statement for each row of values; gives the number of rows changed."""
        self.begin()
        before = self._connection.total_changes()
        try:
            self._connection.executemany(sql, rows)
        except apsw.Error as error:
            self._failed = True
            raise self._sentence(error) from None
        return self._connection.total_changes() - before

    def commit(self) -> None:
        """Make everything since the last commit durable.

        Raises:
            StoreError: it is not; `rollback` and go on, or try again later.
        """
        if self._failed:
            self.begin()
        if not self.in_transaction:
            return
        try:
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            self._failed = True
            raise self._sentence(error) from None
        self.in_transaction = False
        self.at_begin.clear()

    def rollback(self) -> None:
        """Forget everything since the last commit."""
        try:
            if not self._connection.get_autocommit():
                self._connection.execute("ROLLBACK")
        except apsw.Error as error:
            raise self._sentence(error) from None
        self.in_transaction = False
        self._failed = False

    def copy_to(self, path: Path) -> Copying:
        """Begin a copy, in an empty file, sealed with the same key. Raises StoreError."""
        try:
            target = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
            target.pragma("cipher", self._cipher)
            target.pragma("key", f"raw:{self._key.hex()}")
            target.pragma("synchronous", "OFF")  # it is synchronised once, when it is whole
            return Copying(self._connection, target, path, self._sentence)
        except apsw.Error as error:
            path.unlink(missing_ok=True)
            raise self._sentence(error, str(path)) from None

    def check(self) -> None:
        """Read every page. Raises StoreError: one is damaged."""
        if self.read("PRAGMA quick_check(1)") != [("ok",)]:
            raise self.damaged()

    def close(self) -> None:
        """Forget what was not committed, and let go of the file.

        Raises:
            StoreError: the last write-ahead log could not be folded in; nothing is lost by it.
        """
        try:
            self._connection.close()
        except apsw.Error as error:
            raise self._sentence(error) from None
