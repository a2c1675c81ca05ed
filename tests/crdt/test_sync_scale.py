"""What meeting again costs in a workspace of 1,000 channels with 200 authors in each: 200,000 logs.

Both stores are filled directly: for these questions a log is the place of its head. What is
written afterwards are real entries, which continue those heads and are verified by the receiver.
The machines are the production ones; time and network are virtual.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import pytest

from crdt import entry as entries
from crdt import limits
from crdt.entry import Entry, LogId, Position
from crdt.keys import DeviceKeys, digest
from crdt.ops import PART_TIMELINE, Post, encode
from crdt.sync_messages import decode, log_fingerprint
from tests.crdt.fake_roster import FakeRoster
from tests.crdt.memory_network import Net, Wire
from tests.crdt.memory_replica import (
    EPOCH,
    KEY,
    WORKSPACE,
    MemoryStore,
    Replica,
    State,
    channel_id,
    device_keys,
)

CHANNELS, AUTHORS = 1_000, 200
DELAY_MS = 10
HEAD_SEQ = 99
HEAD_HLC = 1_000 << 16


class Town(NamedTuple):
    """A workspace in which everybody has written everywhere."""

    roster: FakeRoster
    authors: tuple[DeviceKeys, ...]
    channels: tuple[bytes, ...]
    states: dict[LogId, State]
    prints: dict[bytes, int]


@cache
def town(channels: int = CHANNELS, authors: int = AUTHORS) -> Town:
    """One made once; whoever lives in it copies it."""
    names = ("ana", "ben", *(f"author {number}" for number in range(2, authors)))
    people = {keys.public.sign: keys for keys in map(device_keys, names)}
    roster = FakeRoster()
    for device in people:
        roster.admit(device)
    places = tuple(channel_id(str(number)) for number in range(channels))
    incarnation = bytes(8)
    roster_hash = roster.heads_hash
    states: dict[LogId, State] = {}
    prints: dict[bytes, int] = {}
    for channel in places:
        total = 0
        for device in people:
            log = LogId(channel, PART_TIMELINE, device, incarnation)
            head = hashlib.blake2b(channel + device, digest_size=32).digest()
            states[log] = State(log, 0, HEAD_SEQ, head, bytes(32), roster_hash, HEAD_HLC)
            total += log_fingerprint(head)
        prints[channel] = total % 2**128
    return Town(roster, tuple(people.values()), places, states, prints)


def resident(name: str, of: Town) -> Replica:
    """A replica that holds all of it. Its order of arrival is one of its own, but ends alike."""
    store = MemoryStore(digest(b"x1.test", b"store of", name.encode())[:8])
    store.states, store.prints = dict(of.states), dict(of.prints)
    store.sets[of.roster.heads_hash] = tuple(of.roster.heads)
    store.last_arrival = dict.fromkeys(of.states, len(of.states))
    newest = next(reversed(of.states.values()))
    some = Entry(
        newest.log,
        newest.head,
        newest.head_id,
        bytes(32),
        HEAD_HLC,
        newest.head_roster,
        EPOCH,
        bytes(24),
        (),
        b"",
        bytes(32),
        0,
        b"",
    )
    store.arrivals = [some] * len(of.states)
    return Replica(name, of.roster, store=store)


def next_entry(store: MemoryStore, roster: FakeRoster, keys: DeviceKeys, channel: bytes) -> Entry:
    """What an author writes next in a channel, as it stands in a store."""
    log = LogId(channel, PART_TIMELINE, keys.public.sign, bytes(8))
    state = store.states[log]
    salt = digest(b"x1.test", log.device, channel, state.head_id)
    return entries.write(
        WORKSPACE,
        log,
        Position(state.head + 1, state.head_id, state.head_roster),
        encode(Post(salt[:16], "what happened while you were away?")),
        hlc=state.head_hlc + 1,
        heads=tuple(roster.heads),
        epoch=EPOCH,
        channel_key=KEY,
        sign_seed=keys.sign_seed,
        nonce=salt[:24],
    )


def met(of: Town) -> tuple[Net, Replica, Replica, Wire]:
    """Two who met, found that they hold the same, and parted."""
    ana, ben = resident("ana", of), resident("ben", of)
    net = Net(delay_ms=(DELAY_MS, DELAY_MS))
    wire = net.connect(ana, ben)
    net.run(1_000)
    net.cut(wire)
    return net, ana, ben, wire


def kinds(wire: Wire) -> list[str]:
    return [f"{name} {type(decode(payload)).__name__}" for name, _, payload in wire.sent]


def alone(written: Sequence[Entry]) -> int:
    """Bytes of entries of as many logs, each sent by itself."""
    return sum(
        len(entries.encode_run(entries.to_run([entry], entry.heads or (bytes(32),))))
        for entry in written
    )


def test_who_never_met_and_holds_the_same_says_so_in_one_hello() -> None:
    _, ana, ben, wire = met(town())
    assert kinds(wire) == ["ana Hello", "ben Hello"]
    for one, other in ((ana, ben), (ben, ana)):
        assert one.store.cursor(other.store.replica_id) == (
            other.store.arrival_max,
            other.store.id_at(other.store.arrival_max),
        )


@pytest.mark.parametrize(("channels", "authors"), [(1, 2), (10, 20), (CHANNELS, AUTHORS)])
def test_meeting_again_in_sync_costs_the_same_in_every_workspace(
    channels: int, authors: int
) -> None:
    net, ana, ben, _ = met(town(channels, authors))
    again = net.connect(ana, ben)
    net.run(5_000)
    assert kinds(again) == ["ana Hello", "ben Hello"]
    for replica in (ana, ben):
        assert replica.machine.in_sync(again.number)
        assert replica.machine.behind() == 0
        # The arrival numbers take 1 to 5 bytes each; nothing else has a size of its own.
        assert 100 <= again.bytes_from(replica) <= 112 <= limits.HELLO_MAX_BYTES


def test_ten_changed_logs_come_after_one_round_trip_and_cost_less_than_a_kilobyte_more() -> None:
    of = town()
    net, ana, ben, _ = met(of)
    written = [
        next_entry(ana.store, of.roster, of.authors[number * 7 + 2], of.channels[number * 90])
        for number in range(10)
    ]
    for entry in written:
        ana.store.append([entry])
    again = net.connect(ana, ben)
    net.run(2 * DELAY_MS - 1)
    assert ben.store.arrival_max == CHANNELS * AUTHORS, "a hello there, and the answer here"
    net.run(1)
    assert all(ben.store.states[entry.log].head_id == entry.id for entry in written)
    net.run(5_000)
    assert ana.store.fingerprints() == ben.store.fingerprints()
    assert ana.machine.in_sync(again.number)
    assert ben.machine.in_sync(again.number)

    sizes: dict[str, int] = {}
    for kind, (_, _, payload) in zip(kinds(again), again.sent, strict=True):
        sizes[kind] = sizes.get(kind, 0) + len(payload)
    assert sorted(sizes) == ["ana Entries", "ana Hello", "ben Hello", "ben Receipt"]
    receipt = sizes.pop("ben Receipt")
    assert sum(sizes.values()) - alone(written) < 512
    assert receipt < 1_024, "of ten authors, of whom it says the keys"
