"""Pictures in real pixels, where the extra `textual-image` is installed and the terminal has them.

What is given to textual-image are the RGB bytes that the picture decoder's process made, never a
file: it draws (kitty's protocol with placeholders, or sixel, which iTerm2 speaks too), and decodes
nothing. Whether the terminal can do it is asked before the application runs, because later its
answer would be read as keys; so nothing is asked where nobody installed the extra. The extra and
Pillow are loaded here only then: the face opens without them.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from textual.widget import Widget

from tui.pictures import Thumbnail

if TYPE_CHECKING:
    from PIL.Image import Image

CHOICE = "CLOWDER_GRAPHICS"
"""The environment variable that says `off`, `kitty` or `sixel`; anything else lets Clowder ask."""


class Pixels(NamedTuple):
    """How this terminal shows pixels.

    Attributes:
        widget: makes the widget of a picture.
        cell: width and height of a cell in pixels.
    """

    widget: Callable[["Image"], Widget]
    cell: tuple[int, int]

    def draw(self, picture: Thumbnail) -> Widget:
        """The widget of a picture that was decoded elsewhere, as large as its pixels are."""
        from PIL import Image

        made = self.widget(Image.frombytes("RGB", (picture.width, picture.height), picture.rgb))
        # Left to itself it fills whatever it stands in, words below included.
        across, down = self.cell
        made.styles.width = max(picture.width // across, 1)
        made.styles.height = max(picture.height // down, 1)
        return made


@runtime_checkable
class HasPixels(Protocol):
    """An application that knows what its terminal can do."""

    @property
    def pixels(self) -> Pixels | None: ...


def pixels_of(app: object) -> Pixels | None:
    """What an application's terminal can do beyond half blocks."""
    return app.pixels if isinstance(app, HasPixels) else None


def may_ask(environment: Mapping[str, str], *, terminal: bool, installed: bool) -> bool:
    """Whether the terminal is asked. Inside tmux and screen neither way gets through whole."""
    inside = environment.get("TERM", "").startswith(("screen", "tmux")) or "TMUX" in environment
    return terminal and installed and not inside and environment.get(CHOICE, "") != "off"


def probe(environment: Mapping[str, str]) -> Pixels | None:
    """Ask the terminal what it can do; only before an application runs."""
    terminal = all(each is not None and each.isatty() for each in (sys.__stdin__, sys.__stdout__))
    installed = find_spec("textual_image") is not None
    if not may_ask(environment, terminal=terminal, installed=installed):
        return None
    return chosen(import_module("textual_image.widget"), environment.get(CHOICE, ""))


def chosen(module: Any, choice: str) -> Pixels | None:
    """The widget of textual-image for this terminal; None when half blocks are as good.

    `module` is `textual_image.widget`, which asked when it was imported.
    """
    widget = {"kitty": module.TGPImage, "sixel": module.SixelImage}.get(choice)
    if widget is None:
        found = {module.TGPRenderable: module.TGPImage, module.SixelRenderable: module.SixelImage}
        widget = found.get(module.AutoRenderable)
    cell = module.get_cell_size()
    return None if widget is None else Pixels(widget, (cell.width, cell.height))
