"""A profile's store: settings, and one `WorkspaceStore` for each workspace in it."""

from pathlib import Path

from chat.errors import StoreError
from chat.store.copying import Copying
from chat.store.database import MEMORY, Database
from chat.store.forgetting import Forgetting
from chat.store.meetings import Meetings
from chat.store.membership import Membership
from chat.store.names import Names
from chat.store.schema import migrate
from chat.store.spending import Spending
from chat.store.voided import Voided
from crdt.keys import Entropy
from crdt.limits import INCARNATION_BYTES

REPLICA_ID_BYTES = 8
_REPLICA_KEY = "replica"
INCARNATION_KEY = "incarnation"
"""The setting that names the logs which this device may write to; `chat.profile` reads it."""


class WorkspaceStore(Voided, Forgetting, Meetings, Membership, Spending):
    """Everything stored of one workspace. Writes need the `Store`'s `commit` to last."""

    def __init__(self, store: "Store", database: Database, names: Names, workspace: bytes) -> None:
        super().__init__(database, names, workspace)
        self._store = store

    @property
    def replica_id(self) -> bytes:
        """The random name that peers know this store by."""
        return self._store.replica_id

    def renew_incarnation(self, entropy: Entropy) -> bytes:
        """The name of the logs that this device writes from now on, in all its workspaces from
        the next start on."""
        return self._store.renew_incarnation(entropy)


class Store:
    """One encrypted file. Used from one thread at a time."""

    def __init__(
        self, path: Path | str, key: bytes, entropy: Entropy, *, create: bool = True
    ) -> None:
        """Open the file, or make it when `create` is given; `":memory:"` keeps nothing.

        Raises:
            StoreError: it cannot be opened, read or written, or is of a newer program.
        """
        self._database = Database(path, key, create=create)
        self._names = Names(self._database)
        self._workspaces: dict[bytes, WorkspaceStore] = {}
        self._replica_id: bytes | None = None
        try:
            migrate(self._database)
            if self.get(_REPLICA_KEY) is None:
                self.renew_replica_id(entropy)
                self.commit()
        except StoreError:
            self._database.close()
            raise

    @classmethod
    def in_memory(cls, entropy: Entropy) -> "Store":
        """A store for tests."""
        return cls(MEMORY, bytes(32), entropy)

    @property
    def path(self) -> str:
        return self._database.path

    # Transactions -----------------------------------------------------------------------------

    @property
    def in_transaction(self) -> bool:
        """Whether something waits to be committed."""
        return self._database.in_transaction

    def commit(self) -> None:
        """Make everything written since the last commit durable.

        Raises:
            StoreError: it is not; `rollback`, and go on.
        """
        self._database.commit()

    def rollback(self) -> None:
        """Forget everything written since the last commit, here and in every workspace."""
        self._database.rollback()
        self._names.forget()
        self._replica_id = None
        for workspace in self._workspaces.values():
            workspace.forget()
        stored = set(self.workspaces())
        # A workspace that was new keeps its number; its row comes back with the next write.
        self._database.at_begin = [
            workspace.return_row
            for known, workspace in self._workspaces.items()
            if known not in stored
        ]

    def copy_to(self, path: Path) -> Copying:
        """Begin a consistent copy of the file, in an empty one. Raises StoreError."""
        return self._database.copy_to(path)

    def check(self) -> None:
        """Read every page. Raises StoreError: one is damaged."""
        self._database.check()

    def close(self) -> None:
        """Forget what was not committed, and let go of the file."""
        self._database.close()

    # The whole profile ------------------------------------------------------------------------

    def get(self, key: str) -> bytes | None:
        """A setting."""
        row = self._database.one("SELECT value FROM setting WHERE key = ?", (key,))
        return None if row is None else bytes(row[0])

    def put(self, key: str, value: bytes) -> None:
        """Set a setting."""
        self._database.write(
            "INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", (key, value)
        )

    @property
    def replica_id(self) -> bytes:
        """The random 8 bytes that peers know this store by; a restored copy takes new ones."""
        if self._replica_id is None:
            self._replica_id = self.get(_REPLICA_KEY)
            if self._replica_id is None:
                raise self._database.damaged()
        return self._replica_id

    def renew_replica_id(self, entropy: Entropy) -> None:
        """This store is a copy, or cannot be sure that it is not."""
        self._replica_id = entropy(REPLICA_ID_BYTES)
        self.put(_REPLICA_KEY, self._replica_id)

    def renew_incarnation(self, entropy: Entropy) -> bytes:
        """A new name for the logs that this device writes to."""
        incarnation = entropy(INCARNATION_BYTES)
        self.put(INCARNATION_KEY, incarnation)
        return incarnation

    def workspaces(self) -> list[bytes]:
        """Ids of the workspaces in this profile, in the order they came."""
        rows = self._database.read("SELECT id FROM workspace ORDER BY number")
        return [workspace for (workspace,) in rows]

    def workspace(self, workspace: bytes) -> WorkspaceStore:
        """The store of a workspace; a new one gets its row."""
        known = self._workspaces.get(workspace)
        if known is None:
            known = WorkspaceStore(self, self._database, self._names, workspace)
            self._workspaces[workspace] = known
        return known
