"""Who left is not there any more for the others; who comes back is in one workspace, not in two."""

import asyncio
import tempfile
from pathlib import Path

from chat import commands, model
from chat.cli.context import Invocation
from chat.cli.workspaces import Everywhere, Known, Overview, choose, listed
from chat.profile import Profile
from chat.profile_workspaces import workspaces_of
from chat.session import Session
from tests.chat.node_team import nodes
from tests.chat.test_node_household import household, open_all


def test_who_left_is_not_online_for_the_others() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo = await make("bo")
            await bo.join(ana)
            me = bo.team.workspace.me
            await ana.until(lambda: ana.team.workspace.nick(me) == "bo")
            message = await ana.post("hello")
            await bo.until(lambda: "hello" in bo.texts())
            device = bo.team.workspace.device
            await ana.until(lambda: device in ana.team.engine._others_online)
            await bo.call(commands.Leave())
            await ana.until(lambda: me not in ana.team.workspace.roster.state.members)
            # The link stands for a moment, to say goodbye; it is a link with nobody.
            assert me not in ana.team.engine.present()
            status = await ana.call(commands.GetStatus())
            assert [peer for peer in status.links if peer.state == "linked"] == []
            assert "bo" not in repr(status.links)
            (gone,) = [m for m in await ana.call(commands.ListMembers(former=True)) if not m.me]
            assert (gone.nick, gone.state, gone.online) == ("bo", "left", False)
            held: model.Delivery = await ana.call(commands.GetDelivery(message.id))
            assert [holder for holder in held.holders if holder.nick == "bo"] == []

    asyncio.run(story())


async def states(invocation: Invocation, *, every: bool) -> list[Overview]:
    found = {}
    opening = invocation.opening(network=False, listening=False)
    for profile in workspaces_of(invocation.main):
        session = await opening.session(profile)
        status: model.Status = await session.call(commands.GetStatus())
        await session.aclose()
        overview = Overview(
            status.workspace, status.name, status.phase, "", 0, 0, 0, str(profile.home)
        )
        found[Known(profile, status)] = overview
    return listed(found, every=every)


async def where(session: Session) -> tuple[str, str]:
    status: model.Status = await session.call(commands.GetStatus())
    return status.phase, status.nick


def test_who_joins_again_has_one_workspace_and_commands_are_about_that() -> None:
    async def story() -> None:
        async with nodes() as make:
            with tempfile.TemporaryDirectory() as folder:
                home = Path(folder)
                ana = await make("ana")
                await ana.create()
                async with household(home) as ours:
                    first = await ours.open(Profile(home), create=True)
                    await first.call(commands.Join(await ana.invite(), "bo", 10))
                    await first.call(commands.Leave())
                    again = await first.call(commands.Join(await ana.invite(), "Bo", 10))
                    assert again.phase == "live"
                    old, new = await open_all(ours, home)
                    assert (await where(old), await where(new)) == (("removed", ""), ("live", "Bo"))
                invocation = Invocation({"home": str(home)})
                (one,) = await states(invocation, every=False)
                assert (one.phase, one.first) == ("live", True)
                both = await states(invocation, every=True)
                assert [(each.phase, each.first) for each in both] == [
                    ("removed", False),
                    ("live", True),
                ]
                async with invocation.session() as session:
                    assert await where(session) == ("live", "Bo")
                held = Everywhere(invocation.opening(network=False, listening=False))
                await held.begin(await invocation.profile(), create=False)
                await held.look()
                assert [await where(session) for session in held.sessions] == [("live", "Bo")]
                await held.aclose()
                # What is kept in the one that was left is found by its folder, and by that alone.
                left = Invocation({"home": str(home), "workspace": str(home)})
                assert (await choose(left, left.wanted)).is_main
                async with left.session() as session:
                    assert await where(session) == ("removed", "")
                assert not (await choose(invocation, again.workspace[:8])).is_main

    asyncio.run(story())
