"""Nicks: what members call themselves, told apart when two call themselves the same.

Everybody chooses a nick, and nobody can be kept from choosing another's. So of those whose nicks
people would take for one, one is shown with it and the others with `~` and the first digits of
their member id: who reads `ana~5b8e` knows that this is not ana. The bare nick goes to the most
senior; among equals to those who came in with it, before those who took it later; then to who came
in first. Only the last of these can be bent, and only by whoever let both in.

That much is the same for everybody. On one device there may also be petnames, which its member
gave to others. They stand in place of nicks and are marked with a star, so that nobody takes a
nick for one: a nick that looks like somebody's petname, or has a star of its own, gets a suffix.
"""

import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from chat.model_people import PETNAME_MARK
from crdt.text import look

SUFFIX_DIGITS = (4, 8, 16, 32)
"""Of a member id; more than 4 only when somebody calls themselves what is shown with 4."""

_STARS = "\u066d\u22c6"
"""Drawn like the mark of petnames, beside all that have an asterisk in their name."""


class Standing(NamedTuple):
    """Whose nick stands bare among those that look the same: the smallest."""

    level: int
    renamed: bool
    admitted_ms: int
    member: bytes


def tell_apart(nicks: Mapping[bytes, str], standings: Mapping[bytes, Standing]) -> dict[bytes, str]:
    """How the members (ids) with these nicks are shown: no two look the same.

    `standings` has at least those whose nick `rivals` finds more than once.
    """
    taken = {look(nick) for nick in nicks.values()}
    shown: dict[bytes, str] = dict(nicks)
    for group in rivals(nicks):
        _, *others = sorted(group, key=lambda member: standings[member])
        for member in others:
            shown[member] = _suffixed(nicks[member], member, taken)
            taken.add(look(shown[member]))
    return shown


def rivals(nicks: Mapping[bytes, str]) -> list[list[bytes]]:
    """Members whose nicks look the same, at least two in each group."""
    groups: dict[str, list[bytes]] = {}
    for member, nick in nicks.items():
        groups.setdefault(look(nick), []).append(member)
    return [group for group in groups.values() if len(group) > 1]


def as_shown(nicks: Mapping[bytes, str], petnames: Mapping[bytes, str]) -> dict[bytes, str]:
    """How one device shows members: by its petnames, else by the nicks that `tell_apart` gave.

    No two look the same, and nobody who has no petname looks as if they had one.
    """
    claimed: dict[str, bytes] = {}
    for member, petname in petnames.items():
        claimed.setdefault(look(petname), member)
    taken = {*claimed, *map(look, nicks.values())}
    shown: dict[bytes, str] = {}
    for member, petname in petnames.items():
        first = claimed[look(petname)] == member
        shown[member] = (petname if first else _suffixed(petname, member, taken)) + PETNAME_MARK
    for member, nick in nicks.items():
        if member not in petnames:
            clear = look(nick) not in claimed and not _has_star(nick)
            shown[member] = nick if clear else _suffixed(nick, member, taken)
    return shown


def _has_star(nick: str) -> bool:
    """Whether people would take something in it for the mark of petnames."""
    if nick.isascii():
        return PETNAME_MARK in nick
    stars = (c in _STARS or "ASTERISK" in unicodedata.name(c, "") for c in nick)
    return any(stars)


def _suffixed(nick: str, member: bytes, taken: set[str]) -> str:
    """A nick with as much of the member's id as makes it look like none that is taken."""
    candidates = [f"{nick}~{member.hex()[:digits]}" for digits in SUFFIX_DIGITS]
    return next((each for each in candidates if look(each) not in taken), candidates[-1])
