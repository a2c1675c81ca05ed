"""What a newer build says: entries, roster ops and messages that this build does not know.

They are made as this build makes its own, with another kind inside; so everything around them is
in order, and whoever cannot read them can still judge, keep and pass them on.
"""

from collections.abc import Sequence

import msgspec

from chat import effects
from chat.engine.people import RosterNews
from chat.workspace import Now
from crdt import entry as entries
from crdt import keys, limits, ops, roster_ops
from crdt.entry import NO_ENTRY, LogId, Position
from crdt.roster_ops import Remove, build
from tests.sim.machine import Machine

UNKNOWN_KIND = 100
"""Of operations, roster ops and messages alike: far above those there are."""
_BODY_KIND = 9
"""Where the kind stands in a roster op."""


def payload(kind: int, fields: Sequence[object]) -> bytes:
    """An operation of any kind, padded as every operation is."""
    body = msgspec.msgpack.encode([kind, *fields])
    size = ops.padded_size(len(body) + 2)
    return len(body).to_bytes(2, "big") + body + bytes(size - len(body) - 2)


def write(machine: Machine, log: LogId, said: bytes, now: Now) -> list[effects.Effect]:
    """One entry with any payload, appended to an own log and sent out. Raises TrustError."""
    workspace = machine.workspace
    epoch = workspace.sending_epoch(log.channel)
    state = workspace.store.log_state(log)
    position = Position(0, NO_ENTRY, b"")
    if state is not None:
        position = Position(state.head + 1, state.head_id, state.head_roster)
    entry = entries.write(
        workspace.id,
        log,
        position,
        said,
        hlc=workspace.clock.tick(now.wall),
        heads=workspace.heads(position.roster),
        epoch=epoch,
        channel_key=workspace.epochs.channel_key(epoch, log.channel),
        sign_seed=workspace.keys.sign_seed,
        nonce=workspace.entropy(limits.NONCE_BYTES),
    )
    workspace.store.mark_newer(workspace.store.append([entry]), log.part)
    engine = machine.engine
    engine._follow(engine.replicator.local([entry], now.mono), now)
    return engine._finish(now)


def roster_op(machine: Machine, now: Now) -> RosterNews:
    """An op of a kind that is not known. Raises TrustError for who is not in."""
    people, seed = machine.engine.people, machine.workspace.keys.sign_seed
    known = build(people._place(now), Remove(machine.workspace.me), seed)
    fields = msgspec.msgpack.decode(known.wire[: -limits.SIGNATURE_BYTES])
    fields[_BODY_KIND] = UNKNOWN_KIND
    body = msgspec.msgpack.encode(fields)
    signature = keys.sign(seed, keys.SIGN_ROSTER, roster_ops.op_id(body))
    return RosterNews(roster_ops.decode(body + signature))


def message() -> bytes:
    """Something about replication, or about blocks."""
    return msgspec.msgpack.encode([UNKNOWN_KIND, b"?", 1])
