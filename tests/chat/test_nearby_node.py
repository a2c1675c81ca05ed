"""An invite nearby between real nodes: sockets on 127.0.0.1, and multicast DNS on it where said."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from chat import commands, model
from chat.config import Network, Settings
from chat.control import RemoteSession
from chat.errors import ChatError, NoPeer, NotFound, TrustError, UsageError
from chat.events import NearbyChanged
from chat.nearby import limits, offering, visiting
from chat.node import Node
from chat.node.household import Household
from chat.profile import Profile
from tests.chat.node_team import SECONDS, Desk, nodes

Story = Callable[[Any], Coroutine[Any, Any, None]]


def run(story: Story) -> None:
    async def main() -> None:
        async with nodes() as make:
            await story(make)

    asyncio.run(main())


def views(desk: Desk) -> list[model.Nearby]:
    return [event.nearby for event in desk.heard if isinstance(event, NearbyChanged)]


def stands(desk: Desk) -> str:
    found = views(desk)
    return found[-1].state if found else ""


async def until(desk: Desk, *states: str) -> model.Nearby:
    await desk.until(lambda: stands(desk) in states)
    return views(desk)[-1]


async def invites(desk: Desk) -> list[model.InviteState]:
    found: list[model.InviteState] = await desk.call(commands.ListInvites())
    return found


async def beginning(make: Any) -> tuple[Desk, Desk, model.Nearby]:
    """Ana shows a label, and bo, who has no workspace, has picked it; both see digits."""
    ana = await make("ana")
    await ana.create()
    shown: model.Nearby = await ana.call(commands.OfferNearby("for bo"))
    assert (shown.role, shown.state, len(shown.urls)) == ("inviter", "open", 1)
    assert "--dial" in shown.warning
    bo = await make("bo", shown.urls[0])
    looking: model.Nearby = await bo.call(commands.LookNearby())
    assert (looking.role, looking.state, looking.labels) == ("newcomer", "open", ())
    await bo.call(commands.PickNearby(shown.label.upper().replace("-", " ")))
    there, here = await until(ana, "code"), await until(bo, "code")
    assert there.code == here.code
    assert there.until > 0
    return ana, bo, here


def test_bo_comes_in_by_a_label_and_six_digits() -> None:
    async def story(make: Any) -> None:
        ana, bo, _ = await beginning(make)
        with pytest.raises(UsageError, match="under way"):
            await ana.call(commands.OfferNearby())
        said: model.Nearby = await ana.call(commands.CompareNearby(True))
        assert said.state == "waiting"
        assert not await invites(ana), "one yes is not enough"
        await bo.call(commands.CompareNearby(True))
        invited, given = await until(bo, "done"), await until(ana, "done")
        (invite,) = await invites(ana)
        assert (invite.id, invite.state, invite.note) == (given.invite, "open", "for bo")
        assert not [view for view in views(ana) if view.link], "the secret is the newcomer's"
        assert invited.link not in repr(views(bo))
        joined = await bo.call(commands.Join(invited.link, "bo", SECONDS))
        assert (joined.phase, joined.name) == ("live", "Cats")
        await ana.until(lambda: ana.linked() == 1)
        assert [known.state for known in await invites(ana)] == ["used"]
        # The next one can begin at once.
        again = await ana.call(commands.OfferNearby())
        assert again.label != views(ana)[0].label
        ended = await ana.call(commands.EndNearby())
        assert (ended.state, ended.why, ended.urls) == ("over", "left", ())

    run(story)


@pytest.mark.parametrize("who", ["ana", "bo"])
def test_a_no_ends_it_and_there_is_no_invite(who: str) -> None:
    async def story(make: Any) -> None:
        ana, bo, _ = await beginning(make)
        await (bo if who == "ana" else ana).call(commands.CompareNearby(True))
        await (ana if who == "ana" else bo).call(commands.CompareNearby(False))
        for desk in (ana, bo):
            over = await until(desk, "over")
            assert over.why == "differs"
            assert "not the same" in over.reason
            with pytest.raises(UsageError, match="no code"):
                await desk.call(commands.CompareNearby(True))
        assert not await invites(ana)

    run(story)


def test_who_is_gone_before_the_invite_came_leaves_none_open() -> None:
    async def story(make: Any) -> None:
        ana, bo, _ = await beginning(make)
        await ana.call(commands.CompareNearby(True))
        await bo.stop()
        over = await until(ana, "over")
        assert over.why in ("lost", "closed")
        assert not await invites(ana)

    run(story)


def test_an_invite_that_is_not_taken_is_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.nearby.offer.HANDOVER_MS", 200)

    async def story(make: Any) -> None:
        ana, bo, _ = await beginning(make)
        side = bo.node._nearby._side
        assert isinstance(side, visiting.Visiting)
        await bo.call(commands.CompareNearby(True))
        side._heard = lambda number, payload: None  # type: ignore[method-assign]
        side._wires._heard = side._heard
        await ana.call(commands.CompareNearby(True))
        assert (await until(ana, "over")).why == "lost"
        await ana.node._nearby.aclose()
        assert [invite.state for invite in await invites(ana)] == ["revoked"]

    run(story)


def test_who_is_in_already_does_not_take_the_invite_and_it_is_revoked() -> None:
    async def story(make: Any) -> None:
        ana = await make("ana")
        await ana.create()
        with tempfile.TemporaryDirectory(prefix="clh") as folder:
            shown: model.Nearby = await ana.call(commands.OfferNearby())
            settings = Settings(Network("127.0.0.1:0", "127.0.0.1", (shown.urls[0],), mdns=False))
            home = Household(Profile(Path(folder)), settings, network=True, listening=True)
            try:
                bo = await home.open(Profile(Path(folder)), create=True)
                await bo.call(commands.Join(await ana.invite(), "bo", SECONDS))
                heard = bo.events()
                await bo.call(commands.LookNearby())
                await bo.call(commands.PickNearby(shown.label))
                await until(ana, "code")
                await ana.call(commands.CompareNearby(True))
                async for event in heard:
                    if isinstance(event, NearbyChanged) and event.nearby.state == "code":
                        await bo.call(commands.CompareNearby(True))
                    elif isinstance(event, NearbyChanged) and event.nearby.state == "over":
                        assert (event.nearby.why, event.nearby.link) == ("inside", "")
                        break
                assert (await until(ana, "over")).why == "already"
                await ana.node._nearby.aclose()
                states = [invite.state for invite in await invites(ana)]
                assert sorted(states) == ["revoked", "used"]
            finally:
                await home.aclose()

    run(story)


def test_an_invite_that_cannot_be_made_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(make: Any) -> None:
        ana, bo, _ = await beginning(make)

        async def full() -> str:
            raise ChatError("The disk is full.")

        side = ana.node._nearby._side
        assert isinstance(side, offering.Offering)
        monkeypatch.setattr(side, "_make", full)
        await bo.call(commands.CompareNearby(True))
        await ana.call(commands.CompareNearby(True))
        assert (await until(ana, "over")).reason == "The disk is full."
        assert (await until(bo, "over")).why == "failed"

    run(story)


def test_two_minutes_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(make: Any) -> None:
        ana = await make("ana")
        await ana.create()
        bo = await make("bo", ana.url)
        monkeypatch.setattr("chat.nearby.offer.OFFER_MS", 100)
        monkeypatch.setattr("chat.nearby.visiting.OFFER_MS", 100)
        await ana.call(commands.OfferNearby())
        await bo.call(commands.LookNearby())
        for desk in (ana, bo):
            assert (await until(desk, "over")).why == "nobody"

    run(story)


def test_an_address_that_knows_no_label_is_told() -> None:
    async def story(make: Any) -> None:
        ana = await make("ana")
        await ana.create()
        bo = await make("bo", ana.url)
        await bo.call(commands.LookNearby())
        with pytest.raises(UsageError, match="two words"):
            await bo.call(commands.PickNearby("one two three"))
        await bo.call(commands.PickNearby("ocean-tiger"))
        assert (await until(bo, "over")).why == "gone"

    run(story)


def test_who_may_begin_and_with_what() -> None:
    async def story(make: Any) -> None:
        bo = await make("bo")
        with pytest.raises(NotFound):
            await bo.call(commands.OfferNearby())
        with pytest.raises(NoPeer, match="--dial"):
            await bo.call(commands.LookNearby())
        with pytest.raises(UsageError):
            await bo.call(commands.PickNearby("ocean-tiger"))
        assert (await bo.call(commands.EndNearby())).state == "off"
        alone = await make("alone", network=False)
        await alone.create()
        with pytest.raises(UsageError, match="network"):
            await alone.call(commands.OfferNearby())
        ana = await make("ana")
        await ana.create()
        relay = await make("relay")
        await relay.join(ana, relay=True)
        with pytest.raises(TrustError):
            await relay.call(commands.OfferNearby())

    run(story)


@pytest.mark.parametrize("begin", [commands.OfferNearby(), commands.LookNearby()])
def test_what_a_process_began_ends_with_it_and_nothing_else_does(begin: commands.Command) -> None:
    async def story(make: Any) -> None:
        ana = await make("ana", "ws://127.0.0.1:9")  # Without an address no label is looked for.
        await ana.create()

        async def connected() -> RemoteSession:
            session = await RemoteSession.connect(ana.node._opened.profile.control_path)
            assert session is not None
            return session

        first, second = await connected(), await connected()
        began: model.Nearby = await first.call(begin)
        assert began.state == "open"
        with pytest.raises(UsageError, match="under way"):
            await second.call(begin)
        await second.aclose()
        await ana.until(lambda: len(ana.node._control._clients) == 1)
        assert stands(ana) != "over", "somebody else left"
        first._writer.transport.abort()  # As whoever is killed: it says nothing before.
        assert (await until(ana, "over")).why == "left"
        again: model.Nearby = await ana.call(begin)
        assert again.state == "open"
        await first.aclose()

    run(story)


def test_a_node_that_ends_takes_its_label_with_it() -> None:
    async def story(make: Any) -> None:
        ana, bo, _ = await beginning(make)
        await ana.stop()
        assert (await until(bo, "over")).why in ("closed", "lost")

    run(story)


# On the LAN, which here is the loopback interface -------------------------------------------------


def test_the_label_is_found_without_an_address_and_is_gone_with_the_code() -> None:
    """The announcement has no key of this device in it, and its port is not the workspace's."""

    async def story(make: Any) -> None:
        ana, bo = await make("ana"), await make("bo")
        lan = Settings(Network("127.0.0.1:0", "127.0.0.1"))
        for desk in (ana, bo):
            await desk.stop()
            node = await Node.open(Profile(desk.home), lan, network=True, create=True)
            desk._node = node
            desk._listening = asyncio.create_task(desk._listen(node.events()))
        await ana.create()
        await bo.call(commands.LookNearby())
        shown: model.Nearby = await ana.call(commands.OfferNearby())
        await bo.until(lambda: any(shown.label in view.labels for view in views(bo)))
        side = bo.node._nearby._side
        assert isinstance(side, visiting.Visiting)
        (urls,) = [urls for urls, label in side._found.items() if label.text == shown.label]
        assert list(urls) == [url + "/" for url in shown.urls]
        assert ana.url not in shown.urls
        assert shown.warning == ""
        await bo.call(commands.PickNearby(shown.label))
        there, here = await until(ana, "code"), await until(bo, "code")
        assert there.code == here.code
        await bo.until(lambda: shown.label not in side.labels)
        for desk in (ana, bo):
            await desk.call(commands.CompareNearby(True))
        invited = await until(bo, "done")
        joined = await bo.call(commands.Join(invited.link, "bo", SECONDS))
        assert joined.phase == "live"

    run(story)


def test_labels_beyond_what_is_shown_are_dropped_and_nonsense_is_none() -> None:
    async def main() -> None:
        changes: list[None] = []
        side = visiting.Visiting(
            Network("127.0.0.1:0", "127.0.0.1"),
            lambda n: bytes(n),
            changed=lambda: changes.append(None),
            is_in=lambda _: False,
        )
        from transport.proto.announcement import Announcement

        def say(number: int, label: bytes) -> None:
            side.found(
                [f"ws://10.0.0.1:{number + 1}/"], Announcement(bytes(16), (bytes(8),), label)
            )

        for number in range(limits.FOUND_MAX + 9):
            say(number, number.to_bytes(3, "big"))
        say(999, b"")
        say(998, b"\xff\xff\xff")
        assert len(side._found) == limits.FOUND_MAX
        assert len(side.labels) == limits.LABELS_MAX
        before = len(changes)
        side.gone(["ws://10.0.0.1:999/"])
        assert len(changes) == before
        side.gone([f"ws://10.0.0.1:{limits.FOUND_MAX + 9}/"])
        assert len(changes) == before + 1

    asyncio.run(main())
