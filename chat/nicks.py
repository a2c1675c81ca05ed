"""Nicks: what members call themselves, told apart when two call themselves the same.

Everybody chooses a nick, and nobody can be kept from choosing another's. So of those whose nicks
people would take for one, one is shown with it and the others with `~` and the first digits of
their member id: who reads `ana~5b8e` knows that this is not ana. The bare nick goes to the most
senior; among equals to those who came in with it, before those who took it later; then to who came
in first. Only the last of these can be bent, and only by whoever let both in.
"""

from collections.abc import Mapping
from typing import NamedTuple

from crdt.text import look

SUFFIX_DIGITS = (4, 8, 16, 32)
"""Of a member id; more than 4 only when somebody calls themselves what is shown with 4."""


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


def _suffixed(nick: str, member: bytes, taken: set[str]) -> str:
    """A nick with as much of the member's id as makes it look like none that is taken."""
    candidates = [f"{nick}~{member.hex()[:digits]}" for digits in SUFFIX_DIGITS]
    return next((each for each in candidates if look(each) not in taken), candidates[-1])
