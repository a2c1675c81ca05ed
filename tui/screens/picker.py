"""A box with a line to type in and a list that follows it."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.screens.dialog import Dialog
from tui.text.styled import styled


class Picker(Dialog[str | None]):
    """Dismisses with the key of the chosen row. Subclasses give the rows for what is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "move(1)", show=False, priority=True),
        Binding("up,ctrl+p", "move(-1)", show=False, priority=True),
        Binding("pagedown", "move(10)", show=False, priority=True),
        Binding("pageup", "move(-10)", show=False, priority=True),
    ]
    TITLE_TEXT = ""
    PLACEHOLDER = ""
    EMPTY = "Nothing fits."

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(styled((self.TITLE_TEXT, "bold")), id="picker-title", markup=False)
            yield Input(placeholder=self.PLACEHOLDER, compact=True)
            options = OptionList(markup=False)
            options.can_focus = False
            yield options
            yield from self.compose_below()

    def compose_below(self) -> ComposeResult:
        """What stands below the list."""
        yield from ()

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        # Rows are cut to the list's width, which is known after the first layout.
        self.call_after_refresh(self.refill)

    def rows(self, typed: str) -> Sequence[tuple[str, Content]]:
        """(key, row) for what is typed, best first."""
        raise NotImplementedError

    def refill(self) -> None:
        """Show the rows for what is typed now."""
        self.fill(self.rows(self.query_one(Input).value))

    def fill(self, rows: Sequence[tuple[str, Content]], empty: str = "") -> None:
        """Show rows; the first is highlighted."""
        options = self._rows_list
        if options is None:
            return
        if rows:
            options.set_options([Option(row, id=key) for key, row in rows])
            options.highlighted = 0
        else:
            nothing = styled((empty or self.EMPTY, "$muted"))
            options.set_options([Option(nothing, disabled=True)])

    @property
    def list_width(self) -> int:
        """Cells of a row."""
        options = self._rows_list
        return 10 if options is None else max(options.scrollable_content_region.width - 2, 10)

    @property
    def _rows_list(self) -> OptionList | None:
        """The list; a screen that is closing has lost it, while an answer may still come."""
        return next(iter(self.query(OptionList)), None)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.refill()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self.choose(options.get_option_at_index(options.highlighted).id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.choose(event.option.id)

    def choose(self, key: str | None) -> None:
        """A row was chosen."""
        if key is not None:
            self.dismiss(key)

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            last = options.option_count - 1
            options.highlighted = min(max(options.highlighted + by, 0), last)
