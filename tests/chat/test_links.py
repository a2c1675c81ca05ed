"""Stories of devices that keep links over real sockets on loopback."""

import asyncio
import dataclasses
import os
import socket
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest

from chat.config import Network
from chat.errors import NoPeer, TrustError, Unavailable
from chat.links import introduction
from chat.links.introduction import Introduction
from chat.links.limits import STRANGERS_MAX
from tests.chat.link_devices import INVITE, QUIET, TEAM, Device, introduce, offline, online
from tests.transport.socket_links import has_ipv6
from transport.net.websocket import dial
from transport.proto.closing import CloseCode
from transport.proto.handshake import Initiator
from transport.proto.hints import LinkSecret

OTHER = LinkSecret(b"O" * 32, b"X" * 32, "other")


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def team(*ranks: int) -> list[Device]:
    devices = [Device(rank) for rank in ranks]
    introduce(*devices)
    return devices


def test_two_devices_link_and_exchange_messages() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        ben.relay = True
        async with online(ana, ben):
            assert ana.url.startswith("ws://127.0.0.1:")
            assert not ana.url.endswith("/")
            ana.links.dial(ben.url)
            to_ben = await ana.until_linked(ben)
            to_ana = await ben.until_linked(ana)
            assert (to_ben.device, to_ben.known, to_ben.relay, to_ben.initiator) == (
                ben.id,
                True,
                True,
                True,
            )
            assert (to_ana.relay, to_ana.initiator, to_ana.secret) == (False, False, TEAM)
            assert to_ben.url == ben.url
            assert to_ana.url == ana.url
            to_ben.send(1, 0, b"hello")
            to_ben.send(2, 4, b"block")
            assert await ben.until_read(b"block") is to_ana
            to_ana.grant(len(b"block"))
            to_ana.send(1, 0, b"hello yourself")
            await ana.until_read(b"hello yourself")
            assert to_ben.kind_bytes_out == {1: 5, 2: 5}
            assert to_ana.kind_bytes_in == {1: 5, 2: 5}
            assert to_ben.bytes_out > 10
            assert to_ben.rtt is not None
            assert to_ben.queued_bytes(4) == 0
            (contact,) = ana.links.peers()
            assert contact == (ben.url, "linked", to_ben, "")
            # Both remember where the other can be met.
            assert ana.met == [(ben.url, ben.id)]
            assert ben.met == [(ana.url, ana.id)]
        assert [news[0] for news in ben.news] == ["up", "message", "message", "down"]

    run(story())


def test_address_of_the_settings_is_dialled_and_one_of_former_times_too() -> None:
    async def story() -> None:
        ana, ben, cat = team(1, 2, 3)
        async with online(ana, ben):
            cat.remembered = [ben.url, "not an address"]
            async with online(cat, settings=msgspec.structs.replace(QUIET, dial=(ana.url,))):
                await cat.until_linked(ana, ben)

    run(story())


def test_two_that_dial_each_other_end_with_one_link() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        async with online(ana, ben):
            ana.links.dial(ben.url)
            ben.links.dial(ana.url)
            # Both handshakes were finished, and then one link is left on either side.
            for device in (ana, ben):
                await device.until(lambda d=device: len(d.hellos) == 2)  # type: ignore[misc]

            def agree() -> bool:
                hashes = [[h.link.handshake_hash for h in d.links.handles] for d in (ana, ben)]
                return len(hashes[0]) == 1 and hashes[0] == hashes[1]

            await eventually(agree)
            (to_ben,), (to_ana,) = ana.links.handles, ben.links.handles
            assert to_ben.initiator, "the smaller device id keeps the link it dialled"
            to_ben.send(1, 0, b"from ana")
            to_ana.send(1, 0, b"from ben")
            assert await ben.until_read(b"from ana") is to_ana
            assert await ana.until_read(b"from ben") is to_ben
            # Ups and downs alternate, each handle once.
            for device in (ana, ben):
                told = [n[0] for n in device.news if n[0] != "message"]
                assert told == ["up", "down"] * (len(told) // 2) + ["up"]

    run(story())


def test_listener_that_comes_back_is_linked_again() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        async with online(ana):
            first = ben.make(QUIET)
            await first.start()
            url = ben.url
            ana.links.dial(url)
            lost = await ana.until_linked(ben)
            await offline([first])
            await ana.until(lambda: bool(ana.heard("down")))
            assert ana.heard("down")[0][1:] == (lost, "the other device went offline")
            began = asyncio.get_running_loop().time()
            settings = msgspec.structs.replace(QUIET, listen=url.removeprefix("ws://"))
            async with online(ben, settings=settings):
                again = await ana.until_linked(ben)
                assert again.number > lost.number
                assert asyncio.get_running_loop().time() - began < 2
                lost.send(1, 0, b"too late")  # No harm, and nobody gets it.
                again.send(1, 0, b"in time")
                await ben.until_read(b"in time")

    run(story())


def test_device_that_was_dialled_dials_the_other_when_that_does_not_return() -> None:
    """Ben named his address in the handshake; Ana uses it when Ben has forgotten hers."""

    async def story() -> None:
        ana, ben = team(1, 2)
        async with online(ana):
            first = ben.make(QUIET)
            await first.start()
            url = ben.url
            first.dial(ana.url)
            await ana.until_linked(ben)
            await offline([first])
            settings = msgspec.structs.replace(QUIET, listen=url.removeprefix("ws://"))
            async with online(ben, settings=settings):
                again = await ana.until_linked(ben)
                assert again.initiator

    run(story())


def test_wrong_secret_is_refused_with_a_sentence() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        ben.secrets = [OTHER]
        async with online(ana, ben):
            with pytest.raises(NoPeer, match="no workspace at that address answers to ours"):
                await ana.links.dial_once(ben.url)
            ana.links.dial(ben.url)
            await eventually(lambda: ana.links.peers()[0].reason != "")
            (contact,) = ana.links.peers()
            assert contact.url == ben.url
            assert contact.reason == "no workspace at that address answers to ours"
            assert not ben.hellos
            # The secret becomes the same, and the link comes by itself.
            ben.secrets = [OTHER, TEAM]
            ben.links.update_secrets()
            await ana.until_linked(ben)

    run(story())


def test_newcomer_is_let_in_on_an_invite_link_and_told_no_addresses() -> None:
    async def story() -> None:
        (ana,) = team(1)
        ben = Device(2)
        ana.secrets = [TEAM, INVITE]
        ben.secrets = [INVITE]
        ben.roster = {}
        async with online(ana, ben):
            handle = await ben.links.dial_once(ana.url)
            assert (handle.known, handle.secret) == (False, INVITE)
            stranger = await ana.until_linked(ben)
            assert (stranger.known, stranger.secret) == (False, INVITE)
            told = [introduction.decode(each.link.remote_payload) for each in (handle, stranger)]
            assert [each.urls for each in told] == [(), ()]
            assert ana.met == ben.met == []
            handle.send(3, 0, b"claim")
            assert await ana.until_read(b"claim") is stranger
            # Admitted: the workspace's link stands beside, until the lobby's is closed.
            introduce(ana, ben)
            ben.secrets = [TEAM]
            ben.links.update_secrets()
            member = await ben.links.dial_once(ana.url)
            assert member.known
            assert member is not handle
            assert len(ben.links.handles) == 2
            await ana.until(lambda: len(ana.links.handles) == 2)
            handle.close()
            await ana.until(lambda: len(ana.links.handles) == 1)
            assert ana.links.handles[0].known

    run(story())


def test_stranger_on_the_workspace_link_is_refused_and_not_dialled_in_a_loop() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        del ana.roster[ben.id]
        async with online(ana, ben):
            ben.links.dial(ana.url)
            await ben.until(lambda: bool(ben.heard("down")))
            reason = "the other device refuses this one: “this device is not in the roster”"
            assert ben.heard("down")[0][2] == reason
            assert ana.news == []
            await eventually(lambda: not ben.links.handles)
            (contact,) = ben.links.peers()
            assert (contact.state, contact.reason) == ("waiting", reason)
            assert len(ana.hellos) == 1
            # The roster learns of ben, and hurrying ends the cool-down.
            introduce(ana, ben)
            ben.links.hurry()
            await ana.until_linked(ben)

    run(story())


def test_device_with_another_link_key_is_refused_by_whoever_dials() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        ana.roster[ben.id] = b"x" * 32
        async with online(ana, ben):
            with pytest.raises(TrustError, match="that device has another link key"):
                await ana.links.dial_once(ben.url)
            ana.links.dial(ben.url)
            await ana.until(lambda: len(ana.hellos) == 2)
            await eventually(lambda: ana.links.peers()[0].reason != "")
            assert ana.links.peers()[0].reason == "that device has another link key"
            assert ana.news == []

    run(story())


def test_device_that_uses_our_id_is_refused() -> None:
    async def story() -> None:
        ana, ben = team(1, 1)
        async with online(ana, ben):
            with pytest.raises(TrustError, match="uses the id of this one"):
                await ana.links.dial_once(ben.url)

    run(story())


def test_own_address_is_dropped() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        async with online(ana, ben):
            ana.links.dial(ana.url)
            ana.links.dial(ben.url)
            await ana.until_linked(ben)
            await eventually(lambda: len(ana.links.peers()) == 1)
            assert [contact.url for contact in ana.links.peers()] == [ben.url]

    run(story())


def test_nonsense_for_an_introduction_is_a_fault() -> None:
    async def story() -> None:
        (ana,) = team(1)
        async with online(ana):
            mallory = Initiator(TEAM, b"m" * 32, lambda count: b"e" * count, b"\xff nonsense")
            link = await dial(ana.url, mallory)
            async with asyncio.timeout(4):
                end = await link.closed
            assert (end.code, end.text, end.by_peer) == (
                CloseCode.FAULT,
                "not an introduction",
                True,
            )
            assert ana.news == []

    run(story())


def test_strangers_are_bounded() -> None:
    async def story() -> None:
        (ana,) = team(1)
        ana.secrets = [TEAM, INVITE]
        async with online(ana):
            links = []
            for number in range(STRANGERS_MAX + 1):
                claim = introduction.encode(Introduction(1, bytes([100 + number]) * 32, 0, ()))
                static = bytes([100 + number]) * 32
                links.append(await dial(ana.url, Initiator(INVITE, static, os.urandom, claim)))
            async with asyncio.timeout(4):
                assert (await links[-1].closed).code == CloseCode.BUSY
            assert len(ana.links.handles) == STRANGERS_MAX

    run(story())


def test_peer_that_misbehaved_is_not_dialled_at_once() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        async with online(ana, ben):
            ana.links.dial(ben.url)
            handle = await ana.until_linked(ben)
            handle.close(CloseCode.FAULT, "a forged entry")
            await ana.until(lambda: bool(ana.heard("down")))
            assert ana.heard("down")[0][2] == (
                "the other device broke a rule of the protocol: a forged entry"
            )
            (target,) = [t for t in ana.links._targets if t.asked]
            assert target.redial.due is not None
            now = asyncio.get_running_loop().time()
            assert 0.8 <= target.redial.due - now <= 2.0
            assert ana.links.peers()[0].state == "waiting"

    run(story())


def test_change_of_network_keeps_links_that_live_and_replaces_those_that_do_not() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        async with online(ana, ben):
            ana.links.dial(ben.url)
            alive = await ana.until_linked(ben)
            heard = alive.bytes_in
            ana.links.network_changed()
            await eventually(lambda: alive.bytes_in > heard)
            assert ana.links.handles == [alive]
            # Nothing that ben sends arrives any more, as after a walk to another room.
            to_ana = await ben.until_linked(ana)
            mute(to_ana.link)
            mute(alive.link)
            began = asyncio.get_running_loop().time()
            await settled(ana)
            ana.links.network_changed()
            await ana.until(lambda: len(ana.heard("up")) == 2)
            assert asyncio.get_running_loop().time() - began < 3
            again = ana.links.handles[0]
            again.send(1, 0, b"here again")
            assert await ben.until_read(b"here again") is not to_ana

    run(story())


def mute(link: Any) -> None:
    """Frames that this end gets are lost on the way."""
    link._session.receive = lambda frame, now: []


async def settled(device: Device) -> None:
    await eventually(lambda: not any(p.doubted for p in device.links._circle._present))


async def eventually(true: Any) -> None:
    """Turn the loop until it is true: for what has no event of its own."""
    for _ in range(900):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("that never came true")


def test_device_that_does_not_listen_still_links() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        async with online(ana):
            async with online(ben, listening=False):
                assert ben.links.urls == []
                handle = await ben.links.dial_once(ana.url)
                handle.send(1, 0, b"posted")
                await ana.until_read(b"posted")
                assert ana.met == []

    run(story())


def test_taken_port_is_a_sentence_and_leaves_nothing_behind() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        async with online(ana):
            settings = msgspec.structs.replace(QUIET, listen=ana.url.removeprefix("ws://"))
            with pytest.raises(Unavailable) as caught:
                await ben.make(settings).start()
            assert str(caught.value).startswith("This device cannot listen on 127.0.0.1 port ")
            assert "\n" not in str(caught.value)
            await ben.links.aclose()

    run(story())


def test_interface_alone_is_listened_at() -> None:
    async def story() -> None:
        (ana,) = team(1)
        async with online(ana, settings=Network(interface="127.0.0.1", mdns=False)):
            (url,) = ana.links.urls
            assert url.startswith("ws://127.0.0.1:")

    run(story())


def test_listening_everywhere_gives_addresses_others_can_dial() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        async with online(ana, settings=Network(mdns=False)):
            assert ana.links.urls
            assert not any("0.0.0.0" in url or "[::]" in url for url in ana.links.urls)
            async with online(ben):
                port = ana.url.rpartition(":")[2]
                await ben.links.dial_once(f"ws://127.0.0.1:{port}")

    run(story())


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_link_over_ipv6() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        async with online(ana, ben, settings=Network(listen="[::1]:0", mdns=False)):
            assert ana.url.startswith("ws://[::1]:")
            ana.links.dial(ben.url)
            await ana.until_linked(ben)
            handle = await ben.until_linked(ana)
            assert handle.url == ana.url

    run(story())


def test_devices_find_each_other_by_multicast() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        stranger = Device(3)
        stranger.secrets = [OTHER]
        settings = Network(listen="127.0.0.1:0", interface="127.0.0.1")
        async with online(ana, stranger, settings=settings):
            assert ana.links.warning == ""
            async with online(ben, settings=settings):
                await ana.until_linked(ben)
                await ben.until_linked(ana)
                ben.links.handles[0].send(1, 0, b"found you")
                await ana.until_read(b"found you")
                assert not stranger.hellos
            # Ben withdraws his announcement when he goes, and nobody goes on dialling him.
            await eventually(lambda: ana.links.peers() == [])

    run(story())


def test_who_was_seen_before_the_secret_came_is_dialled_when_it_comes() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        ben.secrets = []
        settings = Network(listen="127.0.0.1:0", interface="127.0.0.1")
        async with online(ana, settings=settings), online(ben, settings=settings, listening=False):
            await eventually(lambda: (ana.url,) in ben.links._announcements)
            assert ben.links.peers() == []
            ben.secrets = [TEAM]
            ben.links.update_secrets()
            assert (await ben.until_linked(ana)).initiator

    run(story())


def test_discovery_that_cannot_work_is_a_warning() -> None:
    async def story() -> None:
        ana, ben = team(1, 2)
        settings = Network(listen="127.0.0.1:0", interface="192.0.2.1")
        async with online(ana, settings=settings):
            assert ana.links.warning.startswith("Devices on the LAN are not found by themselves: ")
            async with online(ben):
                await ben.links.dial_once(ana.url)

    run(story())


def test_what_cannot_be_dialled_is_said() -> None:
    async def story() -> None:
        (ana,) = team(1)
        async with online(ana):
            with pytest.raises(NoPeer, match="cannot be dialled"):
                ana.links.dial("http://x")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                url = f"ws://127.0.0.1:{probe.getsockname()[1]}"
                with pytest.raises(NoPeer, match="nothing answers at that address"):
                    await ana.links.dial_once(url)
                ana.links.dial(url)
                await eventually(lambda: ana.links.peers()[0].reason != "")
                ana.links.undial(url)
                assert ana.links.peers() == []
            ana.secrets = []
            with pytest.raises(NoPeer, match="no workspace"):
                await ana.links.dial_once(url)

    run(story())


def test_invite_secret_is_a_lobby_and_nothing_else() -> None:
    """The context travels in the handshake: the same key with another context opens nothing."""

    async def story() -> None:
        ana, ben = team(1, 2)
        ana.secrets = [INVITE]
        ben.secrets = [dataclasses.replace(INVITE, context=b"W" * 32)]
        async with online(ana, ben):
            with pytest.raises(NoPeer):
                await ben.links.dial_once(ana.url)
            assert ana.hellos == []

    run(story())
