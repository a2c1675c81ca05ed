"""Letters of two UTF-16 units, and the updates of the notes that would cut one in half.

The order of the notes (crdt.notes) is taken back and gone on with often, and holds every update
that anybody wrote. So of an update it keeps arrays of clocks, which are about as large as its bytes
and are looked through in one go, and not its items, which are objects of twenty times that.
"""

from array import array
from typing import NamedTuple, TypeAlias

from crdt.yjs_update import Update

Clocks: TypeAlias = "array[int]"
"""Clocks of one client, in no special order; four bytes each."""


class Effect(NamedTuple):
    """What the order needs of an update: a small part of what its items take in memory.

    Attributes:
        start, end: the author's clock before and after it; equal when it only deletes.
        halves: clocks of the second halves of letters of two units that it writes.
        cuts: clocks before which it puts something or where a deletion has its edge, by client.
    """

    start: int
    end: int
    halves: Clocks
    cuts: dict[int, Clocks]


def effect_of(change: Update) -> Effect:
    """What the order needs of an update that was checked."""
    halves = array("I")
    cuts: dict[int, Clocks] = {}
    for item in change.items:
        if item.left is not None:
            cuts.setdefault(item.left.client, array("I")).append(item.left.clock + 1)
        if item.right is not None:
            cuts.setdefault(item.right.client, array("I")).append(item.right.clock)
        if item.text is None or item.length == len(item.text):
            continue
        clock = item.clock
        for letter in item.text:
            if letter > "\uffff":
                halves.append(clock + 1)
                clock += 1
            clock += 1
    for client, first, end in change.deletes:
        cuts.setdefault(client, array("I")).extend((first, end))
    return Effect(change.start, change.end, halves, cuts)


class Halves:
    """Where letters of two UTF-16 units are: the clocks of their second halves, by client."""

    def __init__(self) -> None:
        self._clocks: dict[int, set[int]] = {}

    def add(self, client: int, clocks: Clocks) -> None:
        if clocks:
            self._clocks.setdefault(client, set()).update(clocks)

    def take_back(self, client: int, clocks: Clocks) -> None:
        if clocks:
            self._clocks[client].difference_update(clocks)

    def at(self, client: int, clock: int) -> bool:
        """Whether a cut before this unit would be inside a letter."""
        return clock in self._clocks.get(client, ())

    def cut_by(self, effect: Effect) -> bool:
        """Whether an update, added already, puts or deletes something inside a letter."""
        return any(
            not self._clocks[client].isdisjoint(cuts)
            for client, cuts in effect.cuts.items()
            if client in self._clocks
        )
