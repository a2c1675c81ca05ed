"""Devices of a member: how they come in, what they may do, and what is left when one is removed."""

import pytest

from crdt import limits
from crdt.cuts import NOTHING, last_good
from crdt.entry import LogId
from crdt.errors import Invalid
from crdt.roster import Roster
from crdt.roster_ops import LASTING, Accept, DeviceAdd, DeviceCode, DeviceRemove, Grant, Kept, Op
from tests.crdt.roster_people import INCARNATION, Team, bytes_of, member, public

GENERAL = bytes_of("general", 16)


def team_of(**levels: int) -> Team:
    team = Team.new()
    for name, level in levels.items():
        team.bring("ana", name, level)
    return team


def second(team: Team, who: str, name: str, *, paper: bool = False) -> Op:
    """Another device of somebody, which their first lets in."""
    return team.add(who, name, team.code(who, paper=paper))


def by(team: Team, who: str, name: str) -> None:
    """From now on somebody acts on this device."""
    team.using[who] = name


def is_in(team: Team, who: str, name: str) -> bool:
    return public(name).sign in team.devices(who)


def read_backwards(team: Team) -> Roster:
    roster = Roster(team.roster.workspace)
    for op_id in reversed(team.roster.missing_from(())):
        roster.add(team.roster.wire(op_id))
    return roster


# Coming in ------------------------------------------------------------------------------------


def test_a_second_device_is_the_same_member_and_may_the_same() -> None:
    team = team_of(ben=50, cyd=100)
    added = second(team, "ben", "ben's phone")
    assert team.devices("ben") == {public("ben").sign, public("ben's phone").sign}
    assert team.roster.state.devices[public("ben's phone").sign].op == added.id
    by(team, "ben", "ben's phone")
    assert team.roster.is_valid(team.remove("ben", "cyd").id)
    assert team.may_write("ben's phone")
    assert team.roster.same_member(public("ben").sign, public("ben's phone").sign)
    # What it may follows its member's level, whatever it was when the device came.
    team.grant("ana", "ben", 100)
    with pytest.raises(Invalid):
        team.remove("ben", "cyd")


def test_a_device_adds_another_and_so_on() -> None:
    team = team_of(ben=100)
    for old, new in (("ben", "b1"), ("b1", "b2"), ("b2", "b3")):
        by(team, "ben", old)
        second(team, "ben", new)
    assert len(team.devices("ben")) == 4


def test_nobody_else_lets_a_device_in_by_a_code_and_anybody_by_paper() -> None:
    team = team_of(ben=100, cyd=50, rel=250)
    code, paper = team.code("ben"), team.code("ben", paper=True)
    for witness in ("cyd", "ana", "rel"):
        with pytest.raises(Invalid, match="let in by its member"):
            team.add(witness, "phone", code)
    assert team.roster.is_valid(team.add("rel", "found again", paper).id)
    assert team.roster.is_valid(team.add("cyd", "once more", paper).id)
    assert len(team.devices("ben")) == 3


def test_a_code_is_used_once() -> None:
    team = team_of(ben=100)
    code = team.code("ben")
    team.add("ben", "phone", code)
    assert team.roster.state.invites[code.id].used
    with pytest.raises(Invalid, match="used before"):
        team.add("ben", "tablet", code)
    with pytest.raises(Invalid, match="came in before"):
        team.add("ben", "phone", code)


def test_a_code_used_in_two_places_at_once_lets_one_device_in_everywhere() -> None:
    team = team_of(ben=100)
    second(team, "ben", "laptop")
    code = team.code("ben")
    heads = team.roster.heads
    team.add("ben", "phone", code, heads)
    by(team, "ben", "laptop")
    team.add("ben", "tablet", code, heads)
    came = [name for name in ("phone", "tablet") if is_in(team, "ben", name)]
    assert len(came) == 1
    assert read_backwards(team).state == team.roster.state


def test_a_code_that_was_taken_back_lets_nobody_in() -> None:
    team = team_of(ben=100, cyd=50)
    code, paper = team.code("ben"), team.code("ben", paper=True)
    with pytest.raises(Invalid, match="taken back by its member"):
        team.revoke("cyd", paper)
    for each in (code, paper):
        team.revoke("ben", each)
        assert team.roster.state.invites[each.id].revoked
        late = team.add("ben", f"late {each.id.hex()}", each)
        assert not team.roster.is_valid(late.id)
    assert team.devices("ben") == {public("ben").sign}


def test_a_claim_of_other_keys_or_elsewhere_is_refused() -> None:
    team, other = team_of(ben=100), team_of(ben=100)
    code = team.code("ben")
    claim = team.claim("phone", code.id)
    for place in range(0, len(claim), 7):
        wire = claim[:place] + bytes([claim[place] ^ 1]) + claim[place + 1 :]
        with pytest.raises(Invalid):
            team.write("ben", DeviceAdd(wire))
    elsewhere = team.claim("phone", code.id, bytes(32))
    with pytest.raises(Invalid, match="another workspace"):
        team.write("ben", DeviceAdd(elsewhere))
    invite = other.invite("ana")
    with pytest.raises(Invalid, match="without its code"):
        other.write("ana", DeviceAdd(other.claim("phone", invite.id)))
    assert team.devices("ben") == {public("ben").sign}


def test_nobody_has_devices_without_end() -> None:
    team = team_of(ben=100)
    paper = team.code("ben", paper=True)
    for number in range(limits.DEVICES_EVER_MAX):
        team.add("ben", f"device {number}", paper)
    with pytest.raises(Invalid, match="too many"):
        team.add("ben", "one more", paper)


def test_a_paper_is_sealed_for_until_it_is_taken_back_and_does_nothing_itself() -> None:
    team = team_of(ben=100)
    paper = team.code("ben", paper=True)
    assert isinstance(paper.args, DeviceCode)
    known = team.roster.state.devices[paper.args.key]
    assert (known.member, known.level, known.link) == (member("ben"), 100, b"")
    assert known.box == paper.args.box
    assert team.devices("ben") == {public("ben").sign}
    named = team.roster.register_heads(team.roster.heads)
    assert named is not None
    assert not team.roster.may_write(paper.args.key, named)
    team.revoke("ben", paper)
    assert paper.args.key not in team.roster.state.devices


def test_a_paper_takes_nobodys_id() -> None:
    team = team_of(ben=100, cyd=100)
    second(team, "cyd", "phone")
    team.drop("cyd", "cyd", "phone")
    before = team.roster.state
    for name in ("cyd", "phone"):
        key, box = public(name).sign, public("ben").box
        team.write("ben", DeviceCode(key, LASTING, bytes_of("door"), b"rest", box))
    after = team.roster.state
    assert after.devices == before.devices
    assert after.former_devices == before.former_devices


# Going ----------------------------------------------------------------------------------------


def test_a_removed_device_is_out_and_never_comes_back() -> None:
    team = team_of(ben=50, cyd=100)
    code = team.code("ben")
    team.add("ben", "phone", code)
    before = team.roster.heads
    removal = team.drop("ben", "ben", "phone")
    assert team.devices("ben") == {public("ben").sign}
    assert team.roster.state.former_devices[public("phone").sign].end == removal.id
    assert team.roster.farewell(public("phone").sign)[-1] == removal.id
    assert team.may_write("phone", before)
    assert not team.may_write("phone")
    by(team, "ben", "phone")
    # Behind it, and beside it, which anybody can say who has the key.
    for on in (None, before):
        assert not team.roster.is_valid(team.remove("ben", "cyd", on).id)
        assert not team.roster.is_valid(team.invite("ben", 100, on).id)
        assert not team.roster.is_valid(team.code("ben", on=on).id)
    assert team.level("cyd") == 100
    by(team, "ben", "ben")
    with pytest.raises(Invalid, match="came in before"):
        team.add("ben", "phone", team.code("ben"))


def test_what_a_device_did_before_stays() -> None:
    team = team_of(ben=50, cyd=100, dan=100)
    second(team, "ben", "phone")
    by(team, "ben", "phone")
    gone = team.remove("ben", "cyd")
    second(team, "ben", "tablet")
    invite = team.invite("ben")
    used = team.admit("ben", "eve", team.invite("ben"))
    by(team, "ben", "ben")
    team.drop("ben", "ben", "phone")
    for op in (gone, used):
        assert team.roster.is_valid(op.id)
    assert is_in(team, "ben", "tablet")
    # But by its invites nobody comes in any more: who has the device has their secrets.
    assert team.roster.state.invites[invite.id].revoked
    assert not team.roster.is_valid(team.admit("dan", "fay", invite).id)


def test_what_a_removed_device_brings_in_beside_that_is_out() -> None:
    team = team_of(ben=100)
    second(team, "ben", "phone")
    heads = team.roster.heads
    by(team, "ben", "phone")
    code = team.code("ben", on=heads)
    sock = team.add("ben", "sock", code, [code.id])
    by(team, "ben", "ben")
    removal = team.drop("ben", "ben", "phone", heads)
    assert not is_in(team, "ben", "sock")
    assert not team.roster.is_valid(sock.id)
    assert team.roster.state.former_devices[public("sock").sign].end == removal.id
    assert not team.may_write("sock")
    assert is_in(team, "ben", "ben")


def test_two_devices_that_remove_each_other_are_both_out_and_the_paper_brings_one_in() -> None:
    team = team_of(ben=100)
    paper = team.code("ben", paper=True)
    second(team, "ben", "phone")
    heads = team.roster.heads
    team.drop("ben", "ben", "phone", heads)
    by(team, "ben", "phone")
    team.drop("ben", "ben", "ben", heads)
    assert team.devices("ben") == set()
    assert team.level("ben") == 100, "the member is there, without a device"
    team.add("ana", "new", paper)
    assert team.devices("ben") == {public("new").sign}
    # What is dated back cannot name it.
    with pytest.raises(Invalid, match="not one of the member's"):
        team.drop("ben", "ben", "new", heads)
    assert read_backwards(team).state == team.roster.state


def test_seniors_take_devices_and_nobody_else() -> None:
    team = team_of(ben=50, cyd=50, dan=100)
    second(team, "dan", "phone")
    second(team, "cyd", "pad")
    with pytest.raises(Invalid, match="takes an admin"):
        team.drop("dan", "ben", "ben")
    assert not team.roster.is_valid(team.drop("ben", "cyd", "pad").id)
    assert not team.roster.is_valid(team.drop("ben", "ana", "ana").id)
    heads = team.roster.heads
    removal = team.drop("ben", "dan", "phone", heads)
    by(team, "dan", "phone")
    # Beside a senior's removal the thief takes nothing from the owner.
    assert not team.roster.is_valid(team.drop("dan", "dan", "dan", heads).id)
    assert team.roster.is_valid(removal.id)
    assert team.devices("dan") == {public("dan").sign}


def test_a_removal_said_again_by_who_promotes_holds_at_the_new_level() -> None:
    team = team_of(ben=50, dan=100, eve=100)
    second(team, "dan", "phone")
    heads = team.roster.heads
    team.drop("ben", "dan", "phone", heads)
    again = team.write("ana", DeviceRemove(member("dan"), public("phone").sign))
    granted = team.write("ana", Grant(member("dan"), 10), [again.id])
    by(team, "dan", "phone")
    theft = team.write("dan", DeviceRemove(member("eve"), public("eve").sign), [granted.id])
    assert not team.roster.is_valid(theft.id)
    assert team.devices("dan") == {public("dan").sign}


def test_who_was_removed_does_not_take_back_what_it_did_by_removing_a_device() -> None:
    team = team_of(ben=50, cyd=100)
    second(team, "ben", "phone")
    old = team.roster.heads
    gone = team.remove("ben", "cyd")
    team.remove("ana", "ben")
    by(team, "ben", "phone")
    assert not team.roster.is_valid(team.drop("ben", "ben", "ben", old).id)
    assert team.roster.is_valid(gone.id)
    assert team.level("cyd") is None


# What stands of its writing -------------------------------------------------------------------


def log(name: str) -> LogId:
    return LogId(GENERAL, 1, public(name).sign, INCARNATION)


def test_a_cut_is_about_the_removed_device_and_what_it_brought_in() -> None:
    team = team_of(ben=100)
    second(team, "ben", "phone")
    heads = team.roster.heads
    by(team, "ben", "phone")
    code = team.code("ben", on=heads)
    team.add("ben", "sock", code, [code.id])
    by(team, "ben", "ben")
    removal = team.drop("ben", "ben", "phone", heads)
    row = Kept(GENERAL, 1, public("phone").sign, INCARNATION, 4, bytes_of("id"))
    team.write("ben", Accept(removal.id, (team.roster.history.scope,), (row,)))
    (cut,) = team.roster.state.cuts[member("ben")]
    assert [cut.is_about(public(name).sign) for name in ("phone", "sock", "ben")] == [
        True,
        True,
        False,
    ]
    assert last_good(cut, log("phone"), lambda seq: None) == 4
    assert last_good(cut, log("sock"), lambda seq: None) == NOTHING
    assert last_good(cut, log("ben"), lambda seq: None) == limits.SEQ_MAX


# Founders -------------------------------------------------------------------------------------


def test_founders_make_founders_whom_nobody_else_demotes() -> None:
    team = team_of(ben=50, cyd=100)
    with pytest.raises(Invalid, match="gives less"):
        team.grant("ben", "cyd", 0)
    assert team.roster.is_valid(team.grant("ana", "ben", 0).id)
    assert team.level("ben") == 0
    for who, target in (("ana", "ben"), ("ben", "ana")):
        assert not team.roster.is_valid(team.remove(who, target).id)
        assert not team.roster.is_valid(team.grant(who, target, 50).id)
    assert team.roster.is_valid(team.grant("ben", "cyd", 0).id)
    assert [team.level(name) for name in ("ana", "ben", "cyd")] == [0, 0, 0]


def test_of_founding_and_removing_side_by_side_founding_stands() -> None:
    team = team_of(ben=50, cyd=100)
    team.grant("ana", "ben", 0)
    heads = team.roster.heads
    removal = team.remove("ben", "cyd", heads)
    founded = team.grant("ana", "cyd", 0, heads)
    assert team.roster.is_valid(founded.id)
    assert not team.roster.is_valid(removal.id)
    assert team.level("cyd") == 0
    assert read_backwards(team).state == team.roster.state


def test_two_founders_make_one_member_a_founder_at_the_same_time() -> None:
    team = team_of(ben=50, cyd=100)
    team.grant("ana", "ben", 0)
    heads = team.roster.heads
    both = [team.grant(who, "cyd", 0, heads) for who in ("ana", "ben")]
    assert [team.roster.is_valid(op.id) for op in both] == [True, True]
    again = read_backwards(team)
    assert [again.is_valid(op.id) for op in both] == [True, True]
    assert again.state == team.roster.state


def test_a_founder_who_left_makes_no_founders_any_more() -> None:
    team = team_of(ben=50, cyd=100)
    team.grant("ana", "ben", 0)
    team.remove("ana", "ana")
    assert not team.roster.is_valid(team.write("ana", Grant(member("cyd"), 0), level=0).id)
    assert team.roster.is_valid(team.grant("ben", "cyd", 0).id)
