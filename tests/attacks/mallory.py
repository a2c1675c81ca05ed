"""Mallory's tools: what a changed program can say that no honest one does.

Desks, links and time are those of `tests.chat.engine_team`; keys and the encoders are the
product's own, since an attacker has the source. Nothing here judges anything.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from chat import effects
from crdt import entry as entries
from crdt import keys, ops
from crdt.entry import NO_ENTRY, Entry, LogId, Position, Run, entry_id, header, to_run
from crdt.keys import digest
from crdt.sync_messages import VERSION, Hello, Message, encode
from tests.chat.engine_team import Desk, Team, Wire

REPLACE = msgspec.structs.replace
GENERAL = "general"


def mutations(data: bytes) -> Iterator[bytes]:
    """Every byte changed in two ways, every length cut to, and something added at both ends."""
    for place in range(len(data)):
        for change in (0x01, 0x80):
            yield data[:place] + bytes((data[place] ^ change,)) + data[place + 1 :]
        yield data[:place]
    for more in (b"\x00", b"\xc0", bytes(64)):
        yield data + more
        yield more + data


def log_of(desk: Desk, channel: str = GENERAL, part: int = ops.PART_TIMELINE) -> LogId:
    """The log that a desk writes."""
    return desk.workspace.own_log(desk.workspace.find_channel(channel), part)


def written(desk: Desk, channel: str = GENERAL, first: int = 0) -> list[Entry]:
    """The entries of a desk's own timeline log."""
    log = log_of(desk, channel)
    return list(desk.workspace.store.entries(log, first, 10_000))


def run_of(desk: Desk, some: Sequence[Entry]) -> Run:
    """Consecutive entries as they travel; the desk knows the roster heads behind them."""
    heads = () if some[0].heads else desk.workspace.store.head_set(some[0].roster) or ()
    return to_run(some, tuple(heads))


def resigned(workspace: bytes, entry: Entry, seed: bytes, **changes: Any) -> Entry:
    """An entry with some fields changed, whose hashes and signature fit again."""
    changed = REPLACE(entry, **changes)
    assert changed.ciphertext is not None
    changed = REPLACE(
        changed, ct_hash=digest(b"x1.ct", changed.ciphertext), ct_len=len(changed.ciphertext)
    )
    identity = entry_id(header(workspace, changed))
    return REPLACE(changed, id=identity, signature=keys.sign(seed, keys.SIGN_ENTRY, identity))


def forged(
    desk: Desk,
    payload: bytes,
    *,
    channel: str = GENERAL,
    part: int = ops.PART_TIMELINE,
    after: Entry | None = None,
    hlc: int = 1 << 60,
    heads: Sequence[bytes] = (),
    epoch: bytes = b"",
    key: bytes = b"",
) -> Entry:
    """An entry of this desk's device with any payload, heads, epoch and clock."""
    workspace = desk.workspace
    log = log_of(desk, channel, part)
    position = Position(0, NO_ENTRY, b"")
    if after is not None:
        position = Position(after.seq + 1, after.id, after.roster)
    epoch = epoch or workspace.epochs.current(workspace.scope_of(log.channel)) or bytes(32)
    return entries.write(
        workspace.id,
        log,
        position,
        payload,
        hlc=hlc,
        heads=tuple(heads) or workspace.heads(position.roster),
        epoch=epoch,
        channel_key=key or workspace.epochs.channel_key(epoch, log.channel),
        sign_seed=workspace.keys.sign_seed,
        nonce=desk.entropy(24),
    )


def say(team: Team, wire: Wire, sender: Desk, *messages: Message | bytes) -> None:
    """Deliver what Mallory's program says to the other end of its link, at once."""
    receiver = wire.other(sender)
    for message in messages:
        payload = message if isinstance(message, bytes) else encode(message)
        if wire.up:
            team.do(
                receiver,
                lambda now, payload=payload: receiver.engine.receive(  # type: ignore[misc]
                    wire.number, payload, False, now
                ),
            )


def greet(team: Team, sender: Desk, receiver: Desk) -> Wire:
    """A link on which Mallory's program has said hello, and nothing of its own goes before."""
    wire = team.link(sender, receiver)
    nothing = bytes(16)
    say(team, wire, sender, Hello(VERSION, b"mallory!", 0, bytes(8), None, *(nothing,) * 3, 0))
    return wire


def complaints(desk: Desk) -> list[str]:
    """Why a desk ended links."""
    return [told.reason for told in desk.told if isinstance(told, effects.CloseLink)]
