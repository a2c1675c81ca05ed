"""Painted rows of messages, kept while they may be seen again.

A message is painted whole, once, and then served row by row. What can change how it looks without
the message changing (its neighbour, its parent, the selection, a transfer, the theme) ends with
`forget` or `clear`; nothing is compared while painting.
"""

from collections import OrderedDict
from collections.abc import Callable

from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from chat.model import FileView, Message
from tui import workers
from tui.limits import STRIP_CACHE_MESSAGES
from tui.pictures import Gallery
from tui.text import layout
from tui.text.cells import width_of
from tui.text.frame import Frame
from tui.text.runs import Look, PictureSlice, Row, Run
from tui.timeline.paint import Painter, text_of
from tui.timeline.sheet import Sheet


class Canvas:
    """Paints for one timeline, in the colours of its style sheet."""

    def __init__(self, widget: Widget, hue: Callable[[str], str], gallery: Gallery) -> None:
        self._widget = widget
        self._hue = hue
        self._gallery = gallery
        self._painter: Painter | None = None
        self._kept: OrderedDict[str, list[Strip]] = OrderedDict()

    def forget(self, message_id: str) -> None:
        """A message looks different now."""
        self._kept.pop(message_id, None)

    def clear(self) -> None:
        """Everything may look different now."""
        self._kept.clear()

    def recolour(self) -> None:
        """The theme changed."""
        self._painter = None
        self._kept.clear()

    @property
    def painter(self) -> Painter:
        """The colours; made on first use, when the style sheet is known."""
        if self._painter is None:
            self._painter = Painter(self._widget, self._hue)
        return self._painter

    def note(self, text: str, width: int) -> Strip:
        """A row of quiet text."""
        return self.painter.strip((Run(f" {text}", Look.DIM),), width)

    def line(self, sheet: Sheet, frame: Frame, row: int, width: int, selected: str) -> Strip:
        """A row of the sheet; a blank one outside of it."""
        place = sheet.find(row)
        if place is None:
            return Strip.blank(width, self.painter.base())
        message = sheet[place.index]
        found = self._kept.get(message.id)
        if found is None:
            found = self._paint(message, sheet.previous(place.index), frame, width, selected)
            self._kept[message.id] = found
            while len(self._kept) > STRIP_CACHE_MESSAGES:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(message.id)
        return found[place.row]

    def _paint(
        self, message: Message, previous: Message | None, frame: Frame, width: int, selected: str
    ) -> list[Strip]:
        head = layout.head_height(message, previous, frame)
        chosen = message.id == selected
        return [
            self._strip(row, message, width, chosen and at >= head)
            for at, row in enumerate(layout.rows(message, previous, frame))
        ]

    def _strip(self, row: Row, message: Message, width: int, selected: bool) -> Strip:
        if not isinstance(row, PictureSlice):
            return self.painter.strip(row, width, selected)
        ground = self.painter.background
        made = self._gallery.painted(row.file, row.columns, row.rows, ground)
        if made is None and self._gallery.is_wanted(row.file, row.columns, row.rows, ground):
            file = next(view for view in message.files if view.id == row.file)
            workers.start(self._widget, "previews", self._decode, file, message.id, row)
        slice_of = made[row.row] if made is not None and row.row < len(made) else None
        return self.painter.picture(slice_of, row.indent, width, selected)

    async def _decode(self, file: FileView, message_id: str, row: PictureSlice) -> None:
        await self._gallery.decode(file, row.columns, row.rows, self.painter.background)
        self.forget(message_id)
        self._widget.refresh()

    def marked(self, strip: Strip, selection: Selection, row: int) -> Strip:
        """A row with the part that the mouse selected."""
        span = selection.get_span(row)
        if span is None:
            return strip
        style: Style = self._widget.screen.get_component_rich_style("screen--selection")
        text = strip.text
        first = width_of(text[: span[0]])
        last = strip.cell_length if span[1] == -1 else max(width_of(text[: span[1]]), first)
        inside = strip.crop(first, last)
        shown = [part._replace(style=(part.style or Style()) + style) for part in inside]
        parts = [strip.crop(0, first), Strip(shown, inside.cell_length), strip.crop(last)]
        return Strip.join(parts)


def row_text(sheet: Sheet, frame: Frame, row: int) -> str:
    """What a row says, for copying."""
    place = sheet.find(row)
    if place is None:
        return ""
    rows = layout.rows(sheet[place.index], sheet.previous(place.index), frame)
    return text_of(rows[place.row])
