"""The messages that others answer, for the row above an answer.

Most are loaded in the timeline anyway. The others are fetched once, one by one, and remembered
while the channel is open; one that is not here stays "an earlier message".
"""

from collections.abc import Callable

from chat import commands
from chat.model import Message
from tui import workers
from tui.asking import Asker
from tui.timeline.widget import Timeline


class Answered:
    """Looks up answered messages for a timeline; `changed` is called when one has come."""

    def __init__(self, asker: Asker, changed: Callable[[], None]) -> None:
        self._asker = asker
        self._changed = changed
        self._known: dict[str, Message | None] = {}
        self._timeline: Timeline | None = None

    def use(self, timeline: Timeline) -> None:
        """Look here first."""
        self._timeline = timeline

    def clear(self) -> None:
        """Another channel was opened."""
        self._known.clear()

    def take(self, messages: list[Message]) -> None:
        """Some of them may have changed."""
        for message in messages:
            if message.id in self._known:
                self._known[message.id] = message

    def get(self, message_id: str) -> Message | None:
        """The message, None while it is not at hand."""
        assert self._timeline is not None
        loaded = self._timeline.sheet.get(message_id)
        if loaded is not None or message_id in self._known:
            return loaded or self._known[message_id]
        self._known[message_id] = None
        workers.start(self._timeline, "answered", self._fetch, message_id)
        return None

    async def _fetch(self, message_id: str) -> None:
        found = await self._asker.look(commands.GetMessage(message_id))
        if isinstance(found, Message):
            self._known[message_id] = found
            self._changed()
