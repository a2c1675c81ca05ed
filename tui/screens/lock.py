"""The locked screen: a line for the passphrase, and nothing of what is behind it."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Input, Static

from chat import commands
from chat.errors import ChatError
from chat.model import Status
from chat.session import Session
from tui import workers
from tui.text.styled import styled


class LockScreen(Screen[Status | None]):
    """Dismisses with the status when the passphrase was right."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "app.quit", show=False, priority=True),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._busy = False
        self._opened = False

    def compose(self) -> ComposeResult:
        with Vertical(id="welcome"), Vertical(id="welcome-box"):
            yield Static(styled(("Locked", "bold $accent")), markup=False)
            yield Static("The passphrase opens it again", classes="label", markup=False)
            yield Input(password=True, compact=True)
            yield Static("", classes="problem", markup=False)
            yield Static(styled(("Ctrl+Q leaves", "$faint")), markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.value and not self._busy:
            self._busy = True
            event.input.value = ""
            self._complain("A moment…")
            workers.start(self, "unlock", self._unlock, event.value)

    async def _unlock(self, passphrase: str) -> None:
        try:
            status: Status = await self._session.call(commands.Unlock(passphrase))
        except ChatError as error:
            self._complain(str(error))
            self._busy = False
        else:
            self.open(status)

    def open(self, status: Status) -> None:
        """It is open, from here or from elsewhere."""
        if self.is_current and not self._opened:
            self._opened = True
            self.dismiss(status)

    def on_screen_suspend(self) -> None:
        if not self._opened:
            self.app.call_later(self._stay)

    def _stay(self) -> None:
        """What was asked for just before, and would show itself now, goes."""
        while self in self.app.screen_stack and self.app.screen is not self:
            self.app.pop_screen()

    def _complain(self, text: str) -> None:
        self.query_one(".problem", Static).update(styled(text))
