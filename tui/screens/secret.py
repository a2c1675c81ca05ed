"""Something to be carried to another machine: as QR code, as link, as words."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from chat.model import InviteView
from tui import qr
from tui.screens.dialog import Dialog


class SecretScreen(Dialog[None]):
    """`c` copies the link, `w` the words. Without `code` there is no QR code, which is no ASCII.

    Subclasses give the text beside the code.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c,y", "copy('link')", show=False),
        Binding("w", "copy('words')", show=False),
        Binding("enter,q", "leave", show=False),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal")]  # noqa: RUF012 - as Textual has it

    def __init__(self, made: InviteView, *, code: bool = True) -> None:
        super().__init__()
        self.made = made
        self._code = code

    def text(self) -> Content:
        """What stands beside the code."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        code = Content("\n").join([Content(line) for line in qr.lines(self.made.link)])
        with VerticalScroll(classes="dialog invite"), Horizontal(id="invite"):
            with Vertical(id="invite-text"):
                yield Static(self.text(), markup=False)
            if self._code:
                # Behind the text, which a small terminal has room for.
                yield Static(code, id="qr", markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_copy(self, what: str) -> None:
        self.app.copy_to_clipboard(self.made.words if what == "words" else self.made.link)
        said = "The words are" if what == "words" else "The link is"
        self.notify(f"{said} in the clipboard.", markup=False)
