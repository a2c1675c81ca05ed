"""Reading: entries that were verified and stored are opened and projected for the face.

An entry whose key is not here waits for it; one whose operation is newer than this build is kept
and marked; one that opens to nonsense is its author's fault and is set aside. None of them stops
the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from chat.workspace import Now, Workspace
from crdt import entry as entries
from crdt import ops
from crdt.entry import Entry
from crdt.errors import Invalid, NotReadable, TooNew

if TYPE_CHECKING:
    from chat.store.projection import ProjectedChange


class Reading(NamedTuple):
    """What a batch of entries changed.

    Attributes:
        notes: channels whose notes log grew.
        files: what messages that are new here carry.
    """

    changes: list[ProjectedChange]
    notes: set[bytes]
    files: list[ops.FileInfo]


def read(workspace: Workspace, batch: Iterable[tuple[int, Entry]], now: Now) -> Reading:
    """Open and project (arrival, entry) pairs.

    Clocks of all of them are followed, whatever they say: others follow them as well, and by what
    was known before is judged whose clock runs ahead.
    """
    followed = workspace.clock.followed(now.wall)
    opened: list[tuple[Entry, int, ops.AnyOp, bytes, bool]] = []
    notes: set[bytes] = set()
    for arrival, entry in batch:
        workspace.clock.merge(entry.hlc, now.wall)
        op = _open(workspace, arrival, entry)
        if op is None:
            continue
        if isinstance(op, ops.NoteUpdate):
            notes.add(entry.log.channel)
            continue
        member = workspace.member_of(entry.log.device)
        if member is None:
            continue
        opened.append((entry, arrival, op, member, member == workspace.me))
    if not opened:
        return Reading([], notes, [])
    changes = workspace.store.project_many(
        opened, now_ms=now.wall, me=workspace.me, followed=followed
    )
    files: list[ops.FileInfo] = []
    for (_, _, op, _, _), change in zip(opened, changes, strict=True):
        if change.is_new and isinstance(op, ops.Post):
            files += op.files
    return Reading(changes, notes, files)


def read_waiting(workspace: Workspace, epochs: Sequence[bytes], now: Now) -> Reading:
    """Read what waited for the keys of these epochs."""
    whole = Reading([], set(), [])
    for epoch in epochs:
        after = 0
        while waiting := workspace.store.waiting(epoch, after):
            after = waiting[-1][0]
            workspace.store.clear_waiting(epoch, after)
            reading = read(workspace, waiting, now)
            whole.changes.extend(reading.changes)
            whole.notes.update(reading.notes)
            whole.files.extend(reading.files)
    return whole


def _open(workspace: Workspace, arrival: int, entry: Entry) -> ops.AnyOp | None:
    if entry.ciphertext is None:
        return None
    try:
        key = workspace.epochs.channel_key(entry.epoch, entry.log.channel)
    except NotReadable:
        workspace.store.mark_waiting(arrival, entry.epoch)
        return None
    try:
        return ops.decode(entries.open_payload(workspace.id, entry, key), entry.log.part)
    except TooNew:
        workspace.store.mark_newer(arrival, entry.log.part)
    except Invalid as error:
        workspace.store.quarantine(entry.log.channel, entry.id, str(error))
    return None
