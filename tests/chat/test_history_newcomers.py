"""What newcomers to a private channel read: stories of engines, and what people are told."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from chat import commands, history, model
from chat.cli.channels import channel_line
from chat.engine.members import Members, Ops
from chat.errors import TrustError, UsageError
from chat.workspace import Now
from crdt import ops
from crdt.roster_ops import MODE_HIDDEN, MODE_PUBLIC
from tests.chat.engine_team import Desk, Team
from tests.chat.node_team import Desk as NodeDesk
from tests.chat.node_team import nodes
from tui.reading import lead
from tui.text.frame import Frame
from tui.text.moments import Calendar

SECRET = "secret"


def act(team: Team, desk: Desk, make: Callable[[Members, Now], Ops]) -> None:
    """A member does something about others, as a command does."""
    made = make(desk.engine.members, team.now(desk))
    team.do(desk, lambda now: desk.engine.publish_each(made, now))


def close(team: Team, desk: Desk, *, opened: bool = False) -> None:
    channel = desk.workspace.find_channel(SECRET)
    act(team, desk, lambda members, now: members.set_history(channel, opened, now))


def add(team: Team, desk: Desk, other: Desk) -> None:
    channel = desk.workspace.find_channel(SECRET)
    act(team, desk, lambda members, now: members.add_to(channel, other.workspace.me, now))


def view(desk: Desk) -> model.Channel:
    return desk.views.channel(desk.workspace.find_channel(SECRET))


def secret_of(seed: int) -> tuple[Team, Desk, Desk, Desk, Desk]:
    """Ana and Bo have talked in #secret, and its history is closed; Cy and Dan are outside."""
    team = Team(seed)
    ana = team.found("ana")
    bo, cy, dan = (team.join(name, ana) for name in ("bo", "cy", "dan"))
    team.mesh()
    channel = team.channel(ana, SECRET, bo)
    team.do(ana, lambda now: ana.engine.write(channel, ops.Topic("plans"), now))
    team.do(ana, lambda now: ana.engine.write(channel, ops.Setting("keep", "30"), now))
    team.post(ana, "old", SECRET)
    team.run()
    close(team, ana)
    team.run()
    return team, ana, bo, cy, dan


def test_a_newcomer_finds_name_and_topic_and_reads_from_there_on() -> None:
    team, ana, bo, cy, _ = secret_of(seed=1)
    assert not view(bo).history
    add(team, bo, cy)
    team.run()
    team.post(bo, "hello cy", SECRET)
    team.run()
    assert cy.texts(SECRET) == ["hello cy"]
    assert ana.texts(SECRET) == bo.texts(SECRET) == ["old", "hello cy"]
    assert view(cy).topic == "plans"
    assert view(cy).earlier
    assert view(cy).complete, "nothing is missing"
    assert history.count_earlier(cy.workspace) == cy.workspace.store.count_waiting() > 0
    assert not view(bo).earlier
    assert "not for newcomers" in lead(view(cy), has_older=False)
    assert "beginning" in lead(view(bo), has_older=False)
    team.post(cy, "hello all", SECRET)
    team.run()
    assert ana.texts(SECRET) == ["old", "hello cy", "hello all"]
    assert cy.reached("hello all", SECRET) == (2, 2)


def test_who_was_out_for_a_while_sees_where_the_gap_is() -> None:
    team, ana, bo, cy, _ = secret_of(seed=8)
    channel = ana.workspace.find_channel(SECRET)
    for step in ("one", "two", "three"):
        if step == "two":
            act(team, ana, lambda members, now: members.kick(channel, bo.workspace.me, now))
        elif step == "three":
            add(team, ana, bo)
        team.run()
        team.post(ana, step, SECRET)
        team.run()
    add(team, ana, cy)
    team.run()
    team.post(ana, "four", SECRET)
    team.run()
    assert bo.texts(SECRET) == ["old", "one", "three", "four"]
    shown = [bo.message(text, SECRET) for text in bo.texts(SECRET)]
    frame = Frame(40, Calendar(), gaps=view(bo).gaps)
    parted = [frame.parted(each, before) for before, each in pairwise(shown)]
    assert parted == [False, True, False], "between “one” and “three”"
    assert "beginning" in lead(view(bo), False, shown[0])
    assert "not for newcomers" in lead(view(cy), False, cy.message("four", SECRET))
    assert not view(ana).gaps
    before = view(bo)
    team.restart(bo)
    assert view(bo) == before


def test_how_long_it_is_kept_is_said_again_by_whose_word_it_is() -> None:
    team, ana, bo, cy, dan = secret_of(seed=2)
    add(team, bo, cy)
    team.run()
    assert view(cy).keep_days == 0, "what ana said does not become bo's word"
    add(team, ana, dan)
    team.run()
    assert view(dan).keep_days == view(ana).keep_days == 30


def test_what_was_written_apart_before_hearing_of_a_newcomer_is_not_for_them() -> None:
    team, ana, bo, cy, _ = secret_of(seed=3)
    team.isolate(bo)
    add(team, ana, cy)
    team.run()
    team.post(bo, "among us", SECRET)
    team.mesh()
    team.run()
    assert ana.texts(SECRET) == ["old", "among us"]
    assert cy.texts(SECRET) == []
    team.post(bo, "hello cy", SECRET)
    team.run()
    assert cy.texts(SECRET) == ["hello cy"]


def test_two_who_come_apart_are_both_in_after_the_merge() -> None:
    team, ana, bo, cy, dan = secret_of(seed=4)
    team.isolate_all()
    team.mesh(ana, cy)
    team.mesh(bo, dan)
    add(team, ana, cy)
    add(team, bo, dan)
    team.run()
    team.post(ana, "for cy", SECRET)
    team.post(bo, "for dan", SECRET)
    team.run()
    team.mesh()
    team.run(60_000)
    team.post(cy, "for all", SECRET)
    team.run()
    assert cy.texts(SECRET) == ["for cy", "for all"]
    assert dan.texts(SECRET) == ["for dan", "for all"]
    assert ana.texts(SECRET) == bo.texts(SECRET)
    assert sorted(ana.texts(SECRET)) == ["for all", "for cy", "for dan", "old"]


def test_opened_again_newcomers_read_from_the_opening_on() -> None:
    team, ana, bo, cy, dan = secret_of(seed=5)
    add(team, ana, cy)
    team.run()
    team.post(ana, "closed", SECRET)
    close(team, ana, opened=True)
    team.run()
    team.post(bo, "open", SECRET)
    team.run()
    add(team, ana, dan)
    team.run()
    assert dan.texts(SECRET) == ["open"]
    assert cy.texts(SECRET) == ["closed", "open"]
    assert view(dan).topic == "plans"
    assert view(dan).history


def test_a_machine_that_comes_back_shows_the_same() -> None:
    team, ana, _, cy, _ = secret_of(seed=6)
    add(team, ana, cy)
    team.run()
    before = view(cy)
    team.restart(cy)
    assert view(cy) == before
    assert cy.workspace.store.count_waiting() == history.count_earlier(cy.workspace)


def test_where_history_cannot_be_closed_and_by_whom() -> None:
    team, ana, bo, _, _ = secret_of(seed=7)
    team.channel(ana, "news", mode=MODE_PUBLIC)
    team.channel(ana, "club", bo, mode=MODE_HIDDEN)
    team.run()
    for name, said in (("general", "Everybody is in"), ("news", "public")):
        channel = ana.workspace.find_channel(name)
        with pytest.raises(UsageError, match=said):
            list(ana.engine.members.set_history(channel, False, team.now()))
    channel = bo.workspace.find_channel(SECRET)
    with pytest.raises(TrustError, match="who made"):
        list(bo.engine.members.set_history(channel, True, team.now()))
    assert list(ana.engine.members.set_history(channel, False, team.now())) == [], "it is closed"
    club = ana.workspace.find_channel("club")
    act(team, ana, lambda members, now: members.set_history(club, False, now))
    assert not ana.views.channel(club).history


def test_the_command_says_what_it_did() -> None:
    async def story(make: Callable[..., Awaitable[NodeDesk]]) -> None:
        ana = await make("ana")
        await ana.create()
        await ana.call(commands.CreateChannel(SECRET, "private", ("ana",)))
        said: model.Channel = await ana.call(commands.SetHistory(SECRET, False))
        assert not said.history
        assert "history off" in channel_line(said)
        said = await ana.call(commands.SetHistory(f"#{SECRET}", True))
        assert said.history
        assert "history off" not in channel_line(said)
        with pytest.raises(UsageError, match="Everybody"):
            await ana.call(commands.SetHistory("general", False))

    play(story)


def test_notes_that_were_begun_before_say_so() -> None:
    async def story(make: Callable[..., Awaitable[NodeDesk]]) -> None:
        ana, bo = await make("ana"), await make("bo")
        await ana.create()
        await bo.join(ana)
        await ana.call(commands.CreateChannel(SECRET, "private", ("ana",)))
        await ana.call(commands.SetNotes(SECRET, "from before"))
        await ana.call(commands.SetHistory(SECRET, False))
        await ana.call(commands.AddToChannel(SECRET, "bo"))
        await bo.until(lambda: SECRET in bo.team.workspace.channel_names().values())
        await ana.call(commands.Post(SECRET, "hello bo"))
        await bo.until(lambda: bo.texts(SECRET) == ["hello bo"])
        await bo.until(lambda: bo.team.views.channels()[1].earlier)
        notes: model.Notes = await bo.call(commands.GetNotes(SECRET))
        assert (notes.text, notes.earlier, notes.quarantined) == ("", 1, 0)
        notes = await ana.call(commands.GetNotes(SECRET))
        assert (notes.text, notes.earlier) == ("from before", 0)
        status: model.Status = await bo.call(commands.GetStatus())
        assert status.waiting == 0

    play(story)


def play(story: Callable[[Callable[..., Awaitable[NodeDesk]]], Awaitable[None]]) -> None:
    async def run() -> None:
        async with nodes() as make:
            await story(make)

    asyncio.run(run())
