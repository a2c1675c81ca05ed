"""One row with something at each end; the left side gives way."""

from textual.widgets import Static

from tui.text.styled import Piece, at_edges


class TitleRow(Static):
    """The title of a pane."""

    def __init__(self) -> None:
        super().__init__("", classes="pane-title", markup=False)
        self._left = ""
        self._right: list[Piece] = []

    def show(self, left: str, right: list[Piece]) -> None:
        """Show these pieces, now and after every change of width."""
        self._left, self._right = left, right
        self.on_resize()

    def on_resize(self) -> None:
        if self.content_size.width:
            self.update(at_edges(self._left, self._right, self.content_size.width))
