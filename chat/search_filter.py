"""What a person's search means: words, and filters between them. Pure.

    release notes from:ana in:general has:picture before:2026-11

A filter is a known key, a colon and a value, quoted when it has spaces (`from:"ana b"`). Values of
one key add up, different keys narrow: `from:ana from:bo has:file` is any file of one of the two.
Everything else is a word, `http://cats.example` too, and so a search never fails for its form: a
filter without a value is still being typed and means nothing yet. Only a known key with a value
that nothing fits is an error, since leaving it out would find what was not asked for.

Days are local ones: `before:` ends where its day begins, `after:` begins where its day ends, `on:`
is the day (or month, or year) itself. `7d`, `3h` and `2w` count back from now.
"""

import re
from calendar import monthrange
from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple, TypeVar, get_args

from chat.errors import UsageError
from chat.model import Mark, Part

KEYS = ("from", "in", "has", "is", "before", "after", "on")
HAS: tuple[Part, ...] = get_args(Part)
IS: tuple[Mark, ...] = get_args(Mark)
# Case is that of ASCII alone: elsewhere a dotless i is an i to `re`, and to nobody else.
_FILTER = re.compile(rf'(?<!\S)((?ai:{"|".join(KEYS)})):(?:"([^"]*)"?|(\S*))')
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_BACK = re.compile(r"(\d{1,6})([hdw])")
_UNIT_MS = {"h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_NAMED_DAYS = {"today": 0, "yesterday": 1}
_Word = TypeVar("_Word", bound=str)
LAST_MS = 1 << 47
"""Later than any message: the hybrid clock has 48 bits of milliseconds."""


class Filter(NamedTuple):
    """A search, read.

    Attributes:
        words: what is looked for in texts and file names; may be empty.
        senders, channels: as they were typed; empty means all.
        has: parts of which a message carries one; empty means any message.
        marks: marks of which a message bears one; empty means any message.
        since_ms, until_ms: from then on, and before then.
    """

    words: str = ""
    senders: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    has: frozenset[Part] = frozenset()
    marks: frozenset[Mark] = frozenset()
    since_ms: int = 0
    until_ms: int = LAST_MS

    @property
    def narrows(self) -> bool:
        """Whether there is anything in it besides words."""
        return self != Filter(self.words)


def parse(query: str, now_ms: int, zone: tzinfo | None = None) -> Filter:
    """What a query means at a time; `zone` None is this machine's.

    Raises:
        UsageError: a filter has a value that makes no sense; says which there are.
    """
    given: dict[str, list[str]] = {key: [] for key in KEYS}
    for key, quoted, bare in _FILTER.findall(query):
        value = (quoted or bare).strip()
        if value:
            given[key.lower()].append(value)
    since, until = 0, LAST_MS
    for key in ("before", "after", "on"):
        for value in given[key]:
            start, end = _period(key, value, now_ms, zone)
            if key == "before":
                until = min(until, start)
            elif key == "after":
                since = max(since, end)
            else:
                since, until = max(since, start), min(until, end)
    return Filter(
        words=" ".join(_FILTER.sub(" ", query).split()),
        senders=tuple(value.removeprefix("@") for value in given["from"]),
        channels=tuple(value.removeprefix("#") for value in given["in"]),
        has=frozenset(_one_of("has", HAS, value) for value in given["has"]),
        marks=frozenset(_one_of("is", IS, value) for value in given["is"]),
        since_ms=since,
        until_ms=until,
    )


def _one_of(key: str, known: Iterable[_Word], value: str) -> _Word:
    """The word of a closed list that a value is, or begins, if it is the only one."""
    wanted = value.lower()
    found = [word for word in known if word == wanted or word.startswith(wanted)]
    if len(found) != 1:
        raise UsageError(f"There is no {key}:{value}; there is {key}:{f', {key}:'.join(known)}.")
    return found[0]


def named(value: str, names: Iterable[str]) -> list[str]:
    """The names that a value means: the one that it is, else all that begin with it."""
    wanted = value.casefold()
    known = list(names)
    exact = [name for name in known if name.casefold() == wanted]
    return exact or [name for name in known if name.casefold().startswith(wanted)]


def _period(key: str, value: str, now_ms: int, zone: tzinfo | None) -> tuple[int, int]:
    """From when to when a value of a time filter lasts."""
    back = _BACK.fullmatch(value.lower())
    if back is not None and key != "on":
        at = max(now_ms - int(back[1]) * _UNIT_MS[back[2]], 0)
        return at, at
    try:
        first, last = _days(value.lower(), now_ms, zone)
        return _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"“{value}” is no time for {key}:; write a day like 2026-11-24, a month like 2026-11, "
            "today, yesterday, or 7d for a week ago."
        ) from None


def _days(value: str, now_ms: int, zone: tzinfo | None) -> tuple[date, date]:
    """The first and the last day of a value."""
    if value in _NAMED_DAYS:
        today = datetime.fromtimestamp(now_ms / 1000, zone).date()
        day = today - timedelta(days=_NAMED_DAYS[value])
        return day, day
    parts = _DATE.fullmatch(value)
    if parts is None:
        raise ValueError(value)
    year = int(parts[1])
    if parts[2] is None:
        return date(year, 1, 1), date(year, 12, 31)
    month = int(parts[2])
    if parts[3] is None:
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    day = date(year, month, int(parts[3]))
    return day, day


def _midnight(day: date, zone: tzinfo | None) -> int:
    """When a local day begins."""
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    return max(int(start.timestamp() * 1000), 0)
