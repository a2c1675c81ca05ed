"""Where a member stands: what follows from the admissions, grants and removals that count.

Ops are judged level by level (`roster_resolution`), so a question about level L must have the same
answer before and after the turns of more junior levels. That is why a standing is looked for level
by level too: somebody is at L when what is more senior than L says so, whatever else there is.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from crdt.roster_history import Node

NOBODY = 255
"""The standing of who is not in: a larger number than any level."""


class Event(NamedTuple):
    """Something that counts and says where a member stands.

    Attributes:
        indexes: of the ops; several when one claim was published by several witnesses.
        stratum: in whose turn it was judged; never a larger number than `level`.
        level: what it gives; NOBODY for a removal.
        key: the smallest id of the ops.
    """

    indexes: tuple[int, ...]
    stratum: int
    level: int
    key: bytes
    admission: bool

    def is_known_at(self, level: int) -> bool:
        """Whether it may say something about who acts at a level.

        Of that level itself are what gives it (admissions, and among founders grants), which opens
        its turn, and leaving.
        """
        if self.stratum == level:
            return self.admission or self.level in (level, NOBODY)
        return self.stratum < level


class Standings:
    """The events of a judgement so far, by member."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self.events: dict[bytes, list[Event]] = defaultdict(list)

    def standing(self, member: bytes, within: int, most: int) -> int:
        """A member's level after a set of ops with all their pasts, if it is at most `most`.

        NOBODY when it is not in, or has a larger number.
        """
        found = [
            event
            for event in self.events.get(member, ())
            if any(within >> index & 1 for index in event.indexes)
        ]
        if len(found) == 1:
            level = found[0].level
            return level if level <= most else NOBODY
        for level in sorted({event.level for event in found}):
            if level > most or level == NOBODY:
                break
            if self._stands_at(level, [e for e in found if e.is_known_at(level)], within):
                return level
        return NOBODY

    def _stands_at(self, level: int, found: list[Event], within: int) -> bool:
        """Whether those events that no other follows say so; no smaller level came out so far."""
        last = [
            event
            for event in found
            if not any(
                # Two claims that were each shown again after the other do not follow each other.
                self._follows(other, event, within) and not self._follows(event, other, within)
                for other in found
            )
        ]
        if any(event.level == NOBODY for event in last):
            return False
        left = [event for event in last if event.level >= level]
        if not left:
            return False
        return min(left, key=lambda event: (event.stratum, -event.level, event.key)).level == level

    def _follows(self, later: Event, earlier: Event, within: int) -> bool:
        return later is not earlier and any(
            self._nodes[index].past >> before & 1
            for index in later.indexes
            if within >> index & 1
            for before in earlier.indexes
        )
