"""Channel links and both machines at a door: bytes, bounds, floods, and hosts that fail."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.effects import CloseLink, Send
from chat.errors import UsageError
from chat.guests import channel_link, limits, messages
from chat.guests.channel_link import ChannelLink, parse
from chat.guests.host import Host
from chat.guests.messages import GuestAsk, GuestEnd, GuestMore, GuestPart, decode, encode
from chat.guests.visit import Anew, Took, Visit, Whole
from chat.node.guests import network_of
from crdt.errors import Invalid, TooNew
from tests.chat.guests_house import said

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "guests.json").read_text("utf-8"))
DOOR, CHANNEL = b"d" * 32, b"c" * 16
HERE = "10.0.0.9"
ASK = encode(GuestAsk())
MORE = encode(GuestMore())


def endless(channel: bytes, newest: int) -> Iterator[bytes]:
    while True:
        yield bytes(limits.PART_MAX_BYTES)


def a_host(size: int = 100) -> Host:
    return Host(lambda channel, newest: iter([bytes(size)]))


def entered(host: Host, link: int = 1, address: str = HERE, now: int = 0) -> None:
    assert host.link_up(link, DOOR, CHANNEL, address, now) == []


def parts(effects: list[Send | CloseLink]) -> int:
    return sum(len(each.data) for each in said(effects) if isinstance(each, GuestPart))


def closed(effects: list[Send | CloseLink]) -> list[int]:
    return [each.link for each in effects if isinstance(each, CloseLink)]


# Links ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS["links"], ids=lambda vector: vector["about"])
def test_links_are_these_characters(vector: dict[str, str | list[str]]) -> None:
    link = ChannelLink(
        *(bytes.fromhex(str(vector[name])) for name in ("workspace", "channel", "epoch", "key")),
        tuple(vector["hints"]),
    )
    assert link.text == vector["link"]
    assert link.door.key.hex() == vector["door"]
    assert parse(str(vector["link"]).upper()) == link
    assert str(vector["key"]) in ("", link.key.hex())
    assert not link.key or link.key.hex() not in repr(link)


@pytest.mark.parametrize("vector", VECTORS["bad_links"], ids=lambda vector: vector["about"])
def test_what_is_no_link_says_so_in_a_sentence(vector: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=vector["says"]):
        parse(vector["link"])


@given(st.binary(max_size=200), st.booleans())
def test_any_payload_is_a_link_or_one_error(payload: bytes, whole: bool) -> None:
    from base64 import b32encode

    check = channel_link._check(payload) if whole else b"abcd"
    text = channel_link.SCHEME + b32encode(payload + check).decode().rstrip("=")
    try:
        link = parse(text)
    except UsageError:
        return
    assert whole
    assert parse(link.text) == link


@given(st.text(max_size=80))
def test_any_text_is_a_link_or_one_error(text: str) -> None:
    for given_text in (text, channel_link.SCHEME + text):
        with pytest.raises(UsageError):
            parse(given_text)


# Messages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda vector: vector["about"])
def test_messages_are_these_bytes(vector: dict[str, str]) -> None:
    message = decode(bytes.fromhex(vector["bytes"]))
    assert encode(message).hex() == vector["bytes"]
    assert repr(message) == vector["is"]


@pytest.mark.parametrize("vector", VECTORS["bad_messages"], ids=lambda vector: vector["about"])
def test_what_is_no_message_is_invalid_and_what_is_newer_says_so(vector: dict[str, str]) -> None:
    with pytest.raises(TooNew if vector["error"] == "too new" else Invalid) as caught:
        decode(bytes.fromhex(vector["bytes"]))
    assert (vector["error"] == "too new") is isinstance(caught.value, TooNew)


@given(st.binary(max_size=80) | st.binary(max_size=30).map(lambda data: b"\x93" + data))
def test_any_bytes_are_a_message_or_one_error(data: bytes) -> None:
    try:
        message = decode(data)
    except Invalid:
        return
    assert decode(encode(message)) == message


@given(st.lists(st.binary(max_size=30) | st.sampled_from([ASK, MORE]), max_size=12))
def test_whatever_a_guest_says_it_gets_no_more_than_it_has_room_for(
    payloads: list[bytes],
) -> None:
    host = Host(endless)
    entered(host)
    given_parts = room = 0
    for payload in payloads:
        effects = host.receive(1, payload, 0)
        room += 1 if payload == MORE else 0
        given_parts += len([each for each in said(effects) if isinstance(each, GuestPart)])
        assert given_parts <= limits.WINDOW_PARTS + room
        if closed(effects):
            assert len(host) == 0
            assert host.receive(1, ASK, 0) == []
            return


# Bounds of a host -------------------------------------------------------------------------------


def test_a_guest_asks_once_and_takes_what_it_was_given() -> None:
    for wrong in ([ASK, ASK], [MORE], [ASK, MORE], [encode(GuestPart(b"x"))], [encode(GuestEnd())]):
        host = a_host()
        entered(host)
        effects = [effect for payload in wrong for effect in host.receive(1, payload, 0)]
        expected = [] if wrong == [ASK, MORE] else [1]
        assert closed(effects) == expected, wrong
    host = a_host()
    entered(host)
    host.receive(1, ASK, 0)
    assert closed(host.receive(1, encode(GuestMore(2)), 0)) == [1]


def test_a_newer_guest_is_told_and_unknown_messages_are_passed_over() -> None:
    host = a_host()
    entered(host)
    assert host.receive(1, b"\x91\x17", 0) == []
    assert said(host.receive(1, encode(GuestAsk(2)), 0)) == [GuestEnd(messages.NEWER)]


def test_guests_are_few_in_all_and_fewer_from_one_address() -> None:
    host = a_host()
    for link in range(limits.GUESTS_PER_ADDRESS_MAX):
        entered(host, link)
    refused = host.link_up(90, DOOR, CHANNEL, HERE, 0)
    assert (said(refused), closed(refused)) == ([GuestEnd(messages.BUSY)], [90])
    for link in range(10, 10 + limits.GUESTS_MAX - limits.GUESTS_PER_ADDRESS_MAX):
        entered(host, link, f"10.0.1.{link}")
    refused = host.link_up(91, DOOR, CHANNEL, "10.9.9.9", 0)
    assert closed(refused) == [91]
    assert len(host) == limits.GUESTS_MAX
    host.link_down(0)
    entered(host, 92)


def test_all_guests_together_get_so_many_bytes_a_second_and_each_its_turn() -> None:
    host = Host(endless)
    had = dict.fromkeys(range(4), 0)
    for link in had:
        entered(host, link, f"10.0.0.{link}")
    on_the_way = [effect for link in had for effect in host.receive(link, ASK, 0)]
    for now in range(0, 20_000, 50):
        effects, on_the_way = on_the_way, host.tick(now)
        for effect in sorted(effects, key=lambda effect: effect.link):  # The first is the fastest.
            assert isinstance(effect, Send)
            had[effect.link] += parts([effect])
            on_the_way += host.receive(effect.link, MORE, now)
    had = {link: had[link] + parts([e for e in on_the_way if e.link == link]) for link in had}
    spent = sum(had.values()) + 4 * limits.ASK_COST_BYTES
    most = limits.BURST_BYTES + 20 * limits.BYTES_PER_SECOND + limits.PART_MAX_BYTES
    assert most * 0.8 < spent <= most
    assert max(had.values()) - min(had.values()) <= 2 * limits.WINDOW_PARTS * limits.PART_MAX_BYTES


def test_an_address_gets_so_many_bytes_an_hour() -> None:
    host = Host(endless)
    total, now, link, refused = 0, 0, 0, False
    while not refused:
        link += 1
        entered(host, link, now=now)
        effects = host.receive(link, ASK, now)
        while not refused:
            total += parts(effects)
            ends = [each for each in said(effects) if isinstance(each, GuestEnd)]
            refused = ends == [GuestEnd(messages.BUSY)]
            if now % 600_000 == 0:
                break
            now += 1_000
            effects = [*host.receive(link, encode(GuestMore(8)), now)] if not refused else []
        now += 1_000
        host.link_down(link)
        assert now < limits.ADDRESS_MS
    assert total <= limits.BYTES_PER_ADDRESS_MAX
    assert total > limits.BYTES_PER_ADDRESS_MAX // 2
    entered(host, 10_000, now=now)
    assert said(host.receive(10_000, ASK, now)) == [GuestEnd(messages.BUSY)]
    entered(host, 10_001, "10.0.0.10", now)
    assert parts(host.receive(10_001, ASK, now)) > 0
    host.link_down(10_000)
    later = now + limits.ADDRESS_MS
    entered(host, 10_002, now=later)
    assert parts(host.receive(10_002, ASK, later)) > 0


def test_who_says_nothing_or_takes_for_ever_makes_way() -> None:
    host = Host(endless)
    entered(host, 1)
    assert host.due() == limits.IDLE_MS
    assert host.tick(limits.IDLE_MS - 1) == []
    assert closed(host.tick(limits.IDLE_MS)) == [1]
    entered(host, 2)
    host.receive(2, ASK, 0)
    now = 0
    while len(host):
        now += limits.IDLE_MS // 2
        effects = [*host.receive(2, MORE, now), *host.tick(now)]
        if closed(effects):
            break
    assert now == limits.VISIT_MS
    assert host.due() is None


def test_when_a_door_closes_its_guests_go() -> None:
    host = a_host()
    entered(host, 1)
    assert host.link_up(2, b"e" * 32, CHANNEL, HERE, 0) == []
    effects = host.doors_changed({b"e" * 32})
    assert (said(effects), closed(effects)) == ([GuestEnd(messages.CLOSED)], [1])
    assert len(host) == 1


def test_addresses_of_one_network_count_as_one() -> None:
    assert network_of("10.1.2.3") == "10.1.2.3"
    assert network_of("::ffff:10.1.2.3") == "10.1.2.3"
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert network_of("2001:db8:0:1::1") != network_of("2001:db8::1")
    assert network_of("fe80::1%eth0") == "fe80::/64"


# Hosts that fail --------------------------------------------------------------------------------


def test_one_host_is_asked_at_a_time_and_the_next_when_it_fails() -> None:
    visit = Visit(newest=7)
    assert [type(each) for each in visit.link_up(1, 0)] == [Anew, Send]
    assert visit.link_up(2, 0) == []
    assert visit.link_up(3, 0) == []
    took = visit.receive(1, encode(GuestPart(b"abc")), 5)
    assert took[0] == Took(b"abc")
    again = visit.receive(1, encode(GuestEnd("no such reason")), 6)
    assert again[0] == CloseLink(1, messages.UNKNOWN_REASON)
    assert again[1] == Anew(2)
    assert visit.due() == 6 + limits.SILENT_MS
    assert visit.tick(6 + limits.SILENT_MS - 1) == []
    silent = visit.tick(6 + limits.SILENT_MS)
    assert [type(each) for each in silent] == [CloseLink, Anew, Send]
    assert visit.receive(3, encode(GuestEnd()), 20_000) == [Whole(3)]
    assert visit.receive(1, encode(GuestPart(b"late")), 20_000) == []
    assert visit.reject(3, "it lies", 20_000) == [CloseLink(3, "it lies")]
    assert (visit.due(), visit.reason) == (None, "it lies")


@given(st.binary(max_size=40))
def test_whatever_a_host_says_it_is_taken_or_given_up(payload: bytes) -> None:
    visit = Visit(0)
    visit.link_up(1, 0)
    visit.link_up(2, 0)
    for link in (2, 1):
        for effect in visit.receive(link, payload, 1):
            assert isinstance(effect, Took | Whole | Send | CloseLink | Anew)


def test_a_host_that_gives_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.guests.visit.RECEIVED_MAX_BYTES", 100)
    visit = Visit(0)
    visit.link_up(1, 0)
    assert visit.receive(1, encode(GuestPart(bytes(100))), 0)[0] == Took(bytes(100))
    assert visit.receive(1, encode(GuestPart(b"x")), 0) == [
        CloseLink(1, "a channel is not that large")
    ]
