"""Wrapping, markup and rows: what is counted is what is made, and it fits."""

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from chat.model import FileView, Hidden, Message
from tests.tui.made import ANA, BO, HOSTILE, ME, MINUTE_MS, START_MS, TEXTS, message, messages
from tui.text import cells, markup
from tui.text.frame import Frame
from tui.text.layout import body, height, rows
from tui.text.moments import Calendar
from tui.text.parts import preview_size
from tui.text.runs import Emphasis, Look, PictureSlice, Row, Run

UTC_FRAME = Frame(80, Calendar(UTC), me=ME.member, now=START_MS)


def shown(row: Row) -> str:
    return "" if isinstance(row, PictureSlice) else "".join(run.text for run in row)


def lines(text: str, width: int) -> list[str]:
    return [text[start:end] for start, end in cells.wrap(text, width)]


def test_words_go_to_the_next_line_and_the_space_between_goes_nowhere() -> None:
    assert lines("the relay in the kitchen", 9) == ["the relay", "in the", "kitchen"]


def test_a_word_longer_than_a_line_is_cut() -> None:
    assert lines("abcdefghij kl", 4) == ["abcd", "efgh", "ij", "kl"]


def test_wide_letters_are_cut_by_cells_and_never_in_a_grapheme() -> None:
    assert lines("漢字漢字", 5) == ["漢字", "漢字"]
    assert lines("👩‍🚀👩‍🚀", 3) == ["👩‍🚀", "👩‍🚀"]


@given(TEXTS, st.integers(2, 40))
def test_wrapped_lines_fit_and_lose_only_spaces(text: str, width: int) -> None:
    for line in text.split("\n"):
        cut = lines(line, width)
        assert len(cut) == cells.count(line, width)
        for piece in cut:
            assert cell_len(piece) <= width
        assert "".join(cut).replace(" ", "") == line.replace(" ", "")


@given(st.text(alphabet="ab  c", max_size=60), st.integers(1, 20))
def test_both_ways_of_wrapping_agree(text: str, width: int) -> None:
    assert cells._wrap_narrow(text, width) == cells._wrap_wide(text, width) or not text


def test_characters_taken_for_narrow_are_narrow() -> None:
    assert all(cell_len(character) == 1 for character in cells._NARROW - {"\x7f"})


@given(messages(), st.none() | messages(), st.integers(20, 160), st.booleans(), st.booleans())
def test_the_height_counted_is_the_height_made(
    one: Message, before: Message | None, width: int, unread: bool, opened: bool
) -> None:
    frame = UTC_FRAME._replace(
        width=width,
        unread_from=one.id if unread else "",
        root="f" * 32 if unread else "",
        opened=frozenset([one.id] if opened else []),
        gaps=(before.order,) if before is not None and opened else (),
    )
    made = rows(one, before, frame)
    assert height(one, before, frame) == len(made)
    for row in made:
        # Below 48 columns the painter crops what is left over.
        if width >= 48:
            assert cell_len(shown(row)) <= width


def test_a_message_reads_as_drawn_in_the_module() -> None:
    parent = message(1, "shall we move the relay?", BO)
    frame = UTC_FRAME._replace(parent=lambda _: parent, width=60)
    own = message(
        41,
        "Yes, the kitchen has **power**.",
        ME,
        reply_to=parent.id,
        mine=True,
        reached=(3, 7),
        replies=3,
        reactions={"👍": (ANA, BO), "🐈": (ME,)},
    )
    assert [shown(row).rstrip() for row in rows(own, None, frame)] == [
        "",
        " ───────────────────────── Today ──────────────────────────",
        "",
        " mia",
        " 09:41  ╭ bo  shall we move the relay?",
        "        Yes, the kitchen has power.                     3/7",
        "         👍 2   🐈 1",
        "        ↳ 3 replies",
    ]


def test_a_hidden_message_is_a_line_until_it_is_opened() -> None:
    spam = message(
        2, "buy\nmy\nsoap", BO, reply_to="f" * 32, pinned=True, hidden=Hidden(ANA, "ads")
    )
    closed = [shown(row) for row in body(spam, None, UTC_FRAME)]
    assert closed == [" 09:02  hidden by ana: ads"]
    opened = UTC_FRAME._replace(opened=frozenset([spam.id]))
    assert [shown(row).strip() for row in body(spam, None, opened)] == [
        "09:02  ╭ an earlier message",
        *("buy", "my", "soap"),
        "pinned  hidden by ana: ads",
    ]
    unheard = message(2, "buy\nmy\nsoap", BO, ignored=True)
    closed = [shown(row) for row in body(unheard, None, UTC_FRAME)]
    assert closed == [" 09:02  message of bo, ignored"]
    answer = message(3, "no thanks", reply_to=spam.id)
    quoting = UTC_FRAME._replace(parent=lambda _: spam)
    assert "soap" not in "".join(shown(row) for row in body(answer, None, quoting))


def test_a_group_names_its_author_once_and_a_minute_once() -> None:
    first = message(0, "one")
    second = message(0, "two", id="2" * 32, at=START_MS + 1000)
    later = message(1, "three", at=START_MS + 11 * MINUTE_MS)
    assert [shown(r) for r in rows(second, first, UTC_FRAME)] == ["        two"]
    assert [shown(r) for r in rows(later, second, UTC_FRAME)] == ["", " ana", " 09:11  three"]


def test_delivery_never_changes_a_height() -> None:
    text = "word " * 40
    heights = {
        height(message(1, text, ME, mine=True, reached=reached), None, UTC_FRAME)
        for reached in [(0, 0), (0, 7), (3, 7), (7, 7), (19, 20)]
    }
    assert len(heights) == 1


def test_markup_gives_runs_and_keeps_what_is_not_closed() -> None:
    (line,) = markup.parse("a **b _c_** `d*e*` *f* **open ~~s~~ snake_case_name 2*3*4")
    assert line.runs == (
        Run("a "),
        Run("b ", emphasis=Emphasis.BOLD),
        Run("c", emphasis=Emphasis.BOLD | Emphasis.ITALIC),
        Run(" "),
        Run("d*e*", Look.CODE),
        Run(" "),
        Run("f", emphasis=Emphasis.ITALIC),
        Run(" **open "),
        Run("s", emphasis=Emphasis.STRIKE),
        Run(" snake_case_name 2*3*4"),
    )


def test_fences_and_quotes_are_blocks() -> None:
    made = markup.parse("see\n```py\nx = *1*\n```\n> said\nend")
    assert [(line.kind, "".join(run.text for run in line.runs)) for line in made] == [
        ("text", "see"),
        ("code", "x = *1*"),
        ("quote", "said"),
        ("text", "end"),
    ]
    assert [line.kind for line in markup.parse("```never closed\nx")] == ["text", "text"]


def test_links_show_where_they_lead() -> None:
    (line,) = markup.parse("see https://a.example/x_(y). [bank](https://evil.example/z)")
    assert line.runs[1] == Run("https://a.example/x_(y)", Look.LINK, link="https://a.example/x_(y)")
    assert [run.text for run in line.runs[2:4]] == [".", " "]
    assert line.runs[4].link == "https://evil.example/z"
    assert line.runs[5] == Run(" (evil.example)", Look.DIM)
    assert markup.addresses("[x](javascript:alert) http:// https://[bad") == []


@given(TEXTS)
def test_text_called_plain_is_shown_letter_by_letter(text: str) -> None:
    if markup.is_plain(text):
        shown_lines = ["".join(r.text for r in line.runs) for line in markup.parse(text)]
        assert shown_lines == text.split("\n")


@pytest.mark.parametrize(
    "text", ["`" * 20_000, "**a " * 4000, "[a" * 8000, "@" * 16_000, "_a" * 8000]
)
def test_markup_takes_no_time_on_hostile_text(text: str) -> None:
    assert markup.parse(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_rows_are_made_of_any_text(text: str) -> None:
    assert rows(message(1, text), None, UTC_FRAME)


def test_previews_keep_their_shape_within_bounds() -> None:
    def size(width: int, high: int) -> tuple[int, int]:
        return preview_size(
            FileView("f", "n", 1, "image/png", width=width, height=high, preview=b"x"), 60
        )

    assert size(1600, 1200) == (37, 14)
    assert size(60_000, 1) == (48, 1)
    assert size(1, 60_000) == (1, 14)
    assert size(0, 0) == (0, 0)


def test_days_have_names() -> None:
    calendar = Calendar(UTC)
    day = 24 * 60 * MINUTE_MS
    assert calendar.title(START_MS, START_MS) == "Today"
    assert calendar.title(START_MS - day, START_MS) == "Yesterday"
    assert calendar.title(START_MS - 2 * day, START_MS) == "Sunday 22 November"
    assert calendar.title(START_MS - 365 * day, START_MS) == "Monday 24 November 2025"
    assert calendar.clock(-5) == "00:00"
    assert calendar.title(1 << 70, START_MS).endswith("9999")
