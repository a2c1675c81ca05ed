"""Stories of nodes: who is away, which channels are direct, what can be taken back unsent."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chat import commands, events, model
from chat.errors import TrustError, UsageError
from tests.chat.node_team import Desk, nodes

Make = Callable[..., Awaitable[Desk]]


def played(story: Callable[[Make], Awaitable[None]]) -> None:
    """Play a story with nodes."""

    async def run() -> None:
        async with nodes() as make:
            await story(make)

    asyncio.run(run())


async def pair(make: Make) -> tuple[Desk, Desk]:
    """Two members, linked."""
    ana, bo = await make("ana"), await make("bo")
    await ana.create()
    await bo.join(ana)
    await ana.until(lambda: ana.linked() == 1 and len(ana.team.views.members()) == 2)
    return ana, bo


def shown(desk: Desk, nick: str) -> model.Member:
    """A member as the face of this desk shows them."""
    return next(member for member in desk.team.views.members() if member.nick == nick)


def told(desk: Desk, nick: str) -> list[tuple[bool, str]]:
    """What the face was told of somebody's being away, in order."""
    found = [
        (member.away, member.away_text)
        for event in desk.heard
        if isinstance(event, events.MembersChanged)
        for member in event.members
        if member.nick == nick
    ]
    return [each for at, each in enumerate(found) if at == 0 or each != found[at - 1]]


def test_others_see_that_somebody_is_away_and_back() -> None:
    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        await ana.until(lambda: shown(ana, "bo").online)
        me: model.Member = await bo.call(commands.SetAway(True, " lunch\x1b[2J\n"))
        assert (me.nick, me.away, me.away_text) == ("bo", True, "lunch[2J")
        await ana.until(lambda: told(ana, "bo")[-1:] == [(True, "lunch[2J")])
        assert not shown(ana, "ana").away
        with pytest.raises(UsageError):
            await bo.call(commands.SetAway(True, "x" * 81))
        await bo.call(commands.SetAway(False))
        await ana.until(lambda: told(ana, "bo")[-1:] == [(False, "")])
        await bo.call(commands.SetAway(True))
        await ana.until(lambda: shown(ana, "bo").away)
        await bo.stop()
        await ana.until(lambda: not shown(ana, "bo").online)
        assert not shown(ana, "bo").away, "who is gone is gone, not away"

    played(story)


def test_a_private_channel_of_two_is_direct_and_names_who_is_in_it() -> None:
    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        general = next(c for c in ana.team.views.channels() if c.name == "general")
        assert (general.direct, general.readers) == (False, 2), "two are the whole workspace"
        cid = await make("cid")
        await cid.join(ana)
        await ana.until(lambda: len(ana.team.views.members()) == 3)
        plans: model.Channel = await ana.call(commands.CreateChannel("plans", "private", ("bo",)))
        assert (plans.direct, plans.limited, plans.readers) == (True, True, 2)
        assert [author.nick for author in plans.members] == ["ana", "bo"]
        assert model.usual_alerts(plans) == "all"
        await bo.until(lambda: any(c.name == "plans" for c in bo.team.views.channels()))
        theirs = next(c for c in bo.team.views.channels() if c.name == "plans")
        assert [author.nick for author in theirs.members] == ["bo", "ana"]
        grown: Any = await ana.call(commands.AddToChannel("plans", "cid"))
        assert (grown.direct, grown.readers) == (False, 3)
        assert model.usual_alerts(grown) == "mentions"
        general = next(c for c in ana.team.views.channels() if c.name == "general")
        assert (general.direct, general.members) == (False, ())

    played(story)


def test_what_was_written_alone_can_be_taken_back_and_its_words_never_leave() -> None:
    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        before = await ana.post("while they are linked")
        await bo.until(lambda: "while they are linked" in bo.texts())
        with pytest.raises(UsageError, match="may have left"):
            await ana.call(commands.TakeBack(before.id))
        await bo.stop()
        await ana.until(lambda: ana.linked() == 0)
        with pytest.raises(UsageError, match="may have left"):
            await ana.call(commands.TakeBack(before.id))
        kept = await ana.post("kept")
        secret = await ana.post("a password, by mistake")
        workspace = ana.team.workspace
        row = workspace.store.message(bytes.fromhex(secret.id))
        assert row is not None
        gone: model.Message = await ana.call(commands.TakeBack(secret.id))
        assert (gone.id, gone.deleted, gone.text) == (secret.id, True, "")
        [entry] = workspace.store.entries(row.log, row.seq, row.seq)
        assert entry.ciphertext is None, "there is nothing that a link could give away"
        with pytest.raises(UsageError, match="taken back"):
            await ana.call(commands.TakeBack(secret.id))
        await bo.start(ana.url)
        await bo.until(lambda: "kept" in bo.texts())
        assert "a password, by mistake" not in bo.texts()
        with pytest.raises(UsageError, match="may have left"):
            await ana.call(commands.TakeBack(kept.id))
        with pytest.raises(TrustError):
            await bo.call(commands.TakeBack(kept.id))

    played(story)
