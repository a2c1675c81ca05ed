"""Ctrl+K: go to a channel by a few of its letters."""

from collections.abc import Sequence

from textual.content import Content

from chat.model import Channel
from tui import fuzzy
from tui.screens.picker import Picker
from tui.text import moments
from tui.text.styled import Piece, at_edges


class Switcher(Picker):
    """Dismisses with the channel's id. Channels come in the order that an empty line shows."""

    TITLE_TEXT = "Go to"
    PLACEHOLDER = "a channel, by some of its letters"
    EMPTY = "No channel fits. /new NAME makes one."

    def __init__(self, channels: list[Channel]) -> None:
        super().__init__()
        self._channels = {channel.name: channel for channel in channels}

    def rows(self, typed: str) -> Sequence[tuple[str, Content]]:
        names = fuzzy.best(typed.removeprefix("#"), list(self._channels))
        return [(self._channels[name].id, self._row(self._channels[name])) for name in names]

    def _row(self, channel: Channel) -> Content:
        right: list[Piece] = []
        if channel.mentions:
            right.append((f"  @{channel.mentions}", "$accent"))
        if channel.unread:
            right.append((f"  {moments.number(channel.unread)} new", "$muted"))
        return at_edges(f"# {channel.name}", right, self.list_width)


def by_need(channels: list[Channel], current: str) -> list[Channel]:
    """Mentions first, then unread, then the rest as listed; the open one last."""

    def need(channel: Channel) -> tuple[bool, bool, bool]:
        return (channel.id == current, not channel.mentions, not channel.unread)

    return sorted(channels, key=need)
