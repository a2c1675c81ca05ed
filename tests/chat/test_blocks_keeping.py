"""Files in too little room: what may go goes, and never the last known copy."""

from functools import partial

import pytest

from chat.blocks import messages
from chat.blocks.cid import cid_dag
from chat.blocks.keeping import Keeping, ports
from chat.blocks.limits import (
    HOLDING_ROOTS_MAX,
    PROMISE_MS,
    PROMISES_PER_PEER_MAX,
    SHED_ASK_MS,
    SHED_ASKED_MAX,
    WATCHED_PER_PEER_MAX,
)
from chat.blocks.messages import AskHolding, Holding
from tests.chat.keeping_world import Keeper, World

MINUTE = 60_000.0
BO, CLEO = b"bo", b"cleo"


def root_of(number: int) -> bytes:
    return cid_dag(b"file %d" % number)


def team(seed: int, *, spare: float) -> tuple[World, list[Keeper], list[bytes]]:
    """Machines with files on some of them, each with room for `spare` of what it will hold."""
    world = World(seed)
    lot = world.lot
    keepers = [world.add(0) for _ in range(lot.randrange(3, 9))]
    for index in range(1, len(keepers)):
        world.link(keepers[index], lot.choice(keepers[:index]))
    for _ in range(2 * len(keepers)):
        world.link(*lot.sample(keepers, 2))
    roots = [root_of(number) for number in range(lot.randrange(4, 90))]
    for root in roots:
        size = lot.randrange(1, 100)
        for keeper in lot.sample(keepers, lot.randrange(1, len(keepers) + 1)):
            world.put(keeper, root, size)
    for keeper in keepers:
        keeper.quota = int(spare * sum(keeper.files.values()))
    return world, keepers, roots


@pytest.mark.parametrize("seed", range(30))
def test_no_drop_takes_the_last_known_copy(seed: int) -> None:
    """Room for a third, links that come and go, copies, and departures nobody announces."""
    world, keepers, roots = team(seed, spare=0.3)
    lot = world.lot
    for _ in range(100):
        one, other = lot.sample(keepers, 2)
        change = world.unlink if world.linked(one, other) else world.link
        world.after(lot.uniform(0, 20 * MINUTE), partial(change, one, other))
    for _ in range(300):
        copy = partial(world.copy, lot.choice(keepers), lot.choice(roots))
        world.after(lot.uniform(0, 20 * MINUTE), copy)
    for keeper in lot.sample(keepers, len(keepers) // 3):
        unnoticed = lot.choice((0.0, 1_000.0, MINUTE))
        world.after(lot.uniform(0, 20 * MINUTE), partial(world.depart, keeper, unnoticed))
    world.run(20 * MINUTE)
    assert not world.last_copies_lost_by_drop
    assert sum(keeper.dropped for keeper in keepers) > 0


@pytest.mark.parametrize("seed", range(15))
def test_what_others_hold_makes_room(seed: int) -> None:
    """Nobody departs: no file is lost, and who is still short holds what nobody linked does."""
    world, keepers, roots = team(seed + 1_000, spare=0.4)
    world.run(30 * MINUTE)
    assert not world.last_copies_lost_by_drop
    assert all(world.copies(root) for root in roots)
    for keeper in keepers:
        if keeper.excess > 0:
            for root in keeper.files:
                assert not [e for e in world.copies(root) if world.linked(e, keeper)]


class Desk:
    """One machine, by hand."""

    def __init__(self, *held: int) -> None:
        self.files = {root_of(number) for number in held}
        self.machine = Keeping(self.files.__contains__)
        self.now = 0.0

    def tell(self, event: ports.Input) -> list[ports.Effect]:
        return self.machine.handle(event, self.now)

    def hear(self, peer: bytes, message: AskHolding | Holding) -> list[ports.Effect]:
        return self.tell(ports.Received(peer, message))

    def shed(self, *numbers: int, needed: int = 1, copies: int = 2) -> list[ports.Effect]:
        files = tuple((root_of(number), 1) for number in numbers)
        return self.tell(ports.Shed(files, needed, copies))

    def asks(self, effects: list[ports.Effect]) -> dict[bytes, AskHolding]:
        return {
            each.peer: each.message
            for each in effects
            if isinstance(each, ports.SendTo) and isinstance(each.message, AskHolding)
        }


def drops(effects: list[ports.Effect]) -> list[bytes]:
    return [each.root for each in effects if isinstance(each, ports.Drop)]


def answers(effects: list[ports.Effect]) -> list[Holding]:
    return [
        each.message
        for each in effects
        if isinstance(each, ports.SendTo) and isinstance(each.message, Holding)
    ]


def test_a_promise_lets_a_file_go() -> None:
    desk = Desk(1, 2)
    desk.tell(ports.PeerUp(BO))
    ask = desk.asks(desk.shed(1, 2))[BO]
    assert ask.keep_ms == PROMISE_MS
    assert not drops(desk.hear(BO, Holding(ask.number, (root_of(1),), (), PROMISE_MS)))
    effects = desk.hear(BO, Holding(ask.number, (), (root_of(2),), 0))
    assert drops(effects) == [root_of(1)]
    assert ports.ShedEnded(1, False) in effects
    assert desk.machine.holders(root_of(1)) == (BO,)


def test_knowing_of_a_copy_is_no_promise() -> None:
    desk = Desk(1)
    desk.tell(ports.PeerUp(BO))
    desk.tell(ports.Census((root_of(1),)))
    desk.hear(BO, Holding(1, (root_of(1),), (), 0))
    ask = desk.asks(desk.shed(1))[BO]
    effects = desk.hear(BO, Holding(ask.number, (root_of(1),), (), 0))
    assert not drops(effects)
    assert ports.ShedEnded(0, True) in effects


def test_files_with_more_copies_go_first() -> None:
    desk = Desk(1, 2)
    desk.tell(ports.PeerUp(BO))
    desk.tell(ports.PeerUp(CLEO))
    ask = desk.asks(desk.shed(1, 2))[BO]
    desk.hear(BO, Holding(ask.number, (root_of(1), root_of(2)), (), PROMISE_MS))
    effects = desk.hear(CLEO, Holding(ask.number, (root_of(2),), (root_of(1),), PROMISE_MS))
    assert drops(effects) == [root_of(2)], "the older one has one copy elsewhere, this one two"


def test_what_was_promised_stays_until_the_promise_is_over() -> None:
    desk = Desk(1)
    desk.tell(ports.PeerUp(BO))
    promised = answers(desk.hear(BO, AskHolding(7, (root_of(1),), PROMISE_MS)))
    assert promised == [Holding(7, (root_of(1),), (), PROMISE_MS)]
    desk.tell(ports.PeerDown(BO))
    desk.tell(ports.PeerUp(CLEO))
    assert desk.machine.bound(root_of(1), desk.now), "also when the link has ended"
    assert ports.ShedEnded(0, False) in desk.shed(1)
    desk.now = PROMISE_MS + 1.0
    assert desk.asks(desk.shed(1))


def test_two_that_ask_each_other_refuse_each_other() -> None:
    desk = Desk(1)
    desk.tell(ports.PeerUp(BO))
    desk.shed(1)
    refused = answers(desk.hear(BO, AskHolding(7, (root_of(1),), PROMISE_MS)))
    assert refused == [Holding(7, (root_of(1),), (), 0)]


def test_a_late_or_withdrawn_promise_does_not_count() -> None:
    desk = Desk(1)
    desk.tell(ports.PeerUp(BO))
    desk.tell(ports.PeerUp(CLEO))
    first = desk.asks(desk.shed(1))[BO]
    desk.now = SHED_ASK_MS + 1.0
    assert ports.ShedEnded(0, False) in desk.tell(ports.Tick())
    assert not drops(desk.hear(BO, Holding(first.number, (root_of(1),), (), PROMISE_MS)))

    desk.shed(1)
    again = desk.hear(BO, Holding(first.number, (root_of(1),), (), PROMISE_MS))
    assert not drops(again), "an answer to an earlier question"

    desk.now += PROMISE_MS
    desk.tell(ports.Tick())
    ask = desk.asks(desk.shed(1))[BO]
    desk.hear(BO, Holding(ask.number, (root_of(1),), (), PROMISE_MS))
    desk.tell(ports.PeerDown(BO))
    assert not drops(desk.hear(CLEO, Holding(ask.number, (), (root_of(1),), 0)))


def test_a_short_promise_is_worth_half_its_time() -> None:
    desk = Desk(1)
    desk.tell(ports.PeerUp(BO))
    desk.tell(ports.PeerUp(CLEO))
    ask = desk.asks(desk.shed(1))[BO]
    desk.hear(BO, Holding(ask.number, (root_of(1),), (), 1_000))
    desk.now = 501.0
    assert not drops(desk.hear(CLEO, Holding(ask.number, (), (root_of(1),), 0)))


def test_whoever_asked_hears_what_comes_and_goes() -> None:
    desk = Desk()
    desk.tell(ports.PeerUp(BO))
    desk.tell(ports.PeerUp(CLEO))
    assert answers(desk.hear(BO, AskHolding(7, (root_of(1),), 0))) == [
        Holding(7, (), (root_of(1),), 0)
    ]
    assert desk.tell(ports.Came(root_of(1))) == [ports.SendTo(BO, Holding(0, (root_of(1),), (), 0))]
    assert answers(desk.tell(ports.Went(root_of(1)))) == [Holding(0, (), (root_of(1),), 0)]


def test_a_census_asks_what_is_not_known_and_in_messages_that_fit() -> None:
    desk = Desk()
    desk.tell(ports.PeerUp(BO))
    roots = tuple(root_of(number) for number in range(HOLDING_ROOTS_MAX + 1))
    desk.hear(BO, Holding(0, (), (roots[0],), 0))
    sent = [
        each.message
        for each in desk.tell(ports.Census(roots))
        if isinstance(each, ports.SendTo) and isinstance(each.message, AskHolding)
    ]
    assert [len(each.roots) for each in sent] == [HOLDING_ROOTS_MAX]
    assert desk.machine.unsaid(roots)
    desk.hear(BO, Holding(sent[0].number, (), roots[1:], 0))
    assert not desk.machine.unsaid(roots)
    assert not desk.tell(ports.Census(roots))


def test_a_peer_binds_and_watches_no_more_than_its_share() -> None:
    held = range(PROMISES_PER_PEER_MAX + 1)
    desk = Desk(*held)
    desk.tell(ports.PeerUp(BO))
    promised = 0
    for number in held:
        for each in answers(desk.hear(BO, AskHolding(7, (root_of(number),), PROMISE_MS))):
            promised += len(each.held) if each.keep_ms else 0
    assert promised == PROMISES_PER_PEER_MAX
    desk.tell(ports.PeerUp(CLEO))
    assert answers(desk.hear(CLEO, AskHolding(7, (root_of(promised),), PROMISE_MS)))[0].keep_ms
    for start in range(0, WATCHED_PER_PEER_MAX + 1, HOLDING_ROOTS_MAX):
        some = tuple(root_of(number) for number in range(start, start + HOLDING_ROOTS_MAX))
        desk.hear(CLEO, AskHolding(8, some, 0))
    assert len(desk.machine._peers[CLEO].watches) == WATCHED_PER_PEER_MAX


def test_many_files_are_asked_about_a_few_at_a_time() -> None:
    desk = Desk(*range(SHED_ASKED_MAX + 1))
    desk.tell(ports.PeerUp(BO))
    ask = desk.asks(desk.shed(*range(SHED_ASKED_MAX + 1), needed=SHED_ASKED_MAX + 1))[BO]
    assert len(ask.roots) == SHED_ASKED_MAX
    effects = desk.hear(BO, Holding(ask.number, ask.roots, (), PROMISE_MS))
    assert drops(effects) == list(ask.roots)
    assert desk.asks(effects)[BO].roots == (root_of(SHED_ASKED_MAX),)


def test_the_questions_fit_one_frame() -> None:
    roots = tuple(root_of(number) for number in range(HOLDING_ROOTS_MAX))
    assert len(messages.encode(AskHolding(1, roots, PROMISE_MS))) < 16 * 1024
