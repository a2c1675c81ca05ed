"""The text area of shared notes: tells every local edit as a delta, draws the others' cursors."""

from collections.abc import Callable
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.document._document import EditResult, Location, Selection
from textual.document._edit import Edit
from textual.geometry import Offset
from textual.strip import Strip
from textual.widgets import TextArea

from tui.inert import inert
from tui.notes import delta as deltas
from tui.notes import tasks
from tui.notes.delta import Delta
from tui.text.cells import width_of


class OtherCursor(NamedTuple):
    """Somebody's cursor, as an index of the text on the screen."""

    nick: str
    colour: str
    at: int


class NotesArea(TextArea):
    """Hears of nothing but this user.

    `edited(delta, text before)` is told what was typed, never what `change` did; `undone(back)`
    gives the delta of an undo or redo, which the area then shows.
    """

    def __init__(
        self,
        edited: Callable[[Delta, str], None],
        undone: Callable[[bool], Delta | None],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(
            id=id,
            compact=True,
            soft_wrap=True,
            show_line_numbers=False,
            tab_behavior="indent",
            highlight_cursor_line=False,
            max_checkpoints=1,
        )
        self._edited = edited
        self._undone = undone
        self._others: list[OtherCursor] = []
        self._names: list[str] | None = None

    def edit(self, edit: Edit) -> EditResult:
        start, end = sorted((edit.from_location, edit.to_location))
        before = self.text
        first, last = self.index_of(start), self.index_of(end)
        result = super().edit(edit)
        change = deltas.splice(len(before), first, last - first, edit.text)
        if not deltas.is_identity(change):
            self._edited(change, before)
        return result

    def undo(self) -> None:
        self._step(back=True)

    def redo(self) -> None:
        self._step(back=False)

    def _step(self, *, back: bool) -> None:
        change = self._undone(back)
        if change is not None:
            self.change(change)
            index, _, inserted = deltas.splices(change)[-1]
            self.move_cursor(self.location_of(index + len(inserted)))

    def change(self, change: Delta) -> None:
        """Change the text from outside; the cursor stays at its text."""
        if deltas.is_identity(change):
            return
        start, end = (self.index_of(location) for location in self.selection)
        for index, deleted, inserted in deltas.splices(change):
            first, last = self.location_of(index), self.location_of(index + deleted)
            super().edit(Edit(inserted, first, last, maintain_selection_offset=True))
        self.selection = Selection(
            self.location_of(deltas.map_index(change, start)),
            self.location_of(deltas.map_index(change, end)),
        )

    def show_cursors(self, others: list[OtherCursor]) -> None:
        """Draw these cursors."""
        if others != self._others:
            self._others = others
            self.refresh()

    def show_authors(self, names: list[str] | None) -> None:
        """Draw beside each line by whom it is; None draws nothing."""
        if names != self._names:
            self._names = names
            self.refresh()

    def author_of(self, line: int) -> str:
        """By whom a line is, "" when that is not shown."""
        return self._names[line] if self._names and line < len(self._names) else ""

    def toggle_task(self) -> None:
        """Make a task of the line with the cursor, or tick or empty its box, as if typed."""
        row, _ = self.cursor_location
        start, end, text = tasks.toggled(self.document.lines[row])
        self.replace(text, (row, start), (row, end), maintain_selection_offset=True)

    # Code points and places.

    def index_of(self, location: Location) -> int:
        """The code point index of a (row, column)."""
        row, column = location
        lines = self.document.lines
        return sum(len(line) + 1 for line in lines[:row]) + column

    def location_of(self, index: int) -> Location:
        """The (row, column) of a code point index."""
        lines = self.document.lines
        for row, line in enumerate(lines):
            if index <= len(line):
                return row, index
            index -= len(line) + 1
        return self.document.end

    # Painting.

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        for other in self._others:
            place = self.wrapped_document.location_to_offset(self.location_of(other.at))
            if place.y == y + self.scroll_offset.y:
                strip = _with_cursor(strip, place.x, other)
        return strip if self._names is None else self._with_author(strip, y + self.scroll_offset.y)

    def _with_author(self, strip: Strip, y: int) -> Strip:
        """The authors at the end of a line's first row, where it has room behind its text."""
        if y >= self.wrapped_document.height:
            return strip
        line, column = self.wrapped_document.offset_to_location(Offset(0, y))
        who = "" if column else self.author_of(line)
        name = f" {inert(who)}"
        width = strip.cell_length
        room = width - width_of(name)
        if room < 1 or not who:
            return strip
        left, right = strip.divide([room, width])
        if right.text.strip():
            return strip
        tag = _on(right, Style(italic=True, dim=True))
        return Strip.join([left, Strip([Segment(name, tag)], width_of(name))])


def _with_cursor(strip: Strip, x: int, other: OtherCursor) -> Strip:
    """A coloured cell and, where the row has room behind its text, the name."""
    width = strip.cell_length
    if not 0 <= x < width:
        return strip
    colour = Color.parse(other.colour)
    style = Style.from_color(colour.get_contrast_text(1).rich_color, colour.rich_color)
    left, cell, right = strip.divide([x, x + 1, width])
    marked = Strip([Segment(cell.text or " ", style)], 1)
    name = f" {inert(other.nick)}"
    free = width_of(right.text) - width_of(right.text.rstrip())
    if not right.text.strip() and width_of(name) + 1 <= free:
        tag = Style.from_color(colour.rich_color)
        rest = right.crop(width_of(name))
        right = Strip([Segment(name, _on(rest, tag)), *rest])
    return Strip.join([left, marked, right])


def _on(behind: Strip, style: Style) -> Style:
    """`style` on the background of `behind`."""
    ground = next((s.style for s in behind if s.style is not None), None)
    return Style(bgcolor=ground.bgcolor) + style if ground is not None else style
