"""Which emoji: the usual ones first, any by its name, or one typed as it is."""

from collections.abc import Sequence

from textual.content import Content

from tui.input.completion import rank
from tui.input.emoji import EMOJI, QUICK
from tui.screens.picker import Picker
from tui.text.styled import styled

_ROWS = 40


class ReactPicker(Picker):
    """Dismisses with an emoji."""

    TITLE_TEXT = "React"
    PLACEHOLDER = "a name, like cat or +1"

    def rows(self, typed: str) -> Sequence[tuple[str, Content]]:
        typed = typed.strip().strip(":")
        names = {sign: name for name, sign in reversed(EMOJI.items())}
        if not typed:
            return [(sign, self._row(sign, names[sign])) for sign in QUICK]
        found = {EMOJI[name]: name for name in reversed(rank(typed, EMOJI)[:_ROWS])}
        rows = [(sign, self._row(sign, name)) for sign, name in reversed(found.items())]
        if not typed.isascii():
            rows.insert(0, (typed, self._row(typed, "as typed")))
        return rows

    def _row(self, sign: str, name: str) -> Content:
        return styled(f"{sign}  ", (name, "$muted"))
