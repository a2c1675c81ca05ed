"""The small parts of links: introductions, spelling of addresses, races, sentences."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.links import introduction, limits
from chat.links.addresses import canonical_url, canonical_urls, host_of, shareable_urls, told_urls
from chat.links.endings import cools_down, end_sentence, fault_sentence
from chat.links.introduction import Introduction
from chat.links.racing import NoLink, first_link
from crdt.errors import Invalid
from tests.transport.memory_links import FakeLoop, memory_links
from transport.net.addresses import parse_url
from transport.net.link import Link
from transport.proto.closing import CloseCode, LinkEnd
from transport.proto.errors import AddressFault, HandshakeRefused, Reason, RemoteFault

ROOT = Path(__file__).parent.parent.parent
VECTORS: dict[str, Any] = json.loads((ROOT / "tests/vectors/link_payload.json").read_text())
PAGE = (ROOT / "docs/protocol/link.md").read_text("utf-8")


# Introductions


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["about"])
def test_introduction_vectors(vector: dict[str, Any]) -> None:
    wire = bytes.fromhex(vector["payload"])
    told = introduction.decode(wire)
    assert told.device.hex() == vector["device"]
    assert (told.flags, list(told.urls)) == (vector["flags"], vector["urls"])
    assert told.relay == bool(vector["flags"] & 1)
    assert introduction.encode(told) == wire


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["about"])
def test_introduction_that_breaks_a_rule_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        introduction.decode(bytes.fromhex(vector["payload"]))
    newer = "this one needs a newer Clowder" in str(caught.value)
    assert newer == (vector["about"] == "a newer version")


def test_page_quotes_the_vector() -> None:
    (quoted,) = re.findall(r"```\n([0-9a-f\n]{64,})```", PAGE)
    assert quoted.replace("\n", "") == VECTORS["accepted"][1]["payload"]


@given(payload=st.binary(max_size=200), place=st.integers(0, 120), bit=st.integers(0, 7))
def test_introduction_decoder_gives_a_value_or_invalid(
    payload: bytes, place: int, bit: int
) -> None:
    changed = bytearray.fromhex(VECTORS["accepted"][1]["payload"])
    changed[place % len(changed)] ^= 1 << bit
    for candidate in (payload, bytes(changed), b"\x94\x01" + payload):
        try:
            told = introduction.decode(candidate)
        except Invalid:
            continue
        assert len(told.device) == 32
        assert len(told.urls) <= limits.INTRODUCTION_URLS_MAX
        told_urls(told.urls, "10.0.0.1")


def test_longest_introduction_fits_into_a_handshake() -> None:
    longest = "ws://" + "h" * (limits.URL_MAX_BYTES - 5)
    fits = Introduction(1, b"d" * 32, 2**32 - 1, (longest,) * 7)
    assert introduction.decode(introduction.encode(fits)) == fits
    long = introduction.encode(Introduction(1, b"d" * 32, 0, (longest,) * 8))
    with pytest.raises(Invalid, match="too long"):
        introduction.decode(long)


# Addresses


@pytest.mark.parametrize(
    ("given", "spelt"),
    [
        ("ws://127.0.0.1:7311/", "ws://127.0.0.1:7311"),
        ("ws://Relay.Example", "ws://relay.example:80"),
        ("wss://relay.example/x?y=1", "wss://relay.example:443/x?y=1"),
        ("ws://[FE80::1%25eth0]:9/", "ws://[fe80::1%25eth0]:9"),
        ("ws://[::1]:9", "ws://[::1]:9"),
    ],
)
def test_one_spelling_for_each_address(given: str, spelt: str) -> None:
    assert canonical_url(given) == spelt
    assert canonical_url(spelt) == spelt
    assert parse_url(spelt) == parse_url(given)


def test_addresses_somebody_names_are_kept_within_reason() -> None:
    named = [
        "ws://10.0.0.2:1",
        "ws://10.0.0.2:1/",
        "ws://127.0.0.1:1",
        "ws://localhost:1",
        "ws://[::1]:1",
        "ws://[fe80::1]:1",
        "ws://224.0.0.1:1",
        "ws://0.0.0.0:1",
        "http://10.0.0.2:1",
        "\x1b[2J",
        "wss://relay.example",
    ]
    assert told_urls(named, "10.0.0.2") == ["ws://10.0.0.2:1", "wss://relay.example:443"]
    assert told_urls(named, "127.0.0.1")[1:3] == ["ws://127.0.0.1:1", "ws://[::1]:1"]
    many = [f"ws://10.0.0.2:{port}" for port in range(1, 99)]
    assert len(told_urls(many, "10.0.0.2")) == limits.INTRODUCTION_URLS_MAX
    assert len(canonical_urls(many)) == 98
    assert shareable_urls(["ws://10.0.0.2:1", "ws://[fe80::1%25eth0]:1", "ws://relay:1"]) == [
        "ws://10.0.0.2:1",
        "ws://relay:1",
    ]


def test_host_of_an_address() -> None:
    assert host_of("10.0.0.2:80") == "10.0.0.2"
    assert host_of("[::1]:80") == "::1"
    assert host_of("") == ""


# Races


class Address:
    """What dialling an address gives, when the test says so."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer: asyncio.Future[Link] = asyncio.get_running_loop().create_future()

    async def open(self) -> Link:
        self.asked.set()
        return await self.answer


def refused() -> HandshakeRefused:
    return HandshakeRefused(Reason.NO_MATCH, "no workspace at that address answers to ours")


def unreachable() -> AddressFault:
    return AddressFault(Reason.UNREACHABLE, "nothing answers at that address")


def test_slow_address_does_not_hold_up_the_next() -> None:
    loop = FakeLoop()
    link, *_ = memory_links(loop)

    async def story() -> None:
        places = {"a": Address(), "b": Address()}
        race = asyncio.ensure_future(first_link(list(places), lambda url: places[url].open()))
        await asyncio.wait_for(places["b"].asked.wait(), 4)
        places["b"].answer.set_result(link)
        assert await race is link
        assert places["a"].answer.cancelled()

    asyncio.run(story())
    loop.close()


def test_failed_address_makes_way_at_once_and_the_telling_fault_wins() -> None:
    async def story() -> None:
        faults = {
            "a": unreachable(),
            "b": refused(),
            "c": RemoteFault(Reason.SILENT, "what answers at that address says nothing"),
            "d": HandshakeRefused(Reason.SELF, "the device at that address is this one"),
        }

        async def fail(url: str) -> Link:
            raise faults[url]

        began = asyncio.get_running_loop().time()
        lost = await first_link(list(faults), fail)
        assert asyncio.get_running_loop().time() - began < limits.DIAL_STAGGER_SECONDS
        assert isinstance(lost, NoLink)
        assert lost.faults == faults
        assert lost.telling is faults["b"]
        assert lost.own_urls == ["d"]

    asyncio.run(story())


def test_second_link_of_a_race_and_links_of_a_race_broken_off_are_closed() -> None:
    loop = FakeLoop()
    first, _, _, _ = memory_links(loop)
    second, _, _, _ = memory_links(loop)

    async def story() -> None:
        places = {"a": Address(), "b": Address()}
        race = asyncio.ensure_future(first_link(list(places), lambda url: places[url].open()))
        await asyncio.wait_for(places["b"].asked.wait(), 4)
        places["a"].answer.set_result(first)
        places["b"].answer.set_result(second)
        kept = await race
        assert isinstance(kept, Link)
        other = second if kept is first else first
        assert not kept.is_closed
        assert other.close_reason == LinkEnd(CloseCode.DUPLICATE, "", by_peer=False)
        alone = Address()
        race = asyncio.ensure_future(first_link(["c"], lambda url: alone.open()))
        await asyncio.wait_for(alone.asked.wait(), 4)
        alone.answer.set_result(kept)
        race.cancel()
        with pytest.raises(asyncio.CancelledError):
            await race

    asyncio.run(story())
    loop.close()


# Sentences


@pytest.mark.parametrize("code", list(CloseCode))
@pytest.mark.parametrize("by_peer", [True, False])
def test_every_end_is_a_sentence(code: CloseCode, by_peer: bool) -> None:
    sentence = end_sentence(LinkEnd(code, "", by_peer))
    assert len(sentence.split()) >= 3
    assert end_sentence(LinkEnd(code, sentence, by_peer)) == sentence


def test_words_of_others_are_cleaned_and_quoted() -> None:
    hostile = LinkEnd(CloseCode.REFUSED, "\x1b[31mno\x07 " + "x" * 400, True)
    sentence = end_sentence(hostile)
    assert sentence.startswith("the other device refuses this one: “[31mno x")
    assert "\x1b" not in sentence
    assert len(sentence) < 260
    assert end_sentence(LinkEnd(99, "", True)) == "the link was closed with code 99"
    assert end_sentence(LinkEnd(250, "a forged entry", False)).endswith("250: a forged entry")


def test_what_is_worth_a_cool_down() -> None:
    assert {code for code in range(256) if cools_down(code)} == {1, 3, 4, 5, *range(64, 256)}


def test_fault_of_a_dial_is_told_from_the_persons_side() -> None:
    assert fault_sentence(refused()) == "no workspace at that address answers to ours"
    wrong = RemoteFault(Reason.DECRYPT, "a message does not open")
    assert fault_sentence(wrong) == "what is at that address has no key of this workspace"
