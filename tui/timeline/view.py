"""A scroll view that shows a sheet of messages: painting, selecting messages and text."""

from collections.abc import Callable
from typing import ClassVar

from textual.geometry import Size
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from chat.model import Message
from tui.pictures import Gallery
from tui.terminal import with_offsets
from tui.text import layout
from tui.text.frame import Frame
from tui.timeline.canvas import Canvas, row_text
from tui.timeline.paint import COMPONENTS
from tui.timeline.sheet import Sheet

LEAD_ROWS = 2
"""Above the first message at least: a blank row and what is known of the older ones."""
COPY_ROWS_MAX = 5000
"""Rows that one selection copies."""


class SheetView(ScrollView):
    """Paints the rows in view; `selected` is the id of the message that is marked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(COMPONENTS)

    # Textual lays the whole screen out anew when it changes, since a scroll bar could come or go.
    # This one is always there (timeline.tcss), and with each message there is more to scroll.
    virtual_size: Reactive[Size] = Reactive(Size(0, 0))

    def __init__(
        self,
        frame: Frame,
        hue: Callable[[str], str],
        gallery: Gallery,
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._frame = frame
        self._canvas = Canvas(self, hue, gallery)
        self._sheet = Sheet(self._measure, LEAD_ROWS)
        self._selected = ""
        self._lead = ""

    @property
    def sheet(self) -> Sheet:
        """The loaded messages."""
        return self._sheet

    @property
    def frame(self) -> Frame:
        """What their rows depend on."""
        return self._frame

    def set_lead(self, lead: str) -> None:
        """What stands above the first message."""
        if lead != self._lead:
            self._lead = lead
            self.refresh()

    def repaint(self) -> None:
        """Colours or names changed."""
        self._canvas.recolour()
        self.refresh()

    def watch_virtual_size(self, size: Size) -> None:
        self.vertical_scrollbar.window_virtual_size = size.height

    def _measure(self, message: Message, previous: Message | None) -> int:
        return layout.height(message, previous, self._frame)

    @property
    def _view_rows(self) -> int:
        return max(self.scrollable_content_region.height, 1)

    def _in_view(self) -> range:
        """Indices of the messages in view."""
        top = round(self.scroll_y)
        first = self._sheet.find(max(top, self._sheet.lead))
        last = self._sheet.find(min(top + self._view_rows, self._sheet.total) - 1)
        if first is None or last is None:
            return range(0)
        return range(first.index, last.index + 1)

    # The selected message.

    @property
    def selected(self) -> Message | None:
        return self._sheet.get(self._selected) if self._selected else None

    def select(self, message_id: str) -> None:
        """Select a loaded message and bring it into view."""
        for changed in (self._selected, message_id):
            self._canvas.forget(changed)
        self._selected = message_id
        index = self._sheet.index(message_id)
        if index is not None:
            top, rows = self._sheet.top(index), self._sheet.height(index)
            if top < self.scroll_y:
                self.scroll_to(y=top, animate=False, immediate=True)
            elif top + rows > self.scroll_y + self._view_rows:
                over = top + rows - self._view_rows
                self.scroll_to(y=min(over, top), animate=False, immediate=True)
        self.refresh()

    def unselect(self) -> None:
        self._canvas.forget(self._selected)
        self._selected = ""
        self.refresh()

    def step_to(self, fits: Callable[[Message], bool], by: int) -> bool:
        """Select the nearest loaded message that fits, above (-1) or below (1) the selected."""
        index = self._sheet.index(self._selected) if self._selected else None
        at = (len(self._sheet) if by < 0 else -1) if index is None else index
        at += by
        while 0 <= at < len(self._sheet):
            if fits(self._sheet[at]):
                self.select(self._sheet[at].id)
                return True
            at += by
        return False

    def to_unread(self) -> bool:
        """Select the first message that was new when the channel was opened, if it is loaded."""
        if self._frame.unread_from not in self._sheet:
            return False
        self.select(self._frame.unread_from)
        return True

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._canvas.recolour()

    def render_line(self, y: int) -> Strip:
        row = round(self.scroll_y) + y
        width = self.scrollable_content_region.width
        if row == self._sheet.lead - 1:
            strip = self._canvas.note(self._lead, width)
        else:
            strip = self._canvas.line(self._sheet, self._frame, row, width, self._selected)
        selection = self.text_selection
        if selection is not None:
            strip = self._canvas.marked(strip, selection, row)
        return with_offsets(strip, 0, row)

    # Selecting text with the mouse.

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        start = selection.start.y if selection.start is not None else 0
        end = selection.end.y if selection.end is not None else self._sheet.total - 1
        end = min(end, self._sheet.total - 1, start + COPY_ROWS_MAX)
        lines = []
        for row in range(start, end + 1):
            text = row_text(self._sheet, self._frame, row)
            first, last = selection.get_span(row) or (0, 0)
            lines.append((text[first:] if last == -1 else text[first:last]).rstrip())
        return "\n".join(lines), "\n"
