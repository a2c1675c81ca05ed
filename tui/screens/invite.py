"""An invite for one person: QR code, link, words; or one for somebody in the room instead."""

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from chat.model import InviteView
from tui import qr
from tui.screens.dialog import Dialog
from tui.text.moments import Calendar
from tui.text.styled import styled

_IN_THE_ROOM = (
    "for somebody in this room: a label and six digits instead of a link. This invite is taken "
    "back then, unless you copied it."
)

Nearby = Literal["beside", "instead"]
"""Somebody is in the room: invite them, too, or in place of what was shown and never copied."""


class InviteScreen(Dialog[Nearby | None]):
    """`c` copies the link, `w` the words, `n` goes on with somebody in the room.

    Without `code` there is no QR code, which is no ASCII.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c,y", "copy_link", show=False),
        Binding("w", "copy_words", show=False),
        Binding("n", "nearby", show=False),
        Binding("enter,q", "leave", show=False),
    ]

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal")]  # noqa: RUF012 - as Textual has it

    def __init__(self, invite: InviteView, workspace: str, *, code: bool = True) -> None:
        super().__init__()
        self._code = code
        self._invite = invite
        self._workspace = workspace
        self._copied = False

    def compose(self) -> ComposeResult:
        code = Content("\n").join([Content(line) for line in qr.lines(self._invite.link)])
        with VerticalScroll(classes="dialog invite"), Horizontal(id="invite"):
            with Vertical(id="invite-text"):
                yield Static(self._text(), markup=False)
            if self._code:
                # Behind the text: a terminal with no room for both is not one to hold a phone at.
                yield Static(code, id="qr", markup=False)

    def _text(self) -> Content:
        invite = self._invite
        who = "a relay" if invite.relay else "one person"
        until = Calendar().moment(invite.expires)
        return styled(
            (f"An invite to {self._workspace} for {who}\n\n", "bold"),
            ("Link  ", "$muted"),
            ("c copies\n", "$faint"),
            f"{invite.link}\n\n",
            ("Words  ", "$muted"),
            ("w copies\n", "$faint"),
            f"{invite.words}\n\n",
            (f"Works once, until {until}. ", "$muted"),
            ("Give it over a way that you both trust.", "$muted"),
            *(() if invite.relay else (("\n\nn  ", "bold"), (_IN_THE_ROOM, "$muted"))),
        )

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_copy_link(self) -> None:
        self._copied = True
        self.app.copy_to_clipboard(self._invite.link)
        self.notify("The link is in the clipboard.", markup=False)

    def action_copy_words(self) -> None:
        self._copied = True
        self.app.copy_to_clipboard(self._invite.words)
        self.notify("The words are in the clipboard.", markup=False)

    def action_nearby(self) -> None:
        if not self._invite.relay:
            self.dismiss("beside" if self._copied else "instead")
