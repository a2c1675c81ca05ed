"""The last row: how far in sync, who is linked, who is writing, whether nothing may ring.

While a message is being chosen it says so, and which keys act on the message: letters are no text
then, and nobody should have to find that out by typing.
"""

from collections.abc import Mapping

from textual.content import Content

from chat.model import Status
from tui import keymap
from tui.text import cells, moments
from tui.text.styled import Piece, styled
from tui.widgets.still import Still


def sync_state(status: Status) -> list[Piece]:
    """`● in sync · 3 linked · relay`, as pieces."""
    linked = [peer for peer in status.links if peer.state == "linked"]
    relays = sum(peer.relay for peer in linked)
    if status.phase == "removed":
        return [("● ", "$error"), "you are not in this workspace any more; it stays readable here"]
    if not linked:
        trying = sum(peer.state == "dialling" for peer in status.links)
        said = f"alone, dialling {trying}" if trying else "alone; what you write goes out later"
        return [("○ ", "$faint"), said]
    if status.behind is None:
        pieces: list[Piece] = [("◌ ", "$warning"), "comparing"]
    elif status.behind:
        pieces = [("◌ ", "$warning"), f"{moments.number(status.behind)} behind"]
    else:
        pieces = [("● ", "$success"), "in sync"]
    pieces.append(f" · {len(linked)} linked")
    if relays:
        pieces.append(" · relay" if relays == 1 else f" · {relays} relays")
    if status.waiting:
        pieces.append((f" · {status.waiting} asking to join", "$accent"))
    return pieces


def writing(nicks: list[str]) -> str:
    """`ana is writing…`"""
    if not nicks:
        return ""
    if len(nicks) == 1:
        return f"{nicks[0]} is writing…"
    if len(nicks) == 2:
        return f"{nicks[0]} and {nicks[1]} are writing…"
    return f"{len(nicks)} people are writing…"


_HINTS = (("help", "help"), ("quick_switch", "go to"), ("to_timeline", "messages"))
_CHOOSING_HINTS = (
    ("leave", "write"),
    ("reply", "reply"),
    ("react", "react"),
    ("open", "open"),
    ("thread", "thread"),
    ("edit", "edit"),
    ("delete", "delete"),
    ("copy", "copy"),
    ("delivery", "who has it"),
)
CHOOSING = "MESSAGES"


class StatusRow(Still):
    """One row, never wrapped; `keys` are those that the settings chose."""

    def __init__(self, keys: Mapping[str, str] | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys = keys or {}
        self._choosing = False
        self._shown: tuple[Status, tuple[str, ...], str] | None = None

    def choose(self, choosing: bool) -> None:
        """Whether letters act on messages."""
        if choosing is not self._choosing:
            self._choosing = choosing
            self.on_resize()

    def show(self, status: Status, nicks: list[str], quiet: str = "") -> None:
        shown = (status, tuple(nicks), quiet)
        if shown != self._shown:
            self._shown = shown
            self.update(self._content())

    def on_resize(self) -> None:
        if self._shown is not None:
            self.update(self._content())

    def _content(self) -> Content:
        assert self._shown is not None
        status, nicks, quiet = self._shown
        width = self.content_size.width
        if self._choosing:
            left = styled((f" {CHOOSING} ", "reverse bold"), " ", sync_state(status)[0])
        else:
            left = styled(*sync_state(status))
        if quiet and not self._choosing:
            left += styled((f" · {quiet}", "$warning"))
        middle = writing(list(nicks))
        if middle:
            left += styled((f"   {middle}", "italic"))
        right = self._hints(width - left.cell_length - 3)
        gap = width - left.cell_length - right.cell_length
        if gap < 1:
            return styled(cells.fit(left.plain, max(width, 1)))
        return left + Content(" " * gap) + right

    def _hints(self, room: int) -> Content:
        """Keys and what they do, as many as there is room for."""
        hints: list[Piece] = []
        for name, what in _CHOOSING_HINTS if self._choosing else _HINTS:
            key = keymap.shown(name, self._keys)
            more: list[Piece] = [*hints, ("  " if hints else "") + key, (f" {what}", "$faint")]
            if styled(*more).cell_length <= room:
                hints = more
        return styled(*hints)
