"""The earlier states of a channel's notes: which there are.

The updates that make the text stand in one order for everybody (crdt.notes), so the text after any
of them is a state that everybody can name by that update's entry id and build again. Nothing is
kept for that: the logs are there anyway. An editor sends an update every few hundred milliseconds,
so what is listed are *sittings*: updates of one member that follow each other in the order, with
no long pause. A sitting is called by its last update.

The order is not that of the clocks. Somebody who wrote while apart has their place where what they
had seen ends, and what merges in there later is in the states behind it from then on.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from chat.notes.limits import SITTING_PAUSE_MS
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
        start, follower = end - 1, time_of(last.entry_id)
        while start and replayed[start - 1].member == last.member:
            before = time_of(replayed[start - 1].entry_id)
            if abs(follower - before) > SITTING_PAUSE_MS:
                break
            start, follower = start - 1, before
        found.append(_sitting(replayed[start:end], time_of(last.entry_id)))
        end = start
    return found


def _sitting(updates: Sequence[SignedUpdate], at: int) -> Sitting:
    written = removed = 0
    for each in updates:
        change = check(each.op, each.client)
        written += sum(item.length for item in change.items if item.text is not None)
        removed += sum(end - first for _, first, end in change.deletes)
    last = updates[-1]
    return Sitting(last.entry_id, last.member, at, len(updates), written, removed)
