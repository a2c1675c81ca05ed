"""The sheet of rows: whatever order messages come in, it is the sheet of all of them at once."""

from datetime import UTC

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.model import Message
from tests.tui.made import BO, ME, START_MS, message, messages
from tui.text.frame import Frame
from tui.text.layout import height
from tui.text.moments import Calendar
from tui.timeline.sheet import Sheet

FRAME = Frame(60, Calendar(UTC), now=START_MS)


def measure(one: Message, before: Message | None) -> int:
    return height(one, before, FRAME)


def sheet_of(loaded: list[Message]) -> Sheet:
    sheet = Sheet(measure, lead=2)
    sheet.load(loaded)
    return sheet


def state(sheet: Sheet) -> list[tuple[Message, int, int]]:
    return [(sheet[i], sheet.height(i), sheet.top(i)) for i in range(len(sheet))]


@settings(max_examples=60)
@given(st.lists(messages(), max_size=25), st.lists(st.lists(messages(), max_size=12), max_size=5))
def test_merged_in_pieces_equals_loaded_at_once(
    loaded: list[Message], batches: list[list[Message]]
) -> None:
    sheet = sheet_of(loaded)
    newest = {one.id: one for one in loaded}
    for batch in batches:
        # An id keeps its order for life, as in the model.
        batch = [one if one.id not in newest else newest[one.id] for one in batch]
        added = sheet.merge(batch)
        assert added == len({one.id for one in batch} - newest.keys())
        newest |= {one.id: one for one in batch}
    assert state(sheet) == state(sheet_of(list(newest.values())))


@given(st.lists(messages(), min_size=1, max_size=25))
def test_every_row_is_found_again(loaded: list[Message]) -> None:
    sheet = sheet_of(loaded)
    assert sheet.find(1) is None
    assert sheet.find(sheet.total) is None
    for row in range(2, sheet.total):
        place = sheet.find(row)
        anchor = sheet.anchor(row)
        assert place is not None
        assert anchor is not None
        assert sheet.top(place.index) + place.row == row
        assert sheet.row_of(anchor) == row


def test_an_anchor_holds_its_message_while_others_come_above_it() -> None:
    sheet = sheet_of([message(n, f"m{n}") for n in range(10, 20)])
    anchor = sheet.anchor(sheet.top(5))
    assert anchor is not None
    sheet.merge([message(n, "older\nand higher", BO) for n in range(10)])
    index = sheet.index(f"{15:032x}")
    assert index == 15
    assert sheet.row_of(anchor) == sheet.top(15)


def test_an_edit_in_place_moves_what_follows() -> None:
    sheet = sheet_of([message(n) for n in range(5)])
    before = sheet.top(3)
    sheet.merge([message(2, "two\nthree\nlines")])
    assert sheet.top(3) == before + 2
    assert sheet.get(f"{2:032x}") == message(2, "two\nthree\nlines")


def test_a_message_between_two_of_one_group_splits_it() -> None:
    sheet = sheet_of([message(0), message(2)])
    low = sheet.height(1)
    sheet.merge([message(1, author=ME)])
    assert sheet.height(2) == low + 2
