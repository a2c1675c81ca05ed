"""Previews side by side, one of them chosen; only what is seen is decoded.

Each tile is a preview and its name below it. Where pictures are not drawn, what they show is
written in their place.
"""

from typing import ClassVar

from rich.segment import Segment
from textual.message import Message as WidgetMessage
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from chat.model import FileView
from tui import workers
from tui.inert import inert
from tui.limits import TILE_COLUMNS, TILE_ROWS
from tui.pictures import Gallery
from tui.text import cells

_GAP = 2
_TILE_WIDTH = TILE_COLUMNS + _GAP
_TILE_HEIGHT = TILE_ROWS + 2
"""The preview, its name and an empty row."""


class PictureGrid(Widget, can_focus=True):
    """A grid of tiles that follows the chosen one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"grid--name", "grid--chosen", "grid--words"}

    at: reactive[int] = reactive(0)
    """The place of the chosen picture."""

    class Moved(WidgetMessage):
        """Another picture is chosen."""

    def __init__(self, gallery: Gallery, *, drawn: bool = True, id: str | None = None) -> None:
        """`drawn`: whether previews are drawn, or described."""
        super().__init__(id=id)
        self._gallery = gallery
        self._drawn = drawn
        self._files: list[FileView] = []

    @property
    def files(self) -> list[FileView]:
        """What is shown, in order."""
        return self._files

    @property
    def chosen(self) -> FileView | None:
        """The chosen picture."""
        return self._files[self.at] if self._files else None

    def show(self, files: list[FileView]) -> None:
        """Show these; the chosen one stays chosen."""
        before = self.chosen
        self._files = files
        kept = (at for at, file in enumerate(files) if before is not None and file.id == before.id)
        self.set_reactive(PictureGrid.at, next(kept, 0))
        self.post_message(self.Moved())
        self.refresh()

    @property
    def across(self) -> int:
        """Tiles beside each other."""
        return max((self.size.width + _GAP) // _TILE_WIDTH, 1)

    def move(self, by: int) -> None:
        """Choose the picture so many places further, as far as there are."""
        if self._files:
            self.at = min(max(self.at + by, 0), len(self._files) - 1)

    def move_rows(self, by: int) -> None:
        """Choose the picture so many rows below."""
        goal = self.at + by * self.across
        if 0 <= goal < len(self._files):
            self.at = goal
        elif by > 0 and self.at // self.across < (len(self._files) - 1) // self.across:
            self.at = len(self._files) - 1

    @property
    def page_rows(self) -> int:
        """Rows of tiles that fit."""
        return max(self.size.height // _TILE_HEIGHT, 1)

    def watch_at(self) -> None:
        self.post_message(self.Moved())

    @property
    def _first_row(self) -> int:
        """The row of tiles at the top: the page that the chosen one is on."""
        row = self.at // self.across
        return row - row % self.page_rows

    # Painting.

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        row, inside = divmod(y, _TILE_HEIGHT)
        start = (self._first_row + row) * self.across
        segments: list[Segment] = []
        used = 0
        for at in range(start, min(start + self.across, len(self._files))):
            tile = self._tile_line(at, inside)
            segments += tile
            segments.append(Segment(" " * _GAP, base))
            used += TILE_COLUMNS + _GAP
        segments.append(Segment(" " * max(width - used, 0), base))
        return Strip(segments, max(width, used)).crop(0, width)

    def _tile_line(self, at: int, inside: int) -> list[Segment]:
        file, base = self._files[at], self.rich_style
        if inside < TILE_ROWS:
            drawn = self._drawn and bool(file.preview)
            return self._preview_line(file, inside) if drawn else self._words_line(file, inside)
        if inside > TILE_ROWS:
            return [Segment(" " * TILE_COLUMNS, base)]
        chosen = at == self.at
        style = self.get_component_rich_style("grid--chosen" if chosen else "grid--name")
        text = ("▸ " if chosen else "  ") + inert(file.name)
        return [Segment(cells.pad(text, TILE_COLUMNS), style)]

    def _preview_line(self, file: FileView, inside: int) -> list[Segment]:
        base, ground = self.rich_style, self.background_colors[1].rgb
        key = (file.id, TILE_COLUMNS, TILE_ROWS, ground)
        painted = self._gallery.painted(*key)
        if painted is None:
            if self._gallery.is_wanted(*key):
                workers.start(self, "previews", self._decode, file)
            return self._words_line(file, inside)
        above = (TILE_ROWS - len(painted)) // 2
        if not 0 <= inside - above < len(painted):
            return [Segment(" " * TILE_COLUMNS, base)]
        row = painted[inside - above]
        used = sum(len(segment.text) for segment in row)
        left = (TILE_COLUMNS - used) // 2
        return [
            Segment(" " * left, base),
            *row,
            Segment(" " * (TILE_COLUMNS - used - left), base),
        ]

    def _words_line(self, file: FileView, inside: int) -> list[Segment]:
        """What it shows in words, in place of the picture."""
        style = self.get_component_rich_style("grid--words")
        text = inert(" ".join((file.alt or file.type).split()))
        wrapped = cells.wrap(text, TILE_COLUMNS - 2)
        start, end = wrapped[inside] if inside < len(wrapped) else (0, 0)
        return [Segment(cells.pad(" " + text[start:end], TILE_COLUMNS), style)]

    async def _decode(self, file: FileView) -> None:
        ground = self.background_colors[1].rgb
        await self._gallery.decode(file, TILE_COLUMNS, TILE_ROWS, ground)
        self.refresh()
