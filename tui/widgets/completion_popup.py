"""The rows above the composer that Tab takes from."""

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.input.completion import Candidate, Offer
from tui.text import cells
from tui.text.styled import Piece, styled

_HINT_GAP = 2


def row(candidate: Candidate, label_width: int) -> Content:
    """The label and, in a column of their own, the hints."""
    pieces: list[Piece] = [cells.pad(candidate.label, label_width)]
    if candidate.hint:
        pieces.append((" " * _HINT_GAP + candidate.hint, "$muted"))
    return styled(*pieces)


class CompletionPopup(OptionList, can_focus=False):
    """Steered by the composer, which keeps the focus."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.display = False
        self._offer: Offer | None = None

    @property
    def offer(self) -> Offer | None:
        """What is open, None when nothing is."""
        return self._offer

    @property
    def candidate(self) -> Candidate | None:
        """The highlighted row."""
        if self._offer is None or self.highlighted is None:
            return None
        return self._offer.candidates[self.highlighted]

    def open(self, offer: Offer, above_rows: int) -> None:
        """Show an offer just above the lowest `above_rows` rows of the container."""
        if offer == self._offer:
            return
        self._offer = offer
        wide = max(cells.width_of(candidate.label) for candidate in offer.candidates)
        self.set_options([Option(row(candidate, wide)) for candidate in offer.candidates])
        self.highlighted = 0
        hint = max(cells.width_of(candidate.hint) for candidate in offer.candidates)
        self.styles.width = wide + (hint + _HINT_GAP if hint else 0) + 4
        self.styles.margin = (0, 0, above_rows, 1)
        self.display = True

    def close(self) -> None:
        """Hide it."""
        self._offer = None
        self.display = False
