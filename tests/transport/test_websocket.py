"""Links over real WebSockets on loopback."""

import asyncio
import itertools
import os
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from tests.transport.link_pair import TEAM
from tests.transport.socket_links import (
    PATIENCE_SECONDS,
    Ben,
    has_ipv6,
    initiator,
    linked,
    listening,
)
from transport.net.connection import Connection
from transport.net.link import Link
from transport.net.websocket import dial, listen
from transport.proto import limits
from transport.proto.closing import CloseCode, LinkEnd
from transport.proto.errors import AddressFault, HandshakeRefused, LocalFault, Reason, RemoteFault
from transport.proto.handshake import Initiator
from transport.proto.hints import LinkSecret
from transport.proto.session import MessageReceived, Session

SYNC, BLOCK = 1, 2


def run(story: Callable[[], object]) -> None:
    """Play a story in a fresh event loop; afterwards nothing of it may be left running."""

    async def play() -> None:
        async with asyncio.timeout(3 * PATIENCE_SECONDS):
            await story()  # type: ignore[misc]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(play())


async def next_message(link: Link) -> MessageReceived:
    return await asyncio.wait_for(anext(link), PATIENCE_SECONDS)


async def end_of(link: Link) -> LinkEnd:
    return await asyncio.wait_for(link.closed, PATIENCE_SECONDS)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in itertools.count():
            if condition():
                return
            await asyncio.sleep(0)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_two_devices_talk(host: str) -> None:
    if host == "::1" and not has_ipv6():
        pytest.skip("no IPv6 loopback on this machine")

    async def story() -> None:
        async with listening(host) as ben:
            ana, bens = await linked(ben)
            assert (ana.remote_payload, bens.remote_payload) == (b"I am Ben", b"I am Ana")
            assert (ana.initiator, bens.initiator) == (True, False)
            assert ana.handshake_hash == bens.handshake_hash
            assert (ana.url, bens.url) == (ben.url, None)
            assert ana.remote_address == ben.url.removeprefix("ws://").removesuffix("/")
            ana.send(1, 0, b"hello")
            bens.send(SYNC, 1, b"page")
            assert await next_message(bens) == MessageReceived(1, 0, b"hello")
            assert await next_message(ana) == MessageReceived(SYNC, 1, b"page")
            assert ana.bytes_out == bens.bytes_in > 0

    run(story)


def test_one_listener_serves_several_addresses_on_one_port() -> None:
    if not has_ipv6():
        pytest.skip("no IPv6 loopback on this machine")

    async def story() -> None:
        async with listening(["127.0.0.1", "::1"]) as ben:
            port = ben.listener.port
            assert ben.listener.urls == [f"ws://127.0.0.1:{port}/", f"ws://[::1]:{port}/"]
            for url in ben.listener.urls:
                await dial(url, initiator())

    run(story)


def test_messages_before_the_application_listens_are_kept_in_order() -> None:
    async def story() -> None:
        async with listening() as ben:
            ana, bens = await linked(ben)
            for number in range(50):
                bens.send(1, 0, b"%d" % number)
            await until(lambda: ana.bytes_in > 200)
            got: list[bytes] = []
            ana.on_message = lambda kind, priority, payload: got.append(payload)
            bens.send(1, 0, b"50")
            await until(lambda: len(got) == 51)
            assert got == [b"%d" % number for number in range(51)]

    run(story)


def test_blocks_flow_while_they_are_stored() -> None:
    async def story() -> None:
        async with listening() as ben:
            ana, bens = await linked(ben)
            got = bytearray()

            def store(kind: int, priority: int, payload: bytes) -> None:
                got.extend(payload)
                bens.grant(len(payload))

            bens.on_message = store
            block = os.urandom(2**20)
            for _ in range(8):
                ana.send(BLOCK, 4, block)
            await until(lambda: len(got) == 8 * 2**20)
            assert got == block * 8

    run(story)


def test_live_message_passes_bulk_that_nobody_stores() -> None:
    async def story() -> None:
        async with listening() as ben:
            ana, bens = await linked(ben)
            for _ in range(8):
                ana.send(BLOCK, 4, bytes(2**20))
            first = await next_message(bens)
            assert first.kind == BLOCK
            ana.send(1, 0, b"hello")
            while (message := await next_message(bens)).kind == BLOCK:
                pass
            assert message == MessageReceived(1, 0, b"hello")
            assert ana.queued_bytes(4) > 2**20

    run(story)


# Who does not get in


def test_stranger_is_refused_with_a_reason() -> None:
    async def story() -> None:
        async with listening() as ben:
            with pytest.raises(HandshakeRefused) as caught:
                await dial(ben.url, initiator(LinkSecret(b"O" * 32, b"W" * 32, "other")))
            assert caught.value.reason is Reason.NO_MATCH

    run(story)


def test_own_announcement_is_refused() -> None:
    async def story() -> None:
        async with listening() as ben:
            with pytest.raises(HandshakeRefused) as caught:
                await dial(ben.url, Initiator(TEAM, ben.static, os.urandom, b""))
            assert caught.value.reason is Reason.SELF

    run(story)


def test_other_link_version_is_refused_with_a_sentence() -> None:
    async def story() -> None:
        async with listening() as ben, RawPeer(ben) as websocket:
            first = bytearray(initiator().data_to_send()[0])
            first[0] = 9
            await websocket.send(bytes(first))
            with pytest.raises(websockets.ConnectionClosedError) as caught:
                await websocket.recv()
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 4001
            assert "link version 9" in caught.value.rcvd.reason

    run(story)


def test_nobody_there_is_an_address_fault() -> None:
    async def story() -> None:
        async with listening() as ben:
            url = ben.url
        with pytest.raises(AddressFault) as caught:
            await dial(url, initiator())
        assert caught.value.reason is Reason.UNREACHABLE

    run(story)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b"220 smtp.example ESMTP\r\n", b""],
)
def test_something_else_there_is_a_remote_fault(answer: bytes) -> None:
    async def story() -> None:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(RemoteFault):
            await dial(f"ws://127.0.0.1:{port}/", initiator())
        server.close()
        await server.wait_closed()

    run(story)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://127.0.0.1:1/",
        "ws:///x",
        "ws://127.0.0.1:99999/",
        "ws://127.0.0.1:0/",
        "ws://a:b@127.0.0.1:1/",
        "ws://127.0.0.1:1/#f",
        "ws://[::1:1/",
        "ws://hö:1/",
        "ws://a b:1/",
        "ws://a\r\nHost: b:1/",
        "ws://" + "a" * 600,
    ],
)
def test_dialling_what_is_no_url_of_a_link(url: str) -> None:
    async def story() -> None:
        with pytest.raises(AddressFault) as caught:
            await dial(url, initiator())
        assert caught.value.reason is Reason.ADDRESS

    run(story)


def test_listening_where_one_cannot() -> None:
    async def story() -> None:
        async with listening() as ben:
            with pytest.raises(AddressFault, match=str(ben.listener.port)):
                await listen("127.0.0.1", ben.listener.port, ben.responder, lambda link: None)

    run(story)


def test_half_open_connections_do_not_block_an_honest_one() -> None:
    """Slowloris: forty connections that say nothing, or half a request, or half a handshake."""

    async def story() -> None:
        async with listening() as ben:
            idle = []
            for number in range(40):
                _, writer = await asyncio.open_connection("127.0.0.1", ben.listener.port)
                writer.write((b"", b"GET / HTTP/1.1\r\nHost:")[number % 2])
                idle.append(writer)
            await until(lambda: ben.listener.half_open == limits.HALF_OPEN_PER_ADDRESS_MAX)
            ana, bens = await linked(ben)
            ana.send(1, 0, b"hello")
            assert (await next_message(bens)).payload == b"hello"
            assert ben.listener.half_open < limits.HALF_OPEN_PER_ADDRESS_MAX + 1
            for writer in idle:
                writer.close()

    run(story)


def test_full_listener_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transport.net.websocket.LINKS_MAX", 1)

    async def story() -> None:
        async with listening() as ben:
            await linked(ben)
            with pytest.raises(HandshakeRefused) as caught:
                await dial(ben.url, initiator())
            assert caught.value.reason is Reason.BUSY

    run(story)


def test_browsers_are_turned_away() -> None:
    async def story() -> None:
        async with listening() as ben:
            with pytest.raises(websockets.InvalidStatus) as caught:
                await connect(ben.url, proxy=None, origin=websockets.Origin("https://evil.example"))
            assert caught.value.response.status_code == 403

    run(story)


def test_nothing_of_the_machine_is_told_to_strangers() -> None:
    async def story() -> None:
        async with listening() as ben, RawPeer(ben) as websocket:
            assert websocket.response is not None
            headers = {name.lower() for name in websocket.response.headers}
            assert headers == {"date", "upgrade", "connection", "sec-websocket-accept"}

    run(story)


# Raw peers that hold the key and break the rules


class RawPeer:
    """A WebSocket to Ben, opened with the ordinary client of the library."""

    def __init__(self, ben: Ben) -> None:
        self._ben = ben
        self._websocket: ClientConnection

    async def __aenter__(self) -> ClientConnection:
        # Compression is offered, and must not be taken.
        self._websocket = await connect(self._ben.url, proxy=None, compression="deflate")
        assert self._websocket.response is not None
        assert "sec-websocket-extensions" not in self._websocket.response.headers
        return self._websocket

    async def __aexit__(self, *exc: object) -> None:
        await self._websocket.close()


async def shake_hands_raw(websocket: ClientConnection) -> Session:
    machine = initiator(payload=b"I am Mallory")
    await websocket.send(machine.data_to_send()[0])
    machine.receive(bytes(await websocket.recv()))  # type: ignore[arg-type]
    await websocket.send(machine.data_to_send()[0])
    assert machine.result is not None
    return Session(machine.result, 0.0)


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("text", Reason.FORMAT),
        ("fragments", Reason.FORMAT),
        ("oversized", Reason.OVERSIZED),
        ("garbage", Reason.DECRYPT),
        ("replay", Reason.DECRYPT),
        ("empty", Reason.DECRYPT),
    ],
)
def test_breaking_a_rule_costs_the_link_and_nothing_else(attack: str, reason: Reason) -> None:
    async def story() -> None:
        async with listening() as ben, RawPeer(ben) as websocket:
            session = await shake_hands_raw(websocket)
            bens = await ben.accepted()
            ana, bens_honest = await linked(ben)
            session.send(1, 0, b"harmless")
            (frame,) = session.data_to_send(0.0, 1)
            await websocket.send(frame)
            assert (await next_message(bens)).payload == b"harmless"
            if attack == "text":
                await websocket.send("text")
            elif attack == "fragments":
                await websocket.send([frame[:10], frame[10:]])
            elif attack == "oversized":
                await websocket.send(bytes(limits.FRAME_MAX_BYTES + 1))
            else:
                await websocket.send({"garbage": b"x" * 40, "replay": frame, "empty": b""}[attack])
            end = await end_of(bens)
            assert (end.code, end.by_peer) == (CloseCode.FAULT, False)
            assert end.text.startswith(reason.value)
            ana.send(1, 0, b"we go on")
            assert (await next_message(bens_honest)).payload == b"we go on"

    run(story)


def test_pings_of_a_peer_that_reads_no_answers_cost_the_link() -> None:
    async def story() -> None:
        async with listening() as ben, RawPeer(ben) as websocket:
            await shake_hands_raw(websocket)
            bens = await ben.accepted()
            await (await websocket.ping())
            wire = bens._wire
            assert isinstance(wire, Connection)
            wire.pause_writing()  # As asyncio does when the socket takes no more.
            await websocket.ping()
            end = await end_of(bens)
            assert end.text.startswith(Reason.FLOOD)

    run(story)


def test_garbage_instead_of_a_handshake_is_refused() -> None:
    async def story() -> None:
        async with listening() as ben:
            for garbage in (b"", b"\1", b"\1" * 81, b"\1" + os.urandom(80), os.urandom(9_000)):
                async with RawPeer(ben) as websocket:
                    await websocket.send(garbage)
                    with pytest.raises(websockets.ConnectionClosedError) as caught:
                        await websocket.recv()
                    assert caught.value.rcvd is not None
                    assert caught.value.rcvd.code in (4001, 4002, 4003)
            assert ben.links.empty()

    run(story)


# Endings


def test_goodbye_tells_the_other_side_why() -> None:
    async def story() -> None:
        async with listening() as ben:
            ana, bens = await linked(ben)
            ana.close(CloseCode.DUPLICATE, "another link stays")
            assert await end_of(bens) == LinkEnd(CloseCode.DUPLICATE, "another link stays", True)
            assert ana.close_reason == LinkEnd(CloseCode.DUPLICATE, "another link stays", False)
            ana.send(1, 0, b"into the void")
            ana.close()
            assert [message async for message in bens] == []

    run(story)


def test_waiting_for_the_end_in_vain_does_not_end_the_link() -> None:
    async def story() -> None:
        async with listening() as ben:
            ana, bens = await linked(ben)
            waiting = asyncio.ensure_future(ana.closed)
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ana.closed, 0)
            ana.send(1, 0, b"still here")
            assert (await next_message(bens)).payload == b"still here"
            bens.close()
            assert (await end_of(ana)).by_peer

    run(story)


def test_goodbye_arrives_although_its_sender_is_being_flooded() -> None:
    """Closing with unread bytes resets a connection; the reason must get through all the same."""

    async def story() -> None:
        async with listening() as ben:
            ana, bens = await linked(ben)
            for _ in range(12):
                bens.send(SYNC, 1, bytes(2**20))
            await next_message(ana)
            ana.close(CloseCode.REFUSED, "removed")
            assert (await end_of(bens)).code == CloseCode.REFUSED

    run(story)


def test_broken_connection_ends_both_sides() -> None:
    async def story() -> None:
        async with listening() as ben, RawPeer(ben) as websocket:
            await shake_hands_raw(websocket)
            bens = await ben.accepted()
            websocket.transport.abort()
            assert (await end_of(bens)).code == CloseCode.LOST
            with pytest.raises(StopAsyncIteration):
                await anext(bens)

    run(story)


def test_closing_the_listener_closes_its_links_or_leaves_them() -> None:
    async def story() -> None:
        async with listening() as ben:
            ana, bens = await linked(ben)
            await ben.listener.aclose(links=False)
            ana.send(1, 0, b"still here")
            assert (await next_message(bens)).payload == b"still here"
            await ben.listener.aclose()
            assert (await end_of(ana)).code == CloseCode.GOING_AWAY

    run(story)


def test_cancelled_dial_leaves_no_connection() -> None:
    async def story() -> None:
        async with listening() as ben:
            for turns in range(30):
                dialling = asyncio.ensure_future(dial(ben.url, initiator()))
                for _ in range(turns):
                    await asyncio.sleep(0)
                if dialling.cancel():
                    with pytest.raises(asyncio.CancelledError):
                        await dialling
                else:
                    (await dialling).close()
            await until(lambda: ben.listener.half_open == 0)
            while not ben.links.empty():
                end = await end_of(ben.links.get_nowait())
                assert end.code in (CloseCode.LOST, CloseCode.GOING_AWAY)

    run(story)


def test_slow_peer_costs_its_own_link_only() -> None:
    async def story() -> None:
        async with listening() as ben:
            slow, bens_slow = await linked(ben)
            quick, bens_quick = await linked(ben)
            slow._wire.pause_reading()  # Its socket fills up: nobody reads at the other end.
            with_room = 0
            while not bens_slow.is_closed:
                bens_slow.send(SYNC, 1, bytes(2**20))
                with_room += 1
                bens_quick.send(1, 0, b"hello")
                assert (await next_message(quick)).payload == b"hello"
            assert with_room > limits.SEND_QUEUE_MAX_BYTES // 2**20
            assert (await end_of(bens_slow)).code == CloseCode.TOO_SLOW
            slow._wire.abort()
            await end_of(slow)

    run(story)


def test_reading_pauses_while_the_application_does_not_read() -> None:
    async def story() -> None:
        async with listening() as ben:
            ana, bens = await linked(ben)
            for _ in range(12):
                bens.send(SYNC, 1, bytes(2**20))
            await until(lambda: ana._unread_bytes > limits.UNREAD_MAX_BYTES)
            for _ in range(100):
                await asyncio.sleep(0)
            assert ana._unread_bytes <= limits.UNREAD_MAX_BYTES + 2 * 2**20
            for _ in range(12):
                assert len((await next_message(ana)).payload) == 2**20

    run(story)


def test_misuse_is_told_to_the_caller() -> None:
    async def story() -> None:
        async with listening() as ben:
            ana, bens = await linked(ben)
            with pytest.raises(LocalFault):
                ana.send(1, 9, b"")
            with pytest.raises(LocalFault):
                ana.grant(1)
            ana.send(1, 0, b"unharmed")
            assert (await next_message(bens)).payload == b"unharmed"

    run(story)


def test_link_through_a_proxy_that_speaks_tls(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("making a certificate needs the openssl command")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}",
        shell=True,
        check=True,
        capture_output=True,
    )
    proxy_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    proxy_tls.load_cert_chain(certificate, key)
    trust = ssl.create_default_context(cafile=str(certificate))

    async def story() -> None:
        async with listening() as ben:
            proxied = []

            async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
                while data := await source.read(65_536):
                    sink.write(data)
                sink.close()

            async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                inner = await asyncio.open_connection("127.0.0.1", ben.listener.port)
                both = asyncio.gather(pump(reader, inner[1]), pump(inner[0], writer))
                proxied.append(both)
                await both

            server = await asyncio.start_server(proxy, "127.0.0.1", 0, ssl=proxy_tls)
            port = server.sockets[0].getsockname()[1]
            ana = await dial(f"wss://127.0.0.1:{port}/clowder?team=1", initiator(), tls=trust)
            bens = await ben.accepted()
            ana.send(1, 0, b"hello")
            assert (await next_message(bens)).payload == b"hello"
            ana.close()
            await end_of(bens)
            await proxied[0]
            server.close()
            await server.wait_closed()

    run(story)


def test_tls_where_there_is_none_is_an_address_fault() -> None:
    async def story() -> None:
        async with listening() as ben:
            with pytest.raises(AddressFault):
                await dial(ben.url.replace("ws://", "wss://"), initiator())

    run(story)
