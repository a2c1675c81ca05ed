"""The members at the right: who is here, who is away and why, who is offline; relays below."""

from collections.abc import Callable

from textual import events
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from chat.model import Member
from tui.inert import inert
from tui.text import cells
from tui.text.styled import Piece, at_edges, styled

_UNREMARKABLE = ("member", "relay")


def groups(members: list[Member]) -> list[tuple[str, list[Member]]]:
    """The headings with who stands under them, empty ones left out."""
    people = [member for member in members if member.role != "relay"]
    found = [
        ("here", [member for member in people if member.online and not member.away]),
        ("away", [member for member in people if member.online and member.away]),
        ("offline", [member for member in people if not member.online]),
        ("relays", [member for member in members if member.role == "relay"]),
    ]
    return [(title, group) for title, group in found if group]


def dot(member: Member | None) -> tuple[str, str]:
    """Presence in two cells: here, away, or offline."""
    if member is None or not member.online:
        return "○ ", "$faint"
    return ("◐ ", "$warning") if member.away else ("● ", "$success")


def row(member: Member, colour: str, width: int) -> Content:
    """One row: presence, nick, and the role when it is not the usual one, or why they are away."""
    said = " you" if member.me else "" if member.role in _UNREMARKABLE else f" {member.role}"
    if member.away_text:
        room = max(width - 2 - cells.width_of(member.name) - 1, 0)
        said = f" {cells.fit(inert(member.away_text), room)}" if room > 1 else ""
    right: list[Piece] = [(said, "$faint")] if said else []
    style = colour if member.online and not member.away else "$muted"
    return Content.assemble(styled(dot(member)), at_edges((member.name, style), right, width - 2))


class MemberList(OptionList, can_focus=False):
    """Those present first."""

    def __init__(self, hue: Callable[[str], str], *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._hue = hue
        self._members: list[Member] = []

    def show(self, members: list[Member]) -> None:
        if members != self._members:
            self._members = members
            self._fill()

    def on_resize(self, event: events.Resize) -> None:
        self._fill()

    def repaint(self) -> None:
        """Colours changed."""
        self._fill()

    def _fill(self) -> None:
        width = self.scrollable_content_region.width - 2
        if width < 8:
            return
        options: list[Option] = []
        for title, group in groups(self._members):
            if options:
                options.append(Option("", disabled=True))
            heading = styled((f"{title} {len(group)}", "$faint"))
            options.append(Option(heading, disabled=True))
            options += [
                Option(row(member, self._hue(member.member), width))
                for member in sorted(group, key=lambda m: (m.level, m.name.lower()))
            ]
        self.set_options(options)
