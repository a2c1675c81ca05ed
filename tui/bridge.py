"""From the session's events to Textual messages, without ever holding up a key.

One worker reads `session.events()` into `Waiting`; another posts `EventsReady`, at most once a
frame, and the screen drains what waits. So the first event of a quiet moment is shown at once,
and a sync of 100,000 entries costs one repaint a frame.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from textual.message import Message

from chat.errors import ChatError
from chat.events import Event, Warned
from chat.session import Session
from tui.coalesce import Waiting
from tui.limits import EVENT_READ_RETRY_SECONDS

FRAME_SECONDS = 1 / 30
"""Between two repaints for events; faster than reading, slower than a flood."""


class EventsReady(Message, bubble=False):
    """Events wait in the bridge."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, EventsReady)


class Reconnected(Message, bubble=False):
    """The event stream broke and was opened again: read everything anew."""


class Ended(Message, bubble=False):
    """The session has no more events: the node was stopped from elsewhere."""


class Bridge:
    """Carries events from a session to whoever `post` reaches."""

    def __init__(
        self,
        session: Session,
        post: Callable[[Message], object],
        pause: Callable[[], float] = lambda: FRAME_SECONDS,
    ) -> None:
        """`pause` tells how long to wait before events are shown again."""
        self._pause = pause
        self._session = session
        self._post = post
        self._waiting = Waiting()
        self._wake = asyncio.Event()
        self._events: AsyncIterator[Event] | None = None

    def listen(self) -> None:
        """Hear events from now on; call it before reading what they change."""
        self._events = self._session.events()

    def drain(self) -> list[Event]:
        """The events since the last call."""
        return self._waiting.drain()

    async def run(self) -> None:
        """Read and announce until cancelled or the session ends."""
        async with asyncio.TaskGroup() as tasks:
            announcing = tasks.create_task(self._announce())
            await self._read()
            announcing.cancel()

    async def _read(self) -> None:
        broken = False
        while True:
            try:
                if self._events is None:
                    self.listen()
                assert self._events is not None
                if broken:
                    self._post(Reconnected())
                    broken = False
                async for event in self._events:
                    self._take(event)
                self._post(Ended())
                return
            except ChatError as error:
                if not broken:
                    self._take(Warned(str(error)))
                broken, self._events = True, None
                await asyncio.sleep(EVENT_READ_RETRY_SECONDS)

    def _take(self, event: Event) -> None:
        self._waiting.add(event)
        self._wake.set()

    async def _announce(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._post(EventsReady())
            await asyncio.sleep(self._pause())
