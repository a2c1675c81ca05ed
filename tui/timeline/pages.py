"""Pages of history for a timeline.

A timeline holds one unbroken stretch of a channel. Every read therefore answers with the stretch
or a page that joins it, and says whether there is more at each end. Nothing here knows Textual.
"""

from dataclasses import dataclass

from chat import commands
from chat.model import Channel, Message
from chat.session import Session
from tui.limits import FIRST_PAGE_MESSAGES, HISTORY_PAGE_MESSAGES


@dataclass(frozen=True, slots=True)
class Stretch:
    """Messages without a gap, oldest first, and whether there are more at the two ends."""

    messages: list[Message]
    has_older: bool
    has_newer: bool = False


class Pages:
    """Reads the history of one channel ("" is all of them)."""

    def __init__(self, session: Session, channel: str, page: int = HISTORY_PAGE_MESSAGES) -> None:
        self._session = session
        self.channel = channel
        self._page = page

    async def newest(self, least: int = 0) -> Stretch:
        """The end of the channel: what a screen shows, and at least so many, up to a page."""
        limit = min(max(least, FIRST_PAGE_MESSAGES), self._page)
        messages = await self._history(limit=limit)
        return Stretch(messages, len(messages) >= limit)

    async def older(self, than: Message) -> Stretch:
        """The page before a message."""
        messages = await self._history(before=than.order)
        return Stretch(messages, len(messages) >= self._page)

    async def newer(self, than: Message) -> Stretch:
        """The page after a message."""
        messages = await self._history(after=than.order)
        return Stretch(messages, True, len(messages) >= self._page)

    async def around(self, middle: Message) -> Stretch:
        """A page on each side of a message."""
        before = await self._history(before=middle.order)
        after = await self._history(after=middle.order)
        full = self._page
        fresh: Message = await self._session.call(commands.GetMessage(middle.id))
        return Stretch([*before, fresh, *after], len(before) >= full, len(after) >= full)

    async def thread(self, root: str) -> list[Message]:
        """A message and its newest replies."""
        messages: list[Message] = await self._session.call(
            commands.History(self.channel, self._page, thread=root)
        )
        return messages

    async def pinned(self) -> list[Message]:
        """The newest pinned messages."""
        messages: list[Message] = await self._session.call(
            commands.History(self.channel, self._page, pinned=True)
        )
        return messages

    async def _history(self, before: str = "", after: str = "", limit: int = 0) -> list[Message]:
        messages: list[Message] = await self._session.call(
            commands.History(self.channel, limit or self._page, before, after)
        )
        return messages


def first_unread(messages: list[Message], channel: Channel, late: int = 0) -> str:
    """The id of the oldest message that is new to the reader, "" when none is loaded.

    The model counts unread messages of others; the line goes above the last that many, without
    those that came `late` into what was read before.
    """
    left = channel.unread - late
    for message in reversed(messages):
        if message.mine or message.deleted:
            continue
        if left <= 0:
            return ""
        left -= 1
        if left == 0:
            return message.id
    return ""
