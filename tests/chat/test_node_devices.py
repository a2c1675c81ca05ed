"""One more device of a member: what of its code is kept for a later start, and how long."""

import asyncio

import pytest

from chat import commands, model
from chat.errors import TrustError
from chat.invitation import parse
from tests.chat.node_team import SECONDS, Desk, nodes


async def phase(desk: Desk) -> str:
    status: model.Status = await desk.call(commands.GetStatus())
    return status.phase


def test_a_code_that_met_nobody_is_gone_on_with_at_a_later_start() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            await ana.post("hello")
            code: model.InviteView = await ana.call(commands.AddDevice())
            await ana.stop()
            phone = await make("phone")
            join = commands.Join(code.words, "phone", 0.2, device=True)
            assert (await phone.call(join)).phase == "pending"
            await phone.stop()
            await ana.start()
            await phone.start(ana.url)
            await phone.until(lambda: phone.node._parts.is_in)
            await phone.until(lambda: "hello" in phone.texts())
            assert phone.team.workspace.me == ana.team.workspace.me
            # Used, it is nowhere any more.
            secret = parse(code.words).secret
            await phone.stop()
            await phone.start(ana.url)
            assert not phone.node._opened.store.get("joining")
            assert secret not in phone.node._opened.profile.database_path.read_bytes()

    asyncio.run(story())


def test_a_paper_that_met_nobody_is_forgotten() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            paper: model.InviteView = await ana.call(commands.MakePaper())
            await ana.stop()
            phone = await make("phone")
            join = commands.Join(paper.words, "phone", 0.2, device=True, paper=True)
            assert (await phone.call(join)).phase == "pending"
            await phone.stop()
            await phone.start()
            assert await phase(phone) == "none"
            await ana.start()
            await phone.stop()
            await phone.start(ana.url)
            join = commands.Join(paper.words, "phone", 10.0, device=True, paper=True)
            assert (await phone.call(join)).phase == "live"

    asyncio.run(story())


@pytest.mark.parametrize("device", [True, False])
def test_a_paper_is_no_code_and_nothing_of_it_stays(device: bool) -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            paper: model.InviteView = await ana.call(commands.MakePaper())
            phone = await make("phone", ana.url)
            with pytest.raises(TrustError, match="clowder recover"):
                await phone.call(commands.Join(paper.link, "phone", SECONDS, device=device))
            assert await phase(phone) == "none"
            assert len(await ana.call(commands.ListDevices())) == 2, "this one, and the paper"
            assert not phone.node._opened.store.get("joining")
            # As what it is, it is taken by the same machine.
            join = commands.Join(paper.link, "phone", SECONDS, device=True, paper=True)
            assert (await phone.call(join)).phase == "live"

    asyncio.run(story())


def test_who_came_in_by_a_paper_that_was_taken_back_is_told_why_no_key_comes() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana, relay = await make("ana"), await make("relay")
            await ana.create()
            await relay.join(ana, relay=True)
            paper: model.InviteView = await ana.call(commands.MakePaper())
            rosters = [each.team.workspace.roster for each in (ana, relay)]
            await relay.until(lambda: rosters[0].heads == rosters[1].heads)
            await ana.stop()
            await ana.start(network=False)
            (on_paper,) = [each for each in await ana.call(commands.ListDevices()) if each.paper]
            await ana.call(commands.RemoveDevice(on_paper.device))
            phone = await make("phone", relay.url)
            join = commands.Join(paper.words, "phone", SECONDS, device=True, paper=True)
            assert (await phone.call(join)).warnings == ()
            await ana.stop()
            await ana.start(relay.url)
            await phone.until(lambda: not phone.team.workspace.has_key)
            (said,) = phone.node.status.warnings
            assert "paper by which this device came in was taken back" in said

    asyncio.run(story())
