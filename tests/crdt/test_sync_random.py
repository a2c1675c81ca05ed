"""In whatever order writes, cuts, restarts, meetings and roster changes come: all end equal."""

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from crdt.entry import LogId
from crdt.ops import PART_STATE
from crdt.sync_ports import Misbehaved
from tests.crdt.fake_roster import FakeRoster
from tests.crdt.memory_network import Net, Wire
from tests.crdt.memory_replica import Replica, channel_id, same, stored_entries, workspace_of

CHANNELS = [channel_id("general"), channel_id("cats")]
SECRET = channel_id("secret")
IN_SECRET = 101  # the level at which the fake roster lets a device into the private channel


class Step(NamedTuple):
    """Something that happens; what the numbers mean depends on the kind."""

    kind: str
    who: int = 0
    other: int = 0
    amount: int = 1


WHO = st.integers(0, 3)
COUNT = st.sampled_from([1, 2, 70, 300])
STEPS = st.one_of(
    st.builds(Step, st.just("write"), WHO, st.integers(0, 1), COUNT),
    st.builds(Step, st.just("state"), WHO, st.integers(0, 1)),
    st.builds(Step, st.sampled_from(["link", "link", "cut", "restart"]), WHO, WHO),
    st.builds(Step, st.just("wait"), amount=st.sampled_from([1, 10, 60, 3_000, 12_000])),
    st.builds(Step, st.just("open"), WHO, st.integers(0, 1)),
)
ROSTER_STEPS = st.one_of(
    STEPS,
    st.builds(Step, st.just("op"), WHO, WHO, st.sampled_from([100, IN_SECRET])),
    st.builds(Step, st.just("secret"), WHO),
)


class World:
    """Replicas on a network, and what the steps do to them."""

    def __init__(self, replicas: list[Replica], seed: int, slow: bool) -> None:
        self.replicas = replicas
        self.net = Net(seed, (1, 300) if slow else (1, 20))
        self.net.join(*replicas)

    def take(self, step: Step) -> None:
        net, replica = self.net, self.replicas[step.who % len(self.replicas)]
        if step.kind == "write":
            effects = replica.write(CHANNELS[step.other], count=step.amount, now=net.now)
            net.run_effects(replica, effects)
        elif step.kind == "state":
            channel = CHANNELS[step.other]
            net.run_effects(replica, replica.write(channel, now=net.now, part=PART_STATE))
        elif step.kind == "secret" and replica.visible(SECRET, replica.device):
            net.run_effects(replica, replica.write(SECRET, now=net.now))
        elif step.kind == "link":
            self.link(replica, self.replicas[step.other % len(self.replicas)])
        elif step.kind == "cut":
            live: list[Wire] = [wire for wire in net.wires.values() if wire.up]
            if live:
                net.cut(live[(step.who + step.other) % len(live)])
        elif step.kind == "wait":
            net.run(step.amount)
        elif step.kind == "restart":
            self.restart(replica)
        elif step.kind == "open":
            channel = CHANNELS[step.other]
            net.run_effects(replica, replica.machine.open_channel(channel, net.now))
        elif step.kind == "op":
            target = self.replicas[step.other % len(self.replicas)]
            assert isinstance(replica.roster, FakeRoster)
            if target.device in replica.roster.state.devices:
                op_id = replica.roster.admit(target.device, step.amount)
                net.run_effects(replica, replica.machine.roster_changed([op_id], net.now))

    def link(self, left: Replica, right: Replica) -> None:
        ends = {left, right}
        linked = any(wire.up and set(wire.ends) == ends for wire in self.net.wires.values())
        if left is not right and not linked:
            self.net.connect(left, right)

    def restart(self, replica: Replica) -> None:
        """The process ends: its links break, and a new machine starts on what was stored."""
        for wire in self.net.wires.values():
            if replica in wire.ends:
                self.net.cut(wire)
        self.net.wake.pop(replica.name, None)
        replica.restart()

    def heal(self) -> None:
        """Link everybody in a ring, let the network come to rest, and see that it does."""
        for wire in list(self.net.wires.values()):
            self.net.cut(wire)
        for number, replica in enumerate(self.replicas):
            self.link(replica, self.replicas[(number + 1) % len(self.replicas)])
        self.net.run(60_000)
        sent = sum(len(wire.sent) for wire in self.net.wires.values())
        self.net.run(60_000)
        assert sum(len(wire.sent) for wire in self.net.wires.values()) == sent, "no rest"

    def check(self) -> None:
        """What holds for every replica at the end."""
        assert not [effect for _, effect in self.net.log if isinstance(effect, Misbehaved)]
        for replica in self.replicas:
            assert all(state.low == 0 for state in replica.store.logs())
            assert replica.machine.behind() == 0
            for number, wire in self.net.wires.items():
                if wire.up and replica in wire.ends:
                    assert replica.machine.in_sync(number)
            told = [entry.id for entry in stored_entries(replica.effects)]
            assert len(told) == len(set(told)), "an entry was reported twice"
            own = sum(entry.log.device == replica.device for entry in replica.store.arrivals)
            assert len(told) + own == replica.store.arrival_max


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=40), st.integers(0, 1_000), st.booleans())
def test_any_schedule_converges_and_loses_nothing(steps: list[Step], seed: int, slow: bool) -> None:
    world = World(workspace_of("ana", "ben", "cem"), seed, slow)
    for step in steps:
        world.take(step)
    world.heal()
    assert same(*world.replicas)
    world.check()


def secret_by_roster(replica: Replica) -> Callable[[bytes, bytes], bool]:
    def visible(channel: bytes, device: bytes) -> bool:
        found = replica.roster.state.devices.get(device)
        return channel != SECRET or (found is not None and found.level == IN_SECRET)

    return visible


def contents(replica: Replica, secret: bool) -> dict[LogId, list[bytes]]:
    held = replica.store.contents()
    return {log: ids for log, ids in held.items() if (log.channel == SECRET) == secret}


@settings(max_examples=100, deadline=None)
@given(st.lists(ROSTER_STEPS, max_size=50), st.integers(0, 1_000), st.booleans())
def test_rosters_newcomers_and_private_channels_converge_too(
    steps: list[Step], seed: int, slow: bool
) -> None:
    replicas = workspace_of("ana", "ben", "cem")
    late = Replica("late")
    assert isinstance(late.roster, FakeRoster)
    for op_id in replicas[0].roster.missing_from(()):
        late.roster.add(replicas[0].roster.wire(op_id))
    late.roster.admit(late.device)
    replicas.append(late)
    for replica in replicas:
        replica.visible = secret_by_roster(replica)
    world = World(replicas, seed, slow)
    for step in steps:
        world.take(step)
    world.heal()
    assert len({replica.roster.heads_hash for replica in replicas}) == 1
    assert all(contents(replica, False) == contents(late, False) for replica in replicas)
    members = [replica.visible(SECRET, replica.device) for replica in replicas]
    for number, replica in enumerate(replicas):
        after = (number + 1) % len(replicas)
        if members[number] and members[after]:
            assert contents(replica, True) == contents(replicas[after], True)
    world.check()
