"""A question with a few answers; nothing happens by accident, the safe one is first."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.screens.dialog import Dialog
from tui.text.styled import styled


class Choice(Dialog[str | None]):
    """Dismisses with the id of the chosen answer; answers are (id, text)."""

    def __init__(self, question: str, answers: list[tuple[str, str]], detail: str = "") -> None:
        super().__init__()
        self._question = question
        self._detail = detail
        self._answers = answers

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog narrow"):
            yield Static(styled((self._question, "bold")), markup=False)
            if self._detail:
                yield Static(styled((self._detail, "$muted")), markup=False)
            yield OptionList(
                *(Option(styled(text), id=answer) for answer, text in self._answers),
                markup=False,
            )

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)
