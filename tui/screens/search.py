"""Ctrl+F: full-text search over everything that is here, with what was said around each hit.

The same list shows what is pinned, what was bookmarked, and what concerns this member.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, OptionList, Static

from chat.errors import ChatError
from chat.model import Message, SearchHit
from tui import workers
from tui.inert import inert
from tui.limits import CONTEXT_PAUSE_SECONDS
from tui.screens.picker import Picker
from tui.text import cells, markup
from tui.text.moments import Calendar
from tui.text.styled import Piece, styled

Searching = Callable[[str], Awaitable[list[SearchHit]]]
"""Finds; raises ChatError with a sentence when the search makes no sense."""
Around = Callable[[Message], Awaitable[list[Message]]]
"""The messages before and after one, with it among them."""
_DATED_CELLS = 64
"""Rows of fewer cells have no room for the date beside what was found."""
_PADDED_CELLS = 44
"""Rows of fewer cells have no columns."""
_FOUND = re.compile("\x02([^\x03]*)\x03?")
_FILTERS = "words  from:ana  in:cats  has:picture  is:mention  before:2026-11-24"


def hit_row(hit: SearchHit, calendar: Calendar, width: int, sign: str = "") -> Content:
    """When and where, who, and the words around what was found."""
    message = hit.message
    narrow = width < _PADDED_CELLS
    channel, nick = cells.pad(message.channel, 12), cells.pad(message.author.name, 10)
    if narrow:
        channel, nick = cells.fit(message.channel, 8), cells.fit(message.author.name, 8)
    where = f"{sign}#{channel} "
    if width >= _DATED_CELLS:
        where = f"{calendar.moment(message.at)}  {where}"
    snippet = " ".join(hit.snippet.split())
    room = max(width - cells.width_of(where) - cells.width_of(nick) - 1, 8)
    return styled((where, "$muted"), (nick, "bold"), " ") + marked(snippet, room)


def marked(snippet: str, width: int) -> Content:
    """A snippet with what was found in it emphasised, cut to `width` cells."""
    found = _FOUND.search(snippet)
    if found is not None and found.end() > width:
        snippet = "…" + snippet[max(found.start() - width // 3, 0) :]
    parts: list[Content] = []
    left = width
    for at, piece in enumerate(_FOUND.split(snippet)):
        shown = cells.fit(inert(piece), left)
        left -= cells.width_of(shown)
        parts.append(styled((shown, "$accent bold" if at % 2 else "")))
    return Content.assemble(*parts)


def said(message: Message) -> str:
    """A message on one line."""
    if message.deleted:
        return "message deleted"
    if message.folded:
        return message.folded
    return markup.plain(message.text) or (message.files[0].name if message.files else "")


def context_text(messages: list[Message], middle: str, calendar: Calendar, width: int) -> Content:
    """What was said around the message `middle`, a row each."""
    rows: list[Content] = []
    for message in messages:
        here = message.id == middle
        lead: Piece = ("▌", "$accent") if here else " "
        nick = cells.fit(message.author.name, 12)
        head = f"{calendar.clock(message.at)} {nick}: "
        room = max(width - 1 - cells.width_of(head), 4)
        text = cells.fit(said(message), room)
        rows.append(styled(lead, (head, "$muted"), (text, "" if here else "$muted")))
    return Content("\n").join(rows)


class MessagePicker(Picker):
    """Dismisses with a message's id; `found` has the messages."""

    def __init__(self, around: Around | None = None) -> None:
        super().__init__()
        self.found: dict[str, Message] = {}
        self._calendar = Calendar()
        self._around = around
        self._beside = Static("", id="context", markup=False)
        self._beside.display = False

    def compose_below(self) -> ComposeResult:
        yield self._beside

    def on_mount(self) -> None:
        self.add_class("-wide-dialog")
        super().on_mount()

    def sign(self, message: Message) -> str:
        """What stands before a row; of one width."""
        return ""

    def show(self, hits: Sequence[SearchHit], empty: str) -> None:
        """Show what was found."""
        self.found = {hit.message.id: hit.message for hit in hits}
        width = self.list_width
        rows = [
            (hit.message.id, hit_row(hit, self._calendar, width, self.sign(hit.message)))
            for hit in hits
        ]
        self._beside.display = False
        self.fill(rows, empty)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        message = self.found.get(event.option.id or "")
        if message is not None and self._around is not None:
            workers.restart(self, "context", self._show_context, message)

    async def _show_context(self, message: Message) -> None:
        assert self._around is not None
        # Who goes through the list with the key held down waits for nothing.
        await asyncio.sleep(CONTEXT_PAUSE_SECONDS)
        messages = await self._around(message)
        if messages and message.id in self.found:
            text = context_text(messages, message.id, self._calendar, self.list_width)
            self._beside.update(text)
            self._beside.display = True


class SearchScreen(MessagePicker):
    """Searches while the user types: with each letter, one search at a time."""

    TITLE_TEXT = "Search"
    PLACEHOLDER = _FILTERS

    def __init__(self, search: Searching, query: str = "", around: Around | None = None) -> None:
        super().__init__(around)
        self._search = search
        self._query = query
        self._searched: str | None = None
        self._searching = False

    def on_mount(self) -> None:
        self.add_class("-wide-dialog")
        line = self.query_one(Input)
        line.focus()
        line.value = self._query
        self.fill([], "Type a word.")

    def refill(self) -> None:
        if not self._searching:
            self._searching = True
            workers.start(self, "work", self._search_all)

    async def _search_all(self) -> None:
        """Search for what is typed until it is that; what was typed in between is passed over."""
        try:
            while (typed := self.query_one(Input).value.strip()) != self._searched:
                self._searched = typed
                await self._find(typed)
        finally:
            self._searching = False

    async def _find(self, typed: str) -> None:
        if not typed:
            self.show([], "Type a word.")
            return
        try:
            hits = await self._search(typed)
        except ChatError as error:
            # A filter that is still being typed names nobody yet.
            self.show([], str(error))
            return
        self.show(hits, "Nothing found.")


class ListedScreen(MessagePicker):
    """Messages that are at hand, narrowed by typing."""

    PLACEHOLDER = "a word, to narrow the list"
    NOTHING = ""

    def __init__(self, messages: list[Message], around: Around | None = None) -> None:
        super().__init__(around)
        self._messages = messages

    def refill(self) -> None:
        wanted = self.query_one(Input).value.casefold()
        hits = [
            SearchHit(message, said(message))
            for message in self._messages
            if any(wanted in text.casefold() for text in (message.text, message.author.name))
        ]
        self.show(hits, "Nothing fits." if wanted else self.NOTHING)


class PinsScreen(ListedScreen):
    """What is pinned in a channel."""

    TITLE_TEXT = "Pinned here"
    NOTHING = "Nothing is pinned here. p pins the selected message."


class BookmarksScreen(ListedScreen):
    """What this member marked for themselves."""

    TITLE_TEXT = "Your bookmarks"
    NOTHING = "No bookmarks yet. b bookmarks the selected message; only you see it."


class ActivityScreen(ListedScreen):
    """What concerns this member: mentions (@), answers to them (↳), what came in late (~)."""

    TITLE_TEXT = "Activity"
    NOTHING = "Nobody mentioned or answered you, and nothing came in late."

    def sign(self, message: Message) -> str:
        if message.mentions_me:
            return "@ "
        return "~ " if message.late else "↳ "
