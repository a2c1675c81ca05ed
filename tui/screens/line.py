"""One line to be typed, with what it is now."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from tui.screens.dialog import Dialog
from tui.text.styled import styled


class Line(Dialog[str | None]):
    """Dismisses with the line on Enter."""

    def __init__(self, question: str, value: str = "", detail: str = "") -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._detail = detail

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog narrow"):
            yield Static(styled((self._question, "bold")), markup=False)
            yield Input(self._value, compact=True)
            yield Static(styled((self._detail, "$muted")), markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
