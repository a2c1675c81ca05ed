"""The timeline of one channel: a line-drawing scroll view over a `Sheet`.

One widget for 100,000 messages: heights are counted for all, rows are laid out and painted for
the visible ones and kept in a small cache. What is read stays where it is: the view holds on to
either the end (it follows) or to one row by its message (`Anchor`), and every change of content,
width or height ends with `_settle`, which puts the view back there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message as TextualMessage
from textual.timer import Timer

from chat.model import Message
from tui import keymap
from tui.limits import SMALL_SCREEN_ROWS
from tui.pictures import Gallery
from tui.text.frame import Frame
from tui.timeline.edges import NEAR_ROWS, REST_SECONDS, SOON_ROWS, Edges
from tui.timeline.late import LateArrivals
from tui.timeline.sheet import Anchor
from tui.timeline.view import LEAD_ROWS, SheetView


class Timeline(SheetView, can_focus=True):
    """Messages of a channel, a thread or a search."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key.keys, key.action, key.text, show=False, id=key.id)
        for key in keymap.scope("timeline")
    ]
    HELP = "Timeline"

    class PageWanted(TextualMessage):
        """The view came near the end of what is loaded; `older` says which end."""

        def __init__(self, timeline: "Timeline", older: bool) -> None:
            super().__init__()
            self.timeline = timeline
            self.older = older

        def can_replace(self, message: TextualMessage) -> bool:
            return isinstance(message, Timeline.PageWanted) and message.older == self.older

    class Moved(TextualMessage):
        """The view moved; `below` new messages are under it, `late` ones merged in above it and
        were not seen, `at_end` says it follows."""

        def __init__(self, timeline: "Timeline", below: int, late: int, at_end: bool) -> None:
            super().__init__()
            self.timeline = timeline
            self.below = below
            self.late = late
            self.at_end = at_end

        def can_replace(self, message: TextualMessage) -> bool:
            return isinstance(message, Timeline.Moved)

    @dataclass
    class Chosen(TextualMessage):
        """The user wants something done with a message: an action of the key map."""

        action: str
        message: Message
        timeline: "Timeline"

    class Left(TextualMessage):
        """The user wants back to the composer."""

    def __init__(
        self,
        frame: Frame,
        hue: Callable[[str], str],
        gallery: Gallery,
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(frame, hue, gallery, id=id)
        self._hold: Anchor | None = None
        self._settling = False
        self._edges = Edges()
        self._below: set[str] = set()
        self._below_unknown = 0
        self._late = LateArrivals()
        self._rest: Timer | None = None

    # What is loaded.

    @property
    def follows(self) -> bool:
        """Whether the newest message is in view and stays there."""
        return self._hold is None and not self._edges.has_newer

    @property
    def below(self) -> int:
        """New messages under the view."""
        return len(self._below) + self._below_unknown

    @property
    def has_older(self) -> bool:
        """Whether older messages than the loaded ones exist here."""
        return self._edges.has_older

    @property
    def has_newer(self) -> bool:
        """Whether messages newer than the loaded ones are known to exist."""
        return self._edges.has_newer

    def show(
        self,
        messages: Iterable[Message],
        *,
        has_older: bool,
        has_newer: bool = False,
        lead: str = "",
        unread_from: str = "",
        root: str = "",
        at: str = "",
        channel: str = "",
        missed: Iterable[Message] = (),
    ) -> None:
        """Show other messages, from the end, or with the message `at` in view and selected.

        `missed` came late into `channel` and was not seen yet, whether it is loaded or not.
        """
        self._frame = self._frame._replace(unread_from=unread_from, root=root)
        self._canvas.clear()
        self._below.clear()
        self._below_unknown = 0
        self._late.turn_to(channel)
        self._late.take(missed)
        self._edges.begin(has_older=has_older, has_newer=has_newer)
        self._lead = lead
        self._selected = at
        self._hold = None
        self._sheet.load(messages)
        index = self._sheet.index(at) if at else None
        if index is None and unread_from:
            index = self._unread_index(unread_from)
        if index is not None:
            row = max(self._sheet.top(index) - self._view_rows // 3, 0)
            self._hold = self._sheet.anchor(row)
        self._settle()

    def _unread_index(self, unread_from: str) -> int | None:
        """The first unread message, when not all unread ones fit in the view."""
        index = self._sheet.index(unread_from)
        if index is None or self._sheet.total - self._sheet.top(index) <= self._view_rows:
            return None
        return index

    def renew(self, messages: Iterable[Message], *, has_older: bool, has_newer: bool) -> None:
        """Replace what is loaded by another reading of the same place; the view stays."""
        self._canvas.clear()
        self._edges.begin(has_older=has_older, has_newer=has_newer)
        messages = list(messages)
        self._late.take(message for message in messages if message.id not in self._sheet)
        self._sheet.load(messages)
        self._settle()

    def page(self, messages: list[Message], *, older: bool, more: bool) -> None:
        """Take a page that was asked for at one end; `more` when there is another."""
        self._edges.take(older=older, more=more)
        # Of what is painted only the one that stood first can get another head.
        first = self._sheet.first
        for message in (*messages, *([first] if first is not None else [])):
            self._canvas.forget(message.id)
        self._sheet.merge(messages)
        self._settle()
        self._look_for_edges()

    def merge(self, messages: Iterable[Message]) -> None:
        """Take new messages and new states of loaded ones."""
        took: list[Message] = []
        for message in messages:
            known = self._sheet.get(message.id)
            if known is None:
                self._late.take((message,))
            if known is None and self._is_beyond(message):
                continue
            if known is None and not self.follows and not message.mine:
                last = self._sheet.last
                if last is None or message.order > last.order:
                    self._below.add(message.id)
            if known is not None and known.text == message.text:
                self._canvas.forget(message.id)
            else:
                # Neighbours change their heads and replies their first row.
                self._canvas.clear()
            took.append(message)
        if took:
            self._sheet.merge(took)
            self._settle()

    def _is_beyond(self, message: Message) -> bool:
        """Whether a message belongs to a part of the history that is not loaded."""
        first, last = self._sheet.first, self._sheet.last
        if self._edges.has_older and first is not None and message.order < first.order:
            return True
        if self._edges.has_newer and (last is None or message.order > last.order):
            self._below.add(message.id)
            self._tell()
            return True
        return False

    def newer_exist(self, count: int) -> None:
        """More messages arrived at the end than are read at once."""
        self._edges.has_newer = True
        self._below_unknown += count
        self._tell()

    def file_changed(self, file: str) -> None:
        """A transfer made progress: repaint the messages in view that carry the file."""
        for index in self._in_view():
            message = self._sheet[index]
            if any(view.id == file for view in message.files):
                self._canvas.forget(message.id)
        self.refresh()

    def reframe(self, **changes: object) -> None:
        """Change what rows depend on (see `Frame`)."""
        self._frame = self._frame._replace(**changes)  # type: ignore[arg-type]
        self._canvas.clear()
        self._sheet.measure_all()
        self._settle()

    # Where the view is.

    def _settle(self) -> None:
        """Give the scroll bar the new height and put the view back on what it holds."""
        content = self._sheet.total - self._sheet.lead
        # Few messages stand at the bottom, next to where the next one is written.
        self._sheet.lead = max(LEAD_ROWS, self._view_rows - content)
        self.virtual_size = Size(self._frame.width, self._sheet.total)
        row = self.max_scroll_y if self._hold is None else self._sheet.row_of(self._hold)
        self._settling = True
        self.scroll_to(y=max(row, 0), animate=False, immediate=True)
        self._settling = False
        if self._hold is None and not self._edges.has_newer:
            self._below.clear()
            self._below_unknown = 0
        self.refresh()
        self._tell()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._settling or round(old_value) == round(new_value):
            return
        at_end = round(new_value) >= self.max_scroll_y
        self._hold = None if at_end else self._sheet.anchor(round(new_value))
        if at_end and not self._edges.has_newer:
            self._below.clear()
        self._tell()
        self._look_for_edges()

    def _tell(self) -> None:
        if self.is_attached:
            if self._late:
                self._late.seen(self._sheet[index].id for index in self._in_view())
            self.post_message(self.Moved(self, self.below, len(self._late), self.follows))

    def _look_for_edges(self) -> None:
        self._ask_within(NEAR_ROWS)
        if self._rest is not None:
            self._rest.stop()
            self._rest = None
        if self._near(SOON_ROWS):
            self._rest = self.set_timer(REST_SECONDS, partial(self._ask_within, SOON_ROWS))

    def _near(self, rows: int) -> list[bool]:
        """The ends of what is loaded, so close, of which a page is to be asked for."""
        if not len(self._sheet):
            return []
        return self._edges.near(rows, self.scroll_y, self.max_scroll_y - self.scroll_y)

    def _ask_within(self, rows: int) -> None:
        for older in self._near(rows):
            self._edges.ask(older=older)
            self.post_message(self.PageWanted(self, older))

    def page_failed(self, older: bool) -> None:
        """The page could not be read; ask again on the next move."""
        self._edges.fail(older=older)

    def on_resize(self, event: events.Resize) -> None:
        width = self.scrollable_content_region.width
        # By the terminal, not by the view: a growing composer must not shrink the pictures.
        small = self.app.size.height < SMALL_SCREEN_ROWS
        if width > 0 and (width, small) != (self._frame.width, self._frame.small):
            self.reframe(width=width, small=small)
        else:
            self._settle()
        self._look_for_edges()

    @property
    def middle(self) -> Message | None:
        """A message in the middle of the view."""
        visible = self._in_view()
        return self._sheet[visible[len(visible) // 2]] if visible else None

    def jump_end_if_loaded(self) -> None:
        """Follow again after an own message, unless the end of the channel is not loaded."""
        if not self._edges.has_newer:
            self.jump_end()

    @property
    def missed(self) -> Message | None:
        """The newest late arrival that was not seen; it need not be loaded."""
        return self._late.lowest

    def to_late(self) -> bool:
        """Select the newest late arrival that was not seen, else the nearest above; if any is
        loaded."""
        missed = self.missed
        if missed is not None and missed.id in self._sheet:
            self.select(missed.id)
            return True
        return self.step_to(lambda message: message.late, -1)

    def jump_end(self) -> None:
        """Go to the newest loaded message and follow."""
        self._hold = None
        self._settle()
        self._look_for_edges()

    # The selected message.

    def _step(self, by: int) -> None:
        visible = self._in_view()
        if not visible:
            return
        index = self._sheet.index(self._selected) if self._selected else None
        if index is None or index >= visible.stop:
            index = visible[-1]
        elif index < visible.start:
            index = visible[0]
        else:
            index = min(max(index + by, 0), len(self._sheet) - 1)
        self.select(self._sheet[index].id)

    def action_previous(self) -> None:
        self._step(-1)

    def action_next(self) -> None:
        selected = self._sheet.index(self._selected) if self._selected else None
        if selected is not None and selected == len(self._sheet) - 1:
            self.post_message(self.Left())
        else:
            self._step(1)

    def action_oldest(self) -> None:
        if len(self._sheet):
            self.select(self._sheet[0].id)
            self.scroll_to(y=0, animate=False, immediate=True)

    def action_newest(self) -> None:
        if len(self._sheet):
            self.select(self._sheet[len(self._sheet) - 1].id)
            self.jump_end()

    def action_leave(self) -> None:
        self.unselect()
        self.post_message(self.Left())

    def action_choose(self, action: str) -> None:
        message = self.selected or self._sheet.last
        if message is not None:
            self.select(message.id)
            self._choose(action, message)

    def _choose(self, action: str, message: Message) -> None:
        if action == "open" and self._frame.folds(message):
            self.unfold(message.id)
        else:
            self.post_message(self.Chosen(action, message, self))

    def unfold(self, message: str) -> None:
        """Show what a folded message says."""
        self.reframe(opened=self._frame.opened | {message})

    def on_focus(self) -> None:
        if not self._selected:
            self._step(0)

    def on_click(self, event: events.Click) -> None:
        place = self._sheet.find(round(self.scroll_y) + event.y)
        if place is None:
            return
        message = self._sheet[place.index]
        self.select(message.id)
        if event.chain == 2:
            self._choose("open", message)
