"""A device in the simulator: its process, its disk, its clocks, and how each of them fails."""

from pathlib import Path

import apsw

from chat.blocks.store_files import BlockStore
from chat.errors import StoreError
from chat.store import Store
from chat.store.database import CIPHERS
from chat.workspace import Identity
from tests.chat.engine_team import Desk, seeded
from tests.sim.shelf import Shelf

_KEY = bytes(32)
_READ_VERSION, _WRITE_VERSION = 18, 19
"""Bytes of a database's header; 2 says that it has a write-ahead log, which memory cannot have."""


class Disk:
    """Stands between a store and its database, and fails when it is told to.

    Attributes:
        writes_left: the write after so many fails, once; None for never.
        commit_fails: the next commit fails, once.
    """

    def __init__(self, store: Store) -> None:
        self.writes_left: int | None = None
        self.commit_fails = False
        database = self._database = store._database
        write, write_many, commit = database.write, database.write_many, database.commit

        def failing_write(*arguments: object) -> int:
            self._count()
            return write(*arguments)  # type: ignore[arg-type]

        def failing_write_many(*arguments: object) -> int:
            self._count()
            return write_many(*arguments)  # type: ignore[arg-type]

        def failing_commit() -> None:
            if self.commit_fails and database.in_transaction:
                self.commit_fails = False
                self._fail()
            commit()

        database.write = failing_write  # type: ignore[method-assign,assignment]
        database.write_many = failing_write_many  # type: ignore[method-assign,assignment]
        database.commit = failing_commit  # type: ignore[method-assign]

    def image(self) -> bytes:
        """Every byte that is committed.

        Raises:
            StoreError: some of it cannot be read any more.
        """
        # A page that cannot be read would be zeros in the image, and no error.
        if self._database.read("PRAGMA quick_check(1)") != [("ok",)]:
            raise self._database.damaged()
        image = bytearray(self._database._connection.serialize("main"))
        image[_READ_VERSION] = image[_WRITE_VERSION] = 1
        return bytes(image)

    def load(self, image: bytes) -> None:
        """Be that disk."""
        self._database._connection.deserialize("main", image)

    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        names = self._database.read("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return {
            name: int(self._database.read(f'SELECT count(*) FROM "{name}"')[0][0])
            for (name,) in names
        }

    def heal(self) -> None:
        self.writes_left, self.commit_fails = None, False

    def _count(self) -> None:
        if self.writes_left is not None:
            self.writes_left -= 1
            if self.writes_left < 0:
                self.writes_left = None
                self._fail()

    def _fail(self) -> None:
        self._database.begin()
        self._database._failed = True
        raise StoreError("The disk is full.")


class Machine(Desk):
    """A device whose process may end.

    Attributes:
        running: whether its process is there.
        gone: it never comes back.
        doom: "before" or "after": its process ends there at its next commit.
        open_links: the wires that its process believes to be up.
        backup: an image of its disk, and the blocks it had, from earlier.
        slow_ms: what its line adds to every message.
        asleep_since: when its lid was closed; None while it is open.
        lag_ms: how long its monotonic clock has stood still.
        mail: what waits in its network buffers while it sleeps.
        rotten: some byte of its disk is not the one that was written.
        double_of: whose keys and logs it uses as well; "" for a machine of its own.
        audience: whom a double speaks with.
        hidden_from: whom the machine that has a double does not.
    """

    def __init__(
        self, name: str, identity: Identity, store: Store, incarnation: bytes, blocks: BlockStore
    ) -> None:
        self.running = True
        self.gone = False
        self.doom = ""
        self.open_links: set[int] = set()
        self.backup: tuple[bytes, frozenset[bytes]] | None = None
        self.slow_ms = 0
        self.asleep_since: int | None = None
        self.lag_ms = 0
        self.mail: list[tuple[int, int, bytes, bool]] = []
        self.rotten = False
        self.double_of = ""
        self.audience: frozenset[str] = frozenset()
        self.hidden_from: frozenset[str] = frozenset()
        self.disk = Disk(store)
        self.shelf = Shelf(name, blocks, relay=identity.relay)
        super().__init__(name, identity, store, incarnation)

    @property
    def awake(self) -> bool:
        """Whether its process is there and moves."""
        return self.running and self.asleep_since is None

    def back_up(self) -> None:
        """Copy its whole profile aside. Raises StoreError when it cannot be read."""
        self.backup = (self.disk.image(), frozenset(self.shelf.blocks.cids()))

    def replace_disk(self, backup: tuple[bytes, frozenset[bytes]]) -> None:
        """Its process is not running; its disk is another one from now on."""
        image, blocks = backup
        self._mount(Store.in_memory(seeded(f"{self.name}/disk")))
        self.disk.load(image)
        self.shelf.keep_only(blocks)
        self.rotten = False
        self.build()

    def rot(self, path: Path, place: int) -> None:
        """One byte of its database file changes. Its process is not running.

        The file is made as a profile's is, page by page encrypted, and used from here on.

        Raises:
            StoreError: it does not even open.
        """
        plain = apsw.Connection(
            ":memory:",
            flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI,
        )
        plain.deserialize("main", self.disk.image())
        key = f"cipher={CIPHERS[0]}&key=raw:{_KEY.hex()}"
        plain.execute("VACUUM INTO ?", (f"file:{path}?{key}",))
        plain.close()
        with path.open("r+b") as file:
            file.seek(place % path.stat().st_size)
            (was,) = file.read(1)
            file.seek(-1, 1)
            file.write(bytes((was ^ 1 << place % 8,)))
        self.rotten = True
        self._mount(Store(path, _KEY, seeded(f"{self.name}/rotten"), create=False))

    def _mount(self, store: Store) -> None:
        old, self.store = self.store, store
        self.disk = Disk(store)
        old.close()
