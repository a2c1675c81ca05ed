"""An invite for one person: QR code, link, words."""

from typing import ClassVar

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


class InviteScreen(Dialog[None]):
    """`c` copies the link, `w` the words. Without `code` there is no QR code, which is no ASCII."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c,y", "copy_link", show=False),
        Binding("w", "copy_words", show=False),
        Binding("enter,q", "leave", show=False),
    ]

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal")]  # noqa: RUF012 - as Textual has it

    def __init__(self, invite: InviteView, workspace: str, *, code: bool = True) -> None:
        super().__init__()
        self._code = code
        self._invite = invite
        self._workspace = workspace

    def compose(self) -> ComposeResult:
        code = Content("\n").join([Content(line) for line in qr.lines(self._invite.link)])
        with VerticalScroll(classes="dialog invite"), Horizontal(id="invite"):
            if self._code:
                yield Static(code, id="qr", markup=False)
            with Vertical(id="invite-text"):
                yield Static(self._text(), markup=False)

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
        )

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_copy_link(self) -> None:
        self.app.copy_to_clipboard(self._invite.link)
        self.notify("The link is in the clipboard.", markup=False)

    def action_copy_words(self) -> None:
        self.app.copy_to_clipboard(self._invite.words)
        self.notify("The words are in the clipboard.", markup=False)
