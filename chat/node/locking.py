"""Whether the node shows anything: locked on demand, unlocked by the profile's passphrase.

Locked, the node goes on with its peers and hooks, windows and other processes hear nothing but the
status: the hub holds events back, and commands are refused. The store stays open, so this keeps out
whoever sits down at the machine, not who reads the memory of its processes.
"""

import asyncio

from chat import commands, profile_vault
from chat.errors import Locked, StoreError, UsageError
from chat.hub import Hub
from chat.profile_key import KeyFile

ALLOWED = (
    commands.GetStatus,
    commands.Lock,
    commands.Unlock,
    commands.CopyStore,
    commands.Shutdown,
)
"""What is answered while locked. A copy is sealed under the passphrase that is asked for here."""
_LOCKED = "This workspace is locked. `clowder unlock` asks for the passphrase."
_NOT_GUARDED = (
    "This profile has no passphrase to unlock it with. `clowder passphrase set` gives it one."
)


class Locking:
    """The lock of a running node."""

    def __init__(self, key_file: KeyFile, hub: Hub) -> None:
        self._key_file = key_file
        self._hub = hub
        self._trying = asyncio.Lock()
        """One try at a time: guessing through many connections is no faster."""

    @property
    def locked(self) -> bool:
        return self._hub.held

    def check(self, command: commands.Command) -> None:
        """Raises Locked: this is not answered now."""
        if self.locked and not isinstance(command, ALLOWED):
            raise Locked(_LOCKED)

    def lock(self) -> None:
        """Show nothing from now on. Raises UsageError: it could never be unlocked."""
        if self._key_file.guard() != "passphrase":
            raise UsageError(_NOT_GUARDED)
        self._hub.hold(True)

    async def unlock(self, passphrase: str) -> None:
        """Show everything again. Raises Locked: it is another passphrase."""
        if len(profile_vault.prepared(passphrase)) > profile_vault.PASSPHRASE_MAX_BYTES:
            raise UsageError("A passphrase is not that long.")
        async with self._trying:
            try:
                vault = self._key_file.vault()
            except OSError as error:
                raise StoreError(f"The key cannot be read: {error.strerror or error}.") from None
            if not isinstance(vault, profile_vault.Plain):
                await asyncio.to_thread(self._key_file.opened, vault, passphrase)
            self._hub.hold(False)
