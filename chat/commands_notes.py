"""Commands about a channel's shared notes: reading, editing, and what was there before."""

from typing import Any

from chat import model
from chat.command import Command


class GetNotes(Command, frozen=True, tag="notes"):
    """Reply: model.Notes."""

    channel: str


class SetNotes(Command, frozen=True, tag="notes_set"):
    """Make the notes read `text`, by the smallest change. Reply: model.Notes."""

    channel: str
    text: str


class SpliceNotes(Command, frozen=True, tag="notes_splice"):
    """Edits as (index, deleted, inserted), code points, each after the one before it.

    `version` is the `Notes.version` they were made against; when the text has moved on since, the
    node rebases them. Reply: model.Notes.
    """

    channel: str
    splices: tuple[tuple[int, int, str], ...]
    version: int


class MoveCursor(Command, frozen=True, tag="notes_cursor"):
    """Show the others where my cursor is in the notes; None hides it. Reply: null."""

    channel: str
    index: int | None


class GetNotesPast(Command, frozen=True, tag="notes_past"):
    """The newest earlier states, and what is set aside, up to 500 of each. Reply: NotesPast."""

    channel: str
    limit: int = 50


class GetNotesAt(Command, frozen=True, tag="notes_at"):
    """The notes at an earlier state. Reply: model.Notes, without version and cursors.

    `version` is the id of a `NotesVersion`, or a beginning of it (at least 4 digits).
    """

    channel: str
    version: str


class RestoreNotes(Command, frozen=True, tag="notes_restore"):
    """Make the notes read as they did, by an edit like any other. Reply: model.Notes."""

    channel: str
    version: str


REPLIES: dict[type[Command], Any] = {
    GetNotes: model.Notes,
    SetNotes: model.Notes,
    SpliceNotes: model.Notes,
    GetNotesPast: model.NotesPast,
    GetNotesAt: model.Notes,
    RestoreNotes: model.Notes,
    MoveCursor: None,
}
"""The type each command answers with."""
