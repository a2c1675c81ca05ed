"""Painted rows in the middle of a widget; of what is larger, the part that is looked at."""

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tui.pictures import Colour, Painted, Thumbnail, paint, part
from tui.text.cells import width_of


class PictureView(Widget):
    """Shows rows as they are, or a picture that can be moved below the widget."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Painted = []
        self._picture: Thumbnail | None = None
        self._left = 0
        self._top = 0

    def show(self, rows: Painted) -> None:
        """Show rows that fit."""
        self._picture = None
        self._rows = rows
        self.refresh()

    def look(self, picture: Thumbnail) -> None:
        """Show a picture that may be larger; its middle stands where the middle was."""
        before = self._picture
        if before is None:
            across, down = 0.5, 0.5
        else:
            across = (self._left + self._width / 2) / before.width
            down = (self._top + self._height / 2) / before.height
        self._picture = picture
        self._left = round(across * picture.width - self._width / 2)
        self._top = round(down * picture.height - self._height / 2)
        self.pan(0, 0)

    @property
    def ground(self) -> Colour:
        """The colour behind a picture."""
        return self.background_colors[1].rgb

    @property
    def _width(self) -> int:
        return self.size.width

    @property
    def _height(self) -> int:
        return self.size.height * 2

    @property
    def can_pan(self) -> bool:
        """Whether there is more than fits."""
        picture = self._picture
        return picture is not None and (
            picture.width > self._width or picture.height > self._height
        )

    def pan(self, across: int, down: int) -> None:
        """Look further right and down by so many quarters of the widget."""
        picture = self._picture
        if picture is None or not self.size:
            return
        left = self._left + across * max(self._width // 4, 1)
        top = self._top + down * max(self._height // 4, 1)
        self._left = min(max(left, 0), max(picture.width - self._width, 0))
        # Whole cells, so that pixels keep their partners.
        self._top = min(max(top, 0), max(picture.height - self._height, 0)) // 2 * 2
        seen = part(picture, self._left, self._top, self._width, self._height)
        self._rows = paint(seen, self.ground)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        base = self.rich_style
        at = y - max((height - len(self._rows)) // 2, 0)
        if not 0 <= at < len(self._rows):
            return Strip.blank(width, base)
        row = self._rows[at]
        used = sum(width_of(segment.text) for segment in row)
        left = max((width - used) // 2, 0)
        segments = [Segment(" " * left, base), *row]
        segments.append(Segment(" " * max(width - left - used, 0), base))
        return Strip(segments, max(width, left + used)).crop(0, width)
