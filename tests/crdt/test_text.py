"""Nothing that steers a terminal or turns a line around gets through; what people write does."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt.text import COMBINING_MAX, clean_line, clean_name, clean_text, look

BIDIRECTIONAL = frozenset(
    {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"},
)
"""Classes of Unicode Standard Annex 9 that reorder what stands around them."""
MARKS = "\u061c\u200e\u200f"
WIDE = 2**20

hostile = st.one_of(
    st.text(
        st.sampled_from("\x1b\x9b\x07\x00\r\n\t \x7f\x85\u2028\u202e\u2066\ufeff\u0301\u20dd[]ax")
        | st.characters()
        | st.characters(categories=("Cc", "Cf", "Cs", "Mn", "Me"))
    ),
    st.text("ab ", max_size=8),
)
lengths = st.integers(0, 8) | st.integers(0, 100)


def steers(character: str) -> bool:
    """Whether a character is a control, a surrogate, or changes the direction of others."""
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in BIDIRECTIONAL
        or character in MARKS
    )


@given(hostile, lengths)
def test_nothing_that_steers_survives(given_text: str, most: int) -> None:
    line = clean_line(given_text, most)
    assert not [character for character in line if steers(character)]
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    text = clean_text(given_text, most)
    assert not [character for character in text if steers(character) and character != "\n"]
    assert len(line) <= most
    assert len(text) <= most
    for cleaned in (line, text):
        cleaned.encode("utf-8")


def test_no_character_of_unicode_that_steers_survives() -> None:
    every = [chr(number) for number in range(sys.maxunicode + 1)]
    through = set(clean_text("".join(every), 2 * len(every)))
    assert not [c for c in every if steers(c) and c in through and c != "\n"]


@given(hostile, lengths)
def test_cleaning_what_is_clean_changes_nothing(given_text: str, most: int) -> None:
    for clean in (clean_line, clean_text):
        once = clean(given_text, most)
        assert clean(once, most) == once


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))))
def test_letters_of_every_script_stay(text: str) -> None:
    assert clean_text(text, WIDE) == text
    assert clean_line(text, WIDE) == text.strip()


@pytest.mark.parametrize(
    "text", ["naïve café", "👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈", "हिन्दी", "שָׁלוֹם", "Việt Nam", "ภาษาไทย"]
)
def test_what_people_write_stays(text: str) -> None:
    assert clean_text(text, WIDE) == clean_line(text, WIDE) == text


def test_marks_do_not_pile_up() -> None:
    assert (
        clean_line("z" + "\u0301" * 1_000 + "a\u0301", WIDE)
        == "z" + "\u0301" * COMBINING_MAX + "a\u0301"
    )


@given(st.text(max_size=40), st.text(max_size=40))
def test_names_show_nothing_unseen_and_look_as_they_did(left: str, right: str) -> None:
    name = clean_name(left + "\u200b\u2060\u00ad" + right, 80)
    assert name == clean_name(name, 80) == clean_line(name, 80)
    assert look(name) == look(look(name)) == look(clean_name(left + right, 80))
    assert not {"\u200b", "\u2060", "\u00ad", "\u3164", "\u2800"} & set(name)


@pytest.mark.parametrize(
    "name",
    [
        "👩\u200d💻",
        "🧑🏽\u200d🚀",
        "❤️\u200d🔥",
        "می\u200cخواهم",
        "क्\u200dष",
        "Zoë",
        "日本",
    ],
)
def test_names_keep_the_joiners_that_scripts_and_emoji_need(name: str) -> None:
    assert clean_name(name, 64) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\u200dna", "ana"),
        ("ana\u200d", "ana"),
        ("an\u00ada\U000e0041", "ana"),
        ("\u3164", ""),
        ("e" + "\u0301" * 4 + "\u200b" + "\u0301" * 4, "e" + "\u0301" * 4),
    ],
)
def test_names_lose_what_nobody_sees(name: str, shown: str) -> None:
    assert clean_name(name, 64) == shown


@pytest.mark.parametrize("alike", ["Ana", "ANA", "ａｎａ", "a\u200bna", "ana\ufe0f", " ana "])
def test_what_looks_like_ana_looks_like_ana(alike: str) -> None:
    assert look(alike) == look("ana")
    assert look("anna") != look("ana")


def test_lines_and_tabs_become_what_can_be_shown() -> None:
    assert clean_text("a\r\nb\tc\u2028d", WIDE) == "a\nb    c\nd"
    assert clean_line(" a\r\nb\tc\u2029d ", WIDE) == "a  b c d"
    assert clean_text("\x1b]52;c;Y2F0\x07", WIDE) == "]52;c;Y2F0"
