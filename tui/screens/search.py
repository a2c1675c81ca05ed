"""Ctrl+F: full-text search over everything that is here. Also lists what is pinned."""

import re
from collections.abc import Awaitable, Callable, Sequence

from textual.content import Content
from textual.widgets import Input

from chat.model import Message, SearchHit
from tui import workers
from tui.inert import inert
from tui.screens.picker import Picker
from tui.text import cells, markup
from tui.text.moments import Calendar
from tui.text.styled import styled

Searching = Callable[[str], Awaitable[list[SearchHit]]]
PAUSE_SECONDS = 0.15
"""Typing goes on for this long before the search starts."""
_DATED_CELLS = 64
"""Rows of fewer cells have no room for the date beside what was found."""
_FOUND = re.compile("\x02([^\x03]*)\x03?")


def hit_row(hit: SearchHit, calendar: Calendar, width: int) -> Content:
    """When and where, who, and the words around what was found."""
    message = hit.message
    where = f"#{cells.pad(message.channel, 12)} "
    if width >= _DATED_CELLS:
        where = f"{calendar.moment(message.at)}  {where}"
    nick = cells.pad(message.author.nick, 10)
    snippet = " ".join(hit.snippet.split())
    room = max(width - cells.width_of(where) - 11, 8)
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


class MessagePicker(Picker):
    """Dismisses with a message's id; `found` has the messages."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Message] = {}
        self._calendar = Calendar()

    def show(self, hits: Sequence[SearchHit], empty: str) -> None:
        """Show what was found."""
        self.found = {hit.message.id: hit.message for hit in hits}
        width = self.list_width
        self.fill([(hit.message.id, hit_row(hit, self._calendar, width)) for hit in hits], empty)


class SearchScreen(MessagePicker):
    """Searches while the user types."""

    TITLE_TEXT = "Search"
    PLACEHOLDER = "words; everything on this device is searched"

    def __init__(self, search: Searching, query: str = "") -> None:
        super().__init__()
        self._search = search
        self._query = query

    def on_mount(self) -> None:
        self.add_class("-wide-dialog")
        line = self.query_one(Input)
        line.focus()
        line.value = self._query
        self.fill([], "Type a word.")

    def refill(self) -> None:
        self.set_timer(PAUSE_SECONDS, self._search_now)

    def _search_now(self) -> None:
        typed = self.query_one(Input).value.strip()
        if typed != self._query or not self.found:
            self._query = typed
            workers.restart(self, "work", self._find, typed)

    async def _find(self, typed: str) -> None:
        if typed:
            self.show(await self._search(typed), "Nothing found.")
        else:
            self.show([], "Type a word.")


class PinsScreen(MessagePicker):
    """What is pinned in a channel."""

    TITLE_TEXT = "Pinned here"
    PLACEHOLDER = "a word, to narrow the list"

    def __init__(self, messages: list[Message]) -> None:
        super().__init__()
        self._messages = messages

    def on_mount(self) -> None:
        self.add_class("-wide-dialog")
        super().on_mount()

    def refill(self) -> None:
        wanted = self.query_one(Input).value.casefold()
        hits = [
            SearchHit(message, markup.plain(message.text) or message.files[0].name)
            for message in reversed(self._messages)
            if wanted in message.text.casefold() and (message.text or message.files)
        ]
        self.show(hits, "Nothing is pinned here. p pins the selected message.")
