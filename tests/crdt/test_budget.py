"""Budgets of devices: what fits is taken, the rest comes later, and no history is held up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import budget as budgets
from crdt import limits
from crdt.budget import DAY_MS, Budget
from crdt.entry import Entry, LogId
from crdt.limits import BUDGET_FIRST_DAY
from crdt.sync_ports import Effect, Misbehaved
from tests.crdt.memory_network import Net
from tests.crdt.memory_replica import MemoryStore, Replica, channel_id, same, workspace_of

GENERAL, CATS = channel_id("general"), channel_id("cats")
TODAY = BUDGET_FIRST_DAY + 100
ANA, BEN = bytes((1,)) * 32, bytes((2,)) * 32


def entry(device: bytes, day: int, size: int = 100) -> Entry:
    hlc = day * DAY_MS << 16
    log = LogId(GENERAL, 1, device, bytes(8))
    blank = bytes(32)
    return Entry(log, 0, blank, blank, hlc, blank, blank, bytes(24), (), None, blank, size, b"")


def written(replica: Replica, day: int, count: int) -> list[Effect]:
    replica.hlc = day * DAY_MS << 16
    return replica.write(GENERAL, "x", count=count)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "BUDGET_DAY_ENTRIES", 10)


def test_each_day_has_a_budget_and_what_is_over_is_charged_to_today(small: None) -> None:
    store = MemoryStore(b"budgets!")
    budget = Budget(store, BEN, TODAY)
    yesterday = TODAY - 1
    assert budget.take([entry(ANA, yesterday)] * 8)
    assert budget.take([entry(ANA, yesterday)] * 4), "two of them today"
    assert store.spent(ANA, yesterday)[1] == 10
    assert store.spent(ANA, TODAY)[1] == 2
    assert not budget.take([entry(ANA, yesterday)] * 9), "whole, or not at all"
    assert store.spent(ANA, TODAY)[1] == 2
    assert budget.closed() == [ANA]
    assert budget.is_closed(ANA)
    assert not budget.is_closed(BEN)
    assert budget.reopened() == []
    budget.open_day((TODAY + 1) * DAY_MS)
    assert not budget.is_closed(ANA)
    assert budget.reopened() == [ANA]
    assert budget.reopened() == []
    assert budget.take([entry(ANA, yesterday)] * 9)
    assert store.spent(ANA, TODAY + 1)[1] == 9


@pytest.mark.parametrize("day", [TODAY + 1, TODAY + 10_000, 2**46 // DAY_MS])
def test_a_clock_that_runs_ahead_gives_nothing(small: None, day: int) -> None:
    store = MemoryStore(b"budgets!")
    budget = Budget(store, BEN, TODAY)
    assert budget.take([entry(ANA, day)] * 10)
    assert not budget.take([entry(ANA, day + 1)])
    assert store.spending == {(ANA, TODAY): (1_640, 10)}


def test_times_before_there_were_budgets_are_one_day(small: None) -> None:
    store = MemoryStore(b"budgets!")
    budget = Budget(store, BEN, TODAY)
    assert budget.take([entry(ANA, day) for day in range(20)])
    assert store.spent(ANA, BUDGET_FIRST_DAY)[1] == store.spent(ANA, TODAY)[1] == 10
    assert not budget.take([entry(ANA, 3)])


def test_own_entries_are_not_counted(small: None) -> None:
    store = MemoryStore(b"budgets!")
    assert Budget(store, ANA, TODAY).take([entry(ANA, TODAY)] * 100)
    assert store.spending == {}


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(-3, 3), st.integers(17, limits.PAYLOAD_MAX_BYTES)),
            min_size=1,
            max_size=30,
        ),
        max_size=30,
    )
)
def test_nobody_gets_more_than_the_budgets_of_the_days_there_were(
    runs: list[list[tuple[int, int]]],
) -> None:
    store = MemoryStore(b"budgets!")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budgets, "BUDGET_DAY_BYTES", 200_000)
        patch.setattr(budgets, "BUDGET_DAY_ENTRIES", 40)
        budget = Budget(store, BEN, TODAY)
        taken = 0
        for run in runs:
            some = [entry(ANA, TODAY + day, size) for day, size in run]
            if budget.take(some):
                taken += sum(size + limits.BUDGET_ENTRY_BYTES for _, size in run)
    assert sum(size for size, _ in store.spending.values()) == taken
    assert all(size <= 200_000 and count <= 40 for size, count in store.spending.values())
    assert all(TODAY - 3 <= day <= TODAY for _, day in store.spending)


# Between replicas -------------------------------------------------------------------------------


def turn(*replicas: Replica, day: int) -> None:
    for replica in replicas:
        replica.machine._core.budget.open_day(day * DAY_MS)


def test_what_is_over_a_budget_comes_the_next_days_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budgets, "BUDGET_DAY_ENTRIES", 30)
    ana, ben, mal = workspace_of("ana", "ben", "mal")
    net = Net()
    turn(ana, ben, mal, day=TODAY)
    wire = net.connect(ben, mal)
    other = net.connect(ana, ben)
    net.run()
    net.join(mal)
    net.run_effects(mal, written(mal, TODAY, 25))
    for _ in range(25):
        net.run_effects(mal, mal.write(CATS, "one more"))
        net.run()
    held = [len(each) for each in ben.store.contents().values()]
    assert 10 < sum(held) <= 30
    assert ben.machine._core.budget.closed() == [mal.device]
    assert wire.up
    assert not [e for e in ben.effects if isinstance(e, Misbehaved)]
    ana.hlc = TODAY * DAY_MS << 16
    net.run_effects(ana, ana.write(GENERAL, "hello"))
    net.run()
    assert ben.store.log_state(ana.log(GENERAL)) is not None
    asked = len(wire.sent)
    net.run(60_000)
    assert len(wire.sent) - asked < 10, "it is not asked for again and again"
    for day in range(1, 4):
        turn(ana, ben, mal, day=TODAY + day)
        net.run(2 * limits.ANTI_ENTROPY_MS)
        held = [len(each) for log, each in ben.store.contents().items() if log[2] == mal.device]
        assert sum(held) <= 30 * (day + 1)
    assert ben.store.contents()[mal.log(GENERAL)] == mal.store.contents()[mal.log(GENERAL)]
    assert ben.store.contents()[mal.log(CATS)] == mal.store.contents()[mal.log(CATS)]
    assert other.up


def test_a_newcomer_takes_years_of_history_at_once(small: None) -> None:
    """Each author wrote nearly a day's budget on each of fifty days."""
    team = workspace_of("ben", *(f"author {number}" for number in range(5)), "new")
    ben, *authors, new = team
    net = Net()
    turn(*team, day=TODAY)
    for author in authors:
        for day in range(50):
            written(author, TODAY - 50 + day, 9)
        ben.store.append(author.store.entries(author.log(GENERAL), 0, 449))
        ben.store.sets.update(author.store.sets)
    ben.restart()
    turn(ben, day=TODAY)
    start = net.now
    net.connect(ben, new)
    while not same(ben, new):
        assert net.step(start + 3_000), "in seconds"
    assert new.machine._core.budget.closed() == []
