"""The shape of every dialog: a box in the middle, Escape leaves it."""

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A modal box; dismisses with None on Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", show=False),
        Binding("ctrl+q", "app.quit", show=False, priority=True),
    ]

    def action_leave(self) -> None:
        self.dismiss(None)
