"""The doctor's eyes: what systems write about interfaces, what answers a knock, who is heard."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import model
from chat.doctor.gathering import worth_a_knock
from chat.doctor.interfaces import default_interface, interfaces, kind_of, neighbours
from chat.doctor.knocking import clock_of, knock_at
from chat.doctor.limits import ANSWER_MAX_BYTES, KNOCKS_MAX
from chat.doctor.multicast import ask_around
from chat.doctor.observations import Kind, Knock, Neighbour, Outcome
from chat.links.announcements import Announcements, Heard
from chat.links.limits import ANNOUNCEMENTS_MAX
from transport.net.clock import wall_ms
from transport.proto.announcement import Announcement
from transport.proto.hints import LinkSecret

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
wg0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0
wlan0\t0001A8C0\t00000000\t0001\t0\t0\t10\t00FFFFFF\t0\t0\t0
"""
ARP = """IP address       HW type     Flags       HW address            Mask     Device
10.1.0.1         0x1         0x2         e6:8e:86:1e:30:e1     *        eth2
10.1.0.3         0x1         0x0         00:00:00:00:00:00     *        eth2
10.1.0.4         0x1         0x6         e6:8e:86:1e:30:e2     *        eth2
10.1.0.4         0x1         0x0         00:00:00:00:00:00     *        wlan0
"""

# Interfaces, routes, neighbours


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("eth0", Kind.LAN),
        ("wlp3s0", Kind.LAN),
        ("en0", Kind.LAN),
        ("br0", Kind.LAN),  # A bridge somebody made for the machine itself.
        ("docker0", Kind.BRIDGE),
        ("br-0123456789ab", Kind.BRIDGE),
        ("virbr0", Kind.BRIDGE),
        ("vmnet8", Kind.BRIDGE),
        ("tun0", Kind.TUNNEL),
        ("wg-office", Kind.TUNNEL),
        ("utun4", Kind.TUNNEL),
        ("tailscale0", Kind.TUNNEL),
    ],
)
def test_interfaces_are_told_apart_by_name(name: str, kind: Kind) -> None:
    assert kind_of(name, ["10.0.0.1"]) is kind
    assert kind_of(name, ["127.0.0.1", "::1"]) is Kind.LOOPBACK


def test_this_machine_has_its_loopback() -> None:
    loopback = next(each for each in interfaces() if "127.0.0.1" in each.addresses)
    assert loopback.kind is Kind.LOOPBACK


def test_default_route_is_the_one_with_the_least_metric() -> None:
    assert default_interface(ROUTES) == "wg0"
    net = "wlan0\t00000000\t00000000\t0001\t0\t0\t1\t000000FF\t0\t0\t0\n"
    assert default_interface(ROUTES + net) == "wg0"
    half = "tun0\t00000000\t00000000\t0003\t0\t0\t900\t00000080\t0\t0\t0\n"
    assert default_interface(ROUTES + half) == "tun0"
    assert default_interface("") == default_interface(ROUTES.splitlines()[0]) == ""


def test_neighbours_that_answer_and_that_do_not() -> None:
    assert neighbours(ARP) == {
        "10.1.0.1": Neighbour.ANSWERS,
        "10.1.0.3": Neighbour.ABSENT,
        "10.1.0.4": Neighbour.ANSWERS,
    }
    assert neighbours("") == {}


@given(st.text() | st.lists(st.sampled_from([*ROUTES.split(), *ARP.split(), "\n"])).map(" ".join))
def test_tables_of_any_text_are_read(text: str) -> None:
    default_interface(text)
    neighbours(text)


# Knocking


@given(st.binary() | st.binary().map(lambda value: b"HTTP/1.1 101\r\ndate: " + value + b"\r\n\r\n"))
def test_any_answer_gives_a_time_or_none(head: bytes) -> None:
    told = clock_of(head)
    assert told is None or isinstance(told, float)


def test_time_of_an_answer() -> None:
    head = b"HTTP/1.1 101 Switching\r\nServer: x\r\ndAtE: Tue, 24 Nov 2026 10:15:00 GMT\r\n\r\n"
    assert clock_of(head) == 1795515300.0
    assert clock_of(b"HTTP/1.1 101 Switching\r\nServer: x\r\n\r\n") is None


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """Somebody at an address who answers so, as its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


def answering(ahead_seconds: float) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert asked.startswith(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:")
        date = formatdate(wall_ms() / 1000 + ahead_seconds, usegmt=True)
        writer.write(f"HTTP/1.1 101 Switching\r\nDate: {date}\r\n\r\n".encode())
        await writer.drain()

    return answer


def knocking(*answers: Answer) -> list[Knock]:
    async def knock() -> list[Knock]:
        async with serving(answers[0]) as url:
            return list((await knock_at([url], secrets.token_bytes)).values())

    return asyncio.run(knock())


@pytest.mark.parametrize("ahead", [0.0, 540.0, -86_400.0])
def test_clock_of_who_answers(ahead: float) -> None:
    (knock,) = knocking(answering(ahead))
    assert knock.outcome is Outcome.OPEN
    assert knock.skew_seconds is not None
    assert abs(knock.skew_seconds - ahead) < 2.0


async def _nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def _flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"x" * (4 * ANSWER_MAX_BYTES))


@pytest.mark.parametrize("answer", [_nothing, _flood])
def test_who_answers_nonsense_is_open_and_tells_no_time(answer: Answer) -> None:
    assert knocking(answer) == [Knock(Outcome.OPEN)]


def test_closed_ports_addresses_of_nobody_and_bounds() -> None:
    async def knock() -> None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        closed = f"ws://127.0.0.1:{port}"
        nowhere = "ws://no..name:9"  # Nothing can look that up.
        found = await knock_at([closed, nowhere, closed, "ws://"], secrets.token_bytes)
        assert found[closed] == Knock(Outcome.REFUSED)
        assert found[nowhere].outcome is Outcome.NO_ROUTE
        assert found[nowhere].detail
        assert list(found) == [closed, nowhere]
        many = (f"ws://127.0.0.1:{port}/{number}" for number in range(KNOCKS_MAX + 5))
        assert len(await knock_at(many, secrets.token_bytes)) == KNOCKS_MAX

    asyncio.run(knock())


def test_who_says_most_is_knocked_at_first_and_strangers_are_not() -> None:
    status = model.Status("live", listening=("ws://own:1",))
    around = model.Surroundings(
        dial=("ws://typed:1",),
        peers=(model.Peer("ws://waiting:1", "waiting"), model.Peer("ws://linked:1", "linked")),
        sightings=(
            model.Sighting(("ws://stranger:1",), False),
            model.Sighting(("ws://here:1", "ws://here:2"), True),
        ),
    )
    hosts = ["here:1", "here:2", "linked:1", "own:1", "typed:1", "waiting:1"]
    assert list(worth_a_knock(status, around)) == [f"ws://{host}" for host in hosts]


# Multicast, on loopback alone


def test_own_question_comes_back_and_is_nobody_else() -> None:
    (echo,) = asyncio.run(ask_around(["127.0.0.1"], frozenset({"127.0.0.1"})))
    assert (echo.failure, echo.returned, echo.others) == ("", True, ())


def test_what_comes_from_elsewhere_is_somebody_else() -> None:
    (echo,) = asyncio.run(ask_around(["127.0.0.1"], frozenset()))
    assert (echo.returned, echo.others) == (False, ("127.0.0.1",))


def test_address_of_no_interface_cannot_ask() -> None:
    (echo,) = asyncio.run(ask_around(["192.0.2.77"], frozenset()))
    assert echo.failure
    assert not echo.returned


# What links keep of the announcements

TEAM = LinkSecret(b"t" * 32, b"w" * 32, "workspace")
OTHERS = LinkSecret(b"o" * 32, b"v" * 32, "workspace")


def test_announcements_are_ours_or_of_others_and_are_bounded() -> None:
    heard = Announcements()
    for number, secret in enumerate([TEAM, OTHERS]):
        said = Announcement.of_secrets([secret], bytes([number]) * 16)
        heard.add((f"ws://10.0.0.{number}:1",), said)
    heard.add(("ws://10.0.0.9:1",), Announcement.of_secrets([OTHERS], bytes(16), b"lbl"))
    assert heard.heard([TEAM]) == [
        Heard(("ws://10.0.0.0:1",), True),
        Heard(("ws://10.0.0.1:1",), False),
    ]
    assert heard.secret(("ws://10.0.0.1:1",), [TEAM, OTHERS]) is OTHERS
    heard.drop(("ws://10.0.0.0:1",))
    assert [each.ours for each in heard.heard([TEAM])] == [False]
    for number in range(ANNOUNCEMENTS_MAX):
        heard.add((f"ws://10.0.1.{number}:1",), Announcement(bytes(16), (bytes(8),)))
    assert len(heard.heard([])) == ANNOUNCEMENTS_MAX
    assert ("ws://10.0.0.1:1",) not in heard
