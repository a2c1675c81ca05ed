"""A new key and its seals: who made them may be gone a moment later, or keep the seals back."""

import pytest

from chat.engine.mending import OTHERS_SPREAD_MS, OTHERS_WAIT_MS, SEALS_WAIT_MS
from chat.errors import Unavailable
from crdt.epochs import Epochs
from crdt.roster_ops import Rekey
from tests.chat.engine_team import Desk, Team

FOUNDER, ADMIN = 0, 10
LOOK_MS = 100


class Withheld:
    """The blocks of a device that takes others', and gives none."""

    def __init__(self, epochs: Epochs) -> None:
        self.missing = epochs.missing
        self.add_seals = epochs.add_seals

    def seals(self, epoch: bytes) -> None:
        return None


def withhold(desk: Desk) -> None:
    """From now on this device gives nobody a block of seals."""
    desk.engine.replicator._roster._seals = Withheld(desk.workspace.epochs)


def current(desk: Desk) -> bytes | None:
    return desk.workspace.epochs.current(desk.workspace.scope)


def epochs(desk: Desk) -> list[bytes]:
    roster = desk.workspace.roster
    return [op for op in roster.missing_from(()) if isinstance(roster.op(op).args, Rekey)]


def grant(team: Team, desk: Desk, other: Desk, level: int) -> None:
    steps = desk.engine.members.grant(other.workspace.me, level, team.now())
    team.do(desk, lambda now: desk.engine.publish_each(steps, now))
    team.run()


def take_out(team: Team, desk: Desk, other: Desk) -> None:
    """Remove somebody, and make the key that follows in the same breath."""
    steps = desk.engine.members.remove(other.workspace.me, team.now(desk))
    team.do(desk, lambda now: desk.engine.publish_each(steps, now))


def new_key(team: Team, desk: Desk) -> None:
    news = desk.engine.people.rekey(desk.workspace.scope, team.now(desk))
    team.do(desk, lambda now: desk.engine.publish(news, now))


def quartet(seed: int) -> tuple[Team, Desk, Desk, Desk, Desk]:
    """Ana, a founder, bo and cy, all linked, and dan, who is not and is about to be removed."""
    team = Team(seed=seed)
    ana = team.found("ana")
    bo, cy, dan = team.join("bo", ana), team.join("cy", ana), team.join("dan", ana)
    grant(team, ana, cy, ADMIN)
    team.isolate_all()
    team.mesh(ana, bo, cy)
    team.run()
    return team, ana, bo, cy, dan


def say_all(team: Team, word: str, *desks: Desk) -> None:
    """All of them say something, and all of them read it."""
    for desk in desks:
        team.post(desk, f"{word} {desk.name}")
    team.run()
    for desk in desks:
        assert {f"{word} {other.name}" for other in desks} <= set(desk.texts())


@pytest.mark.parametrize("seed", range(4))
def test_who_hears_of_a_key_can_use_it_though_its_author_is_gone_at_once(seed: int) -> None:
    team, ana, bo, cy, dan = quartet(seed)
    take_out(team, cy, dan)
    made = current(cy)
    while current(bo) != made and current(ana) != made:
        assert team._step(team.mono + LOOK_MS)
    team.isolate(cy)
    heard = bo if current(bo) == made else ana
    team.post(heard, "without a pause")
    team.run()
    say_all(team, "on", ana, bo)
    assert current(ana) == made, "no further key was needed"


@pytest.mark.parametrize("seed", range(4))
def test_who_comes_back_with_a_key_leaves_it_to_the_first_who_asks(seed: int) -> None:
    team, ana, bo, cy, dan = quartet(seed)
    team.isolate(cy)
    take_out(team, cy, dan)
    made = current(cy)
    team.mesh(ana, bo, cy)
    while made not in (current(ana), current(bo)):
        assert team._step(team.mono + LOOK_MS)
    team.isolate(cy)
    team.run(LOOK_MS)
    say_all(team, "on", ana, bo)
    assert current(ana) == made


def test_seals_that_do_not_come_hold_up_nobody_for_long() -> None:
    team, ana, bo, cy, dan = quartet(5)
    withhold(cy)
    take_out(team, cy, dan)
    team.post(cy, "under my own key")
    made = current(cy)
    team.run(SEALS_WAIT_MS - 1_000)
    for desk in (ana, bo):
        assert current(desk) == made
        with pytest.raises(Unavailable, match="no key yet"):
            team.post(desk, "too soon: dan reads all earlier keys")
    team.isolate(cy)
    team.run(2_000)
    assert len(epochs(ana)) == len(epochs(cy)) + 1
    say_all(team, "healed", ana, bo)
    # The author is back, with its seals.
    team.restart(cy)
    team.mesh(ana, bo, cy)
    team.run()
    assert current(ana) == current(bo) == current(cy) != made
    say_all(team, "together", ana, bo, cy)
    assert "under my own key" in ana.texts()
    assert ana.canonical() == bo.canonical() == cy.canonical()
    eve = team.join("eve", ana)
    team.mesh(ana, bo, cy, eve)
    team.run()
    assert set(eve.texts()) == set(ana.texts())
    assert not {*dan.texts()} & {"under my own key", "healed ana", "together cy"}


def test_two_who_heal_at_once_meet_in_one_key() -> None:
    team, ana, bo, cy, dan = quartet(6)
    grant(team, ana, bo, FOUNDER)
    withhold(cy)
    take_out(team, cy, dan)
    team.run(1_000)
    team.isolate_all()
    team.run(SEALS_WAIT_MS + OTHERS_WAIT_MS + OTHERS_SPREAD_MS)
    apart = current(ana), current(bo)
    assert apart[0] != apart[1]
    assert current(cy) not in apart
    team.post(ana, "apart ana")
    team.post(bo, "apart bo")
    team.restart(cy)
    team.mesh(ana, bo, cy)
    team.run()
    assert current(ana) == current(bo) == current(cy)
    assert current(ana) in apart, "one of the two serves"
    say_all(team, "together", ana, bo, cy)
    assert {"apart ana", "apart bo"} <= set(cy.texts())
    assert ana.canonical() == bo.canonical() == cy.canonical()
    count = len(epochs(ana))
    team.run(10 * 60_000)
    assert len(epochs(ana)) == count, "they rest"


def test_where_nobody_was_removed_the_key_before_serves_meanwhile() -> None:
    team, ana, bo, cy, _ = quartet(7)
    before = current(ana)
    withhold(cy)
    new_key(team, cy)
    team.run(1_000)
    assert current(ana) == current(bo) == current(cy) != before
    say_all(team, "meanwhile", ana, bo)
    team.run(SEALS_WAIT_MS)
    healed = current(ana)
    assert healed is not None
    assert healed != before
    assert ana.workspace.roster.op(healed).body.device == ana.workspace.device
    assert ana.workspace.epochs.sendable(ana.workspace.scope) == healed
    say_all(team, "healed", ana, bo)


def test_who_withholds_seals_again_and_again_does_not_fill_the_roster() -> None:
    team, ana, bo, cy, _ = quartet(8)
    withhold(cy)
    count = len(epochs(ana))
    for made in range(1, 31):
        new_key(team, cy)
        team.run(20_000)
        say_all(team, f"after {made}", ana, bo)
    healed = len(epochs(ana)) - count - 30
    assert 3 <= healed <= 12, "each time there is a longer wait, up to a bound"


def test_a_flood_of_withheld_keys_does_not_make_anybody_wait_anew() -> None:
    team, ana, bo, cy, dan = quartet(10)
    withhold(cy)
    take_out(team, cy, dan)
    team.run(SEALS_WAIT_MS // 2)
    new_key(team, cy)
    team.run(SEALS_WAIT_MS // 2 + 1_000)
    for number in range(10):
        new_key(team, cy)
        team.run(1_000)
        team.post(ana, f"ana {number}")
        team.post(bo, f"bo {number}")
    team.run()
    assert (
        set(ana.texts())
        == set(bo.texts())
        == {f"{n} {i}" for n in ("ana", "bo") for i in range(10)}
    )


def test_a_member_without_the_right_to_it_does_not_try() -> None:
    team, ana, bo, cy, dan = quartet(9)
    withhold(cy)
    take_out(team, cy, dan)
    team.run(1_000)
    team.isolate_all()
    team.run(10 * 60_000)
    assert len(epochs(bo)) == len(epochs(cy)), "its key would not count"
    assert len(epochs(ana)) == len(epochs(cy)) + 1
    team.link(ana, bo)
    team.run()
    say_all(team, "healed", ana, bo)
