"""Where messages are written: Enter sends, Ctrl+J makes a line, Tab completes.

The composer knows text only. It posts what the user decided (`Submitted`, `Pasted`, ...) and the
screen does it. Textual calls the handler of every class in the method resolution order, so an
override of `_on_key` or `_on_paste` must say `prevent_default`.
"""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from tui.input.history import InputHistory
from tui.input.pasting import normal_lines

NEWLINE_KEYS = frozenset({"ctrl+j", "alt+enter", "shift+enter", "newline"})
EDITOR_KEYS = frozenset({"e", "ctrl+e"})
"""After Ctrl+X."""


class Composer(TextArea):
    """A text area of one to a few rows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+k", "delete_to_end_of_line_or_delete_line", show=False, priority=True),
    ]

    class Submitted(Message):
        """Send this."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Pasted(Message):
        """Something was pasted or dropped; insert it or not."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Edited(Message):
        """The text or the cursor changed by typing; `asked` when Tab asks for completions."""

        def __init__(self, before: str, asked: bool) -> None:
            super().__init__()
            self.before = before
            self.asked = asked

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Composer.Edited) and message.asked == self.asked

    class Escaped(Message):
        """The user wants out: of the popup, of an answer, to the messages."""

    class Steered(Message):
        """A key for the open popup: "next", "previous", "accept" or "take"."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class EditorWanted(Message):
        """Ctrl+X e, as in a shell: go on in the user's own editor."""

    class UndoWanted(Message):
        """Ctrl+Z with nothing typed: take back what was just sent."""

    class EditLast(Message):
        """Up in an empty line with nothing sent before: change the last message."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            id=id,
            compact=True,
            soft_wrap=True,
            show_line_numbers=False,
            tab_behavior="focus",
            highlight_cursor_line=False,
            placeholder="",
        )
        self.history_of_lines = InputHistory()
        self.popup_open = False
        self.popup_chosen = False
        self._chord_begun = False

    @property
    def before(self) -> str:
        """The text up to the cursor."""
        return self.get_text_range((0, 0), self.cursor_location)

    def set_text(self, text: str) -> None:
        """Replace everything; the cursor goes to the end."""
        self.load_text(text)
        self.move_cursor(self.document.end)

    def accept(self, start: int, insert: str) -> None:
        """Put a completion in place of the text from index `start` to the cursor."""
        head = self.before[:start]
        row = head.count("\n")
        column = len(head) - (head.rfind("\n") + 1)
        self.replace(insert, (row, column), self.cursor_location)
        self.move_cursor((row, column + len(insert)))

    async def _on_key(self, event: events.Key) -> None:
        if self._takes(event.key):
            event.stop()
            event.prevent_default()

    def _takes(self, key: str) -> bool:
        """Whether a key means something else than text here; does it."""
        begun, self._chord_begun = self._chord_begun, False
        if begun and key in EDITOR_KEYS:
            self.post_message(self.EditorWanted())
        elif key == "ctrl+x" and self.selection.is_empty:
            # With a selection it cuts, as everywhere.
            self._chord_begun = True
        elif key == "enter":
            if self.popup_open and self.popup_chosen:
                self.post_message(self.Steered("accept"))
            else:
                self.post_message(self.Submitted(self.text))
        elif key == "ctrl+z" and not self.text and not self.history.undo_stack:
            self.post_message(self.UndoWanted())
        elif key in NEWLINE_KEYS:
            start, end = self.selection
            result = self.replace("\n", start, end)
            self.move_cursor(result.end_location)
        elif key == "tab":
            if self.popup_open:
                self.post_message(self.Steered("accept"))
            else:
                self.post_message(self.Edited(self.before, asked=True))
        elif key == "escape":
            self.post_message(self.Escaped())
        elif key in ("up", "down"):
            return self._takes_arrow(key)
        else:
            return False
        return True

    def _takes_arrow(self, key: str) -> bool:
        if self.popup_open:
            self.post_message(self.Steered("previous" if key == "up" else "next"))
            return True
        lines = self.history_of_lines
        if self.text and not lines.shows(self.text):
            return False
        if key == "up":
            earlier = lines.earlier()
            if earlier is not None:
                self.set_text(earlier)
            elif not self.text:
                self.post_message(self.EditLast())
        else:
            self.set_text(lines.later())
        return True

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.post_message(self.Pasted(normal_lines(event.text)))

    def insert_text(self, text: str) -> None:
        """Insert at the cursor, in place of the selection."""
        start, end = self.selection
        result = self.replace(text, start, end)
        self.move_cursor(result.end_location)

    def on_text_area_changed(self) -> None:
        self.post_message(self.Edited(self.before, asked=False))
