"""A session for a screen that stays: it outlives the process that holds the profile.

A second window speaks to the first one's node. When the first closes, the second finds the next
holder, or becomes it; whoever watches hears of it as one error and then watches on. An own node
ends only because somebody said so (`Shutdown`), and then the session ends too.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from chat.commands import Command
from chat.control import RemoteSession
from chat.errors import Unavailable
from chat.events import Event
from chat.session import Session


class LastingSession:
    """A `Session` over another; `reopen` gives the next one when a remote one has ended."""

    def __init__(self, session: Session, reopen: Callable[[], Awaitable[Session]]) -> None:
        self._session = session
        self._reopen = reopen
        self._renewing = asyncio.Lock()
        self._closed = False

    async def call(self, command: Command) -> Any:
        """Carry out a command; never twice, so it fails while there is nobody to ask."""
        return await self._session.call(command)

    def events(self) -> AsyncIterator[Event]:
        """Events from now on. Ask again after an `Unavailable`: the holder was another then."""
        session = self._session
        return self._follow(session, session.events())

    async def _follow(self, session: Session, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        async for event in events:
            yield event
        if isinstance(session, RemoteSession) and not self._closed:
            await self._renew(session)
            raise Unavailable("The profile's other window closed; this one goes on.")

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
