"""Retention: how long the timeline of a channel is kept.

What is older loses its ciphertext, as if its author had erased it, and its log verifies as before
(`crdt.entry`). That is done by each store for itself, from two things it knows: what it was told to
keep on its own machine, and the channel's rule. It takes nobody's word that something was old
enough: an entry without ciphertext is taken only where this store would forget it itself.

A channel's rule is what an admin said last. All words stand in registers of who said them, so a
rule falls with the standing of who gave it, and the one before it counts again; nobody else's
counts. What an earlier rule let everybody forget is gone, and may be missing under a longer one,
too: else who was away meanwhile would wait for it for ever. Rules: docs/protocol/retention.md.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from crdt.clock import milliseconds, reading
from crdt.entry import LogId
from crdt.limits import KEEP_MAX_DAYS, KEEP_MIN_DAYS, KEEP_NOTICE_MS
from crdt.registers import Register
from crdt.roster_ops import LEVEL_ADMIN_MAX

DAY_MS = 24 * 3600 * 1000

Forgets = Callable[[LogId, int], bool]
"""`forgets(log, hlc)`: would this store forget an entry of the log with that reading?"""


def keeps_all(log: LogId, hlc: int) -> bool:
    """For stores that keep everything."""
    return False


class Rule(NamedTuple):
    """What a channel is kept for.

    Attributes:
        days: None for ever.
        from_ms: when it is obeyed; until then somebody may take it back.
        member: who gave it, empty when nobody did.
    """

    days: int | None
    from_ms: int
    member: bytes


NO_RULE = Rule(None, 0, b"")


def days_of(value: str) -> int | None:
    """The days that a register's value says, None when it says none: then all is kept."""
    if not (value.isascii() and value.isdecimal() and len(value) <= len(str(KEEP_MAX_DAYS))):
        return None
    days = int(value)
    return days if KEEP_MIN_DAYS <= days <= KEEP_MAX_DAYS else None


Said = Iterable[tuple[bytes, Register]]
"""What members said, by member."""


def rule_of(said: Said, levels: Mapping[bytes, int]) -> Rule:
    """A channel's rule, from what members said, by who they are now."""
    words = _words(said, levels)
    return words[-1] if words else NO_RULE


def gone_below(said: Said, levels: Mapping[bytes, int], now_ms: int) -> int:
    """The reading below which entries may be missing; 0 when none may.

    The shortest time counts that was ever said: who has not heard what was said since goes by it.
    """
    days = (rule.days for rule in _words(said, levels) if rule.days and rule.from_ms <= now_ms)
    return horizon(min(days, default=None), now_ms)


def _words(said: Said, levels: Mapping[bytes, int]) -> list[Rule]:
    """The rules that those gave who may, in the order in which they count."""
    heard = sorted(
        (word.stamp, member, word.value)
        for member, word in said
        if levels.get(member, LEVEL_ADMIN_MAX + 1) <= LEVEL_ADMIN_MAX
    )
    return [
        Rule(days_of(value), milliseconds(stamp.hlc) + KEEP_NOTICE_MS, member)
        for stamp, member, value in heard
    ]


def horizon(days: int | None, now_ms: int) -> int:
    """The reading below which an entry is older than so many days; 0 when all is kept."""
    return 0 if days is None else reading(max(0, now_ms - days * DAY_MS))
