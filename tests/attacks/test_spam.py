"""Attack 49: a member writes 100 MB that break no rule."""

import os
import time

import pytest

from chat.engine.warnings import warnings
from crdt import budget, keys
from crdt.budget import DAY_MS
from crdt.entry import Entry, Position, write
from crdt.limits import ANTI_ENTROPY_MS, BUDGET_DAY_BYTES, PAYLOAD_MAX_BYTES
from tests.attacks.mallory import complaints, log_of
from tests.chat.engine_team import Desk, Team, hlc

SHARE = int(os.environ.get("ATTACK_SPAM_SHARE", "4"))
"""Spam and quota are this part of 100 MB and 64 MiB; with 1 it takes 3 to 11 s."""
SPAM_BYTES = 100_000_000 // SHARE
DAY_BYTES = BUDGET_DAY_BYTES // SHARE
TURN_MAX_SECONDS = 1.0


def spammed(desk: Desk) -> int:
    """Mallory's program writes straight into its store; gives how many entries it made."""
    workspace, log = desk.workspace, log_of(desk)
    epoch = workspace.epochs.current(workspace.scope)
    assert epoch is not None
    key = workspace.epochs.channel_key(epoch, log.channel)
    # Of an operation that no build knows yet: kept and passed on like all others.
    payload = b"\x92\x7f\xc5" + (PAYLOAD_MAX_BYTES - 5).to_bytes(2, "big")
    payload += bytes(PAYLOAD_MAX_BYTES - len(payload))
    position, entries = Position(0, bytes(32), b""), list[Entry]()
    for number in range(SPAM_BYTES // PAYLOAD_MAX_BYTES + 1):
        entry = write(
            workspace.id,
            log,
            position,
            payload,
            hlc=hlc(0) + number,
            heads=workspace.heads(position.roster),
            epoch=epoch,
            channel_key=key,
            sign_seed=workspace.keys.sign_seed,
            nonce=keys.digest(b"x1.test", number.to_bytes(4, "big"))[:24],
        )
        position = Position(entry.seq + 1, entry.id, entry.roster)
        entries.append(entry)
    workspace.store.append(entries)
    desk.store.commit()
    return len(entries)


def bytes_of(desk: Desk, author: Desk) -> int:
    rows = desk.workspace.store.logs()
    return sum(
        entry.ct_len
        for state in rows
        if state.log.device == author.workspace.device
        for entry in desk.workspace.store.entries(state.log, state.low, state.head)
    )


def test_49_a_quota_stops_100_mb_of_valid_spam_and_everybody_else_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budget, "BUDGET_DAY_BYTES", DAY_BYTES)
    team = Team(seed=49)
    ana = team.found("ana")
    bo, mal = team.join("bo", ana), team.join("mal", ana)
    team.isolate(mal)
    count = spammed(mal)
    wire, lasted = team.link(mal, ana), list[float]()
    for number in range(20):  # Bo talks while it comes in.
        said = team.mono
        team.post(bo, f"message {number}")
        while f"message {number}" not in ana.texts():
            before = time.process_time()
            assert team._step(said + 2_000), "heard within two seconds of the team's time"
            lasted.append(time.process_time() - before)
        team.run(300)
    team.run(60_000)
    assert max(lasted) < TURN_MAX_SECONDS, "no turn holds up the others"
    held = bytes_of(ana, mal)
    assert 0.9 * DAY_BYTES < held <= DAY_BYTES
    assert bytes_of(bo, mal) <= DAY_BYTES
    assert wire.up
    assert complaints(ana) == complaints(bo) == []
    (sentence,) = warnings(ana.workspace, ana.engine.budget.closed())
    assert sentence.startswith("A device of mal wrote more than 64 MB today.")
    asked = len(wire.sent)
    team.post(bo, "and on we go")
    team.run(5 * 60_000)
    assert "and on we go" in ana.texts()
    assert len(wire.sent) - asked < 20, "what is left out is not asked for again today"
    # It is a delay and no loss: the rest comes the next day.
    for desk in (ana, bo, mal):
        desk.wall_ahead_ms += DAY_MS
    team.run(3 * ANTI_ENTROPY_MS)
    state = ana.workspace.store.log_state(log_of(mal))
    assert state is not None
    assert state.head == count - 1
    assert warnings(ana.workspace, ana.engine.budget.closed()) == []
