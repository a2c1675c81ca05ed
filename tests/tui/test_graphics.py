"""Real pixels in the viewer: who is asked, what is handed over, and when half blocks stay."""

import io
import sys
from types import SimpleNamespace

import pytest
from PIL import Image
from textual.widgets import Static

from tests.tui.face import open_face, story
from tests.tui.lively import InlineDecoder, cat_picture
from tests.tui.test_picture_screen import BLUE, RED, blinking, opened, showing
from tui import graphics
from tui.graphics import Pixels, chosen, may_ask, pixels_of, probe

PLAIN = {"TERM": "xterm-kitty"}
CELL = (10, 20)


class Drawn(Static):
    """What textual-image's widgets are to the screen."""

    def __init__(self, image: Image.Image) -> None:
        super().__init__("PIXELS")
        self.image = image


def extra(auto: object, cell: tuple[int, int] = CELL) -> SimpleNamespace:
    """`textual_image.widget`, whose terminal can do `auto`."""
    return SimpleNamespace(
        TGPImage="kitty widget",
        SixelImage="sixel widget",
        TGPRenderable="kitty",
        SixelRenderable="sixel",
        AutoRenderable=auto,
        get_cell_size=lambda: SimpleNamespace(width=cell[0], height=cell[1]),
    )


@pytest.mark.parametrize(
    ("environment", "terminal", "installed"),
    [
        (PLAIN, False, True),
        (PLAIN, True, False),
        ({**PLAIN, "CLOWDER_GRAPHICS": "off"}, True, True),
        ({**PLAIN, "TMUX": "/tmp/tmux-0/default,1,0"}, True, True),
        ({"TERM": "tmux-256color"}, True, True),
        ({"TERM": "screen.xterm-256color"}, True, True),
    ],
)
def test_nobody_is_asked_where_pixels_cannot_be(
    environment: dict[str, str], terminal: bool, installed: bool
) -> None:
    assert not may_ask(environment, terminal=terminal, installed=installed)
    assert may_ask(PLAIN, terminal=True, installed=True)
    assert may_ask({**PLAIN, "CLOWDER_GRAPHICS": "sixel"}, terminal=True, installed=True)


def test_the_extra_is_loaded_only_where_it_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def load(name: str) -> SimpleNamespace:
        loaded.append(name)
        return extra("kitty")

    screen = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(graphics, "import_module", load)
    monkeypatch.setattr(graphics, "find_spec", lambda name: object())
    monkeypatch.setattr(sys, "__stdin__", screen)
    monkeypatch.setattr(sys, "__stdout__", SimpleNamespace(isatty=lambda: False))
    assert probe(PLAIN) is None
    monkeypatch.setattr(sys, "__stdout__", None)
    assert probe(PLAIN) is None
    monkeypatch.setattr(sys, "__stdout__", screen)
    assert probe({**PLAIN, "TMUX": "yes"}) is None
    assert loaded == []
    found = probe(PLAIN)
    assert loaded == ["textual_image.widget"]
    assert found == ("kitty widget", CELL)


@pytest.mark.parametrize(
    ("auto", "choice", "widget"),
    [
        ("kitty", "", "kitty widget"),
        ("sixel", "", "sixel widget"),
        ("half blocks", "", None),
        ("half blocks", "kitty", "kitty widget"),
        ("kitty", "sixel", "sixel widget"),
        ("sixel", "neither", "sixel widget"),
    ],
)
def test_the_terminal_says_which_unless_the_user_does(
    auto: str, choice: str, widget: str | None
) -> None:
    found = chosen(extra(auto), choice)
    assert (found.widget if found else None) == widget


def test_what_knows_no_pixels_has_none() -> None:
    assert pixels_of(object()) is None


@story
async def test_the_viewer_hands_over_pixels_and_never_the_file() -> None:
    out = io.BytesIO()
    Image.new("RGB", (400, 300), RED).save(out, "PNG")
    async with open_face(
        showing(out.getvalue(), "image/png", (400, 300)), decoder=InlineDecoder()
    ) as face:
        face.app.pixels = Pixels(Drawn, CELL)
        screen = await opened(face)
        await face.shows("PIXELS", "hash ok")
        await face.until(lambda: len(screen.query(Drawn)) == 1)
        drawn = screen.query_one(Drawn)
        # 400 x 300 pixels are 40 x 15 cells; the words below stay free.
        assert (drawn.image.size, drawn.image.mode) == ((400, 300), "RGB")
        assert drawn.image.getpixel((200, 150)) == RED
        assert drawn.image.info == {}, "it was made of bytes: no format, no text, no profile"
        assert drawn.image.format is None
        await face.until(lambda: drawn.size == (40, 15))
        assert not screen._view._rows, "half blocks do not look out behind it"

        await face.press("plus")
        await face.shows("2×, arrows move it")
        await face.until(lambda: not screen.query(Drawn) and screen._view._rows)
        await face.press("0")
        await face.until(lambda: len(screen.query(Drawn)) == 1)


@story
async def test_a_large_picture_is_asked_for_in_pixels_of_the_terminal() -> None:
    picture = cat_picture(1600, 1200)
    async with open_face(
        showing(picture, "image/png", (1600, 1200)), decoder=InlineDecoder()
    ) as face:
        face.app.pixels = Pixels(Drawn, CELL)
        screen = await opened(face)
        await face.until(lambda: len(screen.query(Drawn)) == 1)
        await face.shows("hash ok")
        width, height = screen._view.size
        await face.until(lambda: screen.query(Drawn))
        seen = screen.query_one(Drawn).image.size
        assert seen[0] > 4 * width, "more than half blocks could show"
        assert seen[0] <= width * CELL[0]
        assert seen[1] <= height * CELL[1]


@story
async def test_what_moves_is_played_in_half_blocks() -> None:
    async with open_face(
        showing(blinking(RED, BLUE), "image/gif"), decoder=InlineDecoder()
    ) as face:
        face.app.pixels = Pixels(Drawn, CELL)
        screen = await opened(face)
        await face.shows("2 frames, space pauses")
        await face.until(lambda: not screen.query(Drawn) and screen._view._rows)
