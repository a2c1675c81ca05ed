"""Stories of real nodes that know one address: they find the others, and stay together."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from chat import commands, events
from chat.config import Network, Settings
from chat.node import Node
from chat.profile import Profile
from tests.chat.node_team import Desk, nodes

Make = Callable[..., Awaitable[Desk]]


def played(story: Callable[[Make], Coroutine[Any, Any, None]]) -> None:
    async def play() -> None:
        async with nodes() as make:
            await story(make)

    asyncio.run(play())


def device(desk: Desk) -> bytes:
    return desk.team.workspace.device


def is_linked(left: Desk, right: Desk) -> bool:
    return any(handle.device == device(right) for handle in left.meeting.links.handles)


async def until_linked(*desks: Desk) -> None:
    """All with all."""
    for left in desks:
        for right in desks:
            if left is not right:
                await left.until(lambda left=left, right=right: is_linked(left, right))  # type: ignore[misc]


async def dial_only(desk: Desk, *dial: str) -> None:
    """Begin anew without accepting links, as behind a router that lets nobody in."""
    await desk.stop()
    settings = Settings(Network("127.0.0.1:0", "127.0.0.1", dial, mdns=False))
    desk._node = await Node.open(
        Profile(desk.home), settings, network=True, create=False, listening=False
    )
    desk._listening = asyncio.create_task(desk._listen(desk._node.events()))


def online(desk: Desk) -> set[str]:
    """The nicks of members that are shown as online."""
    return {member.nick for member in desk.team.views.members() if member.online}


def writers(desk: Desk) -> list[str]:
    return [event.author.nick for event in desk.heard if isinstance(event, events.TypingShown)]


def test_two_who_know_only_a_third_link_with_each_other_and_stay_when_it_leaves() -> None:
    async def story(make: Make) -> None:
        ana = await make("ana")
        await ana.create()
        bo = await make("bo")
        await bo.join(ana)
        cid = await make("cid")
        await cid.join(ana)
        for desk in (bo, cid):
            known = {address.url for address in desk.team.workspace.store.addresses()}
            assert known <= {ana.url, *(() if not is_linked(bo, cid) else (bo.url, cid.url))}
        await until_linked(ana, bo, cid)
        await ana.stop()
        await bo.until(lambda: online(bo) == {"bo", "cid"})
        await bo.post("ana is gone")
        await cid.until(lambda: cid.texts() == ["ana is gone"])
        await cid.post("and we are not")
        await bo.until(lambda: bo.texts() == ["ana is gone", "and we are not"])

    played(story)


def test_two_who_cannot_be_dialled_know_of_each_other_through_a_third() -> None:
    async def story(make: Make) -> None:
        ana = await make("ana")
        await ana.create()
        bo = await make("bo")
        await bo.join(ana)
        cid = await make("cid")
        await cid.join(ana)
        await dial_only(bo, ana.url)
        await dial_only(cid, ana.url)
        await ana.until(lambda: is_linked(ana, bo) and is_linked(ana, cid))
        await bo.until(lambda: online(bo) == {"ana", "bo", "cid"})
        await cid.until(lambda: online(cid) == {"ana", "bo", "cid"})
        assert not is_linked(bo, cid)
        await bo.call(commands.Typing("general"))
        await cid.until(lambda: writers(cid) == ["bo"])
        await ana.until(lambda: writers(ana) == ["bo"])
        # Cid leaves, and bo knows without a link to tell it.
        await cid.stop()
        await bo.until(lambda: online(bo) == {"ana", "bo"})
        assert writers(bo) == []

    played(story)


def test_a_relay_brings_two_members_together() -> None:
    async def story(make: Make) -> None:
        ana = await make("ana")
        await ana.create()
        relay = await make("relay")
        await relay.join(ana, relay=True)
        bo = await make("bo")
        await bo.join(ana)
        await until_linked(ana, bo, relay)
        at, bo_at = relay.url, bo.url
        for desk in (ana, bo, relay):
            await desk.stop()
        # Ana and bo are elsewhere now, under addresses that nobody knows, and know the relay's.
        await relay.start()
        for desk in (ana, bo):
            await desk.start(relay.url)
        assert {ana.url, bo.url}.isdisjoint({at, bo_at})
        await until_linked(ana, bo)
        await ana.post("found you")
        await bo.until(lambda: bo.texts() == ["found you"])

    played(story)
