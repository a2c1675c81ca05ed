"""A text that is drawn only when it changes, and laid out only when its height does.

A screen is laid out as a whole: a text that asks for it with each of thirty events a second costs
more than all the messages that they bring.
"""

from textual.content import Content
from textual.visual import VisualType
from textual.widgets import Static


class Still(Static):
    """A `Static` of as many columns as its place has."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._said = Content("")

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Say this from now on."""
        said = content if isinstance(content, Content) else Content(str(content))
        before, self._said = self._said, said
        if not said.is_same(before):
            taller = layout and said.plain.count("\n") != before.plain.count("\n")
            super().update(said, layout=taller)
