"""Opening sessions: of the process that holds a workspace, or with a node of our own.

One process holds a workspace. When that is another one and of use, its socket leads to it; when it
is of none (it works alone, and peers are needed) or about to be gone, it is waited for.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from chat.cli.lasting import LastingSession
from chat.cli.unlocking import Passphrases
from chat.config import Settings
from chat.control import RemoteSession
from chat.errors import Locked, ProfileInUse
from chat.profile import Profile
from chat.session import Session

if TYPE_CHECKING:
    from chat.node.household import Household

HOLDER_PATIENCE_SECONDS = 20.0
"""How long a profile may be held by a process that is of no use to us; commands are over sooner."""
HOLDER_POLL_SECONDS = 0.02


class Opening:
    """Opens sessions of one profile, one a workspace; the options are those of a command's session.

    Who is given a session closes it, and `aclose` what was added meanwhile and given to nobody.
    """

    def __init__(
        self,
        main: Profile,
        settings: Callable[[], Settings],
        passphrases: Passphrases,
        *,
        network: bool,
        listening: bool,
        yielding: float = 0.0,
    ) -> None:
        self.main = main
        self._settings = settings
        self._passphrases = passphrases
        self._network = network
        self._listening = listening
        self._yielding = yielding
        self._household: Household | None = None

    async def lasting(self, profile: Profile, *, create: bool = False) -> LastingSession:
        """A session that outlives its holder."""

        async def next_holder() -> Session:
            return await self.session(profile, create=create, yielding=self._yielding)

        return LastingSession(await self.session(profile, create=create), next_holder)

    async def session(
        self, profile: Profile, *, create: bool = False, yielding: float = 0.0
    ) -> Session:
        """A session that ends with its holder."""
        begun = time.monotonic()
        alone = False
        while True:
            if self._household is not None and (held := self._household.held(profile)) is not None:
                return held
            remote = await RemoteSession.connect(profile.control_path)
            if remote is not None:
                if remote.network or not self._network:
                    return remote
                alone = True
                await remote.aclose()
            if time.monotonic() - begun >= yielding:
                passphrase = self._passphrases.of(profile)
                try:
                    return await self._own(profile, create, passphrase)
                except Locked as error:
                    if not self._passphrases.ask_again(error):
                        raise
                except ProfileInUse:
                    # Its holder is about to listen, or to end: a command that is in a hurry too.
                    if time.monotonic() - begun > HOLDER_PATIENCE_SECONDS:
                        if not alone:
                            raise
                        raise ProfileInUse(
                            f"Another command that works without the network holds {profile.home}; "
                            "this one needs peers. Try again when that one is done."
                        ) from None
            await asyncio.sleep(HOLDER_POLL_SECONDS)

    async def _own(self, profile: Profile, create: bool, passphrase: str | None) -> Session:
        """A node in this process."""
        if self._household is None:
            from chat.node.household import Household

            self._household = Household(
                self.main, self._settings(), network=self._network, listening=self._listening
            )
        return await self._household.open(profile, create=create, passphrase=passphrase)

    async def aclose(self) -> None:
        """Close what was opened and nobody closed."""
        if self._household is not None:
            await self._household.aclose()
