"""The channels at the left: their names, and what waits in them; direct ones by who is in them."""

from collections.abc import Mapping, Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from chat.model import Alerts, Channel, Member
from tui import attention, privacy
from tui.seats import Waits
from tui.text import moments
from tui.text.styled import Piece, at_edges, styled
from tui.widgets.member_list import dot

COUNT_MAX = 999
ELSEWHERE_ROWS = 3
_HEADINGS = {kind: "channels" if kind == "workspace" else kind for kind in privacy.KINDS}


def head(name: str, elsewhere: Sequence[Waits]) -> Content:
    """What stands above the channels: the workspace's name, and what waits in others."""
    rows: list[Piece] = [name]
    for waits in elsewhere[:ELSEWHERE_ROWS]:
        count = attention.numbers(waits.mentions, waits.unread)
        rows.append((f"\n{count} in {waits.name}", "not bold $muted"))
    return styled(*rows)


def title(channel: Channel) -> str:
    """What a channel is called here: a direct one by who is in it, with its name if it has one."""
    other = attention.partner(channel)
    if other is None:
        return channel.name
    same = channel.name.casefold().removeprefix("@") == other.nick.casefold()
    return other.name if same else f"{other.name} · {channel.name}"


def row(
    channel: Channel,
    current: bool,
    width: int,
    alerts: Alerts | None = None,
    member: Member | None = None,
) -> Content:
    """One row: the name, then mentions and unread messages at the right edge.

    A channel that may ring for nothing shows its name only, and faintly. `member` is the other one
    of a direct channel, whose presence it shows.
    """
    direct = channel.direct
    mark = dot(member) if direct else ("# ", "$muted")
    if alerts == "off" and not current:
        mark = (mark[0], "$faint")
        return Content.assemble(styled(mark), at_edges((title(channel), "$faint"), [], width - 2))
    right: list[Piece] = []
    called = attention.called(channel)
    if called and not (direct and current):
        right.append((f" @{count(called)}", "$accent bold"))
    if channel.unread and not current and not direct:
        right.append((f" {count(channel.unread)}", "$muted"))
    style = "bold" if channel.unread and not current else ""
    if not channel.unread and not current:
        style = "$muted"
    if not direct:
        mark = ("# ", style)
    return Content.assemble(styled(mark), at_edges((title(channel), style), right, width - 2))


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
        self._members: Mapping[str, Member] = {}

    def show(
        self,
        channels: list[Channel],
        current: str,
        alerts: dict[str, Alerts] | None = None,
        members: Mapping[str, Member] | None = None,
    ) -> None:
        """Show channels in the order given; `current` is an id, alerts and members go by ids."""
        others = {other.member for other in map(attention.partner, channels) if other is not None}
        known = {key: member for key, member in (members or {}).items() if key in others}
        now = (channels, current, alerts or {}, known)
        if now != (self._channels, self._current, self._alerts, self._members):
            self._channels, self._current, self._alerts, self._members = now
            self._fill()

    def on_resize(self, event: events.Resize) -> None:
        self._fill()

    def _fill(self) -> None:
        width = self.scrollable_content_region.width - 2
        if width < 4:
            return
        several = len({_group(channel) for channel in self._channels}) > 1
        options: list[Option] = []
        mode: privacy.Kind | None = None
        for channel in self._channels:
            if several and _group(channel) != mode:
                mode = _group(channel)
                if options:
                    options.append(Option("", disabled=True))
                heading = styled((_HEADINGS[mode], "$faint"))
                options.append(Option(heading, disabled=True))
            other = attention.partner(channel)
            member = self._members.get(other.member) if other is not None else None
            current, level = channel.id == self._current, self._alerts.get(channel.id)
            prompt = row(channel, current, width, level, member)
            options.append(Option(prompt, id=channel.id))
        self.set_options(options)
        if any(channel.id == self._current for channel in self._channels):
            self.highlighted = self.get_option_index(self._current)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option.id is not None:
            self.post_message(self.Picked(event.option.id))


def _group(channel: Channel) -> privacy.Kind:
    return privacy.kind(channel)
