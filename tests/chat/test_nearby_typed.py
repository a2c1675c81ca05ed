"""What is typed about an invite nearby: verdicts, labels by number, and lines as they come."""

import asyncio
import os
import pty
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.cli.nearby import _Conversation as Conversation
from chat.cli.nearby import picked
from chat.cli.output import Output
from chat.cli.typed import LINE_MAX_BYTES, TypedLines
from chat.model import Nearby
from tests.tui.fake_session import FakeSession

CODE = "048153"
SHOWN = Nearby("newcomer", "code", code=CODE)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("048153", True),
        (" 048 153 ", True),
        ("048-153", True),
        ("048154", False),
        ("48153", None),
        ("0481530", None),
        ("٠٤٨١٥٣", None),
        ("n", False),
        (" NO ", False),
        ("", None),
        ("yeah", None),
    ],
)
def test_digits_are_compared_by_the_program_and_no_is_no(typed: str, says: bool | None) -> None:
    assert SHOWN.verdict(typed, person=False) is says
    assert SHOWN.verdict(typed, person=True) is says


def test_a_yes_counts_from_a_person_alone() -> None:
    for typed in ("y", "Yes"):
        assert SHOWN.verdict(typed, person=True) is True
        assert SHOWN.verdict(typed, person=False) is None


@given(st.text(max_size=20))
def test_a_script_says_yes_with_the_digits_and_with_nothing_else(typed: str) -> None:
    if SHOWN.verdict(typed, person=False):
        assert [letter for letter in typed if letter.isdigit()] == list(CODE)
    assert SHOWN.verdict(SHOWN.grouped, person=False) is True


def test_a_label_is_picked_by_its_number_or_by_itself() -> None:
    labels = ("ensure-special", "ocean-tiger")
    assert picked(" 2 ", labels) == "ocean-tiger"
    assert picked("ocean tiger", labels) == "ocean tiger"
    for other in ("0", "3", "²", "99999999999"):
        assert picked(other, labels) == other


@pytest.mark.parametrize("as_json", [False, True])
def test_a_label_keeps_the_number_with_which_it_was_printed(
    as_json: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(os.devnull).open() as nothing_typed:
        monkeypatch.setattr("sys.stdin", nothing_typed)
        shown = Conversation(FakeSession(), Output(as_json))
    for labels in (("zoo-zoo",), ("ensure-special", "zoo-zoo"), ("zoo-zoo",), ("ocean-tiger",)):
        shown._show(Nearby("newcomer", "open", labels=labels))
    if not as_json:
        lines = capsys.readouterr().out.splitlines()
        assert lines == ["1  zoo-zoo", "2  ensure-special", "3  ocean-tiger"]
    meant = [picked(number, shown._listed) for number in "1234"]
    assert meant == ["zoo-zoo", "ensure-special", "ocean-tiger", "4"]


def test_lines_come_one_by_one_from_a_pipe_while_the_loop_goes_on() -> None:
    async def main() -> None:
        reading, writing = os.pipe()
        with os.fdopen(reading) as stream:
            lines = TypedLines(stream)
            assert not lines.is_terminal
            waiting = asyncio.create_task(lines.line())
            await asyncio.sleep(0)
            assert not waiting.done()
            os.write(writing, b"one\ntwo\nthr\xff")
            assert await waiting == "one"
            lines.forget()
            assert await lines.line() == "two", "of a script's lines none is lost"
            cancelled = asyncio.create_task(lines.line())
            await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.gather(cancelled, return_exceptions=True)
            os.close(writing)
            assert await lines.line() == "thr\ufffd"
            assert await lines.line() is None
            assert await lines.line() is None

    asyncio.run(main())


def test_a_line_without_end_is_cut_and_a_file_is_read_without_waiting(tmp_path: Path) -> None:
    file = tmp_path / "answers"
    file.write_bytes(b"x" * (LINE_MAX_BYTES + 5) + b"\nlast")

    async def main() -> None:
        with file.open() as stream:
            lines = TypedLines(stream)
            assert await lines.line() == "x" * LINE_MAX_BYTES
            assert await lines.line() == "x" * 5
            assert await lines.line() == "last"
            assert await lines.line() is None

    asyncio.run(main())


def test_what_a_person_typed_before_the_question_answers_nothing() -> None:
    async def main() -> None:
        keyboard, terminal = pty.openpty()
        with os.fdopen(terminal) as stream:
            lines = TypedLines(stream)
            assert lines.is_terminal
            os.write(keyboard, b"y\ny\n")
            assert await lines.line() == "y"
            lines.forget()
            os.write(keyboard, b"n\n")
            assert await lines.line() == "n"
        os.close(keyboard)

    asyncio.run(main())
