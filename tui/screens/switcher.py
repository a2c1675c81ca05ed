"""Ctrl+K: go to a channel by a few of its letters, to a direct one by who is in it as well."""

from collections.abc import Sequence

from textual.content import Content

from chat.model import Channel
from tui import attention, fuzzy
from tui.screens.picker import Picker
from tui.text import moments
from tui.text.styled import Piece, at_edges
from tui.widgets.channel_list import title


class Switcher(Picker):
    """Dismisses with the channel's id. Channels come in the order that an empty line shows."""

    TITLE_TEXT = "Go to"
    PLACEHOLDER = "some letters of a channel"
    EMPTY = "No channel fits. /new NAME makes one."

    def __init__(self, channels: list[Channel]) -> None:
        super().__init__()
        self._channels = {_sought(channel): channel for channel in channels}

    def rows(self, typed: str) -> Sequence[tuple[str, Content]]:
        names = fuzzy.best(typed.lstrip("#@"), list(self._channels))
        return [(self._channels[name].id, self._row(self._channels[name])) for name in names]

    def _row(self, channel: Channel) -> Content:
        right: list[Piece] = []
        if called := attention.called(channel):
            right.append((f"  @{called}", "$accent"))
        if channel.unread:
            right.append((f"  {moments.number(channel.unread)} new", "$muted"))
        sign = "@" if channel.direct else "#"
        return at_edges(f"{sign} {title(channel)}", right, self.list_width)


def _sought(channel: Channel) -> str:
    """What is looked for: no two channels have the same name."""
    other = attention.partner(channel)
    return channel.name if other is None else f"{other.name} {channel.name}"


def by_need(channels: list[Channel], current: str) -> list[Channel]:
    """Mentions first, then unread, then the rest as listed; the open one last."""

    def need(channel: Channel) -> tuple[bool, bool, bool]:
        return (channel.id == current, not attention.called(channel), not channel.unread)

    return sorted(channels, key=need)
