"""A state that grows by one op is the one that is made anew: where an op stands beside others."""

from itertools import permutations

from crdt.roster import Roster
from crdt.roster_ops import Channel, Op, Rekey, ScopeAdd, ScopeHistory
from tests.crdt.roster_people import Team, bytes_of, member, scope_of


def grows_alike(team: Team, beside: list[Op]) -> None:
    """Whatever the order in which some ops come last, looked at after each."""
    late = {op.id for op in beside}
    early = [op_id for op_id in team.roster.missing_from(()) if op_id not in late]
    for order in permutations(beside):
        roster = Roster(team.roster.workspace)
        for wire in (*map(team.roster.wire, early), *(op.wire for op in order)):
            roster.add(wire)
            assert roster.state.members
        assert roster.state == team.roster.state
        assert roster.state == read(team).state


def read(team: Team) -> Roster:
    roster = Roster(team.roster.workspace)
    for op_id in team.roster.missing_from(()):
        roster.add(team.roster.wire(op_id))
    return roster


def rekey(team: Team, who: str, scope: bytes, heads: tuple[bytes, ...]) -> Op:
    salt, commit = bytes_of((who, "salt"), 16), bytes_of((who, "commit"))
    return team.write(who, Rekey(scope, salt, commit, bytes_of("seals"), ()), heads)


def test_keys_that_are_made_side_by_side() -> None:
    team = Team.new()
    for name in ("ben", "cyd"):
        team.bring("ana", name)
    heads, scope = team.roster.heads, team.roster.history.scope
    grows_alike(team, [rekey(team, who, scope, heads) for who in ("ana", "ben", "cyd")])
    assert len(team.roster.state.rekeys) == 3


def test_keys_of_who_is_outside() -> None:
    team = Team.new()
    for name in ("ben", "cyd"):
        team.bring("ana", name)
    scope = scope_of(team.scope("ana"))
    heads = team.roster.heads
    grows_alike(team, [rekey(team, who, scope, heads) for who in ("ben", "cyd")])
    assert len(team.roster.state.former_rekeys) == 2


def test_channels_that_take_one_id_side_by_side() -> None:
    team = Team.new()
    team.bring("ana", "ben", 50)
    heads, taken = team.roster.heads, bytes_of("taken", 16)
    args = Channel(taken, team.roster.history.scope, 0)
    grows_alike(team, [team.write(who, args, heads) for who in ("ben", "ana")])
    assert list(team.roster.state.channels) == [taken]


def test_members_who_come_into_a_scope_side_by_side() -> None:
    team = Team.new()
    for name in ("ben", "cyd"):
        team.bring("ana", name)
    scope = scope_of(team.scope("ana", "ben"))
    heads = team.roster.heads
    added = [
        team.write(who, ScopeAdd(scope, (member(name),)), heads)
        for who, name in (("ana", "cyd"), ("ben", "ana"), ("cyd", "cyd"))
    ]
    grows_alike(team, added)
    assert team.roster.state.scopes[scope] == set(map(member, ("ana", "ben", "cyd")))


def test_a_history_that_is_closed_and_opened_side_by_side() -> None:
    team = Team.new()
    for name, level in (("ben", 50), ("cyd", 100), ("dee", 100)):
        team.bring("ana", name, level)
    scope = scope_of(team.scope("cyd", "ben", "dee"))
    heads = team.roster.heads
    said = [
        team.write(who, ScopeHistory(scope, opened), heads)
        for who, opened in (("ben", True), ("cyd", False), ("dee", False), ("ana", False))
    ]
    grows_alike(team, said)
    assert team.roster.state.closed == {scope}, "closing wins"
    assert team.roster.state.void == {said[2].id, said[3].id}, "a member, and somebody outside"
    team.write("ben", ScopeHistory(scope, True))
    assert not team.roster.state.closed
