"""What was in a channel's notes before, and what takes no part in them, as the face reads it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chat import model
from chat.errors import NotFound
from chat.node.team import Team
from chat.notes.history import sittings
from crdt.notes import SignedUpdate

PAST_MAX = 500
"""Earlier states, and changes set aside, that are listed at once."""
VERSION_DIGITS_MIN = 4
"""Of a version's id, where a person writes its beginning."""


class Said(NamedTuple):
    """What an entry says of itself: its author, and when by the author's clock."""

    device: bytes
    at: int


def listed(
    team: Team,
    channel: bytes,
    replayed: Sequence[SignedUpdate],
    aside: Mapping[bytes, str],
    said: Mapping[bytes, Said],
    limit: int,
) -> model.NotesPast:
    """The newest earlier states and the newest of what is set aside (reasons by entry id)."""
    limit = min(max(limit, 0), PAST_MAX)
    author, member_of = team.views.author, team.workspace.member_of
    return model.NotesPast(
        channel=team.workspace.channel_name(channel),
        versions=tuple(
            model.NotesVersion(
                id=each.entry_id.hex(),
                author=author(each.member),
                at=each.at,
                changes=each.changes,
                written=each.written,
                removed=each.removed,
            )
            for each in sittings(replayed, lambda entry_id: said[entry_id].at, limit)
        ),
        aside=tuple(
            model.NotesAside(
                id=entry_id.hex(),
                author=author(member_of(said[entry_id].device) or b""),
                at=said[entry_id].at,
                why=why,
            )
            for entry_id, why in sorted(aside.items(), key=lambda each: -said[each[0]].at)[:limit]
        ),
    )


def called(version: str, replayed: Sequence[SignedUpdate]) -> bytes:
    """The entry whose id begins so.

    Raises:
        NotFound: there is none in the notes, or more than one.
    """
    wanted = version.lower()
    found = [each.entry_id for each in replayed if each.entry_id.hex().startswith(wanted)]
    if len(wanted) < VERSION_DIGITS_MIN or not found:
        raise NotFound(f"These notes have no version {version[:64]!a}; --versions lists them.")
    if len(found) > 1:
        raise NotFound(f"Several versions begin with {wanted}; give more of its digits.")
    return found[0]
