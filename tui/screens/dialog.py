"""The shape of every dialog: a box in the middle, Escape leaves it.

On a small terminal a box takes all there is, and a list in it gets the rows that the rest of the
box leaves: a list that is taller than its box would be gone through unseen.
"""

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.css.scalar import Unit
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import OptionList

Answer = TypeVar("Answer")
LIST_ROWS_MIN, LIST_ROWS_MAX = 3, 16
"""Of a list in a dialog: so many are gone through, more are not taken in at a glance."""


class Dialog(ModalScreen[Answer]):
    """A modal box; dismisses with None on Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", show=False),
        Binding("ctrl+q", "app.quit", show=False, priority=True),
    ]

    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (50, "-roomy")]  # noqa: RUF012 - as Textual has it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-high")]  # noqa: RUF012 - as Textual has it

    def action_leave(self) -> None:
        self.dismiss(None)

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """Give the list the rows that are left."""
        for box in self.query(".dialog").results(Widget):
            for options in box.query(OptionList):
                limit = box.styles.max_height
                share = limit.value / 100 if limit and limit.unit is Unit.HEIGHT else 1.0
                others = [child for child in box.children if child.display and child is not options]
                taken = sum(c.outer_size.height + c.styles.margin.height for c in others)
                room = int(self.size.height * share) - box.gutter.height - taken
                room -= options.styles.margin.height
                options.styles.max_height = min(max(room, LIST_ROWS_MIN), LIST_ROWS_MAX)
