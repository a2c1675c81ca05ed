"""A state that grows by one op is the one that is made anew: where an op stands beside others."""

from itertools import permutations

from crdt.roster import Roster
from crdt.roster_ops import Accept, Channel, Op, Rekey, ScopeAdd, ScopeHistory, ScopeRemove
from tests.crdt.roster_people import Team, bytes_of, member, public, scope_of


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


def follows(team: Team, op: Op) -> None:
    """An op behind all others, in a state that was looked at before: nothing is made anew."""
    roster = Roster(team.roster.workspace)
    for op_id in team.roster.missing_from(()):
        if op_id == op.id:
            assert roster.state.members
        roster.add(team.roster.wire(op_id))
    assert roster._state is not None, "it grew"
    assert roster.state == read(team).state


def test_whose_admission_is_shown_follows_from_who_is_in() -> None:
    team = Team.new()
    for name, level in (("ben", 50), ("cyd", 60)):
        team.bring("ana", name, level)
    invite = team.invite("ana")
    heads = team.roster.heads
    first, second = (team.admit(who, "dee", invite, heads) for who in ("ben", "cyd"))
    assert team.roster.state.members[member("dee")].admit_op == first.id
    team.write("ana", Channel(bytes_of("merging", 16), team.roster.history.scope, 0))
    follows(team, team.remove("ana", "ben"))
    assert team.roster.state.members[member("dee")].admit_op == second.id
    team.remove("ana", "dee")
    follows(team, team.remove("ana", "cyd"))
    assert team.roster.state.former_members[member("dee")].admit_op == first.id
    follows(team, team.grant("ana", "cyd", 100))
    assert team.roster.state.former_members[member("dee")].admit_op == second.id


def test_what_a_device_brought_in_belongs_to_its_own_removal() -> None:
    team = Team.new()
    team.bring("ana", "mia")
    team.add("mia", "phone", team.code("mia"))
    heads = team.roster.heads
    removal = team.drop("ana", "mia", "phone", heads)
    team.using["mia"] = "phone"
    code = team.code("mia", on=heads)
    team.add("mia", "pad", code, [code.id])  # Beside the removal: the pad is out, too.
    team.using["mia"] = "mia"
    follows(team, team.write("ana", Accept(removal.id, (team.roster.history.scope,))))
    (cut,) = team.roster.state.cuts[member("mia")]
    assert cut.devices == {public("phone").sign, public("pad").sign}
    follows(team, team.drop("ana", "mia", "pad"))
    (cut,) = team.roster.state.cuts[member("mia")]
    assert cut.devices == {public("phone").sign}


def test_somebody_who_comes_back_is_in_the_scopes_that_kept_them() -> None:
    team = Team.new()
    for name in ("ben", "cyd"):
        team.bring("ana", name)
    scope = scope_of(team.scope("ana", "ben"))
    team.remove("ana", "ben")
    assert team.roster.state.scopes[scope] == {member("ana")}
    follows(team, team.grant("ana", "ben", 100))
    assert team.roster.state.scopes[scope] == {member("ana"), member("ben")}


def test_somebody_is_taken_out_of_a_scope_beside_what_they_do_there() -> None:
    team = Team.new()
    for name in ("ben", "cyd", "dee"):
        team.bring("ana", name)
    scope = scope_of(team.scope("ana", "ben", "cyd"))
    heads = team.roster.heads
    added = team.write("ben", ScopeAdd(scope, (member("dee"),)), heads)
    beside = [
        added,
        team.write("ana", ScopeRemove(scope, (member("ben"),)), heads),
        team.write("cyd", ScopeRemove(scope, (member("ana"),)), heads),
        rekey(team, "ben", scope, heads),
    ]
    grows_alike(team, beside)
    assert team.roster.state.scopes[scope] == {member("ana"), member("cyd")}
    assert added.id in team.roster.state.void
