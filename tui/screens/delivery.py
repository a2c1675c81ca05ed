"""Who has a message, and who not yet; what `w` shows."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from chat.model import Delivery, Holder, Message
from tui.screens.dialog import Dialog
from tui.text import cells, markup, moments
from tui.text.moments import Calendar
from tui.text.styled import Piece, styled

_SAID_CELLS = 60


def _names(holders: list[Holder], colour: str) -> list[Piece]:
    pieces: list[Piece] = []
    for holder in holders:
        sign: Piece = ("✓ ", "$success") if holder.holds else ("· ", "$faint")
        pieces += ["\n  ", sign, (holder.nick, colour)]
        if not holder.holds:
            pieces.append(("  linked now" if holder.online else "  not linked now", "$faint"))
    return pieces


def delivery_text(message: Message, delivery: Delivery, calendar: Calendar) -> Content:
    """People who have it, people who are not known to, relays."""
    people = [holder for holder in delivery.holders if not holder.relay]
    relays = [holder for holder in delivery.holders if holder.relay]
    have = [holder for holder in people if holder.holds]
    lack = [holder for holder in people if not holder.holds]
    said = markup.plain(message.text) or (message.files[0].name if message.files else "")
    pieces: list[Piece] = [
        (f"{message.author.name}, {calendar.moment(message.at)}", "bold"),
        (f"\n{cells.fit(said, _SAID_CELLS)}\n", "$muted"),
    ]
    if message.late:
        pieces.append(("\nIt arrived late and was put where it belongs.\n", "$warning"))
    if message.ahead_ms:
        ahead = moments.span(message.ahead_ms)
        pieces.append((f"\nIts author's clock was {ahead} ahead.\n", "$warning"))
    if not people:
        pieces.append("\nThere is nobody else to read it yet.")
    if have:
        pieces += [f"\n{len(have)} of {len(people)} have it", *_names(have, "")]
    if lack:
        pieces += ["\nNot known to have it yet", *_names(lack, "$muted")]
    if relays:
        pieces += ["\nRelays, which keep it for those who are off", *_names(relays, "")]
    elif lack:
        pieces.append(("\n\nNo relay is there; it goes out when one of them is linked.", "$muted"))
    pieces.append(("\n\nWho got it just now may say so a moment later.", "$faint"))
    return styled(*pieces)


class DeliveryScreen(Dialog[None]):
    """One page."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("w,q,enter", "leave", show=False)]

    def __init__(self, message: Message, delivery: Delivery) -> None:
        super().__init__()
        self._message = message
        self._delivery = delivery

    def compose(self) -> ComposeResult:
        text = delivery_text(self._message, self._delivery, Calendar())
        with VerticalScroll(classes="dialog"):
            yield Static(text, markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
