"""Nicks: nobody looks like somebody else, whatever they call themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import UsageError
from chat.nicks import Standing, tell_apart
from crdt.roster_ops import Remove
from crdt.text import look
from tests.chat.engine_team import Desk, Team

members = st.binary(min_size=16, max_size=16)
calls = st.sampled_from(["ana", "Ana", "a\u200bna", "ANA\ufe0f", "bo", "ana~0000", "ana~"])
crowds = st.dictionaries(members, calls, min_size=1, max_size=12)


@given(crowds, st.randoms(use_true_random=False))
def test_no_two_look_the_same_whoever_is_who(nicks: dict[bytes, str], chance: object) -> None:
    standings = {m: Standing(m[0] % 3, m[1] % 2 == 0, m[2], m) for m in nicks}
    shown = tell_apart(nicks, standings)
    assert len({look(nick) for nick in shown.values()}) == len(nicks)
    assert shown == tell_apart(dict(reversed(nicks.items())), standings)
    for member, nick in nicks.items():
        same = [m for m in nicks if look(nicks[m]) == look(nick)]
        assert (shown[member] == nick) == (member == min(same, key=lambda m: standings[m]))
        assert shown[member] in (nick, *(f"{nick}~{member.hex()[:n]}" for n in (4, 8, 16, 32)))


def test_who_calls_themselves_what_another_is_shown_with_gains_nothing() -> None:
    ana, other, liar = bytes(16), b"\x5b\x8e" * 8, b"\xff" * 16
    nicks = {ana: "ana", other: "ana", liar: "ana~5b8e"}
    standings = {m: Standing(100, False, 0, m) for m in nicks}
    shown = tell_apart(nicks, standings)
    assert shown == {ana: "ana", other: "ana~5b8e5b8e", liar: "ana~5b8e"}


# In a workspace ---------------------------------------------------------------------------------


def suffix(desk: Desk) -> str:
    return f"~{desk.workspace.me.hex()[:4]}"


def names(desk: Desk, *shown: Desk) -> list[str]:
    return [desk.workspace.nick(each.workspace.me) for each in shown]


def call(team: Team, desk: Desk, nick: str) -> None:
    team.say(desk, lambda talking: talking.profile(nick, ""))
    team.run()


def three() -> tuple[Team, Desk, Desk, Desk]:
    team = Team(seed=71)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.run(60_000)
    cy = team.join("cy", ana)
    team.mesh()
    team.run()
    return team, ana, bo, cy


def test_the_senior_keeps_the_nick_and_everybody_shows_the_same() -> None:
    team, ana, bo, cy = three()
    call(team, bo, "ANA")
    call(team, cy, "a\u200bna")
    for desk in (ana, bo, cy):
        assert names(desk, ana, bo, cy) == ["ana", f"ANA{suffix(bo)}", f"ana{suffix(cy)}"]
    team.post(cy, "I am ana")
    team.run()
    assert bo.message("I am ana").author.nick == f"ana{suffix(cy)}"
    assert f"ana{suffix(cy)}" in [member.nick for member in ana.views.members()]
    call(team, cy, "cy")
    call(team, ana, "Ana the First")
    assert names(bo, ana, bo, cy) == ["Ana the First", "ANA", "cy"]


def test_among_equals_who_came_in_with_a_nick_keeps_it() -> None:
    team, ana, bo, cy = three()
    call(team, bo, "cy")
    assert names(ana, bo, cy) == [f"cy{suffix(bo)}", "cy"]
    team.say(cy, lambda talking: talking.profile("", "red"))
    call(team, cy, "dan")
    call(team, bo, "Dan")
    assert names(ana, bo, cy) == ["Dan", f"dan{suffix(cy)}"]  # Both took it; bo came in first.


def test_a_colour_does_not_make_the_suffix_part_of_the_nick() -> None:
    team, ana, bo, _ = three()
    call(team, bo, "ana")
    team.say(bo, lambda talking: talking.profile("", "blue"))
    team.run()
    assert names(ana, bo) == [f"ana{suffix(bo)}"]
    assert ana.workspace.own_nick(bo.workspace.me) == "ana"


def test_a_mention_means_who_is_shown_so() -> None:
    team, ana, bo, cy = three()
    call(team, bo, "ana")
    team.post(cy, f"to @ana{suffix(bo)}!")
    team.post(cy, "to @ana")
    team.run()
    texts = (f"to @ana{suffix(bo)}!", "to @ana")
    assert [bo.message(text).mentions_me for text in texts] == [True, False]
    assert [ana.message(text).mentions_me for text in texts] == [False, True]


def test_who_was_removed_does_not_share_a_nick_with_who_is_in() -> None:
    team, ana, bo, cy = three()
    call(team, bo, "dan")
    team.post(bo, "before")
    team.run()
    team.publish(ana, Remove(bo.workspace.me))
    team.run()
    assert names(ana, bo) == ["dan"]
    call(team, cy, "dan")
    assert names(ana, bo, cy) == [f"dan{suffix(bo)}", "dan"]
    assert names(cy, bo, cy) == [f"dan{suffix(bo)}", "dan"]


@pytest.mark.parametrize("nick", ["x" * 65, "two\nlines", "\u200b\u2060", "\u3164"])
def test_a_nick_that_cannot_be_shown_whole_is_refused(nick: str) -> None:
    ana = Team(seed=72).found("ana")
    with pytest.raises(UsageError, match="A nick "):
        ana.talking.profile(nick, "")
