"""What the command line prints and takes, without a process: times, spans, numbers, fields."""

import re
import tomllib
from datetime import datetime, timedelta

import click
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import model
from chat.cli.context import COUNT, Seconds
from chat.cli.main import clowder
from chat.cli.output import clock, message_fields, message_line, moment, span
from chat.cli.sending import says_something
from chat.cli.team import parse_duration
from chat.cli.version import VERSION
from chat.errors import UsageError
from crdt.limits import MESSAGE_TEXT_MAX_CHARS
from tests.integration.machines import ROOT

NOON = datetime(2026, 11, 24, 12, 0).astimezone()
AUTHOR = model.Author("00" * 16, "ana")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def at(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def message(text: str, *files: model.FileView, ahead_ms: int = 0) -> model.Message:
    return model.Message(
        "ab" * 16, "general", AUTHOR, at(NOON), text, "0" * 48, files=files, ahead_ms=ahead_ms
    )


def test_another_day_is_shown_with_its_date() -> None:
    assert clock(at(NOON), NOON + timedelta(hours=11)) == "12:00"
    assert clock(at(NOON), NOON + timedelta(hours=13)) == "2026-11-24 12:00"
    assert clock(at(NOON), NOON - timedelta(days=365)) == "2026-11-24 12:00"


@given(milliseconds=st.integers(0, 2**63 - 1))
def test_any_clock_can_be_shown(milliseconds: int) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment(milliseconds))
    assert clock(milliseconds)
    assert re.fullmatch(r"\d+ (min|h|days?|years?)", span(milliseconds))


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (1, "1 min"),
        (59 * MINUTE, "59 min"),
        (23 * HOUR, "23 h"),
        (DAY, "1 day"),
        (364 * DAY, "364 days"),
        (365 * DAY, "1 year"),
        (8000 * DAY, "21 years"),
    ],
)
def test_spans_have_the_unit_that_people_would_take(milliseconds: int, shown: str) -> None:
    assert span(milliseconds) == shown
    assert f"(clock {shown} ahead)" in message_line(message("hi", ahead_ms=milliseconds))


def test_a_message_that_is_only_a_file_has_one_line() -> None:
    cat, dog = (model.FileView(f"bafk{name}", name, 2000, "image/png", 1.0) for name in "cd")
    assert len(message_line(message("", cat)).splitlines()) == 1
    assert len(message_line(message("", cat, dog)).splitlines()) == 2
    assert len(message_line(message("look", cat)).splitlines()) == 2
    assert not [
        line for line in message_line(message("", cat, dog)).splitlines() if line != line.rstrip()
    ]


@pytest.mark.parametrize("given", ["-1", "nan", "inf", "-inf", "1e300", "soon", ""])
def test_seconds_that_nobody_can_wait_are_refused(given: str) -> None:
    with pytest.raises(click.BadParameter):
        Seconds().convert(given, None, None)
    assert Seconds().convert("0.5", None, None) == 0.5


def test_every_number_of_every_command_has_bounds() -> None:
    def numbers(group: click.Command) -> list[click.Parameter]:
        if isinstance(group, click.Group):
            return [found for each in group.commands.values() for found in numbers(each)]
        return [p for p in group.params if isinstance(p.default, int | float) and not p.is_flag]  # type: ignore[attr-defined]

    found = numbers(clowder)
    assert len(found) >= 7
    assert all(p.type is COUNT or isinstance(p.type, Seconds) for p in found)
    for wrong in ("0", "-3", "x", "9" * 30):
        with pytest.raises(click.BadParameter):
            COUNT(wrong)


@given(st.text("0123456789smhd²٣ -", max_size=30) | st.integers(0).map("{}d".format))
def test_a_duration_is_up_to_a_year_or_refused(given: str) -> None:
    try:
        length = parse_duration(given)
    except UsageError:
        return
    assert timedelta(0) < length <= timedelta(days=365)


def test_durations_at_the_edge() -> None:
    assert parse_duration("365d") == timedelta(days=365)
    assert parse_duration("0007D") == timedelta(days=7)
    for wrong in ("366d", "99999d", "9" * 5000 + "d", "0d", "1w", "d", ""):
        with pytest.raises(UsageError):
            parse_duration(wrong)


@given(st.text(max_size=40))
def test_a_line_that_says_nothing_would_be_an_empty_message(text: str) -> None:
    from crdt.text import clean_text

    assert says_something(text) == bool(clean_text(text, MESSAGE_TEXT_MAX_CHARS).strip())


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["version"] == VERSION


def test_every_field_of_every_record_is_documented() -> None:
    page = (ROOT / "docs/commands.md").read_text("utf-8")
    records = page.partition("\n## JSON records\n")[2].partition("\n## ")[0]
    sections = dict(re.findall(r"^(?:Each of )?`(\w+)`[^|\n]*\n\n((?:\|.*\n)+)", records, re.M))
    fields = message_fields(message("x", model.FileView("bafk", "c", 1, "image/png")))
    wanted = {"message": set(fields), "files": set(fields["files"][0])}
    kinds: dict[str, type[msgspec.Struct]] = {
        "channel": model.Channel,
        "notes": model.Notes,
        "notes_version": model.NotesVersion,
        "notes_aside": model.NotesAside,
        "member": model.Member,
        "peer": model.Peer,
        "status": model.Status,
    }
    for name, kind in kinds.items():
        wanted[name] = {field.name for field in msgspec.structs.fields(kind)}
    for name, expected in wanted.items():
        rows = re.findall(r"^\| (`[^|]*) \|", sections[name], re.M)
        assert {word for row in rows for word in re.findall(r"`(\w+)`", row)} == expected, name
    assert "must pass over those it does not know" in records
