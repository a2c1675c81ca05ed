"""A session that outlives the process that holds the profile.

A command speaks to another process's node, which may end at any moment: another command that is
done, a window that closes. Then the next holder is found, or becomes this process. What the old
one surely did not begin (`Stopping`) is asked again, and so is what only looks; anything else
fails, because nothing may be carried out twice. Whoever watches hears of the change as one error
and then watches on. An own node ends only because somebody said so (`Shutdown`), and then the
session ends too.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from chat import commands
from chat.control import RemoteSession
from chat.errors import Stopping, Unavailable
from chat.events import Event
from chat.session import Session

LOOKS = (
    commands.GetStatus,
    commands.ListChannels,
    commands.ListMembers,
    commands.ListPeers,
    commands.History,
    commands.GetMessage,
    commands.Search,
    commands.GetNotes,
    commands.Get,
    commands.ListTransfers,
    commands.ListFiles,
    commands.WaitReached,
)
"""Commands that may be asked twice: nothing differs but the time it takes."""


class HolderChanged(Unavailable):
    """The events came to an end with the process that told them; the next one tells on."""


class LastingSession:
    """A `Session` over another; `reopen` gives the next one when a remote one has ended."""

    def __init__(self, session: Session, reopen: Callable[[], Awaitable[Session]]) -> None:
        self._session = session
        self._reopen = reopen
        self._renewing = asyncio.Lock()
        self._closed = False

    async def call(self, command: commands.Command) -> Any:
        """Carry out a command, by the next holder if need be; never twice."""
        while True:
            session = self._session
            try:
                return await session.call(command)
            except Unavailable as error:
                if not isinstance(session, RemoteSession) or self._closed:
                    raise
                begun = not isinstance(error, Stopping)
                if begun and not (session.ended and isinstance(command, LOOKS)):
                    raise
                await self._renew(session)

    def events(self) -> AsyncIterator[Event]:
        """Events from now on. Ask again after a `HolderChanged`."""
        session = self._session
        return self._follow(session, session.events())

    async def _follow(self, session: Session, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        async for event in events:
            yield event
        if isinstance(session, RemoteSession) and not self._closed:
            await self._renew(session)
            raise HolderChanged("The profile's other window closed; this one goes on.")

    async def _renew(self, ended: RemoteSession) -> None:
        async with self._renewing:
            if self._session is ended and not self._closed:
                self._session = await self._reopen()
                await ended.aclose()

    async def aclose(self) -> None:
        """Let go of the workspace."""
        self._closed = True
        async with self._renewing:
            await self._session.aclose()
