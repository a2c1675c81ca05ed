"""A question with a few answers; nothing happens by accident, the safe one is first."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.screens.dialog import Dialog
from tui.text.styled import styled


class Choice(Dialog[str | None]):
    """Dismisses with the id of the chosen answer; answers are (id, text).

    What is known stands between; where it takes more rows than there are, PgUp and PgDn move it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "scroll_detail(-1)", show=False, priority=True),
        Binding("pagedown", "scroll_detail(1)", show=False, priority=True),
    ]

    def __init__(self, question: str, answers: list[tuple[str, str]], detail: str = "") -> None:
        super().__init__()
        self._question = question
        self._detail = detail
        self._answers = answers

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog narrow"):
            yield Static(styled((self._question, "bold")), markup=False)
            if self._detail:
                with VerticalScroll(classes="detail", can_focus=False):
                    yield Static(styled((self._detail, "$muted")), markup=False)
            yield OptionList(
                *(Option(styled(text), id=answer) for answer, text in self._answers),
                markup=False,
            )

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def action_scroll_detail(self, by: int) -> None:
        for detail in self.query(VerticalScroll):
            detail.scroll_relative(y=by * max(detail.size.height - 1, 1), animate=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)
