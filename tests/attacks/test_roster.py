"""Attacks on authority: 12 to 21 and 24. Who may what does not depend on who hears it when."""

import random

import msgspec
import pytest

from crdt import limits
from crdt.claims import build_claim
from crdt.errors import Invalid
from crdt.keys import DevicePublic
from crdt.roster import Roster
from crdt.roster_ops import Admit, Grant, Invite, Op, Remove
from tests.attacks.histories import SHARES, TIMEOUT_SECONDS, history, numbers, orders, read, step
from tests.crdt.roster_people import Team, bytes_of, device, genesis, member, public

LEVELS = {"founder": 0, "senior": 50, "junior": 60}


def team_of(*others: str, **levels: int) -> Team:
    """Ana founded; the others are members, the named ones at their levels."""
    team = Team.new()
    for name in others:
        team.bring("ana", name)
    for name, level in levels.items():
        team.bring("ana", name, level)
    return team


def elsewhere(team: Team, seed: int = 0) -> Roster:
    """What another machine makes of the same ops, in another order."""
    wires = [team.roster.wire(op_id) for op_id in team.roster.missing_from(())]
    random.Random(seed).shuffle(wires)
    roster = read(team.roster.workspace, [wires], look=False)
    assert roster.heads == team.roster.heads
    return roster


def agreed(team: Team) -> None:
    """Three machines that heard in other orders say the same."""
    for seed in range(3):
        assert elsewhere(team, seed).state == team.roster.state


@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize("share", range(SHARES))
def test_12_any_order_and_any_batches_give_one_state(share: int) -> None:
    for number in numbers(share):
        play, source = history(number)
        expected = play.team.roster
        looked = False
        for batches in orders(play.wires, source, 2):
            looked = not looked
            roster = read(expected.workspace, batches, look=looked)
            assert roster.heads == expected.heads, number
            assert roster.missing() == [], number
            assert roster.state == expected.state, number


def without_traces(roster: Roster) -> dict[str, object]:
    """A state but for what only says that ops without effect exist."""
    traces = (
        "former_devices",
        "former_rekeys",
        "unknown",
        "void",
        "paused",
        "equivocations",
    )
    state = roster.state
    return {name: getattr(state, name) for name in state.__dataclass_fields__ if name not in traces}


@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize("share", range(SHARES))
def test_13_who_was_removed_changes_nothing_whatever_it_makes_up(share: int) -> None:
    """It knows every secret of every invite, dates its ops back, and lets in whom it makes up.

    But for honest invites that give as much as the level of who removed it: see 24.
    """
    attacked = 0
    for number in numbers(share):
        play, source = history(number)
        team = play.team
        victims = [
            name for name in play.people if (team.level(name) or 0) > 0 and team.level("ana") == 0
        ]
        if not victims:
            continue
        mallory = source.choice(victims)
        team.remove("ana", mallory, on=team.roster.parents(public("ana").sign))
        if team.level(mallory) is not None:
            continue  # More heads than an op lists: it did not see all of them.
        before = without_traces(team.roster)
        known = len(play.people)
        play.people.append("sock")
        play.admits_above, play.papers = 0, False
        for _ in range(6):
            play.take(step(source), [mallory, *play.people[known:]])
        assert without_traces(team.roster) == before, number
        attacked += len(play.team.roster.state.void) > 0
    assert attacked > len(numbers(share)) / 2, "the search is worth its name"


def test_14_equals_cannot_remove_each_other_nor_anybody_more_senior() -> None:
    team = team_of(ben=50, cyd=50, dee=60)
    before = team.roster.heads
    for who, whom in (("ben", "cyd"), ("cyd", "ben"), ("dee", "ben"), ("ben", "dee")):
        team.remove(who, whom, on=before)
    assert [team.level(name) for name in ("ben", "cyd", "dee")] == [50, 50, None]
    agreed(team)


@pytest.mark.parametrize("first", ["ben", "cyd", "dee"])
def test_14_a_circle_of_removals_leaves_the_most_seniors_word(first: str) -> None:
    team = team_of(ben=50, cyd=60, dee=70)
    before = team.roster.heads
    circle = {"ben": "cyd", "cyd": "dee", "dee": "ben"}
    who = first
    for _ in circle:
        team.remove(who, circle[who], on=before)
        who = circle[who]
    assert [team.level(name) for name in ("ben", "cyd", "dee")] == [50, None, 70]
    agreed(team)


def test_14_leaving_is_free_and_readmission_beside_a_removal_is_void() -> None:
    team = team_of("ben", cyd=50)
    before = team.roster.heads
    again = team.invite("cyd", on=before)
    team.remove("ana", "ben", on=before)
    back = team.admit("cyd", "ben", again, on=[again.id])
    assert back.id not in team.roster.state.void, "a new invite by an admin is a new beginning"
    team.remove("cyd", "cyd")
    assert team.level("cyd") is None
    agreed(team)


def test_14_an_old_claim_shown_again_beside_a_removal_gives_nothing_back() -> None:
    team = team_of("cyd")
    invite = team.invite("ana")
    admitted = team.admit("ana", "ben", invite)
    before = team.roster.heads
    team.remove("ana", "ben", on=before)
    for on in ([invite.id], before, None):
        team.write("cyd", admitted.args, on)
        assert team.level("ben") is None
    agreed(team)


RACES = {
    "grant": lambda team, on: team.grant("ben", "cyd", 60, on=on),
    "remove": lambda team, on: team.remove("ben", "cyd", on=on),
    "invite": lambda team, on: team.invite("ben", 100, on=on),
}


@pytest.mark.parametrize("act", RACES)
@pytest.mark.parametrize("demoted", ["demoted", "removed"])
def test_15_what_a_demoted_admin_does_meanwhile_is_void(act: str, demoted: str) -> None:
    team = team_of("cyd", ben=50)
    before = team.roster.heads
    _ = team.grant("ana", "ben", 100) if demoted == "demoted" else team.remove("ana", "ben")
    void = RACES[act](team, before)
    assert void.id in team.roster.state.void
    assert team.level("cyd") == 100
    agreed(team)


def test_15_whom_a_demoted_admin_let_in_meanwhile_does_nothing_later() -> None:
    """Nor do those whom that one let in, and theirs, when it all comes to light at once."""
    team = team_of("cyd", ben=50)
    before = team.roster.heads
    team.grant("ana", "ben", 100)
    sock = team.admit("ben", "sock", team.invite("ben", 60, on=before), level=50)
    sub = team.draft("sock", Invite(bytes_of("k"), 100, 10**12, bytes_of("d"), b"r"), level=60)
    team.roster.add(sub.wire)
    removal = team.draft("sock", Remove(member("cyd")), on=[sock.id], level=60)
    team.roster.add(removal.wire)
    assert {sock.id, sub.id, removal.id} <= team.roster.state.void
    assert team.level("sock") is None
    assert team.level("cyd") == 100
    agreed(team)


@pytest.mark.parametrize("claimed", [0, 1, 49, 51, 99, 198, 200, 250])
def test_16_who_claims_another_level_than_its_own_does_nothing(claimed: int) -> None:
    team = team_of("cyd", ben=50)
    state = team.roster.state
    with pytest.raises(Invalid):
        team.write("ben", Remove(member("cyd")), level=claimed)
    assert team.roster.state == state


def test_16_a_level_held_once_is_not_held_for_ever() -> None:
    """The rules of an op's past let it in; the resolution gives it no effect."""
    team = team_of("cyd", ben=50)
    team.grant("ana", "ben", 100)
    for claimed in (50, 100):
        op = team.draft("ben", Remove(member("cyd")), level=claimed)
        try:
            team.roster.add(op.wire)
        except Invalid:
            continue
        assert op.id in team.roster.state.void
    assert team.level("cyd") == 100
    agreed(team)


@pytest.mark.parametrize("given", [0, 1, 49, 50])
def test_17_nobody_gives_as_much_as_they_have(given: int) -> None:
    team = team_of("cyd", ben=50)
    for attempt in (lambda: team.grant("ben", "cyd", given), lambda: team.invite("ben", given)):
        with pytest.raises(Invalid):
            attempt()
    for target in ("ben", "ana"):
        with pytest.raises(Invalid):
            team.grant("ben", target, given)
    assert team.level("cyd") == 100


def test_17_a_grant_does_not_lower_who_is_senior_or_equal() -> None:
    team = team_of(ben=50, cyd=50)
    for target in ("cyd", "ana", "ben"):
        assert team.grant("ben", target, 198).id in team.roster.state.void
    assert [team.level(name) for name in ("ana", "ben", "cyd")] == [0, 50, 50]
    agreed(team)


@pytest.mark.parametrize("act", ["remove", "grant"])
def test_18_nobody_removes_or_lowers_the_founder(act: str) -> None:
    team = team_of("dee", ben=1, cyd=99)
    for who in ("ben", "cyd", "dee"):
        try:
            _ = team.remove(who, "ana") if act == "remove" else team.grant(who, "ana", 198)
        except Invalid:
            continue
    assert team.level("ana") == 0
    assert team.roster.is_valid(team.remove("ana", "ben").id)
    agreed(team)


def test_18_another_genesis_or_founder_is_no_op_of_this_workspace() -> None:
    team = team_of("ben")
    with pytest.raises(Invalid, match="another workspace"):
        team.roster.add(genesis("ben").wire)
    with pytest.raises(Invalid, match="member's"):
        team.write("ben", Grant(member("ben"), 1), level=0, of="ana")


def test_19_an_op_without_its_parent_waits_and_is_never_judged() -> None:
    team = team_of("cyd", ben=50)
    hidden = team.draft("ana", Remove(member("ben")))
    upon = team.draft("ana", Remove(member("cyd")), on=[hidden.id], level=0)
    other = elsewhere(team)
    before = other.state
    assert other.add(upon.wire) == []
    assert other.state == before
    assert other.missing() == [hidden.id]
    assert other.add(hidden.wire) == [hidden.id, upon.id]
    assert member("cyd") not in other.state.members


def test_19_what_waits_is_bounded_and_honest_ops_still_come_in() -> None:
    """A flood of ops without parents, each well signed by a member."""
    team = team_of("mal", "ben")
    other = elsewhere(team)
    args = Invite(bytes(32), 101, 0, bytes(32), bytes(1_000))
    for number in range(5_000):
        other.add(team.draft("mal", args, on=[bytes_of(number)], level=100).wire)
        assert other._waiting.bytes_held <= limits.ROSTER_WAITING_MAX_BYTES
    honest = team.invite("ana")
    assert other.add(honest.wire) == [honest.id]
    assert other.is_valid(honest.id)


def test_19_a_lie_takes_along_all_that_waits_for_it() -> None:
    team = team_of("ben")
    other = Roster(team.roster.workspace)
    lie = team.draft("ben", Grant(member("ben"), 50), level=99)
    chain: list[Op] = [lie]
    for _ in range(20):
        chain.append(team.draft("ana", Remove(member("ben")), on=[chain[-1].id], level=0))
    for op in reversed(chain):
        assert other.add(op.wire) == []
    for op_id in reversed(team.roster.missing_from(())):
        other.add(team.roster.wire(op_id))
    assert other.state == team.roster.state
    assert other._waiting.bytes_held == 0


def test_21_an_admin_who_tells_two_stories_makes_nobody_differ_and_is_shown() -> None:
    """The same place twice, to two rooms that cannot hear each other."""
    team = team_of("cyd", "dee", ben=50)
    before, seq = team.roster.heads, dict(team._seq)
    first = team.remove("ben", "cyd", on=before)
    team._seq = seq
    second = team.remove("ben", "dee", on=before)
    rooms = [elsewhere(team_up_to(team, op)) for op in (first, second)]
    assert rooms[0].state != rooms[1].state
    assert not rooms[0].state.equivocations
    for room, other in ((rooms[0], second), (rooms[1], first)):
        room.add(other.wire)
    assert rooms[0].state == rooms[1].state == team.roster.state
    (lie,) = rooms[0].state.equivocations
    assert (lie.device, lie.ops) == (public("ben").sign, tuple(sorted((first.id, second.id))))


def test_21_two_invites_at_one_place_are_shown_as_soon_as_the_second_comes() -> None:
    team = team_of(ben=50)
    before, seq = team.roster.heads, dict(team._seq)
    first = team.invite("ben", 100, on=before)
    assert not team.roster.state.equivocations
    team._seq = seq
    second = team.invite("ben", 101, on=before)
    (lie,) = team.roster.state.equivocations
    assert lie.ops == tuple(sorted((first.id, second.id)))
    agreed(team)


def team_up_to(team: Team, last: Op) -> Team:
    """The same team, where only one op and its past are known."""
    room = Team(Roster(team.roster.workspace))
    whole = team.roster.history.past_of([last.id])
    for node in team.roster.history.nodes:
        if whole & node.bit:
            room.roster.add(node.op.wire)
    return room


def test_24_a_sock_puppet_of_a_removed_admin_never_writes() -> None:
    team = team_of("cyd", ben=50)
    before = team.roster.heads
    team.remove("ana", "ben")
    sock = team.admit("ben", "sock", team.invite("ben", 100, on=before, level=50), level=50)
    assert sock.id in team.roster.state.void
    assert team.may_write("sock") is False
    third = team.draft("sock", Invite(bytes_of("x"), 101, 10**12, bytes_of("d"), b"r"), level=100)
    team.roster.add(third.wire)
    assert third.id in team.roster.state.void
    agreed(team)


@pytest.mark.parametrize(("given", "works"), [(101, False), (100, False), (60, False), (50, True)])
def test_24_what_is_left_to_a_removed_witness_are_invites_that_give_no_less_than_its_remover(
    given: int, works: bool
) -> None:
    """The documented exception: docs/security.md, and docs/protocol/roster.md "Why so"."""
    team = team_of("mal", ben=50)
    honest = team.invite("ana", given)
    before = team.roster.heads
    team.remove("ben", "mal")
    team.admit("mal", "sock", honest, on=before, level=100)
    assert (team.level("sock") == given) is works
    agreed(team)


def test_24_two_admissions_of_one_device_as_two_members_make_it_one() -> None:
    """A device that claims twice, with other salts, beside itself: one stands, everywhere."""
    team = team_of("ben", "cyd")
    invites = [team.invite("ana"), team.invite("ana")]
    before = team.roster.heads
    first = team.admit("ben", "two", invites[0], on=before)
    twin = twin_claim(team, "two", invites[1])
    second = team.write("cyd", msgspec.structs.replace(first.args, claim=twin), on=before)
    counted = [op.id for op in (first, second) if team.roster.is_valid(op.id)]
    assert len(counted) == 1
    owners = [m for m in team.roster.state.members.values() if public("two").sign in m.devices]
    assert len(owners) == 1
    assert team.roster.state.devices[public("two").sign].member == owners[0].member
    agreed(team)


def test_24_a_device_that_comes_in_twice_with_other_keys_has_the_same_ones_everywhere() -> None:
    """Else those who heard of one first would seal for another key than those of the other."""
    team = team_of("ben", "cyd")
    invites = [team.invite("ana"), team.invite("ana", 101)]
    before = team.roster.heads
    for witness, invite, other in zip(("ben", "cyd"), invites, ("x", "y"), strict=True):
        claim = build_claim(
            team.roster.workspace,
            invite.id,
            DevicePublic(public("two").sign, public(other).link, public(other).box),
            bytes_of("salt", 16),
            b"",
            invite_seed=team.invites[invite.id],
            sign_seed=device("two").sign_seed,
        )
        team.write(witness, Admit(claim.wire), on=before)
    boxes = {elsewhere(team, seed).state.devices[public("two").sign].box for seed in range(8)}
    assert len(boxes) == 1
    agreed(team)


def twin_claim(team: Team, name: str, invite: Op) -> bytes:
    """A claim of the same device as another member."""
    return build_claim(
        team.roster.workspace,
        invite.id,
        public(name),
        bytes_of("another salt", 16),
        b"",
        invite_seed=team.invites[invite.id],
        sign_seed=device(name).sign_seed,
    ).wire
