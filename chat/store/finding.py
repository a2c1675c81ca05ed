"""Finding: messages by words and by what they are, newest first.

One statement for each kind of mark that is asked for (each walks the index that knows such
messages), read in stretches from the newest message on; a message's number grows with its time.
What only its content tells (whether a file is a picture) is looked at in the rows that come out,
and further stretches follow until there are enough.
"""

from typing import NamedTuple

from chat.store import words
from chat.store.limits import FOUND_AT_ONCE
from chat.store.rows import Found, MessageRow, Rows
from crdt.clock import READING_MAX

_LAST_NUMBER = 2**63 - 1
_SOURCES = {
    "": ("message m", ""),
    "mention": ("message m", "AND m.mentions_me AND m.counted"),
    "reply": (
        "message m",
        "AND m.reply_to IS NOT NULL AND NOT m.mine AND EXISTS (SELECT 1 FROM message p"
        " WHERE p.mid = m.reply_to AND p.channel = m.channel AND p.mine)",
    ),
    # A cross join is one whose order the planner leaves alone: these are few, messages are not.
    "late": (
        "untimely u CROSS JOIN message m ON m.mid = u.mid AND m.channel = u.channel",
        "AND u.late",
    ),
    "missed": (
        "untimely u CROSS JOIN message m ON m.mid = u.mid AND m.channel = u.channel",
        "AND u.late AND u.unread AND m.counted",
    ),
    "pinned": (
        "register r CROSS JOIN message m"
        " ON m.mid = unhex(substr(r.key, 5)) AND m.channel = r.channel",
        "AND r.key >= 'pin/' AND r.key < 'pin0' AND r.value != ''",
    ),
}
"""By mark: where its messages are, and what tells them from others."""
_CALLS = frozenset({"mention", "missed"})
"""Marks that call this member, which those it ignores cannot do."""
_CARRIES = {
    "file": "m.number IN (SELECT c.number FROM file f"
    " JOIN message c ON c.mid = f.mid AND c.channel = f.channel)",
    "link": "(m.text LIKE '%http://%' OR m.text LIKE '%https://%')",
}


class Wanted(NamedTuple):
    """What is looked for; None and empty parts leave everything in.

    Attributes:
        words: a query, as `chat.store.words` reads it.
        channels, members: where, and from whom; an empty set finds nothing.
        marks: keys of marks, of which a message bears one.
        carries: "file", "picture" and "link", of which a message carries one.
        ignored: members who call nobody: none of their messages mentions, or is missed.
        since, until: hybrid clock readings, from the one and before the other.
    """

    words: str = ""
    channels: frozenset[bytes] | None = None
    members: frozenset[bytes] | None = None
    marks: frozenset[str] = frozenset()
    carries: frozenset[str] = frozenset()
    since: int = 0
    until: int = READING_MAX
    ignored: frozenset[bytes] = frozenset()


class Finding(Rows):
    """Finds messages."""

    def find(self, wanted: Wanted, limit: int) -> list[Found]:
        """The newest messages that fit, newest first.

        By their numbers: at the limit, a message that its author posted twice, which no Clowder
        does, may stand where the first of the two stood.
        """
        terms = words.query_words(wanted.words)
        if wanted.words.strip() and not terms:
            return []
        found: dict[int, MessageRow] = {}
        for mark in sorted(wanted.marks) or [""]:
            for number, row in self._found(mark, wanted, terms, max(limit, 0)):
                found[number] = row
        newest = sorted(found, reverse=True)[: max(limit, 0)]
        rows = sorted((found[n] for n in newest), key=lambda r: (r.hlc, r.mid), reverse=True)
        return [
            Found(row, words.snippet(words.searched(row.text, row.files), terms)) for row in rows
        ]

    def _found(
        self, mark: str, wanted: Wanted, terms: list[list[str]], limit: int
    ) -> list[tuple[int, MessageRow]]:
        statement, values = self._statement(mark, wanted, terms)
        kept: list[tuple[int, MessageRow]] = []
        below = _LAST_NUMBER
        while len(kept) < limit:
            rows = self._database.read(statement, (*values, below, FOUND_AT_ONCE))
            for (number,) in rows:
                row = self._load_row(number)
                if _carries(row, wanted.carries) and len(kept) < limit:
                    kept.append((number, row))
            if len(rows) < FOUND_AT_ONCE:
                break
            below = rows[-1][0]
        return kept

    def _statement(
        self, mark: str, wanted: Wanted, terms: list[list[str]]
    ) -> tuple[str, tuple[int | str, ...]]:
        """The statement and its values, to which `below` and a limit are added."""
        source, condition = _SOURCES[mark]
        parts = ["SELECT m.number FROM", source]
        values: list[int | str] = []
        if terms:
            parts.append("JOIN search s ON s.rowid = m.number AND search MATCH ?")
            values.append(words.match_expression(terms))
        channels = (
            self._channel_numbers()
            if wanted.channels is None
            else [number for each in sorted(wanted.channels) for number in self._numbers(each)]
        )
        parts.append(f"WHERE m.channel IN ({_list(channels)}) AND NOT m.deleted {condition}")
        if wanted.members is not None:
            parts.append(f"AND m.member IN ({self._people(wanted.members)})")
        if mark in _CALLS and wanted.ignored:
            parts.append(f"AND m.member NOT IN ({self._people(wanted.ignored)})")
        if wanted.since > 0 or wanted.until < READING_MAX:
            parts.append("AND m.hlc >= ? AND m.hlc < ?")
            values += (wanted.since, wanted.until)
        if wanted.carries:
            kinds = {"file" if kind == "picture" else kind for kind in wanted.carries}
            parts.append("AND (" + " OR ".join(_CARRIES[kind] for kind in sorted(kinds)) + ")")
        parts.append("AND m.number < ? ORDER BY m.number DESC LIMIT ?")
        return " ".join(parts), tuple(values)

    def _people(self, members: frozenset[bytes]) -> str:
        """The row numbers of those members who are known to the store."""
        numbers = (self._names.find(member) for member in sorted(members))
        return _list([number for number in numbers if number is not None])


def _list(numbers: list[int]) -> str:
    """Row numbers of our own as SQL: there may be more of them than a statement takes values."""
    return ", ".join(map(str, numbers))


def _carries(row: MessageRow, kinds: frozenset[str]) -> bool:
    """Whether a message carries one of the kinds; links were found by the statement."""
    if not kinds or ("file" in kinds and row.files):
        return True
    if "picture" in kinds and any(file.type.startswith("image/") for file in row.files):
        return True
    return "link" in kinds and ("http://" in row.text.lower() or "https://" in row.text.lower())
