"""Attacks on links: 33 to 35. Whoever is in between, or knocks without end, gets nothing."""

import asyncio
import itertools
import json
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import websockets
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from tests.transport.link_pair import TEAM, SessionPair, handshake_machines
from tests.transport.socket_links import PATIENCE_SECONDS, Ben, initiator, linked, listening
from transport.proto import limits
from transport.proto.errors import HandshakeRefused, LocalFault, Reason, RemoteFault
from transport.proto.handshake import Initiator, Responder
from transport.proto.hints import LOBBY_CONTEXT, LinkSecret
from transport.proto.noise import XX_PSK0, CipherState, HandshakePattern, HandshakeState, Token
from transport.proto.session import MessageReceived, Session

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "noise.json").read_text("utf-8"))
XX = [v for v in VECTORS["vectors"] if v["protocol_name"].split("_")[1].startswith("XX")]
OTHER = LinkSecret(b"O" * 32, b"W" * 32, "other")
LOW_ORDER = (
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
)


# 33: the handshake ------------------------------------------------------------------------------


def vector_side(vector: dict[str, object], role: str) -> HandshakeState:
    """One side of a published example, with the product's engine."""

    def key(name: str) -> bytes:
        return bytes.fromhex(str(vector.get(f"{role}_{name}") or ""))

    name = str(vector["protocol_name"]).split("_")[1]
    messages = [[token for token in some if token is not Token.PSK] for some in XX_PSK0.messages]
    for place in map(int, re.findall(r"psk(\d)", name)):
        if place == 0:
            messages[0].insert(0, Token.PSK)
        else:
            messages[place - 1].append(Token.PSK)
    psks = vector.get(f"{role}_psks") or []
    assert isinstance(psks, list)
    return HandshakeState(
        HandshakePattern(name, tuple(map(tuple, messages)), False, False),
        initiator=role == "init",
        prologue=key("prologue"),
        entropy=lambda count: key("ephemeral"),
        static_secret=key("static"),
        remote_static=None,
        psks=[bytes.fromhex(psk) for psk in psks],
    )


@pytest.mark.parametrize("vector", XX, ids=lambda v: f"{v['source']}-{v['protocol_name'][6:20]}")
def test_33_the_engine_is_the_published_one(vector: dict[str, object]) -> None:
    """Examples of cacophony and snow: what is proven about Noise is proven about this."""
    initiator_side, responder = vector_side(vector, "init"), vector_side(vector, "resp")
    messages = vector["messages"]
    assert isinstance(messages, list)
    sides = [initiator_side, responder]
    for number, message in enumerate(messages[:3]):
        writer, reader = sides[number % 2], sides[(number + 1) % 2]
        assert (
            writer.write_message(bytes.fromhex(message["payload"])).hex() == message["ciphertext"]
        )
        assert reader.read_message(bytes.fromhex(message["ciphertext"])).hex() == message["payload"]
    assert initiator_side.handshake_hash == responder.handshake_hash


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (OTHER, Reason.NO_MATCH),
        (LinkSecret(TEAM.key, b"Z" * 32, "same key, other workspace"), Reason.DECRYPT),
        (LinkSecret(TEAM.key, LOBBY_CONTEXT, "same key, lobby"), Reason.DECRYPT),
    ],
    ids=["psk", "prologue", "lobby"],
)
def test_33_another_key_or_workspace_ends_with_the_first_message(
    secret: LinkSecret, reason: Reason
) -> None:
    ana, ben = handshake_machines(secret)
    with pytest.raises(RemoteFault) as caught:
        ben.receive(ana.data_to_send()[0])
    assert caught.value.reason is reason
    assert ben.data_to_send() == []


def conversation(step: int) -> tuple[Initiator | Responder, bytes]:
    """The machine that reads message `step` of a handshake, and the message."""
    ana, ben = handshake_machines()
    route: Sequence[tuple[Initiator | Responder, Initiator | Responder]]
    route = ((ana, ben), (ben, ana), (ana, ben))
    for source, target in route[:step]:
        target.receive(source.data_to_send()[0])
    source, target = route[step]
    return target, source.data_to_send()[0]


@pytest.mark.parametrize("step", range(3))
def test_33_any_changed_byte_of_a_handshake_ends_it(step: int) -> None:
    _, message = conversation(step)
    for place in range(len(message)):
        reader, genuine = conversation(step)
        bad = bytearray(genuine)
        bad[place] ^= 1 << place % 8
        with pytest.raises(RemoteFault):
            reader.receive(bytes(bad))
        assert reader.result is None
        with pytest.raises(LocalFault):  # It is over; the genuine one comes too late.
            reader.receive(genuine)


@pytest.mark.parametrize("step", range(3))
def test_33_a_cut_lengthened_or_reflected_message_ends_it(step: int) -> None:
    _, message = conversation(step)
    for bad in (*(message[:end] for end in range(len(message))), message + b"\0", message * 2):
        reader, _ = conversation(step)
        with pytest.raises(RemoteFault):
            reader.receive(bad)
        assert reader.result is None


def test_33_a_reflected_handshake_is_refused() -> None:
    ana, ben = handshake_machines()
    first = ana.data_to_send()[0]
    ben.receive(first)
    answer = ben.data_to_send()[0]
    with pytest.raises(RemoteFault):
        ben.receive(answer)
    with pytest.raises(RemoteFault):
        ana.receive(first)


def test_33_replayed_messages_open_nothing() -> None:
    """Mallory recorded a handshake and a link, and plays them to the same device."""
    ana, ben = handshake_machines()
    first = ana.data_to_send()[0]
    ben.receive(first)
    ana.receive(ben.data_to_send()[0])
    third = ana.data_to_send()[0]
    ben.receive(third)
    assert ben.result is not None
    draw = random.Random(99).randbytes
    again = Responder(lambda nonce, hint: TEAM, draw(32), draw, lambda secret: b"")
    again.receive(first)
    assert again.data_to_send(), "the first can be replayed; docs/protocol/link.md section 8"
    with pytest.raises(RemoteFault):
        again.receive(third)
    assert again.result is None


@pytest.mark.parametrize("point", LOW_ORDER)
def test_33_points_of_low_order_are_refused(point: bytes) -> None:
    """Sent by somebody who holds the link key, to make the secret of the ephemerals known."""
    ana, ben = (
        HandshakeState(
            XX_PSK0,
            initiator=role == 0,
            prologue=b"",
            entropy=random.Random(role).randbytes,
            static_secret=bytes((role + 1,)) * 32,
            psks=[b"k" * 32],
        )
        for role in (0, 1)
    )
    ben.read_message(ana.write_message(b""))
    answer = ben.write_message(b"")
    with pytest.raises(RemoteFault) as caught:
        ana.read_message(point + answer[32:])
    assert caught.value.reason is Reason.PUBLIC_KEY


def test_33_a_nonce_is_never_used_twice() -> None:
    send, receive = CipherState(b"k" * 32), CipherState(b"k" * 32)
    sealed = [send.encrypt(b"", b"same") for _ in range(50)]
    assert len(set(sealed)) == 50
    for bad in (sealed[1], b"", sealed[0][:-1]):
        with pytest.raises(RemoteFault):
            receive.decrypt(b"", bad)
        assert receive.nonce == 0, "it moves on only when a message opens"
    assert receive.decrypt(b"", sealed[0]) == b"same"
    worn = CipherState(b"k" * 32, nonce=2**64 - 1)
    with pytest.raises(LocalFault):
        worn.encrypt(b"", b"x")


def test_33_frames_replayed_reordered_reflected_or_of_another_link_end_the_link() -> None:
    def frames(seed: int) -> tuple[SessionPair, list[bytes]]:
        pair = SessionPair(seed)
        for number in range(3):
            pair.ana.send(1, 0, b"message %d" % number)
            pair.drain(pair.ana)
        return pair, list(pair.frames[pair.ben])

    _, foreign = frames(seed=2)
    attacks: dict[str, Callable[[list[bytes]], list[bytes]]] = {
        "replayed": lambda f: [f[0], f[0]],
        "reordered": lambda f: [f[1]],
        "dropped": lambda f: [f[0], f[2]],
        "another link's": lambda f: [foreign[0]],
    }
    for name, attack in attacks.items():
        pair, genuine = frames(seed=1)
        *fine, last = attack(genuine)
        for frame in fine:
            assert pair.ben.receive(frame, pair.now), name
        with pytest.raises(RemoteFault):
            pair.ben.receive(last, pair.now)
        assert pair.ben.closed, name
    pair, genuine = frames(seed=1)
    with pytest.raises(RemoteFault):
        pair.ana.receive(genuine[0], pair.now)


@settings(max_examples=300)
@given(st.data())
def test_33_any_edit_of_a_frame_ends_the_link(data: st.DataObject) -> None:
    pair = SessionPair()
    pair.ana.send(1, 0, b"a message of some length")
    pair.drain(pair.ana)
    (genuine,) = pair.frames[pair.ben]
    bad = bytearray(genuine)
    start = data.draw(st.integers(0, len(bad)))
    bad[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    if bytes(bad) == genuine:
        assert pair.ben.receive(bytes(bad), pair.now)
        return
    with pytest.raises(RemoteFault):
        pair.ben.receive(bytes(bad), pair.now)


# 34: knocking without end -----------------------------------------------------------------------


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def play() -> None:
        async with asyncio.timeout(6 * PATIENCE_SECONDS):
            await story()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(play())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in itertools.count():
            if condition():
                return
            await asyncio.sleep(0)


async def hello_arrives(ben: Ben) -> None:
    """An honest device links and is heard."""
    ana, bens = await linked(ben)
    ana.send(1, 0, b"hello")
    assert await asyncio.wait_for(anext(bens), PATIENCE_SECONDS) == MessageReceived(1, 0, b"hello")
    ana.close()
    await asyncio.wait_for(bens.closed, PATIENCE_SECONDS)


HALVES = (b"", b"G", b"GET / HTTP/1.1\r\nHost:", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 50)


def test_34_ten_thousand_that_knock_and_say_nothing_keep_nobody_out() -> None:
    """Each is dropped for the next; an honest device gets in all along."""

    async def story() -> None:
        async with listening() as ben:
            idle: list[asyncio.StreamWriter] = []
            for number in range(10_000):
                _, writer = await asyncio.open_connection("127.0.0.1", ben.listener.port)
                writer.write(HALVES[number % len(HALVES)])
                idle.append(writer)
                assert ben.listener.half_open <= 40
                if number % 2_500 == 100:
                    await hello_arrives(ben)
                if len(idle) > 200:
                    idle.pop(0).close()
            await hello_arrives(ben)
            for writer in idle:
                writer.close()

    run(story)


def test_34_who_sends_a_byte_now_and_then_is_let_go_after_five_seconds() -> None:
    assert limits.HANDSHAKE_TIMEOUT_SECONDS <= 5

    async def story() -> None:
        async with listening() as ben:
            reader, writer = await asyncio.open_connection("127.0.0.1", ben.listener.port)
            request = iter(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 1_000)
            gone = asyncio.ensure_future(reader.read(1))
            async with asyncio.timeout(limits.HANDSHAKE_TIMEOUT_SECONDS + 3):
                while not gone.done():
                    writer.write(bytes((next(request),)))
                    await asyncio.wait({gone}, timeout=0.05)
            await until(lambda: ben.listener.half_open == 0)
            writer.close()

    run(story)


async def opened(websocket: websockets.ClientConnection) -> Session:
    """A handshake by somebody who has the link key."""
    machine = initiator(payload=b"I am Mallory")
    await websocket.send(machine.data_to_send()[0])
    answer = await websocket.recv()
    assert isinstance(answer, bytes)
    machine.receive(answer)
    await websocket.send(machine.data_to_send()[0])
    assert machine.result is not None
    return Session(machine.result, 0.0)


FRAMES: dict[str, object] = {
    "oversized": bytes(limits.FRAME_MAX_BYTES + 1),
    "a megabyte": bytes(2**20),
    "fragments": [b"abc", b"def"],
    "text": "text",
    "nothing": b"",
    "garbage": b"\xff" * 100,
}


@pytest.mark.parametrize("frame", FRAMES)
def test_34_frames_that_no_rule_allows_cost_that_link_alone(frame: str) -> None:
    async def story() -> None:
        async with listening() as ben:
            ana, bens = await linked(ben)
            async with connect(ben.url, proxy=None) as websocket:
                await opened(websocket)
                victim = await ben.accepted()
                await websocket.send(FRAMES[frame])  # type: ignore[arg-type]
                end = await asyncio.wait_for(victim.closed, PATIENCE_SECONDS)
                assert not end.by_peer
            ana.send(1, 0, b"we go on")
            message = await asyncio.wait_for(anext(bens), PATIENCE_SECONDS)
            assert message.payload == b"we go on"

    run(story)


@pytest.mark.parametrize("extension", ["permessage-deflate", "x-webkit-deflate-frame"])
def test_34_compression_is_never_agreed_to(extension: str) -> None:
    async def story() -> None:
        async with listening() as ben:
            headers = {"Sec-WebSocket-Extensions": extension}
            async with connect(
                ben.url, proxy=None, compression=None, additional_headers=headers
            ) as websocket:
                assert websocket.response is not None
                assert "Sec-WebSocket-Extensions" not in websocket.response.headers

    run(story)


# 35: older and newer versions -------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, 2, 9, 255])
def test_35_another_version_is_refused_and_nothing_else_is_tried(version: int) -> None:
    ana, ben = handshake_machines()
    first = bytearray(ana.data_to_send()[0])
    assert first[0] == 1
    first[0] = version
    with pytest.raises(HandshakeRefused) as caught:
        ben.receive(bytes(first))
    assert caught.value.reason is Reason.VERSION
    assert ben.data_to_send() == []
    with pytest.raises(LocalFault):
        ben.receive(bytes(first))


def test_35_who_dials_offers_one_version_and_takes_no_other_answer() -> None:
    """An answer of somebody in between, with a hint of an older version, opens nothing."""
    ana, ben = handshake_machines()
    first = ana.data_to_send()[0]
    ben.receive(first)
    answer = ben.data_to_send()[0]
    for lead in (b"\0", b"\2", b""):
        fresh, _ = handshake_machines()
        fresh.data_to_send()
        with pytest.raises(RemoteFault):
            fresh.receive(lead + answer[1:])
        assert fresh.data_to_send() == []
