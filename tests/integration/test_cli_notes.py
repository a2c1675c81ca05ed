"""`clowder notes`: what it asks and what it prints. The machines are in test_notes_history."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chat import commands, model
from chat.cli import notes
from chat.cli.output import Output
from chat.errors import UsageError

ANA, BO = model.Author("aa" * 32, "ana"), model.Author("bb" * 32, "bo")
TEXT = "tent\nstove and gas\n\nrope\n"
NOTES = model.Notes(
    "general", TEXT, 3, authors=((0, 7, "ana"), (7, 12, "bo"), (19, 6, "ana")), quarantined=1
)
PAST = model.NotesPast(
    "general",
    (
        model.NotesVersion("12" * 32, BO, 0, 2, 12, 4),
        model.NotesVersion("34" * 32, ANA, 0, 1, 9, 0),
    ),
    (model.NotesAside("56" * 32, BO, 0, "note update is empty"),),
)


class Answering:
    """In place of an invocation and its session."""

    def __init__(self, as_json: bool) -> None:
        self.output = Output(as_json)
        self.asked: list[commands.Command] = []

    @asynccontextmanager
    async def session(self) -> AsyncIterator["Answering"]:
        yield self

    async def call(self, command: commands.Command) -> Any:
        self.asked.append(command)
        return PAST if isinstance(command, commands.GetNotesPast) else NOTES


def ran(
    monkeypatch: pytest.MonkeyPatch, *arguments: str, as_json: bool = False
) -> tuple[list[commands.Command], str, str]:
    """What was asked and printed."""
    invocation = Answering(as_json)

    def run(work: Callable[[Any], Awaitable[None]]) -> None:
        asyncio.run(work(invocation))

    monkeypatch.setattr(notes, "run", run)
    done = CliRunner().invoke(notes.notes, ["general", *arguments])
    if done.exception is not None:
        raise done.exception
    return invocation.asked, done.stdout, done.stderr


def test_each_way_asks_one_thing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "new.md"
    source.write_text("new\n", "utf-8")
    aside = "1 changes broke the rules of notes and are set aside; --quarantine lists them.\n"
    for arguments, command, printed in (
        ((), commands.GetNotes("general"), TEXT),
        (("--set", str(source)), commands.SetNotes("general", "new\n"), ""),
        (("--at", "1212"), commands.GetNotesAt("general", "1212"), TEXT),
        (("--restore", "1212"), commands.RestoreNotes("general", "1212"), ""),
    ):
        assert ran(monkeypatch, *arguments) == ([command], printed, aside)


def test_lines_are_told_by_whom_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    _, printed, _ = ran(monkeypatch, "--blame")
    assert printed == ("ana      tent\nbo, ana  stove and gas\n\nana      rope\n")


def test_states_and_what_is_set_aside_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, printed, _ = ran(monkeypatch, "--versions")
    assert asked == [commands.GetNotesPast("general", 500)]
    first, second = printed.splitlines()
    assert first.startswith("121212121212  19")
    assert first.endswith("  bo  +12 -4")
    assert second.endswith("  ana  +9 -0")
    _, printed, _ = ran(monkeypatch, "--quarantine")
    assert printed.startswith("565656565656  19")
    assert printed.endswith("  bo  note update is empty\n")
    _, printed, _ = ran(monkeypatch, "--quarantine", as_json=True)
    record = json.loads(printed)
    assert record["kind"] == "notes_aside"
    assert record["at"] == "1970-01-01T00:00:00.000Z"
    assert record["author"]["member"] == BO.member


def test_two_ways_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="Either --blame or --versions, not both"):
        ran(monkeypatch, "--blame", "--versions")
