"""What the main timeline reads: opening a channel, paging, floods, and what counts as read.

Between asking for history and showing it, events go on; messages that arrive meanwhile are kept
and merged afterwards, so none is lost between the two. After a flood (MessagesArrived) the stretch
around what is on screen is read anew, once at a time, however many such events come.
"""

import asyncio
from collections.abc import Mapping

from chat import commands
from chat.errors import ChatError
from chat.model import Channel, Message, SearchHit
from tui import workers
from tui.asking import Asker
from tui.limits import (
    FLOOD_READ_SECONDS,
    HISTORY_PAGE_MESSAGES,
    OPENING_SECONDS,
    SEARCH_HITS,
)
from tui.timeline.pages import Pages, Stretch, first_unread
from tui.timeline.widget import Timeline


class Reading:
    """The open channel and its timeline."""

    def __init__(self, asker: Asker, timeline: Timeline) -> None:
        self._asker = asker
        self._timeline = timeline
        self._pages = Pages(asker.session, "")
        self._meanwhile: list[Message] | None = None
        self._flooded = 0
        self._renewing = False
        self._marked = ""
        self.channel: Channel | None = None

    @property
    def pages(self) -> Pages:
        """The open channel's history."""
        return self._pages

    def is_open(self, channel: str) -> bool:
        """Whether `channel`, a name or an id, is the open one."""
        return self.channel is not None and channel in (self.channel.id, self.channel.name)

    def open(self, channel: Channel, at: Message | None = None) -> None:
        """Show a channel from its end, or around a message."""
        self.channel = channel
        self._pages = Pages(self._asker.session, channel.name)
        self._meanwhile = []
        self._flooded = 0
        self._marked = ""
        workers.restart(self._timeline, "open", self._open, channel, at)

    async def _open(self, channel: Channel, at: Message | None) -> None:
        reading = asyncio.create_task(self._first(channel, at))
        try:
            # What is read at once is painted together with all that tells of another channel.
            with self._timeline.app.batch_update():
                await asyncio.wait({reading}, timeout=OPENING_SECONDS)
                if reading.done():
                    self._show(channel, at, *reading.result())
                    await self._told()
                    return
            self._show(channel, at, *await reading)
        finally:
            reading.cancel()

    async def _told(self) -> None:
        """Until the screen knows what the timeline shows now."""
        told = asyncio.Event()
        if self._timeline.call_later(told.set):
            await told.wait()

    async def _first(self, channel: Channel, at: Message | None) -> tuple[Stretch, list[Message]]:
        """What is shown first, the end of a channel or what is around a message; what came late."""
        missed: list[Message] = []
        try:
            missed = await self._missed(channel)
            # The line above what is unread stands between the last read one and those.
            least = channel.unread - len(missed) + 1
            stretch = await (self._pages.around(at) if at else self._pages.newest(least))
        except ChatError as error:
            self._asker.complain(error)
            stretch = Stretch([], False)
        return stretch, missed

    def _show(
        self, channel: Channel, at: Message | None, stretch: Stretch, missed: list[Message]
    ) -> None:
        self._part(channel)
        first = stretch.messages[0] if stretch.messages else None
        self._timeline.show(
            stretch.messages,
            has_older=stretch.has_older,
            has_newer=stretch.has_newer,
            lead=lead(channel, stretch.has_older, first),
            unread_from="" if at else first_unread(stretch.messages, channel, len(missed)),
            at=at.id if at else "",
            channel=channel.name,
            missed=missed,
        )
        late, self._meanwhile = self._meanwhile or [], None
        self._timeline.merge(late)
        self._renew_soon()

    async def _missed(self, channel: Channel) -> list[Message]:
        """What came late into a channel, above what was read there, and is not read yet.

        Raises:
            ChatError: it could not be looked for.
        """
        if not channel.unread:
            return []
        wanted = commands.Search("is:missed", channel.name, limit=SEARCH_HITS)
        hits: list[SearchHit] = await self._asker.session.call(wanted)
        return [hit.message for hit in hits]

    def renew_channel(self, channel: Channel) -> None:
        """The open channel's topic, counts or completeness changed."""
        self.channel = channel
        self._part(channel)
        first = self._timeline.sheet.first
        has_older = first is not None and self._timeline.has_older
        self._timeline.set_lead(lead(channel, has_older, first))

    def _part(self, channel: Channel) -> None:
        """Mark where something is closed to the reader, between what is loaded."""
        if self._timeline.frame.gaps != channel.gaps:
            self._timeline.reframe(gaps=channel.gaps)

    def take(self, messages: list[Message]) -> None:
        """New or changed messages of any channel."""
        here = [message for message in messages if self.is_open(message.channel)]
        if not here:
            return
        if self._meanwhile is not None:
            self._meanwhile += here
        else:
            self._timeline.merge(here)

    def page(self, older: bool) -> None:
        """The view came near an end of what is loaded."""
        if self._meanwhile is None:
            workers.start(self._timeline, "page", self._page, older)

    async def _page(self, older: bool) -> None:
        sheet, pages = self._timeline.sheet, self._pages
        edge = sheet.first if older else sheet.last
        if edge is None:
            return
        try:
            stretch = await (pages.older(edge) if older else pages.newer(edge))
        except ChatError as error:
            self._asker.complain(error)
            self._timeline.page_failed(older)
            return
        now = sheet.first if older else sheet.last
        if pages is not self._pages or now is None or now.id != edge.id:
            # Another channel or another stretch was shown meanwhile.
            self._timeline.page_failed(older)
            return
        more = stretch.has_older if older else stretch.has_newer
        self._timeline.page(stretch.messages, older=older, more=more)
        if self.channel is not None:
            first = self._timeline.sheet.first
            self._timeline.set_lead(lead(self.channel, self._timeline.has_older, first))

    def flood(self, count: int) -> None:
        """Many messages arrived at once; read the visible stretch anew."""
        self._flooded += count
        self._renew_soon()

    def _renew_soon(self) -> None:
        if self._flooded and not self._renewing and self._meanwhile is None:
            self._renewing = True
            workers.start(self._timeline, "flood", self._renew)

    async def _renew(self) -> None:
        try:
            while self._flooded and self._meanwhile is None:
                await self._read_anew()
                # However fast they come, what is read next waits for more of them.
                await asyncio.sleep(FLOOD_READ_SECONDS)
        finally:
            self._renewing = False

    async def _read_anew(self) -> None:
        count, pages = self._flooded, self._pages
        middle = None if self._timeline.follows else self._timeline.middle
        try:
            # All of a page, since some of it may have merged into what was read before.
            if middle is None:
                stretch = await pages.newest(HISTORY_PAGE_MESSAGES)
            else:
                stretch = await pages.around(middle)
        except ChatError as error:
            self._asker.complain(error)
            self._flooded = 0
            return
        # A key may have come while this was read.
        await asyncio.sleep(0)
        if pages is not self._pages:
            return
        self._timeline.renew(
            stretch.messages, has_older=stretch.has_older, has_newer=stretch.has_newer
        )
        if stretch.has_newer:
            self._timeline.newer_exist(count)
        # What came while this was read is one more round.
        self._flooded -= count

    def caught_up(self, channels: Mapping[str, Channel]) -> None:
        """What was missed is here: go to where it begins, unless the user reads elsewhere."""
        channel = channels.get(self.channel.id) if self.channel is not None else None
        if channel is not None and channel.unread and self._meanwhile is None:
            if self._timeline.follows:
                self.open(channel)

    def to_newest(self) -> None:
        """Go to the end of the channel, reading it when it is not loaded."""
        if self._timeline.has_newer and self.channel is not None:
            self.open(self.channel)
        else:
            self._timeline.jump_end()

    def mark_read(self) -> None:
        """The newest message was on screen in front of the user."""
        channel, last = self.channel, self._timeline.sheet.last
        if channel is None or last is None or not (channel.unread or channel.mentions):
            return
        if self._meanwhile is None and self._timeline.follows and last.id != self._marked:
            self._marked = last.id
            self._asker.tell(commands.MarkRead(channel.name, last.id))


def lead(channel: Channel, has_older: bool, first: Message | None = None) -> str:
    """What stands above the oldest loaded message, `first`."""
    if has_older:
        return f"… up to {HISTORY_PAGE_MESSAGES} older messages come as you scroll"
    if not channel.complete:
        return "Older messages are on their way from the others."
    if channel.earlier and (first is None or min(channel.gaps, default="") < first.order):
        return f"You came into #{channel.name} here; what was said before is not for newcomers."
    if channel.name == "general" and not channel.last_at:
        return "Nothing here yet · /invite lets people in · /help explains"
    return f"This is the beginning of #{channel.name}."
