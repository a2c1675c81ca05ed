"""Reading: entries that were verified and stored are opened and projected for the face.

Statements of erasure are obeyed first (`chat.erasing`). An entry whose key is not here waits for
it; one whose operation is newer than this build is kept and marked; one that opens to nonsense is
its author's fault and is set aside; one that is void is marked, and not opened; one that hides a
message counts from an admin alone. None of them stops the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from chat.erasing import obey
from chat.voiding import Turned, Voiding, plain_posts
from chat.workspace import Now, Workspace
from crdt import entry as entries
from crdt import ops
from crdt.entry import Entry
from crdt.erasure import OPEN_EPOCH, open_op
from crdt.errors import Invalid, NotReadable, TooNew

if TYPE_CHECKING:
    from chat.store.projection import ProjectedChange

READ_AGAIN_ENTRIES = 1_000
"""Entries read at once when all are read; about a megabyte."""

DROPPED_MAX = 2_000
"""Messages that are forgotten one by one; of more, reading the channel anew is as fast."""


class Reading(NamedTuple):
    """What a batch of entries changed.

    Attributes:
        notes: channels whose notes log grew.
        files: what messages that are new here carry.
    """

    changes: list[ProjectedChange]
    notes: set[bytes]
    files: list[ops.FileInfo]


def read(
    workspace: Workspace, voiding: Voiding, batch: Iterable[tuple[int, Entry]], now: Now
) -> Reading:
    """Open and project (arrival, entry) pairs.

    Clocks of all of them are followed, whatever they say: others follow them as well, and by what
    was known before is judged whose clock runs ahead.
    """
    followed = workspace.clock.followed(now.wall)
    opened: list[tuple[Entry, int, ops.AnyOp, bytes, bool]] = []
    notes: set[bytes] = set()
    void: list[int] = []
    for arrival, entry in obey(workspace, voiding, batch):
        workspace.clock.merge(entry.hlc, now.wall)
        member = workspace.member_of(entry.log.device)
        if member is not None and voiding.is_void(entry, member):
            void.append(arrival)
            continue
        if entry.ciphertext is None:
            if member is not None:
                for op in _left(workspace, entry):
                    opened.append((entry, arrival, op, member, member == workspace.me))
            continue
        said = _open(workspace, arrival, entry)
        if said is None:
            continue
        op = ops.Delete(said.salt) if isinstance(said, ops.Erase) else said
        if isinstance(op, ops.NoteUpdate):
            notes.add(entry.log.channel)
            continue
        if member is None or not workspace.counts(entry, op):
            continue
        opened.append((entry, arrival, op, member, member == workspace.me))
    if void:
        workspace.store.mark_void(void)
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


def read_waiting(
    workspace: Workspace, voiding: Voiding, epochs: Sequence[bytes], now: Now
) -> Reading:
    """Read what waited for the keys of these epochs."""
    whole = Reading([], set(), [])
    for epoch in epochs:
        after = 0
        while waiting := workspace.store.waiting(epoch, after):
            after = waiting[-1][0]
            workspace.store.clear_waiting(epoch, after)
            _add(whole, read(workspace, voiding, waiting, now))
    return whole


def read_everything(workspace: Workspace, voiding: Voiding, now: Now) -> None:
    """Another build projected otherwise: make what is read from the entries once more."""
    store, arrival = workspace.store, 0
    store.clear_projection()
    while batch := store.since(arrival, READ_AGAIN_ENTRIES):
        read(workspace, voiding, batch, now)
        arrival = batch[-1][0]
    store.finish_projection()


def read_turned(workspace: Workspace, voiding: Voiding, turned: Turned, now: Now) -> Reading:
    """Forget what is void now and was read, and read what stands now and did not.

    What was forgotten is not among the changes: all of those channels may look different.
    """
    store, whole = workspace.store, Reading([], set(), [])
    anew: set[bytes] = set()
    for channel, arrivals in turned.fallen.items():
        posts = plain_posts(workspace, arrivals) if len(arrivals) <= DROPPED_MAX else None
        if posts is not None and store.drop_plain(channel, posts):
            store.mark_void(arrivals)
            continue
        anew.add(channel)
        arrival = 0
        with store.made_anew(channel):
            while batch := store.entries_of(channel, arrival):
                read(workspace, voiding, batch, now)
                arrival = batch[-1][0]
    for arrival in turned.standing:
        entry = store.entry_at(arrival)
        if entry is not None and entry.log.channel not in anew:
            _add(whole, read(workspace, voiding, [(arrival, entry)], now))
    return whole


def _add(whole: Reading, part: Reading) -> None:
    whole.changes.extend(part.changes)
    whole.notes.update(part.notes)
    whole.files.extend(part.files)


def _left(workspace: Workspace, entry: Entry) -> tuple[ops.AnyOp, ...]:
    """What an entry says that was erased: a message keeps its place, as one taken back, until it is
    too old to be shown."""
    state = workspace.store.log_state(entry.log)
    if state is not None and entry.seq < state.forgotten:
        return ()
    salt = workspace.store.erased_post(entry.log, entry.seq)
    return () if salt is None else (ops.Delete(salt), ops.Post(salt, ""))


def _open(workspace: Workspace, arrival: int, entry: Entry) -> ops.AnyOp | None:
    try:
        return _operation(workspace, entry)
    except NotReadable:
        workspace.store.mark_waiting(arrival, entry.epoch)
    except TooNew:
        workspace.store.mark_newer(arrival, entry.log.part)
    except Invalid as error:
        workspace.store.quarantine(entry.log.channel, entry.id, str(error))
    return None


def _operation(workspace: Workspace, entry: Entry) -> ops.AnyOp:
    if entry.epoch == OPEN_EPOCH:
        return open_op(workspace.id, entry)
    key = workspace.epochs.channel_key(entry.epoch, entry.log.channel)
    op = ops.decode(entries.open_payload(workspace.id, entry, key), entry.log.part)
    if isinstance(op, ops.Erase):
        raise Invalid("a statement of erasure that relays cannot read")
    return op
