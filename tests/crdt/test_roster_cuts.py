"""What stands of somebody's writing after it was ended: stories, and what holds for any history."""

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crdt.cuts import NOTHING, Cut, last_good
from crdt.entry import LogId
from crdt.errors import Invalid
from crdt.roster import Roster
from crdt.roster_ops import Accept, Grant, Kept, Op, Remove, ScopeAdd, ScopeRemove
from tests.crdt.roster_people import INCARNATION, Team, bytes_of, member, public, scope_of

GENERAL = bytes_of("general", 16)


def row(who: str, seq: int, branch: str = "") -> Kept:
    return Kept(GENERAL, 1, public(who).sign, INCARNATION, seq, bytes_of((who, seq, branch)))


def log(who: str) -> LogId:
    return LogId(GENERAL, 1, public(who).sign, INCARNATION)


def team_of(**levels: int) -> Team:
    team = Team.new()
    for name, level in levels.items():
        team.bring("ana", name, level)
    return team


def accept(team: Team, who: str, end: Op, *rows: Kept) -> Op:
    """For the workspace's scope, or for the one that the end is about."""
    scope = end.args.scope if isinstance(end.args, ScopeRemove) else team.roster.history.scope
    return team.write(who, Accept(end.id, (scope,), rows))


def the_cut(team: Team, name: str) -> Cut:
    (cut,) = team.roster.state.cuts[member(name)]
    return cut


def good(cut: Cut, who: str, branch: str = "", head: int = 99) -> int:
    """The last good seq for a device that holds this branch of the log, up to `head`."""
    return last_good(
        cut, log(who), lambda seq: bytes_of((who, seq, branch)) if seq <= head else None
    )


# Stories --------------------------------------------------------------------------------------


def test_a_removal_cuts_where_its_author_says() -> None:
    team = team_of(ben=50, cyd=100)
    removal = team.remove("ben", "cyd")
    assert team.roster.state.cuts == {}
    accept(team, "ben", removal, row("cyd", 7))
    cut = the_cut(team, "cyd")
    assert (cut.op, cut.member, cut.level) == (removal.id, member("cyd"), 50)
    assert (cut.author, set(cut.scopes)) == (member("ben"), {team.roster.history.scope})
    assert good(cut, "cyd") == 7
    assert last_good(cut, log("ben"), lambda seq: None) == NOTHING


def test_who_removed_and_who_is_senior_accept_more_and_nobody_takes_it_back() -> None:
    team = team_of(ben=50, dan=60, cyd=100)
    removal = team.remove("dan", "cyd")
    accept(team, "dan", removal, row("cyd", 7))
    accept(team, "ben", removal, row("cyd", 9))
    accept(team, "dan", removal, row("cyd", 8))
    accept(team, "ana", removal, row("cyd", 2))
    assert good(the_cut(team, "cyd"), "cyd") == 9


@pytest.mark.parametrize("who", ["eve", "cyd", "mia"])
def test_equals_members_and_the_removed_themselves_accept_nothing(who: str) -> None:
    team = team_of(dan=60, eve=60, cyd=70, mia=100)
    before = team.roster.heads
    removal = team.remove("dan", "cyd")
    with pytest.raises(Invalid):
        accept(team, who, removal, row("cyd", 7))
    late = team.write("cyd", Grant(member("mia"), 101), before)
    assert not team.roster.is_valid(late.id)


def test_only_an_end_that_is_known_can_be_named() -> None:
    team = team_of(ben=50, cyd=100)
    before = team.roster.heads
    removal = team.remove("ana", "cyd")
    with pytest.raises(Invalid):
        team.write("ana", Accept(removal.id), before)
    grant = team.grant("ana", "ben", 60)
    leaving = team.remove("ben", "ben")
    for op in (grant, leaving):
        with pytest.raises(Invalid):
            team.write("ana", Accept(op.id))


def test_a_grant_of_reading_alone_cuts_as_well() -> None:
    team = team_of(cyd=100)
    accept(team, "ana", team.grant("ana", "cyd", 200), row("cyd", 3))
    assert good(the_cut(team, "cyd"), "cyd") == 3
    assert not team.may_write("cyd")


def test_what_is_void_cuts_nothing() -> None:
    """Ben is removed beside removing cyd, and the cut goes with the removal."""
    team = team_of(ben=50, cyd=100)
    before = team.roster.heads
    removal = team.remove("ben", "cyd", before)
    accept(team, "ben", removal)
    assert member("cyd") in team.roster.state.cuts
    team.remove("ana", "ben", before)
    assert team.level("cyd") == 100
    assert member("cyd") not in team.roster.state.cuts


def test_an_accept_beside_the_removal_of_its_author_says_nothing() -> None:
    team = team_of(ben=50, cyd=100)
    removal = team.remove("ben", "cyd")
    before = team.roster.heads
    team.write("ben", Accept(removal.id, (team.roster.history.scope,), (row("cyd", 90),)), before)
    gone = team.write("ana", Remove(member("ben")), before)
    assert team.roster.state.cuts == {}
    accept(team, "ana", removal, row("cyd", 7))
    assert good(the_cut(team, "cyd"), "cyd") == 7
    assert team.roster.is_valid(gone.id)


def test_a_row_says_nothing_about_another_branch_of_the_log() -> None:
    team = team_of(cyd=100)
    removal = team.remove("ana", "cyd")
    accept(team, "ana", removal, row("cyd", 7))
    cut = the_cut(team, "cyd")
    assert good(cut, "cyd", branch="other") == NOTHING
    assert good(cut, "cyd", branch="other", head=6) == 7  # Nobody can tell yet.
    accept(team, "ana", removal, row("cyd", 4, "other"))
    assert good(the_cut(team, "cyd"), "cyd", branch="other") == 4
    assert good(the_cut(team, "cyd"), "cyd") == 7


def test_an_entry_knows_of_an_end_that_is_under_its_heads() -> None:
    team = team_of(cyd=100)
    before = team.roster.register_heads(team.roster.heads)
    removal = team.remove("ana", "cyd")
    team.grant("ana", "cyd", 100)
    after = team.roster.register_heads(team.roster.heads)
    assert before is not None
    assert after is not None
    assert not team.roster.covers(before, removal.id)
    assert team.roster.covers(after, removal.id)
    assert not team.roster.covers(bytes(32), removal.id)


def test_a_cut_reaches_no_channel_that_its_author_is_not_in() -> None:
    team = team_of(cyd=100, mia=100)
    secret = scope_of(team.scope("cyd", "mia"))
    removal = team.remove("ana", "cyd")
    accept(team, "ana", removal, row("cyd", 7))
    team.write("ana", Accept(removal.id, (secret,)))
    assert the_cut(team, "cyd").scopes == {team.roster.history.scope}
    shared = scope_of(team.scope("mia", "ana"))
    team.write("ana", Accept(removal.id, (shared,)))
    assert the_cut(team, "cyd").scopes == {team.roster.history.scope, shared}


def test_who_is_taken_out_of_a_channel_is_cut_in_its_scope_alone() -> None:
    """By who began it, who need not be an admin; who was taken out had no say."""
    team = team_of(cyd=100, mia=100, dan=60)
    scope = scope_of(team.scope("cyd", "mia"))
    inside = team.roster.register_heads(team.roster.heads)
    removal = team.write("cyd", ScopeRemove(scope, (member("mia"),)))
    outside = team.roster.register_heads(team.roster.heads)
    everybody = team.roster.history.scope
    team.write("cyd", Accept(removal.id, tuple(sorted((everybody, scope))), (row("mia", 3),)))
    assert the_cut(team, "mia").scopes == {scope}
    assert inside is not None
    assert outside is not None
    assert not team.roster.was_outside(inside, scope, member("mia"))
    assert team.roster.was_outside(outside, scope, member("mia"))
    assert not team.roster.was_outside(outside, scope, member("dan"))  # was never inside
    with pytest.raises(Invalid):
        accept(team, "mia", removal, row("mia", 9))
    accept(team, "dan", removal, row("mia", 5))
    assert good(the_cut(team, "mia"), "mia") == 5
    team.write("cyd", ScopeAdd(scope, (member("mia"),)))
    back = team.roster.register_heads(team.roster.heads)
    assert back is not None
    assert not team.roster.was_outside(back, scope, member("mia"))


@pytest.mark.parametrize(
    "rows",
    [
        (row("cyd", 1), row("cyd", 2)),
        tuple(sorted((row("cyd", 1), row("ana", 1)), key=lambda r: r.device, reverse=True)),
    ],
)
def test_rows_are_sorted_and_name_each_log_once(rows: tuple[Kept, ...]) -> None:
    team = team_of(cyd=100)
    removal = team.remove("ana", "cyd")
    with pytest.raises(Invalid):
        accept(team, "ana", removal, *rows)


# Any history ------------------------------------------------------------------------------------

PEOPLE = ("ana", "ben", "dan", "cyd", "mia")
Step = tuple[str, str, str, int, int]
"""What, who, about whom, a number to choose by, and how far back it stands."""
STEP = st.tuples(
    st.sampled_from(["remove", "grant", "accept", "accept"]),
    st.sampled_from(PEOPLE),
    st.sampled_from(PEOPLE),
    st.integers(0, 9),
    st.integers(0, 5),
)


def played(steps: list[Step]) -> Team:
    """A team in which people end each other's writing and accept, beside each other as well."""
    team = team_of(ben=50, dan=60, cyd=100, mia=100)
    recent = [team.roster.heads[0]]
    ends: list[Op] = []
    for kind, who, target, number, back in steps:
        on = sorted({recent[-1 - back % len(recent)], recent[-1]} if number % 2 else {recent[-1]})
        on = on if number % 3 else [recent[-1 - back % len(recent)]]
        try:
            if kind == "accept":
                if not ends:
                    continue
                end = ends[number % len(ends)].id
                scopes = (team.roster.history.scope,) if number % 4 else ()
                op = team.write(who, Accept(end, scopes, (row(target, number),)), on)
            elif kind == "remove":
                op = team.remove(who, target, on)
            else:
                op = team.grant(who, target, (100, 150, 200)[number % 3], on)
        except Invalid:
            continue
        recent.append(op.id)
        if kind != "accept":
            ends.append(op)
    return team


@settings(max_examples=200, deadline=None)
@given(st.lists(STEP, min_size=2, max_size=14), st.integers(0, 2**32))
def test_cuts_are_the_same_in_any_order(steps: list[Step], seed: int) -> None:
    team = played(steps)
    wires = [team.roster.wire(op) for op in team.roster.missing_from(())]
    random.Random(seed).shuffle(wires)
    other = Roster(team.roster.workspace)
    for wire in wires:
        other.add(wire)
    assert other.state == team.roster.state
    for name, cuts in other.state.cuts.items():
        for cut in cuts:
            op = other.op(cut.op)
            assert other.is_valid(cut.op)
            assert (cut.level, cut.member) == (op.body.level, name)
            assert cut.author != name


@settings(max_examples=100, deadline=None)
@given(st.lists(STEP, min_size=2, max_size=10), st.integers(0, 9))
def test_an_accept_only_ever_adds(steps: list[Step], seq: int) -> None:
    """Once something cuts, the founder's accept leaves everything standing that stood."""
    team = played(steps)
    assume(team.level("ana") == 0)  # She may have left.
    before = team.roster.state.cuts
    for cuts in before.values():
        for cut in cuts:
            if cut.author == member("ana") or cut.level > 0:
                accept(team, "ana", team.roster.op(cut.op), row("cyd", seq))
    after = team.roster.state.cuts
    assert after.keys() == before.keys()
    for name, cuts in before.items():
        for old, new in zip(cuts, after[name], strict=True):
            for who in PEOPLE:
                assert good(new, who) >= good(old, who)


def test_the_plays_are_worth_their_name() -> None:
    """They bring about cuts with rows, accepts that count for nothing, and people with two cuts."""
    source, rows, void, double = random.Random(5), 0, 0, 0
    for _ in range(150):
        steps = [
            (
                source.choice(["remove", "grant", "accept", "accept"]),
                source.choice(PEOPLE),
                source.choice(PEOPLE),
                source.randrange(10),
                source.randrange(6),
            )
            for _ in range(14)
        ]
        state = played(steps).roster.state
        rows += sum(bool(cut.kept and cut.scopes) for cuts in state.cuts.values() for cut in cuts)
        double += sum(len(cuts) > 1 for cuts in state.cuts.values())
        void += len(state.void)
    assert min(rows, void) > 20
    assert double > 2
