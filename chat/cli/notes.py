"""The command about a channel's shared notes: their text, who wrote it, and what was before."""

import asyncio
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import msgspec

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.output import Output, clock, moment
from chat.errors import NotFound, UsageError
from chat.session import Session

NOTES_MAX_BYTES = 4 * 1024 * 1024
"""Shared notes are pages, not archives."""
PAST_SHOWN = 500
"""As many as a node lists."""
ID_DIGITS = 12
"""Of a version's id, where people read it; enough to name it by."""


@click.command(cls=GlobalOptions)
@click.argument("name", metavar="CHANNEL")
@click.option("--set", metavar="FILE", help="Make the notes read like FILE (- is stdin).")
@click.option("--edit", is_flag=True, help="Open the notes in $VISUAL or $EDITOR.")
@click.option("--blame", is_flag=True, help="Say of each line who wrote it.")
@click.option("--versions", is_flag=True, help="List earlier states, the newest first.")
@click.option("--at", metavar="VERSION", help="Show the notes as they were.")
@click.option("--restore", metavar="VERSION", help="Make the notes read as they did.")
@click.option("--quarantine", is_flag=True, help="List the changes that are set aside, and why.")
def notes(name: str, **ways: Any) -> None:
    """Show or change a channel's shared notes."""

    async def work(invocation: Invocation) -> None:
        given = [way for way, value in ways.items() if value not in (None, False)]
        if len(given) > 1:
            raise UsageError(f"Either --{' or --'.join(given)}, not both.")
        way = given[0] if given else ""
        output = invocation.output
        async with invocation.session() as session:
            if way in ("versions", "quarantine"):
                past = await session.call(commands.GetNotesPast(name, PAST_SHOWN))
                (_versions if way == "versions" else _quarantine)(output, past)
                return
            found = await _notes(session, name, way, ways.get(way))
        if output.as_json:
            output.record("notes", msgspec.to_builtins(found))
        elif way == "blame":
            _blame(output, found)
        elif way in ("", "at"):
            output.text(found.text)
        if found.earlier:
            output.note(
                "These notes were begun before you came into the channel, whose history is closed "
                "to newcomers; what builds upon that is not shown."
            )
        if found.quarantined:
            output.note(
                f"{found.quarantined} changes broke the rules of notes and are set aside; "
                "--quarantine lists them."
            )

    run(work)


async def _notes(session: Session, name: str, way: str, value: str | None) -> model.Notes:
    """The notes after what was asked for."""
    command: commands.Command = commands.GetNotes(name)
    if value is not None and way == "set":
        command = commands.SetNotes(name, _read(value))
    elif value is not None and way == "at":
        command = commands.GetNotesAt(name, value)
    elif value is not None and way == "restore":
        command = commands.RestoreNotes(name, value)
    found: model.Notes = await session.call(command)
    if way == "edit":
        text = await asyncio.to_thread(_edit, found.text)
        found = await session.call(commands.SetNotes(name, text))
    return found


def _versions(output: Output, past: model.NotesPast) -> None:
    for each in past.versions:
        if output.as_json:
            output.record("notes_version", {**msgspec.to_builtins(each), "at": moment(each.at)})
        else:
            sizes = f"+{each.written} -{each.removed}"
            output.line(f"{each.id[:ID_DIGITS]}  {clock(each.at)}  {each.author.name}  {sizes}")


def _quarantine(output: Output, past: model.NotesPast) -> None:
    for each in past.aside:
        if output.as_json:
            output.record("notes_aside", {**msgspec.to_builtins(each), "at": moment(each.at)})
        else:
            output.line(f"{each.id[:ID_DIGITS]}  {clock(each.at)}  {each.author.name}  {each.why}")


def _blame(output: Output, found: model.Notes) -> None:
    names = [", ".join(who) for who in model.line_authors(found)]
    width = max(map(len, names))
    for who, line in zip(names, found.text.splitlines(), strict=False):
        output.line(f"{who:{width}}  {line}".rstrip())


def _read(source: str) -> str:
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        if len(data) > NOTES_MAX_BYTES:
            raise UsageError(f"{source} is larger than notes can be (4 MiB).")
        return data.decode()
    except OSError as error:
        raise NotFound(f"{source} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{source} is not UTF-8 text.") from None


def _edit(text: str) -> str:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise UsageError("Set $VISUAL or $EDITOR to your editor, or use --set FILE.")
    with tempfile.TemporaryDirectory(prefix="clowder-") as folder:
        path = Path(folder) / "notes.md"
        path.write_text(text, "utf-8")
        ended = subprocess.run([*shlex.split(editor), str(path)], check=False)
        if ended.returncode:
            raise UsageError(
                f"{editor} ended with {ended.returncode}; the notes stay as they were."
            )
        return path.read_text("utf-8")


COMMANDS = (notes,)
