"""“3 new below”: shown while the reader is further up; a click or Alt+End goes there."""

from textual.message import Message
from textual.widgets import Static

from tui.text import moments


class NewBelow(Static):
    """Floats over the last row of the timeline."""

    class Clicked(Message):
        """Go to the newest message."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self.display = False

    def show(self, count: int, at_end: bool) -> None:
        """`count` messages came under the view."""
        self.display = not at_end and count > 0
        if self.display:
            self.update(f" ↓ {moments.number(count)} new below ")

    def on_click(self) -> None:
        self.post_message(self.Clicked())
