"""Stories of teams: who comes in, who goes, and what becomes of what they did meanwhile."""

import pytest

from crdt import limits
from crdt.errors import Invalid
from crdt.keys import digest
from crdt.roster import Roster
from crdt.roster_ops import Admit, Channel, Grant, Invite, Op, Rekey, Remove, ScopeAdd, ScopeRemove
from tests.crdt.roster_people import (
    Team,
    bytes_of,
    genesis,
    member,
    public,
    scope_of,
)


def team_of(*others: str, **levels: int) -> Team:
    """Ana founded; the others are members, the named ones at their levels."""
    team = Team.new()
    for name in others:
        team.bring("ana", name)
    for name, level in levels.items():
        team.bring("ana", name, level)
    return team


def copy(team: Team) -> Roster:
    """A roster of another machine with the same ops."""
    other = Roster(team.roster.workspace)
    for op_id in team.roster.missing_from(()):
        other.add(team.roster.wire(op_id))
    return other


# Coming in --------------------------------------------------------------------------------------


def test_a_team_comes_together() -> None:
    team = Team.new(paper="paper")
    assert team.roster.state.members[member("ana")].level == 0
    assert team.roster.state.devices[public("paper").sign].box == public("paper").box
    admitted = team.bring("ana", "ben")
    team.admit("ben", "cyd", team.invite("ben", 101))
    state = team.roster.state
    ben = state.members[member("ben")]
    assert (ben.level, ben.admit_op, ben.devices) == (100, admitted.id, (public("ben").sign,))
    assert state.members[member("cyd")].level == 101
    assert state.devices[public("cyd").sign].link == public("cyd").link
    assert state.scopes[team.roster.history.scope] == set(map(member, ("ana", "ben", "cyd")))
    assert team.roster.heads == copy(team).heads
    assert team.roster.heads_hash == digest(b"x1.heads", *copy(team).heads)
    team.write("paper", Grant(member("cyd"), 50), level=0, of="ana")
    assert team.level("cyd") == 50


def test_any_member_witnesses_for_the_founder() -> None:
    """Inviter and newcomer need not meet, whatever the witness's own level."""
    team = team_of("ben")
    team.admit("ben", "cyd", team.invite("ben", 101))
    invite = team.invite("ana", 100)
    team.admit("cyd", "dee", invite)
    assert team.level("dee") == 100
    assert team.roster.state.invites[invite.id].used


@pytest.mark.parametrize(
    ("who", "given"),
    [("ben", 100), ("ben", 99), ("ben", 250), ("ana", 0), ("ana", 199), ("cyd", 200)],
)
def test_nobody_invites_above_what_they_may(who: str, given: int) -> None:
    team = team_of("ben")
    team.bring("ben", "cyd", 101)
    with pytest.raises(Invalid):
        team.invite(who, given)


def test_readers_and_relays_change_nothing_but_may_leave() -> None:
    team = team_of(reader=200, relay=250)
    assert member("relay") not in team.roster.state.scopes[team.roster.history.scope]
    for name in ("reader", "relay"):
        assert team.may_write(name) is False
        with pytest.raises(Invalid):
            team.invite(name, 250)
        team.remove(name, name)
        assert team.level(name) is None


def test_two_claims_on_one_invite_in_two_rooms() -> None:
    team = team_of("ben", "cyd")
    invite = team.invite("ana")
    first = team.admit("ben", "dee", invite, on=[invite.id])
    second = team.admit("cyd", "eve", invite, on=[invite.id])
    winner, loser = ("dee", "eve") if first.id < second.id else ("eve", "dee")
    assert (team.level(winner), team.level(loser)) == (100, None)
    assert public(loser).sign in team.roster.state.former_devices
    assert team.may_write(loser, [min(first, second, key=lambda op: op.id).id]) is False
    late = team.admit("ben", "fay", invite)
    assert late.id in team.roster.state.void


def test_one_claim_witnessed_twice_is_one_admission() -> None:
    """What the newcomer does upon either of them counts, whichever has the smaller id."""
    team = team_of("ben", "cyd")
    invite = team.invite("ana")
    rooms = [team.admit(name, "dee", invite, on=[invite.id]) for name in ("ben", "cyd")]
    for room in rooms:
        assert team.roster.is_valid(team.invite("dee", 101, on=[room.id]).id)
    assert len(team.roster.state.members[member("dee")].devices) == 1


@pytest.mark.parametrize("again", ["demoted", "removed"])
def test_a_claim_that_is_shown_again_gives_nothing_back(again: str) -> None:
    team = team_of("ben")
    invite = team.invite("ana")
    admitted = team.admit("ana", "dee", invite)
    _ = team.grant("ana", "dee", 200) if again == "demoted" else team.remove("ana", "dee")
    for on in ([invite.id], None):
        team.write("ben", admitted.args, on)
        assert team.level("dee") == (200 if again == "demoted" else None)


def test_a_claim_is_bound_to_workspace_invite_and_keys() -> None:
    team = team_of("ben")
    before = team.roster.heads
    invite, other = team.invite("ana"), team.invite("ana", 101)
    with pytest.raises(Invalid, match="another workspace"):
        team.write("ben", Admit(team.claim("dee", invite.id, bytes(32))))
    claim = team.claim("dee", invite.id)
    for place in (3, 40, 70, 110, 150, 200, len(claim) - 100, len(claim) - 10):
        changed = claim[:place] + bytes([claim[place] ^ 1]) + claim[place + 1 :]
        with pytest.raises(Invalid):
            team.write("ben", Admit(changed))
    team.invites[invite.id] = team.invites[other.id]
    with pytest.raises(Invalid, match="does not verify"):
        team.admit("ben", "eve", invite)
    with pytest.raises(Invalid, match="without its invite"):
        team.write("ben", Admit(claim), on=before)


# Revoking ---------------------------------------------------------------------------------------


def test_a_revoked_invite_admits_nobody() -> None:
    team = team_of("ben")
    invite = team.invite("ben", 101)
    before = team.roster.heads
    team.revoke("ben", invite)
    assert team.roster.state.invites[invite.id].revoked
    assert team.roster.is_valid(team.admit("ana", "cyd", invite).id) is False
    # Meanwhile somebody came in elsewhere: what the inviter alone says later does not undo that.
    assert team.roster.is_valid(team.admit("ana", "dee", invite, on=before).id)


def test_somebody_senior_revokes_also_what_happens_meanwhile() -> None:
    team = team_of("ben", "cyd")
    invite = team.invite("ben", 101)
    before = team.roster.heads
    admitted = team.admit("cyd", "dee", invite)
    with pytest.raises(Invalid):
        team.revoke("cyd", invite)
    assert team.level("dee") == 101
    team.revoke("ana", invite, on=before)
    assert team.level("dee") is None
    assert admitted.id in team.roster.state.void


def test_the_invites_of_who_was_removed_are_dead() -> None:
    team = team_of(ben=50)
    invite, beside = team.invite("ben"), team.invite("ben", 101)
    before = team.roster.heads
    team.remove("ana", "ben")
    assert team.roster.state.invites[invite.id].revoked
    assert team.roster.is_valid(team.admit("ana", "sock", invite).id) is False
    team.admit("ben", "puppet", beside, on=before)
    assert (team.level("sock"), team.level("puppet")) == (None, None)
    assert team.may_write("puppet") is False


@pytest.mark.parametrize(("level", "helped"), [(50, 0), (50, 99), (100, 0), (100, 101)])
def test_who_was_removed_takes_no_seat_that_is_taken(level: int, helped: int) -> None:
    """As if earlier, ben shows another claim for a link that he saw, himself or by who isn't."""
    team = team_of("cyd", ben=level)
    link = team.invite("ana")
    before = team.roster.heads
    team.admit("cyd", "fay", link)
    team.remove("ana", "ben")
    ended: list[str] = []
    for turn in range(4):
        on: list[bytes] = list(before)
        if helped:
            invite = team.invite("ben", helped, on=on)
            on = [team.admit("ben", f"sock{turn}", invite, on=[invite.id]).id]
        rival = f"rival{turn}"
        late = team.admit(f"sock{turn}" if helped else "ben", rival, link, on=on)
        ended += [rival] if late.id in team.roster.state.void else []
        assert team.may_write(rival, [late.id]) is True, "there, nobody knew of the removal"
    assert len(ended) == 4
    assert team.level("fay") == 100
    assert not any(team.level(rival) for rival in ended)


def test_who_was_removed_shows_no_claim_before_its_revocation() -> None:
    team = team_of("ben", "dee")
    link = team.invite("dee", 101)
    before = team.roster.heads
    team.revoke("dee", link)
    refused = team.admit("ana", "fay", link)
    team.remove("ana", "ben")
    team.write("ben", refused.args, on=before)
    assert team.level("fay") is None
    team.write("ana", refused.args, on=before)
    assert team.level("fay") == 101, "somebody who is in may have been late"


def test_a_claim_that_waits_for_a_newer_build_is_not_shown_as_if_before() -> None:
    """Ben's op of an unknown kind stands in the way of a claim; removed, he shows that beside."""
    team = team_of("dee", ben=50)
    link = team.invite("dee", 101)
    before = team.roster.heads
    team.unknown("ben")
    waiting = team.admit("ana", "fay", link)
    team.remove("ana", "ben")
    assert team.roster.state.paused == {waiting.id}
    shown = team.write("ben", waiting.args, on=before)
    assert team.roster.state.void == {shown.id}
    assert team.roster.state.paused == {waiting.id}
    assert team.level("fay") is None


def test_who_came_back_witnesses_again() -> None:
    team = team_of("cyd", ben=50)
    link, other = team.invite("ana"), team.invite("ana")
    removed = team.remove("ana", "cyd")
    assert not team.roster.is_valid(team.admit("cyd", "dee", link, level=100).id)
    team.bring("ben", "cyd")
    assert team.roster.is_valid(team.admit("cyd", "dee", link).id)
    between = team.admit("cyd", "eve", other, on=[removed.id], level=100)
    assert between.id in team.roster.state.void


def test_who_leaves_may_have_witnessed_meanwhile() -> None:
    team = team_of("cyd", ben=50)
    link = team.invite("ana")
    before = team.roster.heads
    team.remove("ben", "ben")
    team.admit("ben", "dee", link, on=before)
    assert team.level("dee") == 100


def test_a_removal_by_who_is_junior_to_the_newcomer_stops_no_witness() -> None:
    """Else whether an admin came in could depend on what that admin did."""
    team = team_of("cyd", ben=60)
    link = team.invite("ana", 50)
    before = team.roster.heads
    team.remove("ben", "cyd")
    assert team.level("cyd") is None
    team.admit("cyd", "fay", link, on=before, level=100)
    assert team.level("fay") == 50


# Going ------------------------------------------------------------------------------------------


def test_a_removal_takes_what_was_done_meanwhile_and_leaves_what_was_before() -> None:
    team = team_of("cyd", ben=50)
    earlier = team.grant("ben", "cyd", 60)
    before = team.roster.heads
    team.remove("ana", "ben")
    meanwhile = team.grant("ben", "cyd", 200, on=before)
    assert team.roster.is_valid(earlier.id)
    assert meanwhile.id in team.roster.state.void
    assert team.level("cyd") == 60
    assert team.roster.state.former_devices[public("ben").sign].member == member("ben")
    assert team.may_write("ben", before) is True
    assert team.may_write("ben") is False


def test_equals_cannot_remove_each_other_and_the_senior_wins() -> None:
    team = team_of(ben=50, cyd=50, dee=60)
    before = team.roster.heads
    for who, whom in (("ben", "cyd"), ("cyd", "ben"), ("dee", "ben"), ("ben", "dee")):
        team.remove(who, whom, on=before)
    assert [team.level(name) for name in ("ben", "cyd", "dee")] == [50, 50, None]


def test_a_removal_undone_by_the_removal_of_its_author() -> None:
    """Removing each other in a circle leaves the most senior one's word."""
    team = team_of(ben=50, cyd=60, dee=70)
    before = team.roster.heads
    team.remove("cyd", "dee", on=before)
    assert team.level("dee") is None
    team.remove("ben", "cyd", on=before)
    assert (team.level("cyd"), team.level("dee")) == (None, 70)
    team.remove("dee", "ben", on=before)
    assert team.level("ben") == 50


def test_the_founder_removes_whom_a_member_invited() -> None:
    """Authority is over everybody junior, whoever let them in."""
    team = team_of("ben")
    team.admit("ben", "cyd", team.invite("ben", 101))
    team.grant("ana", "cyd", 50)
    assert team.roster.is_valid(team.invite("cyd", 60).id)
    team.remove("ana", "cyd")
    assert team.level("cyd") is None


def test_a_promotion_beside_a_removal() -> None:
    """Who was raised to the remover's level meanwhile stays."""
    team = team_of("dee", ben=50)
    before = team.roster.heads
    team.remove("ben", "dee", on=before)
    team.grant("ana", "dee", 50, on=before)
    assert team.level("dee") == 50


def test_a_removed_member_comes_back_by_invite_or_grant() -> None:
    team = team_of("ben")
    team.remove("ana", "ben")
    team.bring("ana", "ben", 101)
    assert team.level("ben") == 101
    team.remove("ana", "ben")
    team.grant("ana", "ben", 102)
    assert team.level("ben") == 102


def test_who_is_let_in_by_a_junior_gets_back_nothing_that_a_senior_took() -> None:
    """A promotion beside a removal is void with it, also when the member comes in again."""
    team = team_of("dee", ben=50, cyd=60)
    link = team.invite("cyd")
    before = team.roster.heads
    removed = team.remove("ana", "dee", on=before)
    team.grant("ana", "dee", 55, on=before)
    assert team.level("dee") is None
    team.admit("cyd", "dee", link, on=[removed.id])
    assert team.level("dee") == 100
    claimed = team.invite("dee", level=55)
    assert claimed.id in team.roster.state.void
    assert copy(team).state == team.roster.state


def test_leaving_is_everybodys_right_and_final_for_what_comes_after() -> None:
    team = team_of("ben")
    team.remove("ben", "ben")
    assert team.level("ben") is None
    after = team.draft("ben", Remove(member("ben")), level=100)
    team.roster.add(after.wire)
    assert after.id in team.roster.state.void


# Lies -------------------------------------------------------------------------------------------


def test_what_never_was_true_is_refused_and_all_that_rests_on_it() -> None:
    team = team_of("ben", cyd=50)
    for level in (0, 50, 99, 101):
        with pytest.raises(Invalid, match="level"):
            team.write("ben", Grant(member("cyd"), 200), level=level)
    with pytest.raises(Invalid, match="member's"):
        team.write("ben", Remove(member("ben")), level=0, of="ana")
    with pytest.raises(Invalid, match="member's"):
        team.write("stranger", Remove(member("ben")), level=0)
    with pytest.raises(Invalid, match="less than"):
        team.grant("cyd", "ben", 50)
    with pytest.raises(Invalid, match="never came in"):
        team.grant("ana", "stranger", 100)
    lie = team.draft("ben", Grant(member("ben"), 50), level=99)
    upon = team.draft("ana", Remove(member("cyd")), on=[lie.id], level=0)
    assert team.roster.add(upon.wire) == []
    assert team.roster.missing() == [lie.id]
    with pytest.raises(Invalid):
        team.roster.add(lie.wire)


def test_a_lie_that_waited_takes_along_what_waits_for_it() -> None:
    team = team_of("ben")
    other = Roster(team.roster.workspace)
    lie = team.draft("ben", Grant(member("ben"), 50), level=99)
    upon = team.draft("ana", Remove(member("ben")), on=[lie.id], level=0)
    for wire in (upon.wire, lie.wire):
        assert other.add(wire) == []
    for op_id in reversed(team.roster.missing_from(())):
        other.add(team.roster.wire(op_id))
    assert other.state == team.roster.state
    assert other.missing() == []


def test_ops_of_other_workspaces_are_refused() -> None:
    team, other = team_of("ben"), Team.new("zoe")
    for wire in (genesis("zoe").wire, other.bring("zoe", "yan").wire):
        with pytest.raises(Invalid, match="another workspace"):
            team.roster.add(wire)


def test_one_place_taken_twice_is_shown() -> None:
    team = team_of(ben=50)
    before, seq = team.roster.heads, dict(team._seq)
    first = team.invite("ben", 100)
    team._seq = seq
    second = team.invite("ben", 101, on=before)
    (lie,) = team.roster.state.equivocations
    assert lie.device == public("ben").sign
    assert lie.ops == tuple(sorted((first.id, second.id)))
    assert copy(team).state == team.roster.state


# Versions ---------------------------------------------------------------------------------------


def test_an_unknown_kind_pauses_what_it_could_have_changed() -> None:
    team = team_of("cyd", ben=50)
    with pytest.raises(Invalid):
        team.unknown("stranger", level=0)
    unknown = team.unknown("ben")
    assert team.roster.state.unknown == {unknown.id}
    paused = team.invite("cyd", 101)
    own = team.invite("ben")
    senior = team.invite("ana")
    assert team.roster.state.paused == {paused.id, own.id}
    assert team.roster.is_valid(senior.id)
    assert team.roster.is_valid(team.admit("cyd", "dee", senior).id)


def test_an_unknown_kind_pauses_nothing_that_its_author_does_when_more_senior() -> None:
    """Whether it is judged op by op, or all at once."""
    team = team_of("ben")
    assert not team.roster.state.void
    team.unknown("ben")
    team.grant("ana", "ben", 50)
    assert not team.roster.state.void
    assert team.roster.is_valid(team.invite("ben").id)
    assert copy(team).state == team.roster.state


def test_a_removed_member_pauses_nothing() -> None:
    team = team_of("cyd", ben=50)
    before = team.roster.heads
    team.remove("ana", "ben")
    team.unknown("ben", on=before)
    assert team.roster.is_valid(team.invite("cyd", 101).id)
    assert not team.roster.state.paused


def test_what_rests_on_an_unknown_kind_is_kept_without_effect() -> None:
    """A newer build may know what let this device in."""
    team = team_of("ben")
    team.unknown("ana")
    kept = team.write("newdevice", Grant(member("ben"), 60), level=0, of="ana")
    assert team.roster.has(kept.id)
    assert kept.id in team.roster.state.void
    assert team.roster.is_valid(team.scope("ben").id)
    assert team.level("ben") == 100


# Many at once -----------------------------------------------------------------------------------


def test_forty_people_act_at_once() -> None:
    """More heads than an op lists: each still finds parents that let it act."""
    team = Team.new()
    names = [f"p{number}" for number in range(40)]
    invites = [team.invite("ana") for _ in names]
    before = team.roster.heads
    for name, invite in zip(names, invites, strict=True):
        team.admit("ana", name, invite, on=before)
    assert len(team.roster.heads) == 40
    assert copy(team).heads_hash == team.roster.heads_hash
    for name in names:
        parents = team.roster.parents(public(name).sign)
        assert len(parents) <= limits.ROSTER_PARENTS_MAX
        assert team.may_write(name, parents)
    for _ in range(6):
        team.invite("ana")
    assert len(team.roster.heads) == 1
    assert len(team.roster.state.members) == 41


def test_what_is_listed_next_descends_from_what_was_listed_before() -> None:
    """More heads than a log lists come and go; its rosters still only grow."""
    team = team_of("ben")
    before = team.roster.heads
    listed: tuple[bytes, ...] = before
    for number in range(60):
        on = before if number % 7 else team.roster.heads[-3:]
        team.write("ana", Invite(bytes_of(number), 100, 0, bytes(32), b"rest"), on=on)
        following = team.roster.parents(public("ben").sign, cover=listed)
        old, new = map(team.roster.register_heads, (listed, following))
        assert len(following) <= limits.ROSTER_PARENTS_MAX
        assert old is not None
        assert new is not None
        assert team.roster.descends(new, old)
        assert team.may_write("ben", following)
        listed = following
    assert len(team.roster.heads) > limits.ROSTER_PARENTS_MAX


def test_what_waits_for_its_past_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROSTER_WAITING_MAX_BYTES", 4_000)
    team = team_of(*(f"p{number}" for number in range(12)))
    wires = [team.roster.wire(op_id) for op_id in team.roster.missing_from(())]
    other = Roster(team.roster.workspace)
    for wire in reversed(wires[1:]):
        assert other.add(wire) == []
        assert other._waiting.bytes_held <= 4_000
    assert other.missing() == [genesis().id]
    for wire in (*wires, *wires):
        other.add(wire)
    assert other.state == team.roster.state
    assert other._waiting.bytes_held == 0


def test_rights_are_those_of_the_heads_that_are_named() -> None:
    team = team_of("ben")
    assert team.roster.register_heads([bytes(32)]) is None
    assert team.roster.may_write(public("ben").sign, bytes(32)) is None
    old = team.roster.register_heads(team.roster.heads)
    start = team.roster.register_heads([genesis().id])
    assert old is not None
    assert start is not None
    assert team.roster.may_write(public("ben").sign, start) is False
    assert team.roster.descends(old, start)
    assert not team.roster.descends(start, old)
    team.remove("ana", "ben")
    new = team.roster.register_heads(team.roster.heads)
    assert team.roster.may_write(public("ben").sign, old) is True
    assert team.roster.may_write(public("ben").sign, new or b"") is False


def test_a_long_history_needs_no_deep_stack() -> None:
    team = team_of("ben")
    for _ in range(1_500):
        team.write("ana", Invite(bytes(32), 100, 0, bytes(32), b"rest"), team.roster.heads, 0)
    assert copy(team).state == team.roster.state


# Scopes -----------------------------------------------------------------------------------------


def rekey(scope: bytes) -> Rekey:
    return Rekey(scope, bytes(16), bytes(32), bytes(32), ())


def inside(team: Team, op: Op) -> set[str]:
    known = team.roster.state.scopes[scope_of(op)]
    return {name for name in ("ana", "ben", "cyd", "dee", "eve") if member(name) in known}


def test_a_private_channel_is_its_members_own() -> None:
    team = team_of("ben", "cyd", "dee")
    made = team.scope("ben", "cyd")
    assert inside(team, made) == {"ben", "cyd"}
    (channel,) = team.roster.state.channels.values()
    assert (channel.scope, channel.op) == (scope_of(made), made.id)
    assert team.roster.state.founders == {scope_of(made): member("ben")}
    for args in (
        ScopeAdd(scope_of(made), (member("dee"),)),
        rekey(scope_of(made)),
        Channel(bytes_of("id", 16), scope_of(made), 0),
    ):
        assert team.write("dee", args).id in team.roster.state.void
    team.write("cyd", ScopeAdd(scope_of(made), (member("dee"),)))
    counted = team.write("dee", rekey(scope_of(made)))
    assert [known.id for known in team.roster.state.rekeys] == [counted.id]
    team.remove("ana", "cyd")
    assert inside(team, made) == {"ben", "dee"}


def test_who_is_put_out_of_a_scope_brings_nobody_in_meanwhile() -> None:
    team = team_of("ben", "cyd", "dee", "eve")
    made = team.scope("ben", "cyd", "dee")
    before = team.roster.heads
    team.write("ben", ScopeRemove(scope_of(made), (member("cyd"),)))
    team.write("cyd", ScopeAdd(scope_of(made), (member("eve"),)), on=before)
    stale = team.write("cyd", rekey(scope_of(made)), on=before)
    assert inside(team, made) == {"ben", "dee"}
    assert [known.id for known in team.roster.state.former_rekeys] == [stale.id]
    # One of them cannot put out another; an admin can, and anybody may go.
    void = team.write("dee", ScopeRemove(scope_of(made), (member("ben"),)))
    assert void.id in team.roster.state.void
    team.write("dee", ScopeRemove(scope_of(made), (member("dee"),)))
    team.write("ana", ScopeRemove(scope_of(made), (member("ben"),)))
    assert inside(team, made) == set()
    after = team.write("ben", ScopeRemove(scope_of(made), (member("cyd"),)))
    assert after.id in team.roster.state.void


def test_a_founder_put_out_by_an_admin_does_not_put_out_others_meanwhile() -> None:
    team = team_of("ben", "cyd")
    made = team.scope("ben", "cyd")
    before = team.roster.heads
    team.write("ben", ScopeRemove(scope_of(made), (member("cyd"),)), on=before)
    team.write("ana", ScopeRemove(scope_of(made), (member("ben"),)), on=before)
    assert inside(team, made) == {"cyd"}


def test_nobody_takes_a_channel_or_scope_that_another_began() -> None:
    """Not even an admin, by writing as if before it: the ids follow from the place of the op."""
    team = team_of("ben", cyd=50)
    before = team.roster.heads
    made = team.scope("ben")
    assert isinstance(made.args, Channel)
    everybody = Channel(made.args.id, team.roster.history.scope, 2, bytes(32))
    own = Channel(made.args.id, made.args.scope, 0, members=(member("cyd"),))
    for args in (everybody, own):
        assert team.write("cyd", args, on=before).id in team.roster.state.void
    assert team.roster.state.channels[made.args.id].op == made.id
    assert inside(team, made) == {"ben"}


def test_a_free_id_belongs_to_the_first_and_the_senior() -> None:
    team = team_of("ben", cyd=50)
    before = team.roster.heads
    args = Channel(bytes_of("free", 16), team.roster.history.scope, 0)
    team.write("ben", args, on=before)
    senior = team.write("cyd", args, on=before)
    assert team.roster.state.channels[args.id].op == senior.id
    assert team.write("ana", args).id in team.roster.state.void
