"""Guests of real nodes, over sockets: what a node gives them, and what it takes from them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from secrets import token_bytes

import pytest

from chat import commands, effects, model
from chat.config import Network, Settings
from chat.engine import ephemeral
from chat.errors import NoPeer, UsageError
from chat.guests import limits, messages
from chat.guests.channel_link import ChannelLink, parse
from chat.guests.messages import GuestAsk, GuestEnd, encode
from chat.guests.reading import read_channel
from chat.links import introduction
from chat.links.introduction import Introduction
from chat.links.limits import STRANGERS_MAX
from chat.node import Node
from chat.profile import Profile
from chat.proofs.writing import excerpt
from chat.workspace import Workspace
from crdt.keys import DeviceKeys
from crdt.ops import Post
from crdt.roster_ops import MODE_PUBLIC, Channel
from tests.chat.engine_team import Team
from tests.chat.node_team import Desk, nodes
from transport.net.link import Link
from transport.net.websocket import dial
from transport.proto.errors import TransportError
from transport.proto.handshake import Initiator
from transport.proto.hints import LinkSecret

Make = Callable[..., Awaitable[Desk]]
NOWHERE = Network("", "127.0.0.1", (), mdns=False)


def played(story: Callable[[Make], Awaitable[None]]) -> None:
    async def main() -> None:
        async with nodes() as make:
            await story(make)

    asyncio.run(main())


async def link_of(desk: Desk, channel: str) -> ChannelLink:
    made: model.ChannelLink = await desk.call(commands.LinkChannel(channel))
    return parse(made.link)


async def texts(link: ChannelLink, *dial_also: str) -> list[str]:
    settings = Network("", "127.0.0.1", dial_also, mdns=False)
    with await read_channel(link, settings, 0) as checker:
        assert checker.proof().faults == ()
        return [message.text for message in checker.messages(link.channel)]


async def founded(make: Make) -> Desk:
    ana = await make("ana")
    await ana.create()
    await ana.call(commands.CreateChannel("news", "public"))
    await ana.post("for all", "news")
    return ana


async def guest(secret: LinkSecret, url: str) -> Link:
    """A link of somebody who is in no roster, which does as it likes."""
    keys = DeviceKeys.generate(token_bytes)
    told = introduction.encode(Introduction(1, keys.public.sign, 0, ()))
    return await dial(url, Initiator(secret, keys.link_secret, token_bytes, told))


async def ends(link: Link) -> str:
    async with asyncio.timeout(20):
        return (await link.closed).text


def test_a_guest_reads_from_a_relay_alone_and_a_renewed_link_opens_nothing() -> None:
    async def story(make: Make) -> None:
        ana = await founded(make)
        bo = await make("bo")
        await bo.join(ana)
        relay = await make("relay")
        await relay.join(ana, relay=True)
        await ana.call(commands.CreateChannel("club", "hidden", ("bo",)))
        await ana.post("psst", "club")
        known = {each.name: each for each in await ana.call(commands.ListChannels())}
        assert (known["club"].readers, known["club"].direct) == (2, False)
        news, club = await link_of(ana, "news"), await link_of(ana, "club")
        await relay.until(lambda: relay.team.workspace.store.logs(club.channel))
        at_relay = [ChannelLink(*_said(link), hints=(relay.url,)) for link in (news, club)]
        await relay.until(lambda: relay.team.workspace.store.arrival_max >= 4)
        assert [await texts(link) for link in at_relay] == [["for all"], ["psst"]]
        stays, goes = await guest(news.door, ana.url), await guest(club.door, ana.url)
        await ana.until(lambda: len(ana.node._parts.guests._host) == 2)
        await ana.call(commands.KickFromChannel("club", "bo"))
        assert await ends(goes) == "closed"
        assert not stays.is_closed
        stays.close()
        await ana.post("without bo", "club")
        renewed = await link_of(ana, "club")
        assert (renewed.epoch != club.epoch, renewed.key != club.key) == (True, True)
        assert await texts(renewed) == ["psst", "without bo"]
        made: model.ChannelLink = await ana.call(commands.LinkChannel("club", renew=True))
        assert await texts(parse(made.link)) == ["psst", "without bo"]
        with pytest.raises(NoPeer, match="may have been renewed"):
            await texts(renewed)
        with pytest.raises(NoPeer, match="may have been renewed"):
            await texts(ChannelLink(*_said(club), hints=(ana.url,)))

    played(story)


def _said(link: ChannelLink) -> tuple[bytes, bytes, bytes, bytes]:
    return link.workspace, link.channel, link.epoch, link.key


def test_whatever_else_a_guest_sends_changes_nothing_and_nothing_else_is_answered() -> None:
    async def story(make: Make) -> None:
        ana = await founded(make)
        door = (await link_of(ana, "news")).door
        before = ana.team.workspace.store.arrival_max, ana.team.workspace.roster.heads
        link = await guest(door, ana.url)
        news = ana.team.workspace.find_channel("news")
        link.send(effects.KIND_SYNC, 0, b"\xff")
        link.send(effects.KIND_BLOCKS, 0, b"\xff")
        link.send(effects.KIND_LOBBY, 0, b"\xff")
        link.send(effects.KIND_EPHEMERAL, 0, ephemeral.encode(ephemeral.Writing(news)))
        link.send(9, 0, b"a kind of the future")
        link.send(effects.KIND_GUEST, 0, encode(GuestEnd()))  # The one that is read, and a fault.
        assert await ends(link) == "a guest does not give, and does not end"
        assert before == (ana.team.workspace.store.arrival_max, ana.team.workspace.roster.heads)
        assert not ana.team.engine.linked_devices()
        # With the door's key as the workspace's, or as an invite's, nothing opens.
        for context in (ana.team.identity.workspace, bytes(32)):
            with pytest.raises(TransportError):
                await guest(LinkSecret(door.key, context, "wrong"), ana.url)
        await ana.post("unharmed", "news")
        assert await texts(await link_of(ana, "news")) == ["for all", "unharmed"]

    played(story)


def test_more_guests_than_there_is_room_for_are_told_so() -> None:
    async def story(make: Make) -> None:
        ana = await founded(make)
        link = await link_of(ana, "news")
        held = [await guest(link.door, ana.url) for _ in range(limits.GUESTS_PER_ADDRESS_MAX)]
        await ana.until(lambda: len(ana.node._parts.guests._host) == len(held))
        with pytest.raises(NoPeer, match="as many guests as it takes"):
            await texts(link)
        assert ana.linked() == 0  # Nobody who would carry anything on.
        for _ in range(STRANGERS_MAX + 8):  # More than there may be strangers: a newcomer comes in.
            await guest(link.door, ana.url)
        bo = await make("bo")
        await bo.join(ana)
        held[0].close()
        await ana.until(lambda: len(ana.node._parts.guests._host) < len(held))
        assert await texts(link) == ["for all"]
        held[1].close()
        await ana.until(lambda: not len(ana.node._parts.guests._host))

    played(story)


def an_evil_workspace(channel: bytes) -> Workspace:
    """One whose founder made a public channel with an id of ours, and wrote in it."""
    evil = Team(seed=99)
    mallory = evil.found("mallory")
    evil.publish(mallory, Channel(channel, bytes(16), MODE_PUBLIC, b"k" * 32))
    evil.do(mallory, lambda now: mallory.engine.write(channel, Post(bytes(16), "forged"), now))
    assert [row.text for row in mallory.workspace.store.messages(channel, limit=9)] == ["forged"]
    return mallory.workspace


def test_a_host_that_is_not_to_be_believed_makes_way_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(make: Make) -> None:
        ana = await founded(make)
        bo = await make("bo")
        await bo.join(ana)
        await bo.until(lambda: "news" in bo.team.workspace.channel_names().values())
        await bo.until(lambda: bo.texts("news") == ["for all"])
        link = await link_of(bo, "news")
        host = ana.node._parts.guests._host
        good = host._exported
        evil = an_evil_workspace(link.channel)
        assert b"forged" not in b"".join(excerpt(evil, link.channel, 0, 0))
        lies = [
            lambda channel, newest: excerpt(evil, link.channel, 0, newest),
            lambda channel, newest: iter([b"no export"]),
            lambda channel, newest: iter([b"".join(good(channel, newest))[:-9]]),
            lambda channel, newest: good(ana.team.workspace.find_channel("general"), newest),
        ]
        for lie in lies:
            monkeypatch.setattr(host, "_exported", lie)
            alone = ChannelLink(*_said(link), hints=(ana.url,))
            with pytest.raises(NoPeer, match="Nobody gave the channel whole"):
                await texts(alone)
            assert await texts(alone, bo.url) == ["for all"]

    played(story)


def test_a_host_of_another_version_and_nobody_at_all_are_told_in_a_sentence() -> None:
    async def story(make: Make) -> None:
        ana = await founded(make)
        link = await link_of(ana, "news")
        opened = await guest(link.door, ana.url)
        opened.send(effects.KIND_GUEST, 0, encode(GuestAsk(2)))
        async for message in opened:
            assert messages.decode(message.payload) == GuestEnd(messages.NEWER)
            break
        opened.close()
        await ana.stop()
        with pytest.raises(NoPeer, match="Nobody answers who knows this link"):
            await texts(link)
        with pytest.raises(NoPeer, match="Nobody answers"):
            await read_channel(ChannelLink(*_said(link)), NOWHERE, 0)

    played(story)


def test_only_public_and_hidden_channels_have_a_link() -> None:
    async def story(make: Make) -> None:
        ana = await founded(make)
        with pytest.raises(UsageError, match="not for people outside"):
            await link_of(ana, "general")
        with pytest.raises(UsageError, match="for everybody"):
            await ana.call(commands.CreateChannel("x", "public", ("ana",)))
        made: model.Channel = await ana.call(commands.CreateChannel("club", "hidden"))
        assert (made.mode, made.limited, made.readers) == ("hidden", True, 1)
        assert (await link_of(ana, "club")).key

    played(story)


def test_a_link_without_an_address_finds_who_has_the_channel_on_the_lan(tmp_path: Path) -> None:
    async def story() -> None:
        here = Network("127.0.0.1:0", "127.0.0.1", (), mdns=True)
        ana = await Node.open(Profile(tmp_path / "ana"), Settings(here), network=True, create=True)
        try:
            await ana.call(commands.Create("Cats", "ana"))
            await ana.call(commands.CreateChannel("news", "public"))
            await ana.call(commands.Post("news", "for all"))
            made: model.ChannelLink = await ana.call(commands.LinkChannel("news"))
            link = ChannelLink(*_said(parse(made.link)))
            around = Network("", "127.0.0.1", (), mdns=True)
            with await read_channel(link, around, 0) as checker:
                texts = [message.text for message in checker.messages(link.channel)]
            assert texts == ["for all"]
        finally:
            await ana.aclose()

    asyncio.run(story())
