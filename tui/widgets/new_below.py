"""“3 new below”, “2 late above”: what came where the reader does not look."""

from textual.message import Message
from textual.widgets import Static

from tui.text import moments


class NewBelow(Static):
    """Floats over the last row of the timeline, or over the first one when all of it is above. A
    click goes to the end, or to what came late."""

    class Clicked(Message):
        """Go to the newest message."""

    class LateClicked(Message):
        """Go to what came late."""

    def __init__(self, late_key: str = "Alt+L", *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._late_key = late_key
        self.display = False
        self._below = 0

    def show(self, count: int, at_end: bool, late: int = 0) -> None:
        """`count` messages came under the view, and `late` ones merged in above it."""
        below = 0 if at_end else count
        self._below = below
        self.display = bool(below or late)
        self.set_class(not below, "-above")
        said = [f"↓ {moments.number(below)} new below"] if below else []
        said += [f"↑ {moments.number(late)} late above, {self._late_key}"] if late else []
        if said:
            self.update(f" {' · '.join(said)} ")

    def on_click(self) -> None:
        self.post_message(self.Clicked() if self._below else self.LateClicked())
