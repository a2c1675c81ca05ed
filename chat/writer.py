"""Writing: an operation becomes a signed, sealed, chained entry of an own log."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chat.workspace import Now, Workspace
from crdt import entry as entries
from crdt import limits, ops
from crdt.entry import NO_ENTRY, Entry, Position

if TYPE_CHECKING:
    from chat.store.projection import ProjectedChange


class Written(NamedTuple):
    """An own entry, appended and projected, not yet committed or sent."""

    entry: Entry
    change: ProjectedChange


def write(workspace: Workspace, channel: bytes, op: ops.AnyOp, now: Now) -> Written:
    """Append one operation to the own log of its part.

    Raises:
        TrustError, Unavailable: this device cannot write there now.
        crdt.errors.Invalid: the operation breaks a limit.
    """
    payload = ops.encode(op)
    epoch = workspace.sending_epoch(channel)
    log = workspace.own_log(channel, ops.part_of(op))
    state = workspace.store.log_state(log)
    if state is None:
        position = Position(0, NO_ENTRY, b"")
    else:
        position = Position(state.head + 1, state.head_id, state.head_roster)
    heads = workspace.heads(position.roster)
    entry = entries.write(
        workspace.id,
        log,
        position,
        payload,
        hlc=workspace.clock.tick(now.wall),
        heads=heads,
        epoch=epoch,
        channel_key=workspace.epochs.channel_key(epoch, channel),
        sign_seed=workspace.keys.sign_seed,
        nonce=workspace.entropy(limits.NONCE_BYTES),
    )
    workspace.store.remember_head_set(entry.roster, heads)
    arrival = workspace.store.append([entry])
    change = workspace.store.project(
        entry, arrival, op, workspace.me, now_ms=now.wall, mine=True, me=workspace.me
    )
    return Written(entry, change)
