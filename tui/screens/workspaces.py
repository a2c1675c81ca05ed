"""Alt+W: go to another workspace, or add one."""

from collections.abc import Sequence

from textual.content import Content

from tui import attention, fuzzy
from tui.screens.picker import Picker
from tui.seats import Waits
from tui.text.styled import Piece, at_edges, styled

_ADDING = (
    ("new", "Make a new workspace…"),
    ("join", "Join one, with an invite…"),
    ("nearby", "Join somebody in this room…"),
)
"""The ways in of `tui.input.first_run`."""


class WorkspacePicker(Picker):
    """Dismisses with the place of a workspace among those given, or with a way into one more.

    Args:
        places: what waits in each.
        current: which of them is shown.
        adds: whether one can be added.
    """

    TITLE_TEXT = "Workspaces"
    PLACEHOLDER = "some letters of a workspace"

    def __init__(self, places: Sequence[Waits], current: int, *, adds: bool) -> None:
        super().__init__()
        self._places = list(enumerate(places))
        # The one that is shown is the last that anybody wants to go to.
        self._places.sort(key=lambda place: (place[0] == current, -place[1].mentions))
        self._current = current
        self._adding = _ADDING if adds else ()

    def rows(self, typed: str) -> Sequence[tuple[str, Content]]:
        names = fuzzy.best(typed, list(dict.fromkeys(place.name for _, place in self._places)))
        found = [
            (str(at), self._row(at, place))
            for name in names
            for at, place in self._places
            if place.name == name
        ]
        texts = fuzzy.best(typed, [text for _, text in self._adding])
        return found + [(key, styled(text)) for key, text in self._adding if text in texts]

    def _row(self, at: int, place: Waits) -> Content:
        right: list[Piece] = []
        if at == self._current:
            right.append(("  here", "$muted"))
        elif place.unread:
            right.append((f"  {attention.numbers(place.mentions, place.unread)}", "$accent"))
        return at_edges(place.name, right, self.list_width)
