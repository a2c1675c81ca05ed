"""What was in the notes before: the states, one of them as it was, and what is set aside."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from chat.model import Notes, NotesAside, NotesPast, NotesVersion
from tui import fuzzy
from tui.screens.dialog import Dialog
from tui.screens.picker import Picker
from tui.text.moments import Calendar
from tui.text.styled import Piece, at_edges, styled


def said_of(version: NotesVersion, calendar: Calendar) -> str:
    """A state in a line: when, and by whom."""
    return f"{calendar.moment(version.at)}  {version.author.name}"


class NotesPastScreen(Picker):
    """Dismisses with the id of the state to look at."""

    TITLE_TEXT = "The notes as they were"
    PLACEHOLDER = "who, or which day"
    EMPTY = "No version fits."

    def __init__(self, past: NotesPast) -> None:
        super().__init__()
        self._calendar = Calendar()
        self._versions = {
            f"{said_of(each, self._calendar)} {each.id}": each for each in past.versions
        }
        self._aside = {
            f"{each.author.name} {self._calendar.moment(each.at)} {each.why} {each.id}": each
            for each in past.aside
        }

    def rows(self, typed: str) -> Sequence[tuple[str, Content]]:
        versions, aside = list(self._versions), list(self._aside)
        if typed:
            versions, aside = fuzzy.best(typed, versions), fuzzy.best(typed, aside)
        found = [(self._versions[name].id, self._row(self._versions[name])) for name in versions]
        # What is set aside is told of, and nothing can be done with it.
        return found + [("", self._aside_row(self._aside[name])) for name in aside]

    def _row(self, version: NotesVersion) -> Content:
        right: list[Piece] = [(f" +{version.written} -{version.removed}", "$muted")]
        return at_edges(said_of(version, self._calendar), right, self.list_width)

    def _aside_row(self, aside: NotesAside) -> Content:
        when = self._calendar.moment(aside.at)
        left = f"{when}  {aside.author.name}  set aside: {aside.why}"
        return at_edges((left, "$warning"), [], self.list_width)

    def choose(self, key: str | None) -> None:
        super().choose(key or None)


class NotesAtScreen(Dialog[bool]):
    """The notes as they were; dismisses with whether they shall read so again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "restore", show=False),
        Binding("q", "leave", show=False),
    ]

    def __init__(self, version: NotesVersion, notes: Notes) -> None:
        super().__init__()
        self._version = version
        self._notes = notes

    def compose(self) -> ComposeResult:
        title = styled(
            (said_of(self._version, Calendar()), "bold"),
            ("\nr makes the notes read so again, Esc leaves them\n", "$muted"),
        )
        with VerticalScroll(classes="dialog tall"):
            yield Static(title, markup=False)
            yield Static(styled(self._notes.text or "(nothing)"), markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_restore(self) -> None:
        self.dismiss(True)
