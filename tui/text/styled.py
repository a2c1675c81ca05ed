"""Short styled texts for labels and lists: always inert, never parsed as markup.

Line ends stay; names and other one-line values come without them from the model.
"""

from textual.content import Content

from tui.inert import inert, inert_lines
from tui.text import cells

Piece = str | tuple[str, str]
"""A text, or a text and a style such as `$accent bold`."""


def styled(*pieces: Piece) -> Content:
    """Pieces one after the other."""
    return Content.assemble(
        *(
            Content(inert_lines(piece))
            if isinstance(piece, str)
            else Content.styled(inert_lines(piece[0]), piece[1])
            for piece in pieces
        )
    )


def at_edges(left: Piece, right: list[Piece], width: int) -> Content:
    """`left` cut to what `right` leaves of `width` cells."""
    tail = styled(*right)
    text, style = (left, "") if isinstance(left, str) else left
    room = max(width - tail.cell_length, 0)
    return Content.assemble(styled((cells.pad(inert(text), room), style)), tail)
