"""Finding each other: announcements, multicast DNS on loopback, changes of the network."""

import asyncio
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf._dns import DNSPointer
from zeroconf._protocol.outgoing import DNSOutgoing
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf
from zeroconf.const import _CLASS_IN, _FLAGS_AA, _FLAGS_QR_RESPONSE, _TYPE_PTR

from tests.transport.link_pair import TEAM
from transport.net import addresses as addresses_module
from transport.net.addresses import (
    format_url,
    interface_addresses,
    is_address,
    is_loopback,
    parse_url,
    reachable_addresses,
)
from transport.net.clock import monotonic, wall_ms
from transport.net.mdns import SERVICE_TYPE, Discovery, announced_urls
from transport.net.network import NetworkChange, NetworkWatch
from transport.proto import limits
from transport.proto.announcement import Announcement, parse_announcement
from transport.proto.errors import AddressFault, RemoteFault
from transport.proto.hints import LinkSecret, tagged_secrets

OTHER = LinkSecret(b"O" * 32, b"X" * 32, "other")


# Announcements


@given(nonce=st.binary(min_size=16, max_size=16), count=st.integers(1, 12))
def test_announcement_survives_the_wire(nonce: bytes, count: int) -> None:
    secrets = [LinkSecret(bytes([i]) * 32, bytes(32), str(i)) for i in range(count)]
    announcement = Announcement.of_secrets(secrets, nonce)
    assert len(announcement.tags) == min(count, limits.DISCOVERY_TAGS_MAX)
    assert parse_announcement(announcement.encode()) == announcement
    labelled = Announcement.of_secrets(secrets, nonce, b"lbl")
    assert parse_announcement(labelled.encode()) == labelled != announcement


@given(text=st.binary(max_size=600))
def test_announcement_decoder_gives_a_value_or_remote_fault(text: bytes) -> None:
    try:
        announcement = parse_announcement(text)
    except RemoteFault:
        return
    assert len(announcement.nonce) == 16
    assert 1 <= len(announcement.tags) <= 8
    assert {len(tag) for tag in announcement.tags} == {8}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\x12n=" + b"n" * 16,  # no tags
        b"\x0at=" + b"t" * 8,  # no nonce
        b"\x11n=" + b"n" * 15 + b"\x0at=" + b"t" * 8,
        b"\x12n=" + b"n" * 16 + b"\x09t=" + b"t" * 7,
        b"\x12n=" + b"n" * 16 + b"\x4at=" + b"t" * 72,  # nine tags
        b"\x12n=" + b"n" * 16 + b"\xfft=" + b"t" * 8,  # cut off
        b"\x12n=" + b"n" * 16 + b"\x0at=" + b"t" * 8 + b"\xff" * 512,
    ],
)
def test_announcement_that_breaks_a_rule_is_refused(text: bytes) -> None:
    with pytest.raises(RemoteFault):
        parse_announcement(text)


def test_announcement_of_a_newer_clowder_is_understood() -> None:
    text = (
        b"\x03x=y" + b"\x12N=" + b"n" * 16 + b"\x01z" + b"\x0at=" + b"t" * 8 + b"\x0at=" + b"u" * 8
    )
    assert parse_announcement(text) == Announcement(b"n" * 16, (b"t" * 8,))


def test_a_label_of_another_length_is_none_and_the_rest_is_understood() -> None:
    for label, kept in ((b"abc", b"abc"), (b"", b""), (b"ab", b""), (b"abcd", b"")):
        said = b"l=" + label
        text = b"\x12n=" + b"n" * 16 + b"\x0at=" + b"t" * 8 + bytes([len(said)]) + said
        assert parse_announcement(text) == Announcement(b"n" * 16, (b"t" * 8,), kept)


def test_addresses_nobody_can_be_met_at_are_left_out() -> None:
    found = ["224.0.0.1", "0.0.0.0", "::", "fe80::1", "fe80::2%3", "::1", "10.0.0.1", "10.0.0.1"]
    assert announced_urls([*found, "not an address"], 80) == [
        "ws://10.0.0.1:80/",
        "ws://[fe80::2%253]:80/",
        "ws://[::1]:80/",
    ]
    assert announced_urls(["10.0.0.1"], None) == announced_urls(["10.0.0.1"], 0) == []
    many = [f"10.0.0.{i}" for i in range(1, 100)]
    assert len(announced_urls(many, 80)) == limits.DISCOVERY_ADDRESSES_MAX


# URLs and addresses


@given(text=st.text(max_size=80))
def test_url_parser_gives_a_value_or_address_fault(text: str) -> None:
    for candidate in (text, f"ws://{text}", f"ws://127.0.0.1:{text}/"):
        try:
            url = parse_url(candidate)
        except AddressFault:
            continue
        assert 1 <= url.port <= 65_535
        assert url.host


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%eth0", "relay.example"])
def test_urls_survive_formatting(host: str) -> None:
    url = parse_url(format_url(host, 4000))
    assert (url.secure, url.host, url.port, url.resource) == (False, host, 4000, "/")
    assert "%" not in url.host_header


def test_url_behind_a_proxy_keeps_its_path() -> None:
    url = parse_url("wss://relay.example/clowder?x=1")
    assert url == (True, "relay.example", 443, "/clowder?x=1")


def test_wildcard_stands_for_real_interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = ["10.0.0.7", "127.0.0.1", "::1", "fd00::7"]
    monkeypatch.setattr(addresses_module, "interface_addresses", lambda: machine)
    assert reachable_addresses(["0.0.0.0"]) == ["10.0.0.7"]
    assert reachable_addresses(["::"]) == ["fd00::7"]
    assert reachable_addresses(["0.0.0.0", "10.0.0.7", "::1"]) == ["10.0.0.7", "::1"]
    monkeypatch.setattr(addresses_module, "interface_addresses", lambda: ["127.0.0.1"])
    assert reachable_addresses(["0.0.0.0"]) == ["127.0.0.1"]


def test_this_machine_has_addresses() -> None:
    found = interface_addresses()
    assert "127.0.0.1" in found
    assert all(is_address(each) for each in found)
    assert is_loopback("127.0.0.1")
    assert not is_loopback("10.0.0.1")
    assert not is_loopback("localhost")


# Multicast DNS on loopback


class Device:
    """Somebody on the LAN, which here is the loopback interface."""

    def __init__(self, port: int, secrets: list[LinkSecret]) -> None:
        self.found: list[tuple[list[str], list[str]]] = []
        self.nonces: list[bytes] = []
        self.news = asyncio.Event()
        self.secrets = secrets
        self.discovery = Discovery(
            port=port,
            addresses=["127.0.0.1"],
            secrets=secrets,
            on_found=self.on_found,
            entropy=os.urandom,
            interfaces=["127.0.0.1"],
        )

    def on_found(self, urls: list[str], announcement: Announcement) -> None:
        nonce, tags = announcement.nonce, announcement.tags
        names = [secret.name for secret in tagged_secrets(self.secrets, nonce, tags)]
        self.found.append((urls, names))
        self.nonces.append(nonce)
        self.news.set()

    async def until_found(self, url: str, names: list[str], times: int = 1) -> None:
        async with asyncio.timeout(10):
            while self.found.count(([url], names)) < times:
                self.news.clear()
                await self.news.wait()


def free_ports(count: int) -> list[int]:
    """Distinct numbers; nothing listens there."""
    return [20_000 + int.from_bytes(os.urandom(2), "big") % 20_000 + i for i in range(count)]


def test_two_devices_find_each_other_and_tell_friends_from_strangers() -> None:
    async def story() -> None:
        ports = free_ports(3)
        ana, ben = Device(ports[0], [TEAM, OTHER]), Device(ports[1], [TEAM])
        stranger = Device(ports[2], [LinkSecret(b"?" * 32, bytes(32), "stranger")])
        devices = (ana, ben, stranger)
        for device in devices:
            await device.discovery.start()
        try:
            await ana.until_found(f"ws://127.0.0.1:{ports[1]}/", ["team"])
            await ben.until_found(f"ws://127.0.0.1:{ports[0]}/", ["team"])
            await ana.until_found(f"ws://127.0.0.1:{ports[2]}/", [])
            assert all(f":{ports[0]}/" not in url for urls, _ in ana.found for url in urls)
        finally:
            for device in devices:
                await device.discovery.aclose()

    asyncio.run(story())


def test_new_secrets_and_a_restart_are_announced_under_new_nonces() -> None:
    async def story() -> None:
        ports = free_ports(2)
        ana, ben = Device(ports[0], [TEAM, OTHER]), Device(ports[1], [TEAM])
        url = f"ws://127.0.0.1:{ports[1]}/"
        await ana.discovery.start()
        await ben.discovery.start()
        try:
            await ana.until_found(url, ["team"])
            await ben.discovery.update_secrets([OTHER])
            await ana.until_found(url, ["other"])
            await ben.discovery.restart()
            await ana.until_found(url, ["other"], times=2)
            nonces = [
                n for n, (urls, _) in zip(ana.nonces, ana.found, strict=True) if urls == [url]
            ]
            assert len(set(nonces)) == len(nonces)
        finally:
            await ana.discovery.aclose()
            await ben.discovery.aclose()

    asyncio.run(story())


def test_name_and_nonce_change_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        ports = free_ports(2)
        ana, ben = Device(ports[0], [TEAM]), Device(ports[1], [TEAM])
        await ana.discovery.start()
        monkeypatch.setattr("transport.net.mdns.DISCOVERY_ROTATE_SECONDS", 0.01)
        await ben.discovery.start()
        try:
            await ana.until_found(f"ws://127.0.0.1:{ports[1]}/", ["team"], times=3)
            assert len(set(ana.nonces)) == len(ana.nonces)
        finally:
            await ana.discovery.aclose()
            await ben.discovery.aclose()

    asyncio.run(story())


def test_rogue_announcements_are_passed_over() -> None:
    """Mallory announces herself with broken TXT data, port 0, an address of everybody, and names
    that are none."""

    async def story() -> None:
        failures: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: failures.append(what))
        ports = free_ports(2)
        good = Announcement.of_secrets([TEAM], b"n" * 16).encode()
        rogues = [
            AsyncServiceInfo(
                SERVICE_TYPE,
                f"{name}.{SERVICE_TYPE}",
                port=port,
                properties=text,
                server=f"{os.urandom(8).hex()}.local.",
                parsed_addresses=[address],
            )
            for name, port, text, address in [
                ("broken", 1, b"\x03n=x", "127.0.0.1"),
                ("a" * 63, 1, b"", "127.0.0.1"),
                ("zero", 0, good, "127.0.0.1"),
                ("everybody", 1, good, "224.0.0.1"),
            ]
        ]
        mallory = AsyncZeroconf(interfaces=["127.0.0.1"])
        ana, ben = Device(ports[0], [TEAM]), Device(ports[1], [TEAM])
        await ana.discovery.start()
        for rogue in rogues:
            await mallory.async_register_service(rogue, cooperating_responders=True, strict=False)
        for alias in ("\x1b[31mred." + SERVICE_TYPE, "evil.example.", "_clowder._tcp.local.", "x."):
            pointer = DNSOutgoing(_FLAGS_QR_RESPONSE | _FLAGS_AA)
            pointer.add_answer_at_time(
                DNSPointer(SERVICE_TYPE, _TYPE_PTR, _CLASS_IN, 120, alias), 0
            )
            mallory.zeroconf.async_send(pointer)
        await ben.discovery.start()
        try:
            url = f"ws://127.0.0.1:{ports[1]}/"
            await ana.until_found(url, ["team"])
            assert failures == []
            assert {tuple(urls) for urls, _ in ana.found} == {(url,)}
        finally:
            await mallory.async_close()
            await ana.discovery.aclose()
            await ben.discovery.aclose()

    asyncio.run(story())


def test_discovery_that_cannot_work_says_so_and_harms_nothing() -> None:
    async def story() -> None:
        discovery = Discovery(
            port=1,
            addresses=["192.0.2.1"],
            secrets=[TEAM],
            on_found=lambda urls, announcement: None,
            entropy=os.urandom,
            interfaces=["2001:db8::1"],
        )
        with pytest.raises(AddressFault):
            await discovery.start()
        await discovery.aclose()

    asyncio.run(story())


# Changes of the network


class Machine:
    """A machine whose addresses and clocks a test moves."""

    def __init__(self) -> None:
        self.addresses = ["127.0.0.1", "10.0.0.7"]
        self.wall, self.now = 1_000_000, 50.0
        self.changes: list[NetworkChange] = []
        self.watch = NetworkWatch(
            self.changes.append,
            addresses=lambda: self.addresses,
            wall=lambda: self.wall,
            now=lambda: self.now,
        )

    def pass_time(self, wall: float, monotonic: float) -> None:
        self.wall += int(wall * 1000)
        self.now += monotonic
        self.watch.tick()


def test_quiet_network_is_no_news() -> None:
    machine = Machine()
    for _ in range(10):
        machine.pass_time(1.1, 1.1)
    assert machine.changes == []


def test_other_addresses_are_told_once() -> None:
    machine = Machine()
    machine.addresses = ["127.0.0.1", "192.168.1.9"]
    machine.pass_time(1, 1)
    machine.pass_time(1, 1)
    assert machine.changes == [NetworkChange(["127.0.0.1", "192.168.1.9"], True, False)]


@pytest.mark.parametrize(("wall", "steady"), [(3600.0, 1.0), (3600.0, 3600.0)])
def test_sleep_is_told_once(wall: float, steady: float) -> None:
    machine = Machine()
    machine.pass_time(wall, steady)
    machine.pass_time(1, 1)
    assert machine.changes == [NetworkChange(machine.addresses, False, True)]


def test_watch_ticks_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transport.net.network.ADDRESSES_POLL_SECONDS", 0.001)

    async def story() -> None:
        changed = asyncio.Event()
        answers = iter([["a"], ["b"]])
        watch = NetworkWatch(lambda change: changed.set(), addresses=lambda: next(answers, ["b"]))
        watch.start()
        await asyncio.wait_for(changed.wait(), 5)
        watch.stop()

    asyncio.run(story())


def test_clocks() -> None:
    assert abs(wall_ms() / 1000 - time.time()) < 5
    assert monotonic() <= monotonic()
