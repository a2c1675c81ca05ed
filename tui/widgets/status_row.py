"""The last row: how far in sync, who is linked, who is writing, whether nothing may ring."""

from textual.content import Content

from chat.model import Status
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


class StatusRow(Still):
    """One row, never wrapped."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[Status, tuple[str, ...], str] | None = None

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
        left = styled(*sync_state(status))
        if quiet:
            left += styled((f" · {quiet}", "$warning"))
        middle = writing(list(nicks))
        if middle:
            left += styled((f"   {middle}", "italic"))
        hints: list[Piece] = []
        for key, what in (("F1", "help"), ("Ctrl+K", "go to"), ("Esc", "messages")):
            more: list[Piece] = [
                *hints,
                ("  " if hints else "") + key,
                (f" {what}", "$faint"),
            ]
            if left.cell_length + 3 + styled(*more).cell_length <= width:
                hints = more
        right = styled(*hints)
        gap = width - left.cell_length - right.cell_length
        if gap < 1:
            return styled(cells.fit(left.plain, max(width, 1)))
        return left + Content(" " * gap) + right
