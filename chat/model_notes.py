"""What the face reads of a channel's shared notes; see chat.model."""

from collections import deque

import msgspec

from chat.model_people import Author


class Cursor(msgspec.Struct, frozen=True):
    """Somebody's place in a channel's notes, as an index of code points."""

    author: Author
    index: int
    colour: str = ""


class Notes(msgspec.Struct, frozen=True):
    """A channel's shared text.

    Attributes:
        authors: runs (start, length, nick), in code points, covering the text.
        quarantined: how many updates are set aside because they broke the rules.
        version: grows with each change here; a splice names the version it was made against.
        earlier: changes from before this member came, which are closed to it; what builds upon
            them is not shown either.
    """

    channel: str
    text: str
    version: int = 0
    cursors: tuple[Cursor, ...] = ()
    authors: tuple[tuple[int, int, str], ...] = ()
    quarantined: int = 0
    earlier: int = 0


class NotesVersion(msgspec.Struct, frozen=True):
    """A state of the notes: the text after what one member wrote in one go.

    Attributes:
        id: 64 hex digits.
        at: when it was written, in milliseconds, by its author's clock.
        changes: how many updates it is.
        written, removed: letters.
    """

    id: str
    author: Author
    at: int
    changes: int
    written: int
    removed: int


class NotesAside(msgspec.Struct, frozen=True):
    """A change that takes no part in the notes, and `why`."""

    id: str
    author: Author
    at: int
    why: str


class NotesPast(msgspec.Struct, frozen=True):
    """Earlier states of the notes, and what is set aside; each the newest first."""

    channel: str
    versions: tuple[NotesVersion, ...] = ()
    aside: tuple[NotesAside, ...] = ()


def line_authors(notes: Notes) -> list[tuple[str, ...]]:
    """Who wrote each line of the notes, whoever wrote most of it first; nobody a line end."""
    found: list[tuple[str, ...]] = []
    runs = deque(notes.authors)
    at = 0
    for line in notes.text.split("\n"):
        end = at + len(line)
        shares: dict[str, int] = {}
        while runs and runs[0][0] < end:
            start, length, nick = runs[0]
            share = min(start + length, end) - max(start, at)
            shares[nick] = shares.get(nick, 0) + max(share, 0)
            if start + length > end:
                break
            runs.popleft()
        found.append(tuple(sorted((n for n in shares if shares[n]), key=lambda n: -shares[n])))
        at = end + 1
    return found
