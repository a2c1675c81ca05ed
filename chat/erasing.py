"""Erasing: what is taken back is forgotten, here and wherever its author's statement comes.

`spelled_out` adds statements to what the user says. `obey` stands at the way in of every entry, on
relays too, which read nothing else: it learns from statements, and sees to it that nothing is kept
which one that stands names, whichever of both came first. Rules: docs/protocol/erasure.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from chat.voiding import Voiding
from chat.workspace import Workspace
from crdt import ops
from crdt.entry import Entry, LogId
from crdt.erasure import OPEN_EPOCH, statement
from crdt.limits import ERASED_PLACES_MAX

if TYPE_CHECKING:
    from chat.store.projection import ProjectedChange

READ_AGAIN_ENTRIES = 1_000
"""Entries looked through at once by a relay; about a megabyte."""


def spelled_out(
    workspace: Workspace, channel: bytes, said: Sequence[ops.AnyOp]
) -> Iterator[ops.Erase]:
    """The statements that operations of this member call for, before these are written."""
    for op in said:
        if isinstance(op, ops.Delete):
            yield from naming(workspace, channel, op.salt)


def strays(workspace: Workspace, changes: Iterable[ProjectedChange]) -> list[tuple[bytes, bytes]]:
    """(channel, salt) of own messages that were taken back and of which something is still here.

    Another device of this member edited one meanwhile, or took it back without saying so to all.
    """
    found: dict[tuple[bytes, bytes], None] = {}
    for change in changes:
        if change.taken_back is None:
            continue
        member, salt = change.taken_back
        mid = ops.message_id(member, salt)
        if member == workspace.me and workspace.store.worded(change.channel, mid):
            found[change.channel, salt] = None
    return list(found)


def naming(workspace: Workspace, channel: bytes, salt: bytes) -> Iterator[ops.Erase]:
    """Statements that name everything that is here of an own message."""
    mid = ops.message_id(workspace.me, salt)
    carrier = workspace.store.carrier(channel, mid)
    places = [
        place
        for place in workspace.store.worded(channel, mid)
        if workspace.member_of(place[0].device) == workspace.me
    ]
    post = _place(carrier) if carrier is not None and carrier in places else None
    others = [_place(place) for place in places if place != carrier]
    size = ERASED_PLACES_MAX - 1
    for start in range(0, max(len(others), 1), size):
        some = tuple(others[start : start + size])
        if some or post is not None:
            yield ops.Erase(salt, post, some)
        post = None


def _place(place: tuple[LogId, int]) -> ops.Place:
    log, seq = place
    return ops.Place(log.device, log.incarnation, seq)


def obey(
    workspace: Workspace, voiding: Voiding, batch: Iterable[tuple[int, Entry]]
) -> Iterator[tuple[int, Entry]]:
    """The (arrival number, entry) pairs of a batch as they are once statements were heard."""
    store = workspace.store
    for arrival, entry in batch:
        if entry.epoch == OPEN_EPOCH:
            _hear(workspace, voiding, arrival, entry)
        elif entry.ciphertext is not None and store.is_named(entry.log):
            if any(_stands(workspace, voiding, s) for s in store.statements(entry.log, entry.seq)):
                store.erase(entry.log, [entry.seq])
                yield arrival, msgspec.structs.replace(entry, ciphertext=None)
                continue
        yield arrival, entry


def obey_all(workspace: Workspace, voiding: Voiding, batch: Iterable[tuple[int, Entry]]) -> None:
    """The same, for a relay, which reads no further."""
    for _ in obey(workspace, voiding, batch):
        pass


def hear_all(workspace: Workspace, voiding: Voiding) -> None:
    """An older build kept statements that it could not read: obey them now."""
    store, arrival = workspace.store, 0
    while batch := store.since(arrival, READ_AGAIN_ENTRIES):
        obey_all(workspace, voiding, batch)
        arrival = batch[-1][0]
    store.finish_projection()


def _hear(workspace: Workspace, voiding: Voiding, arrival: int, entry: Entry) -> None:
    erasure = statement(workspace.id, entry, workspace.roster)
    if erasure is None:
        return
    store = workspace.store
    store.add_erasure(arrival, erasure)
    if _stands(workspace, voiding, arrival):
        for log, seq in erasure.places:
            store.erase(log, [seq])


def _stands(workspace: Workspace, voiding: Voiding, arrival: int) -> bool:
    """Whether the statement with an arrival number is not void."""
    entry = workspace.store.entry_at(arrival)
    member = None if entry is None else workspace.member_of(entry.log.device)
    return entry is not None and member is not None and not voiding.is_void(entry, member)
