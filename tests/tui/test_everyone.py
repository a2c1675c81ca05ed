"""For everyone: few columns, few colours or none, ASCII, nothing that moves; seen in the bytes."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.widgets import Input

from tests.tui.face import open_face, rows_of, story
from tests.tui.lively import InlineDecoder, lively
from tests.tui.made import HOSTILE, messages
from tests.tui.shown import SGR, shown_in, text_of
from tui import ascii as signs
from tui.config import UiConfig
from tui.shades import shades
from tui.text import cells, layout
from tui.text.frame import Frame
from tui.text.moments import Calendar

F1, F9 = b"\x1bOP", b"\x1b[20~"
TOUR = (
    (F9, "pavel", ""),
    (b"q", "Settings", ""),
    (F1, "pavel", "Settings"),
    (b"\x11", "Everywhere", ""),
)
"""The settings, the help, and out."""


def colours(received: bytes) -> set[str]:
    """The colour parameters that were sent: `31`, `48;5`, `38;2`."""
    found: set[str] = set()
    for sequence in SGR.findall(received):
        numbers = sequence.decode().split(";")
        at = 0
        while at < len(numbers):
            number = int(numbers[at] or 0)
            if number in (38, 48):
                found.add(f"{number};{numbers[at + 1]}")
                at += 3 if numbers[at + 1] == "5" else 5
                continue
            if 30 <= number <= 37 or 40 <= number <= 47 or 90 <= number <= 107:
                found.add(str(number))
            at += 1
    return found


def attributes(received: bytes) -> set[str]:
    """The other parameters that were sent, such as 7 for turned round."""
    return {n for sequence in SGR.findall(received) for n in sequence.decode().split(";")}


def test_many_colours_where_there_are_many() -> None:
    received = shown_in({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, steps=TOUR)
    assert "38;2" in colours(received)
    assert not colours(received) & {"38;5", "48;5"}


def test_sixteen_colours_are_the_terminals_own() -> None:
    received = shown_in({"TERM": "xterm-16color"}, "words", steps=TOUR)
    assert colours(received)
    assert not [colour for colour in colours(received) if ";" in colour]
    assert "7" in attributes(received)
    # The ground is the terminal's own, not the black that comes nearest to a grey.
    sequences = [sequence.split(b";") for sequence in SGR.findall(received)]
    assert sum(b"49" in each for each in sequences) > 10 * sum(b"40" in each for each in sequences)


def test_no_color_sends_none() -> None:
    environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}
    received = shown_in(environment, steps=TOUR)
    assert colours(received) == set()
    assert {"1", "7"} <= attributes(received)
    assert "pavel" in text_of(received)


def test_ascii_sends_nothing_else() -> None:
    received = shown_in({"TERM": "xterm-256color"}, "ascii", steps=TOUR)
    assert received.isascii()
    said = text_of(received)
    assert "zoe" in said
    assert ":heart_cat: 3" in said
    assert "Message #general" in said


@given(st.one_of(st.text(max_size=40), st.sampled_from(HOSTILE).map(lambda text: text[:60])))
def test_what_is_ascii_takes_as_many_cells(text: str) -> None:
    made = signs.flat(text)
    assert made.isascii()
    if all(unicodedata.category(letter) not in ("Cc", "Cs") for letter in text):
        assert cells.width_of(made) == cells.width_of(text)
    assert signs.flat(signs.named(text)).isascii()


@given(messages(), st.integers(20, 120))
def test_spelled_messages_have_the_height_that_was_counted(message: object, width: int) -> None:
    frame = Frame(width, Calendar(), me="c" * 64, ascii=True, pictures=False)
    rows = layout.rows(message, None, frame)  # type: ignore[arg-type]
    assert len(rows) == layout.height(message, None, frame)  # type: ignore[arg-type]


def test_emoji_have_names() -> None:
    assert signs.named("a 👍 b 🐈‍⬛ ✓") == "a :+1: b :cat: ✓"
    assert signs.flat("naïve ╭─╮ 漢字 …") == "naive +-+ ???? ."


PLACES = (
    ("f1", "Help"), ("f2", "Activity"), ("f3", "Linked"), ("f5", "#general"), ("f9", "Settings"),
    ("alt+m", "Members"), ("ctrl+k", "Go to"), ("ctrl+f", "Search"),
)  # fmt: skip


@story
async def test_forty_columns_are_enough() -> None:
    async with open_face(lively(), size=(40, 24), decoder=InlineDecoder()) as face:
        await face.shows("#general"[1:], "mia")
        assert "# cats" not in face.text
        for key, shown in PLACES:
            await face.press(key)
            await face.shows(shown)
            await face.until(lambda: all(cells.width_of(row) == 40 for row in rows_of(face.app)))
            dialog = face.app.screen.query(".dialog")
            assert dialog.first().region.right <= 40
            await face.press("escape")
        await face.say("/invite")
        await face.shows("Works once", "amber basil")
        await face.press("end")
        await face.shows("█▀▀▀▀▀█ ▀▄▀", "▀▀▀▀▀▀▀ ▀ ▀▀")
        await face.press("escape")
        await face.press("ctrl+n")
        await face.shows("Friday")
        await face.press("escape")
        await face.press("f7")
        await face.shows("# cats")


@pytest.mark.parametrize("motion", [True, False])
def test_nothing_moves_for_who_wants_that(motion: bool) -> None:
    @story
    async def told() -> None:
        async with open_face(lively(), config=UiConfig(motion=motion)) as face:
            assert face.app.animation_level == ("full" if motion else "none")
            assert face.workspace.box.composer.cursor_blink is motion
            await face.press("ctrl+k")
            await face.until(lambda: isinstance(face.app.focused, Input))
            assert isinstance(face.app.focused, Input)
            assert face.app.focused.cursor_blink is motion

    told()


def test_a_picture_is_as_dense_as_it_is_bright_where_there_are_no_colours() -> None:
    def part(text: str, level: int) -> Segment:
        grey = RichColor.from_rgb(level, level, level)
        return Segment(text, Style.from_color(grey, grey))

    row = [
        *(part("▀▀", 0), part("▀", 99), part("▀", 255), part("▀ ▀", 9)),
        *(Segment("▀", Style.parse("red on blue")), Segment("▀")),
    ]

    def drawn(*, ascii: bool, dark: bool) -> str:
        made = shades(ascii=ascii, dark=dark).apply(row, Color(16, 16, 16))
        return "".join(segment.text for segment in made)

    assert drawn(ascii=False, dark=True) == "  ░█▀ ▀▀▀", "the last three are no pictures"
    assert drawn(ascii=False, dark=False) == "██▓ ▀ ▀▀▀"
    assert drawn(ascii=True, dark=True) == "  -@▀ ▀▀▀"
    assert drawn(ascii=True, dark=False) == "@@* ▀ ▀▀▀"
    assert shades(ascii=True, dark=True) is shades(ascii=True, dark=True)


@story
async def test_a_picture_in_the_timeline_is_drawn_without_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_face(lively(), decoder=InlineDecoder()) as face:
        drawn = re.compile("[░▒▓█]{6}")
        await face.until(lambda: any(len(set(run)) > 1 for run in drawn.findall(face.text)))
        assert "▀" not in face.text


@pytest.mark.parametrize(("rows", "most"), [(15, 2), (30, 3)])
def test_few_sentences_stand_over_the_messages(rows: int, most: int) -> None:
    @story
    async def shown() -> None:
        async with open_face(lively(), size=(40, rows)) as face:
            for number in range(6):
                face.app.notify(f"sentence {number}", markup=False)
            await face.shows("sentence 5")
            seen = [number for number in range(6) if f"sentence {number}" in face.text]
            assert seen == list(range(6 - most, 6)), "the older ones went"
            await face.shows("Message #general")

    shown()
