"""The earlier states of a channel's notes: which there are.

The updates that make the text stand in one order for everybody (crdt.notes), so the text after any
of them is a state that everybody can name by that update's entry id and build again. Nothing is
kept for that: the logs are there anyway. An editor sends an update every few hundred milliseconds,
so what is listed are *sittings*: updates of one member that follow each other in the order, with
no long pause. A sitting is called by its last update. One that removes more than a held Backspace
does, as where a selection is deleted, begins a sitting: so what was there before is listed.

The order is not that of the clocks. Somebody who wrote while apart has their place where what they
had seen ends, and what merges in there later is in the states behind it from then on.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from chat.notes.limits import SITTING_PAUSE_MS, SITTING_REMOVAL_UNITS
from crdt.notes import SignedUpdate, check


class Sitting(NamedTuple):
    """What one member wrote in one go.

    Attributes:
        entry_id: of its last update; the state is the text after it.
        at: wall milliseconds of that update, by its author's clock.
        changes: how many updates it is.
        written, removed: letters (UTF-16 units), as the updates say; what was removed twice counts
            twice.
    """

    entry_id: bytes
    member: bytes
    at: int
    changes: int
    written: int
    removed: int


def sittings(
    replayed: Sequence[SignedUpdate], time_of: Callable[[bytes], int], limit: int
) -> list[Sitting]:
    """The newest `limit` sittings, the last in the order first.

    Args:
        replayed: the updates that make the text, in order.
        time_of: wall milliseconds of an entry by its id.
    """
    found: list[Sitting] = []
    end = len(replayed)
    while end and len(found) < limit:
        last = replayed[end - 1]
        at = follower = time_of(last.entry_id)
        start = end - 1
        written, removed = sizes = _sizes(last)
        while start and sizes[1] < SITTING_REMOVAL_UNITS:
            before = replayed[start - 1]
            then = time_of(before.entry_id)
            if before.member != last.member or abs(follower - then) > SITTING_PAUSE_MS:
                break
            start, follower, sizes = start - 1, then, _sizes(before)
            written, removed = written + sizes[0], removed + sizes[1]
        found.append(Sitting(last.entry_id, last.member, at, end - start, written, removed))
        end = start
    return found


def _sizes(signed: SignedUpdate) -> tuple[int, int]:
    """Letters that an update writes and removes."""
    change = check(signed.op, signed.client)
    written = sum(item.length for item in change.items if item.text is not None)
    return written, sum(end - first for _, first, end in change.deletes)
