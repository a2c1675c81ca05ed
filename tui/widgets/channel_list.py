"""The channels at the left: their names, and what waits in them."""

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from chat.model import Alerts, Channel
from tui.text import moments
from tui.text.styled import Piece, at_edges, styled

COUNT_MAX = 999
_HEADINGS = {"private": "channels", "hidden": "hidden", "public": "public"}


def row(channel: Channel, current: bool, width: int, alerts: Alerts = "mentions") -> Content:
    """One row: the name, then mentions and unread messages at the right edge.

    A channel that may ring for nothing shows its name only, and faintly.
    """
    if alerts == "off" and not current:
        return at_edges((f"# {channel.name}", "$faint"), [], width)
    right: list[Piece] = []
    if channel.mentions:
        right.append((f" @{count(channel.mentions)}", "$accent bold"))
    if channel.unread and not current:
        right.append((f" {count(channel.unread)}", "$muted"))
    style = "bold" if channel.unread and not current else ""
    if not channel.unread and not current:
        style = "$muted"
    return at_edges((f"# {channel.name}", style), right, width)


def count(number: int) -> str:
    """A count in at most four cells."""
    return moments.number(number) if number <= COUNT_MAX else f"{COUNT_MAX}+"


class ChannelList(OptionList, can_focus=False):
    """Grouped by who may read them; a group's heading shows only when there are several groups."""

    class Picked(Message):
        """The user clicked a channel."""

        def __init__(self, channel: str) -> None:
            super().__init__()
            self.channel = channel

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._channels: list[Channel] = []
        self._current = ""
        self._alerts: dict[str, Alerts] = {}

    def show(
        self, channels: list[Channel], current: str, alerts: dict[str, Alerts] | None = None
    ) -> None:
        """Show channels in the order given; `current` is an id, `alerts` go by ids."""
        alerts = alerts or {}
        if (channels, current, alerts) == (self._channels, self._current, self._alerts):
            return
        self._channels, self._current, self._alerts = channels, current, alerts
        self._fill()

    def on_resize(self, event: events.Resize) -> None:
        self._fill()

    def _fill(self) -> None:
        width = self.scrollable_content_region.width - 2
        if width < 4:
            return
        several = len({channel.mode for channel in self._channels}) > 1
        options: list[Option] = []
        mode = ""
        for channel in self._channels:
            if several and channel.mode != mode:
                mode = channel.mode
                if options:
                    options.append(Option("", disabled=True))
                heading = styled((_HEADINGS[mode], "$faint"))
                options.append(Option(heading, disabled=True))
            level = self._alerts.get(channel.id, "mentions")
            prompt = row(channel, channel.id == self._current, width, level)
            options.append(Option(prompt, id=channel.id))
        self.set_options(options)
        if any(channel.id == self._current for channel in self._channels):
            self.highlighted = self.get_option_index(self._current)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option.id is not None:
            self.post_message(self.Picked(event.option.id))
