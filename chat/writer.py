"""Writing: operations become signed, sealed, chained entries of an own log.

Of most writes the one with the largest stamp stands. One that a clock of the future made would
stand for years, so what is to replace it is stamped right behind it, although the own clock, which
messages are ordered by, does not follow it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from chat.workspace import Now, Workspace
from crdt import entry as entries
from crdt import limits, ops
from crdt.clock import READING_MAX
from crdt.entry import NO_ENTRY, Entry, Position
from crdt.erasure import OPEN_EPOCH, open_key

if TYPE_CHECKING:
    from chat.store.projection import ProjectedChange


class Written(NamedTuple):
    """Own entries of one log, appended and projected, not yet committed or sent.

    Statements of erasure are not projected: who reads them obeys them, too.
    """

    entries: list[Entry]
    changes: list[ProjectedChange]
    first_arrival: int


def write(workspace: Workspace, channel: bytes, said: Sequence[ops.AnyOp], now: Now) -> Written:
    """Append operations of one part, at least one, to the own log of that part.

    Raises:
        TrustError, Unavailable: this device cannot write there now.
        crdt.errors.Invalid: an operation breaks a limit; nothing is written then.
    """
    payloads = [ops.encode(op) for op in said]
    epoch = workspace.sending_epoch(channel)
    for_all = isinstance(said[0], ops.Erase)
    if for_all:
        epoch, key = OPEN_EPOCH, open_key(workspace.id, channel)
    else:
        key = workspace.epochs.channel_key(epoch, channel)
    log = workspace.own_log(channel, ops.part_of(said[0]))
    state = workspace.store.log_state(log)
    if state is None:
        position = Position(0, NO_ENTRY, b"")
    else:
        position = Position(state.head + 1, state.head_id, state.head_roster)
    heads = workspace.heads(position.roster)
    written: list[Entry] = []
    behind = 0
    for op, payload in zip(said, payloads, strict=True):
        hlc = workspace.clock.tick(now.wall)
        behind = max(behind, workspace.store.standing(channel, op, workspace.me))
        if hlc <= behind < READING_MAX:
            hlc = behind = behind + 1
        entry = entries.write(
            workspace.id,
            log,
            position,
            payload,
            hlc=hlc,
            heads=heads,
            epoch=epoch,
            channel_key=key,
            sign_seed=workspace.keys.sign_seed,
            nonce=workspace.entropy(limits.NONCE_BYTES),
            followed=len(written) + 1 < len(payloads),
        )
        position = Position(entry.seq + 1, entry.id, entry.roster)
        written.append(entry)
    first = workspace.store.append(written)
    if for_all:
        return Written(written, [], first)
    items = [
        (entry, arrival, op, workspace.me, True)
        for arrival, (entry, op) in enumerate(zip(written, said, strict=True), first)
        if workspace.counts(entry, op)
    ]
    changes = workspace.store.project_many(items, now_ms=now.wall, me=workspace.me)
    return Written(written, changes, first)
