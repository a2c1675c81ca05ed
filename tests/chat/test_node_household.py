"""Two teams on one profile, in one process: nothing of one is in the other."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chat import commands, events, model
from chat.config import Network, Settings
from chat.errors import Locked, TrustError, UsageError
from chat.invitation import parse
from chat.node.household import Household
from chat.node.node import Node
from chat.profile import Profile
from chat.profile_guard import key_guard
from chat.profile_vault import Cost
from chat.profile_workspaces import workspaces_of
from tests.chat.node_team import SECONDS, Desk, nodes
from tests.chat.store_authors import seeded

PHRASE = "correct horse"
ON_LOOPBACK = Settings(Network("127.0.0.1:0", "127.0.0.1", (), mdns=False))


@asynccontextmanager
async def household(home: Path, settings: Settings = ON_LOOPBACK) -> AsyncIterator[Household]:
    made = Household(Profile(home), settings, network=True, listening=True)
    try:
        yield made
    finally:
        await made.aclose()


async def ask(node: Node, command: commands.Command) -> Any:
    return await node.call(command)


async def texts(node: Node) -> list[str]:
    found: list[model.Message] = await node.call(commands.History("general", 100))
    return [message.text for message in found]


async def unread(node: Node) -> int:
    channels: list[model.Channel] = await node.call(commands.ListChannels())
    return sum(channel.unread for channel in channels)


async def link_of(node: Node) -> str:
    made: model.InviteView = await node.call(commands.MakeInvite())
    return made.link


async def open_all(home: Household, folder: Path) -> list[Node]:
    return [await home.open(each) for each in workspaces_of(Profile(folder))]


async def until(condition: Any) -> None:
    async with asyncio.timeout(SECONDS):
        while not await condition():  # noqa: ASYNC110 - each look is a question to a node
            await asyncio.sleep(0.02)


def test_two_teams_on_one_profile_never_meet() -> None:
    async def main() -> None:
        async with nodes() as make:
            cat, dog = await make("cat"), await make("dog")
            await cat.create()
            await dog.call(commands.Create("Dogs", "dog"))
            with tempfile.TemporaryDirectory(prefix="clh") as folder:
                async with household(Path(folder)) as ours:
                    await both(ours, Path(folder), cat, dog)
                # A restart serves both, and what came meanwhile arrives where it belongs.
                await cat.post("cats again")
                await dog.post("dogs again")
                async with household(Path(folder)) as ours:
                    cats, dogs = await open_all(ours, Path(folder))
                    await cats.call(commands.Dial(cat.url))
                    await dogs.call(commands.Dial(dog.url))
                    await until(lambda: has(cats, "cats again"))
                    await until(lambda: has(dogs, "dogs again"))
                    assert not [text for text in await texts(cats) if "dog" in text]
                    assert not [text for text in await texts(dogs) if "cat" in text]

    asyncio.run(main())


async def has(node: Node, text: str) -> bool:
    return text in await texts(node)


async def both(ours: Household, folder: Path, cat: Desk, dog: Desk) -> None:
    """One profile joins two teams and speaks in both."""
    first = await ours.open(Profile(folder), create=True)
    heard = first.events()
    await ask(first, commands.Join(await cat.invite(), "ana", wait=SECONDS))
    joined = await ask(first, commands.Join(await dog.invite(), "anna", wait=SECONDS))
    assert (joined.name, joined.nick, joined.phase) == ("Dogs", "anna", "live")
    assert (await ask(first, commands.GetStatus())).name == "Cats"
    async with asyncio.timeout(SECONDS):
        while not isinstance(await anext(heard), events.WorkspacesChanged):
            pass
    await heard.aclose()
    # The one that was added is given to whoever asks, and is not opened twice.
    cats, dogs = await open_all(ours, folder)
    assert (cats, dogs.is_closing) == (first, False)
    states = [await ask(each, commands.GetStatus()) for each in (cats, dogs)]
    for field in ("workspace", "member", "device", "listening"):
        of_cats, of_dogs = (getattr(state, field) for state in states)
        assert of_cats != of_dogs, field
    await cats.call(commands.Post("general", "hello cats"))
    await dogs.call(commands.Post("general", "hello dogs"))
    await cat.until(lambda: cat.texts() == ["hello cats"])
    await dog.until(lambda: dog.texts() == ["hello dogs"])
    before = await unread(cats), await unread(dogs)
    await dog.post("are you there?")
    await until(lambda: has(dogs, "are you there?"))
    assert (await unread(cats), await unread(dogs)) == (before[0], before[1] + 1)
    assert not await has(cats, "are you there?")


def test_a_killed_process_leaves_both_whole() -> None:
    async def main() -> None:
        with tempfile.TemporaryDirectory(prefix="clh") as folder:
            home = Path(folder)
            async with household(home) as ours:
                first = await ours.open(Profile(home), create=True)
                await ask(first, commands.Create("Cats", "ana"))
                await ask(first, commands.Create("Dogs", "anna"))
                for node in await open_all(ours, home):
                    await node.call(commands.Post("general", "kept"))
                logs = {log_of(node) for node in ours_of(ours)}
            # Whoever is killed leaves no marker: each begins new logs by itself.
            for each in workspaces_of(Profile(home)):
                each.marker_path.unlink()
            async with household(home) as ours:
                for node in await open_all(ours, home):
                    assert not node._opened.continues
                    assert log_of(node) not in logs
                    await node.call(commands.Post("general", "and on"))
                    assert await texts(node) == ["kept", "and on"]

    asyncio.run(main())


def ours_of(held: Household) -> list[Node]:
    return list(held._held().values())


async def two(held: Household) -> bool:
    return len(ours_of(held)) == 2


def log_of(node: Node) -> bytes:
    return node._opened.incarnation


def test_what_comes_to_nothing_leaves_nothing() -> None:
    async def main() -> None:
        async with nodes() as make:
            cat = await make("cat")
            await cat.create()
            with tempfile.TemporaryDirectory(prefix="clh") as folder:
                home = Path(folder)
                async with household(home) as ours:
                    first = await ours.open(Profile(home), create=True)
                    await ask(first, commands.Create("Dogs", "ana"))
                    with pytest.raises(TrustError):
                        await ask(
                            first, commands.Join(await cat.invite(relay=True), "ana", SECONDS)
                        )
                    with pytest.raises(UsageError):
                        await ask(first, commands.Create("x" * 1000, "ana"))
                    assert [each.home for each in workspaces_of(Profile(home))] == [home]
                    assert not list((home / "workspaces").iterdir())
                    assert ours_of(ours) == [first]

    asyncio.run(main())


def test_nobody_joins_one_workspace_twice() -> None:
    async def main() -> None:
        async with nodes() as make:
            cat = await make("cat")
            await cat.create()
            with tempfile.TemporaryDirectory(prefix="clh") as folder:
                home = Path(folder)
                async with household(home) as ours:
                    first = await ours.open(Profile(home), create=True)
                    await ask(first, commands.Create("Dogs", "ana"))
                    invite = await cat.invite()
                    await ask(first, commands.Join(invite, "ana", SECONDS))
                # Closed, it is asked on disk.
                async with household(home) as ours:
                    first = await ours.open(Profile(home))
                    for again in (invite, await cat.invite()):
                        with pytest.raises(UsageError, match="Cats already"):
                            await ask(first, commands.Join(again, "ana", SECONDS))
                    assert len(workspaces_of(Profile(home))) == 2

    asyncio.run(main())


@pytest.mark.parametrize("by", ["words", "code", "paper"])
def test_words_lead_nobody_into_one_workspace_twice(by: str) -> None:
    """They do not say whose they are, so it is seen at the door, and nothing is claimed."""

    async def main() -> None:
        async with nodes() as make:
            cat = await make("cat")
            await cat.create()
            with tempfile.TemporaryDirectory(prefix="clh") as folder:
                home = Path(folder)
                settings = Settings(Network("127.0.0.1:0", "127.0.0.1", (cat.url,), mdns=False))
                async with household(home, settings) as ours:
                    first = await ours.open(Profile(home), create=True)
                    await ask(first, commands.Join(await cat.invite(), "ana", SECONDS))
                    made: model.InviteView = await ask(
                        cat.node if by == "words" else first,
                        {
                            "words": commands.MakeInvite(),
                            "code": commands.AddDevice(),
                            "paper": commands.MakePaper(),
                        }[by],
                    )
                    again = commands.Join(
                        made.words, "ana", SECONDS, device=by != "words", paper=by == "paper"
                    )
                    with pytest.raises(UsageError, match="Cats already"):
                        await ask(first, again)
                    assert [each.home for each in workspaces_of(Profile(home))] == [home]
                    members: list[model.Member] = await cat.call(commands.ListMembers())
                    assert sorted(member.devices for member in members) == [1, 1]

    asyncio.run(main())


def test_a_claim_waits_beside_the_others_and_goes_on_where_it_was() -> None:
    async def main() -> None:
        async with nodes() as make:
            cat = await make("cat")
            await cat.create()
            relay = await make("relay")
            await relay.join(cat, relay=True)
            invite = await relay_invite(cat, relay)
            await cat.stop()
            with tempfile.TemporaryDirectory(prefix="clh") as folder:
                home = Path(folder)
                async with household(home) as ours:
                    first = await ours.open(Profile(home), create=True)
                    await ask(first, commands.Create("Dogs", "ana"))
                    pending = await ask(first, commands.Join(invite, "ana", 0.3))
                    assert pending.phase == "pending"
                    (claim,) = workspaces_of(Profile(home))[1:]
                async with household(home) as ours:
                    first = await ours.open(Profile(home))
                    await cat.start(relay.url)
                    joined = await ask(first, commands.Join(invite, "ana", SECONDS))
                    assert (joined.name, joined.phase) == ("Cats", "live")
                    assert [each.home for each in workspaces_of(Profile(home))[1:]] == [claim.home]

    asyncio.run(main())


def test_what_is_being_joined_is_given_to_nobody_yet() -> None:
    async def main() -> None:
        async with nodes() as make:
            cat = await make("cat")
            await cat.create()
            invite = await cat.invite()
            await cat.stop()
            with tempfile.TemporaryDirectory(prefix="clh") as folder:
                home = Path(folder)
                async with household(home) as ours:
                    first = await ours.open(Profile(home), create=True)
                    await ask(first, commands.Create("Dogs", "ana"))
                    joining = asyncio.create_task(ask(first, commands.Join(invite, "ana", 0.5)))
                    await until(lambda: two(ours))
                    (place,) = workspaces_of(Profile(home))[1:]
                    assert not joining.done()
                    assert ours.held(place) is None
                    assert (await joining).phase == "pending"
                    assert ours.held(place) is not None

    asyncio.run(main())


async def relay_invite(cat: Desk, relay: Desk) -> str:
    """An invite that leads to a relay, which keeps a claim and admits nobody."""
    link = await cat.invite()
    await relay.until(relay.node._parts.lobby.secrets)
    return replace(parse(link), hint=relay.url).link


def test_a_lock_covers_all_of_them() -> None:
    async def main() -> None:
        with tempfile.TemporaryDirectory(prefix="clh") as folder:
            home = Path(folder)
            async with household(home) as ours:
                first = await ours.open(Profile(home), create=True)
                await ask(first, commands.Create("Cats", "ana"))
                await ask(first, commands.Create("Dogs", "anna"))
                _, dogs = await open_all(ours, home)
                key_guard(home).set_passphrase(PHRASE, None, seeded("set"), Cost(8, 1))
                await ask(dogs, commands.Lock())
                for node in (first, dogs):
                    assert (await ask(node, commands.GetStatus())).locked
                    with pytest.raises(Locked):
                        await texts(node)
                for node in (first, dogs):
                    with pytest.raises(Locked):
                        await ask(node, commands.Unlock("another"))
                assert (await ask(dogs, commands.GetStatus())).locked
                await ask(first, commands.Unlock(PHRASE))
                for node in (first, dogs):
                    assert await texts(node) == []
                # One that is taken up while the others are locked shows nothing either.
                await dogs.aclose()
                await ask(first, commands.Lock())
                _, dogs = await open_all_with(ours, home)
                assert (await ask(dogs, commands.GetStatus())).locked

    asyncio.run(main())


async def open_all_with(home: Household, folder: Path) -> list[Node]:
    return [await home.open(each, passphrase=PHRASE) for each in workspaces_of(Profile(folder))]


def test_a_port_that_is_named_is_the_first_ones(free_tcp_port: int) -> None:
    async def main() -> None:
        where = f"127.0.0.1:{free_tcp_port}"
        settings = Settings(Network(where, "127.0.0.1", (), mdns=False))
        with tempfile.TemporaryDirectory(prefix="clh") as folder:
            async with household(Path(folder), settings) as ours:
                first = await ours.open(Profile(Path(folder)), create=True)
                await ask(first, commands.Create("Cats", "ana"))
                added = await ask(first, commands.Create("Dogs", "ana"))
                status = await ask(first, commands.GetStatus())
                assert [where in url for url in status.listening] == [True]
                assert [where in url for url in added.listening] == [False]

    asyncio.run(main())
