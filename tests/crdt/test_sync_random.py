"""In whatever order writes, cuts, restarts and meetings come: all stores end equal."""

from hypothesis import given, settings
from hypothesis import strategies as st

from crdt.ops import PART_STATE, PART_TIMELINE
from crdt.sync_ports import Misbehaved
from tests.crdt.memory_replica import (
    Net,
    Replica,
    Wire,
    channel_id,
    same,
    stored_entries,
    workspace_of,
)

CHANNELS = [channel_id("general"), channel_id("cats")]
REPLICAS = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("write"), REPLICAS, st.integers(0, 1), st.sampled_from([1, 2, 70, 300])),
    st.tuples(st.just("state"), REPLICAS, st.integers(0, 1), st.just(1)),
    st.tuples(st.just("link"), REPLICAS, REPLICAS, st.just(0)),
    st.tuples(st.just("cut"), st.integers(0, 5), st.just(0), st.just(0)),
    st.tuples(st.just("wait"), st.integers(0, 60), st.just(0), st.just(0)),
    st.tuples(st.just("restart"), REPLICAS, st.just(0), st.just(0)),
)


def heal(net: Net, replicas: list[Replica]) -> None:
    """Link everybody in a ring of open links, and let the network come to rest."""
    for wire in list(net.wires.values()):
        net.cut(wire)
    for number, replica in enumerate(replicas):
        net.connect(replica, replicas[(number + 1) % len(replicas)])
    net.run(60_000)


def restart(net: Net, replica: Replica) -> None:
    """The process ends: its links break, and a new machine starts on what was stored."""
    for wire in list(net.wires.values()):
        if replica in wire.ends:
            net.cut(wire)
    net.wake.pop(replica.name, None)
    replica.restart()


def take_step(net: Net, replicas: list[Replica], step: tuple[str, int, int, int]) -> None:
    kind, first, second, third = step
    if kind in ("write", "state"):
        part = PART_TIMELINE if kind == "write" else PART_STATE
        replica = replicas[first]
        effects = replica.write(CHANNELS[second], "text", count=third, now=net.now, part=part)
        net.run_effects(replica, effects)
    elif kind == "link" and first != second:
        ends = {replicas[first], replicas[second]}
        if not any(wire.up and set(wire.ends) == ends for wire in net.wires.values()):
            net.connect(replicas[first], replicas[second])
    elif kind == "cut":
        live: list[Wire] = [wire for wire in net.wires.values() if wire.up]
        if live:
            net.cut(live[first % len(live)])
    elif kind == "wait":
        net.run(first)
    elif kind == "restart":
        restart(net, replicas[first])


@settings(max_examples=120, deadline=None)
@given(st.lists(STEPS, max_size=40), st.integers(0, 1_000))
def test_any_schedule_converges_and_loses_nothing(
    steps: list[tuple[str, int, int, int]], seed: int
) -> None:
    replicas = workspace_of("ana", "ben", "cem")
    net = Net(seed)
    net.join(*replicas)
    for step in steps:
        take_step(net, replicas, step)
    heal(net, replicas)
    assert same(*replicas)
    assert not [effect for _, effect in net.log if isinstance(effect, Misbehaved)]
    for replica in replicas:
        assert all(state.low == 0 for state in replica.store.logs())
        assert replica.machine.behind() == 0
        live = [number for number, wire in net.wires.items() if wire.up and replica in wire.ends]
        assert all(replica.machine.in_sync(number) for number in live)
        told = [entry.id for entry in stored_entries(replica.effects)]
        assert len(told) == len(set(told)), "an entry was reported twice"
        own = sum(entry.log.device == replica.device for entry in replica.store.arrivals)
        assert len(told) + own == replica.store.arrival_max
