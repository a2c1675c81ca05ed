"""Which of several links to a device counts, whatever the order in which things are heard."""

from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.links.limits import PARKED_MAX
from chat.links.standing import Closing, Doubted, Ended, Opened, Place, Standings, Verdict

IDS = (b"\1" * 32, b"\2" * 32)


@dataclass(eq=False)
class Wire:
    """One link between side 0 and side 1; what is on its way to each side, in order."""

    dialled_by: int
    open: list[bool] = field(default_factory=lambda: [False, False])
    mail: tuple[deque[str], deque[str]] = field(default_factory=lambda: (deque(), deque()))


class Pair:
    """Two devices and everything between them.

    Attributes:
        told: what each node heard, as ("up" or "down", wire).
    """

    def __init__(self) -> None:
        self.sides = [Standings[Wire](own) for own in IDS]
        self.places = [Place(IDS[1 - side], b"k" * 32, False) for side in (0, 1)]
        self.told: list[list[tuple[str, Wire]]] = [[], []]
        self.wires: list[Wire] = []

    def dial(self, side: int) -> None:
        """The dialling side is through with the handshake first; the other one message later."""
        wire = Wire(side)
        self.wires.append(wire)
        wire.mail[1 - side].append("established")
        self.establish(side, wire)

    def establish(self, side: int, wire: Wire) -> None:
        wire.open[side] = True
        ours = wire.dialled_by == side
        self.carry_out(side, self.sides[side].arrived(self.places[side], wire, ours=ours))

    def deliver(self, side: int, wire: Wire) -> None:
        if not wire.mail[side]:
            return
        if wire.mail[side].popleft() == "established":
            self.establish(side, wire)
        elif wire.open[side]:
            self.end(side, wire)

    def lose(self, side: int, wire: Wire) -> None:
        """This side's connection breaks, and the other side does not hear of it."""
        if wire.open[side]:
            self.end(side, wire)

    def end(self, side: int, wire: Wire) -> None:
        wire.open[side] = False
        self.carry_out(side, self.sides[side].ended(self.places[side], wire))

    def carry_out(self, side: int, verdicts: "list[Verdict[Wire]]") -> None:
        for verdict in verdicts:
            wire = verdict.link
            if isinstance(verdict, Opened):
                self.told[side].append(("up", wire))
            elif isinstance(verdict, Ended):
                self.told[side].append(("down", wire))
            elif isinstance(verdict, Closing):
                if wire.open[side]:
                    wire.mail[1 - side].append("closed")
                    wire.open[side] = False
                    self.sides[side].ended(self.places[side], wire)
            else:
                assert isinstance(verdict, Doubted)

    def deliver_all(self) -> None:
        """Everything said arrives, and everything said to that."""
        while any(mail for wire in self.wires for mail in wire.mail):
            for wire in self.wires:
                for side in (0, 1):
                    self.deliver(side, wire)

    def settle(self) -> None:
        """Deliver everything, and let doubt and time-outs end what is dead."""
        for _ in range(4 * len(self.wires) + 4):
            self.deliver_all()
            for side in (0, 1):
                active = self.sides[side].active(self.places[side])
                if active is None:
                    continue
                if not active.open[1 - side]:
                    verdicts = self.sides[side].silent(self.places[side], active)
                    self.carry_out(side, list(verdicts))
                    if active.open[side]:
                        self.end(side, active)
                elif self.sides[side].parked(self.places[side]):
                    verdicts = self.sides[side].settled(self.places[side], active)
                    self.carry_out(side, list(verdicts))


steps = st.lists(
    st.tuples(st.sampled_from(["dial", "deliver", "lose"]), st.integers(0, 1), st.integers(0, 7)),
    max_size=40,
)


@given(steps=steps)
def test_both_sides_agree_in_the_end_and_the_node_sees_one_link_at_a_time(
    steps: list[tuple[str, int, int]],
) -> None:
    pair = Pair()
    for what, side, number in steps:
        if what == "dial":
            pair.dial(side)
        elif pair.wires:
            wire = pair.wires[number % len(pair.wires)]
            (pair.deliver if what == "deliver" else pair.lose)(side, wire)
        for each in (0, 1):
            assert pair.sides[each].parked(pair.places[each]) <= PARKED_MAX
    pair.settle()
    actives = [pair.sides[side].active(pair.places[side]) for side in (0, 1)]
    assert actives[0] is actives[1]
    assert all(wire is actives[0] for wire in pair.wires if any(wire.open))
    for side in (0, 1):
        told = pair.told[side]
        assert [what for what, _ in told[::2]] == ["up"] * len(told[::2])
        assert all(down == ("down", up[1]) for up, down in zip(told[::2], told[1::2], strict=False))
        assert len({id(wire) for what, wire in told if what == "up"}) == len(told[::2])
        assert bool(len(told) % 2) == (actives[side] is not None)


@pytest.mark.parametrize("first", [0, 1])
def test_simultaneous_dials_keep_the_link_of_the_smaller_id(first: int) -> None:
    pair = Pair()
    pair.dial(first)
    pair.dial(1 - first)
    pair.deliver_all()
    assert [any(wire.open) for wire in pair.wires] == [first == 0, first == 1]
    active = pair.sides[0].active(pair.places[0])
    assert active is not None
    assert active.dialled_by == 0
    # The smaller side never saw the other link come and go.
    assert len(pair.told[0]) == 1


def test_link_of_a_device_that_came_back_replaces_the_dead_one() -> None:
    """Ben's machine lost the link and dials anew; ana still believes in the old one."""
    pair = Pair()
    pair.dial(1)
    pair.settle()
    (old,) = pair.wires
    pair.lose(1, old)
    pair.dial(1)
    pair.deliver(0, pair.wires[1])
    assert pair.sides[0].active(pair.places[0]) is old
    assert pair.sides[0].parked(pair.places[0]) == 1
    new = pair.wires[1]
    verdicts = pair.sides[0].silent(pair.places[0], old)
    assert list(verdicts) == [Ended(old), Closing(old), Opened(new)]
    pair.carry_out(0, list(verdicts))
    assert pair.sides[0].active(pair.places[0]) is pair.wires[1]
    assert [what for what, _ in pair.told[0]] == ["up", "down", "up"]


def test_links_that_wait_behind_a_dead_one_are_few() -> None:
    pair = Pair()
    for _ in range(PARKED_MAX + 2):
        pair.dial(1)
        pair.lose(1, pair.wires[-1])
        # The other side's end is still open when the next one comes.
        pair.wires[-1].mail[0].clear()
        pair.establish(0, pair.wires[-1])
    assert pair.sides[0].parked(pair.places[0]) == PARKED_MAX
    assert [wire.open[0] for wire in pair.wires] == [True, False, *[True] * PARKED_MAX]


def test_links_of_the_lobby_and_claims_of_strangers_stand_apart() -> None:
    standings: Standings[str] = Standings(IDS[0])
    member = Place(IDS[1], b"k" * 32, False)
    for place in (member, member._replace(lobby=True), member._replace(static=b"m" * 32)):
        assert standings.arrived(place, str(place), ours=False) == [Opened(str(place))]
    assert len(standings) == 3
    assert standings.ended(member, "never stood") == []
    assert standings.ended(member._replace(device=b"\3" * 32), "never stood") == []
