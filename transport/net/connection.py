"""One connection of a link: a socket, a WebSocket (RFC 6455), and the handshake on it.

The one file that knows the websockets library. Only its Sans-I/O layer is used, under an asyncio
protocol of our own, so a frame goes from the socket to the application in one callback, with no
task in between. The WebSocket is there for what is around us: proxies, wss:// and port 443.

    opening     HTTP upgrade, then handshake messages, each in a binary message of its own
    established each frame of the session in a binary message of its own
    closing     the session says why, then both halves of the connection are shut

Not taken part in: compression (CVE-2018-1000518 shows why), WebSocket fragments, text messages,
requests with an Origin (no browser has business here). A close before the link is established
carries a code that says why; its words are always our own.
"""

import asyncio
import contextlib
import logging
import socket
from typing import Protocol, cast

from websockets.client import ClientProtocol
from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.uri import WebSocketURI

from transport.net.addresses import parse_url
from transport.net.link import Link
from transport.proto.closing import CloseCode
from transport.proto.errors import HandshakeRefused, Reason, RemoteFault
from transport.proto.handshake import Established, Initiator, Responder
from transport.proto.limits import (
    CLOSE_LINGER_SECONDS,
    FRAME_MAX_BYTES,
    HANDSHAKE_TIMEOUT_SECONDS,
    NOT_SENT_LOW_WATER_BYTES,
)
from transport.proto.session import Session

_log = logging.getLogger(__name__)

_CLOSE_NORMAL = 1000
_CLOSE_HANDSHAKE_FAILED = 4003
_CLOSE_OF_REASON = {
    Reason.VERSION: 4001,
    Reason.NO_MATCH: 4002,
    Reason.BUSY: 4004,
    Reason.SELF: 4005,
}
_REFUSAL_OF_CLOSE = {
    4001: (Reason.VERSION, "the other device speaks another link version: update the older one"),
    4002: (Reason.NO_MATCH, "no workspace at that address answers to ours"),
    4004: (Reason.BUSY, "the other device has too many connections at the moment"),
    4005: (Reason.SELF, "the device at that address is this one"),
}
_NOT_SENT_LOW_WATER: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
"""With it the kernel takes no more while this much is unsent; Linux and macOS have it."""


class Connection(asyncio.Protocol):
    """What both ends have in common: a socket, a WebSocket and a handshake that becomes a link."""

    def __init__(
        self,
        websocket: ClientProtocol | ServerProtocol,
        handshake: Initiator | Responder,
        loop: asyncio.AbstractEventLoop,
        url: str | None,
    ) -> None:
        self.link: Link | None = None
        self._websocket = websocket
        self._handshake = handshake
        self._loop = loop
        self._url = url
        self._transport: asyncio.Transport | None = None
        self._writable = True
        self._finishing = False
        self._reading_paused = False
        self._linger: asyncio.TimerHandle | None = None
        self._asked = 0.0

    # The ends differ in these.

    def _opened(self, request: object) -> None:
        """The HTTP half of the opening came."""
        raise NotImplementedError

    def _established(self, link: Link) -> None:
        """The handshake is done."""
        raise NotImplementedError

    def _failed(self, fault: RemoteFault) -> None:
        """There will be no link."""
        raise NotImplementedError

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)
        connection = transport.get_extra_info("socket")
        if connection.family not in (socket.AF_INET, socket.AF_INET6):
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if _NOT_SENT_LOW_WATER is not None:
            # Emulated kernels know the name and not the option; then bulk queues deeper, no more.
            with contextlib.suppress(OSError):
                connection.setsockopt(
                    socket.IPPROTO_TCP, _NOT_SENT_LOW_WATER, NOT_SENT_LOW_WATER_BYTES
                )

    def connection_lost(self, exc: Exception | None) -> None:
        self._finishing = True
        if self._linger is not None:
            self._linger.cancel()
        if self.link is not None:
            self.link.wire_lost()
            self.link.wire_gone()
        else:
            self._failed(RemoteFault(Reason.UNREACHABLE, "the connection broke while opening"))

    def data_received(self, data: bytes) -> None:
        if self._finishing:
            return
        self._websocket.receive_data(data)
        for event in self._websocket.events_received():
            if isinstance(event, Frame):
                self._frame_received(event)
            else:
                self._opened(event)
            if self._finishing:
                return
        if self._websocket.parser_exc is not None:
            oversized = isinstance(self._websocket.parser_exc, PayloadTooBig)
            self._fault(
                RemoteFault(Reason.OVERSIZED, "a WebSocket message is longer than a frame")
                if oversized
                else RemoteFault(Reason.FORMAT, "what came is not WebSocket")
            )
        elif self._websocket.handshake_exc is not None:
            self._failed(RemoteFault(Reason.FORMAT, "what is at that address is no Clowder"))
            self.finish()
        self._send_websocket()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        if self.link is not None:
            self.link.wire_writable()

    # The link's side: `transport.net.link.Wire`.

    @property
    def writable(self) -> bool:
        return self._writable and not self._finishing

    def write(self, frames: list[bytes]) -> None:
        if self._websocket.state is not OPEN:
            return
        for frame in frames:
            self._websocket.send_binary(frame)
        self._send_websocket()

    def finish(self, code: int = _CLOSE_NORMAL, text: str = "") -> None:
        if self._finishing:
            return
        self._finishing = True
        if self._websocket.state is OPEN:
            self._websocket.send_close(code, text)
        self._send_websocket()
        assert self._transport is not None
        if self._transport.is_closing():
            return
        # Closing at once would reset a connection with unread bytes, and what we said last
        # would be lost with them. So only our half is shut; theirs follows, or time runs out.
        if self._transport.can_write_eof():
            self._transport.write_eof()
            self.resume_reading()
            self._linger = self._loop.call_later(CLOSE_LINGER_SECONDS, self.abort)
        else:
            self._transport.close()

    def abort(self) -> None:
        self._finishing = True
        if self._transport is not None:
            self._transport.abort()

    def pause_reading(self) -> None:
        if not self._finishing and self._transport is not None:
            self._reading_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._reading_paused and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()

    # In between.

    def _frame_received(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY and frame.fin:
            message = bytes(frame.data)
            if self.link is not None:
                self.link.frame_received(message)
            else:
                self._handshake_received(message)
        elif frame.opcode is Opcode.CLOSE:
            close = self._websocket.close_rcvd
            self._closed_by_peer(0 if close is None else close.code)
        elif frame.opcode is Opcode.PING:
            # The library has answered already; answers nobody reads would pile up here.
            if not self._writable:
                self._fault(RemoteFault(Reason.FLOOD, "WebSocket pings and answers unread"))
        elif frame.opcode is not Opcode.PONG:
            self._fault(RemoteFault(Reason.FORMAT, "a WebSocket message that is no whole frame"))

    def _handshake_received(self, message: bytes) -> None:
        round_trip = self._loop.time() - self._asked
        try:
            self._handshake.receive(message)
        except RemoteFault as fault:
            self._fault(fault)
            return
        self._write_handshake()
        if self._handshake.result is not None:
            self._establish(self._handshake.result, round_trip)

    def _write_handshake(self) -> None:
        """Send what the handshake has to say; the answer tells how long a round trip takes."""
        self._asked = self._loop.time()
        self.write(self._handshake.data_to_send())

    def _establish(self, established: Established, round_trip: float) -> None:
        assert self._transport is not None
        self.link = Link(
            Session(established, self._loop.time(), round_trip),
            self,
            loop=self._loop,
            remote_address=_address_text(self._transport.get_extra_info("peername")),
            url=self._url,
        )
        self._established(self.link)

    def _fault(self, fault: RemoteFault) -> None:
        """They broke a rule: say so and hang up."""
        if self.link is not None:
            self.link.fault_received(fault)
            return
        self._failed(fault)
        self.finish(_CLOSE_OF_REASON.get(fault.reason, _CLOSE_HANDSHAKE_FAILED), str(fault)[:100])

    def _closed_by_peer(self, code: int) -> None:
        if self.link is None:
            if code in _REFUSAL_OF_CLOSE:
                self._failed(HandshakeRefused(*_REFUSAL_OF_CLOSE[code]))
            else:
                self._failed(RemoteFault(Reason.DECRYPT, "the other device broke off the opening"))
        else:
            self.link.wire_lost()
        self.finish()

    def _send_websocket(self) -> None:
        """Move what the WebSocket layer wrote to the socket; an empty item means: shut down."""
        assert self._transport is not None
        outgoing = self._websocket.data_to_send()
        if not outgoing or self._transport.is_closing():
            return
        self._transport.write(b"".join(outgoing))
        if b"" in outgoing:
            self.finish()


class Dialled(Connection):
    """The end that dialled. `opened` gives its link."""

    def __init__(self, url: str, initiator: Initiator, loop: asyncio.AbstractEventLoop) -> None:
        address = parse_url(url)
        uri = WebSocketURI(address.secure, address.host_header, address.port, address.resource, "")
        websocket = ClientProtocol(uri, max_size=FRAME_MAX_BYTES, logger=_log)
        super().__init__(websocket, initiator, loop, url)
        self.opened: asyncio.Future[Link] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        websocket = cast(ClientProtocol, self._websocket)
        websocket.send_request(websocket.connect())
        self._send_websocket()

    def _opened(self, request: object) -> None:
        if self._websocket.handshake_exc is None:
            self._write_handshake()

    def _established(self, link: Link) -> None:
        if self.opened.done():  # Nobody waits any more.
            link.close(CloseCode.GOING_AWAY)
        else:
            self.opened.set_result(link)

    def _failed(self, fault: RemoteFault) -> None:
        if not self.opened.done():
            self.opened.set_exception(fault)
            self.opened.exception()  # Whoever dialled may have gone away; that is no error.


class AcceptingSide(Protocol):
    """What an accepted connection reports to; the listener."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of everything here."""

    @property
    def is_full(self) -> bool:
        """No further link is wanted at the moment."""

    def connection_opened(self, connection: "Accepted", address: str) -> None:
        """A stranger connected from there."""

    def connection_established(self, connection: "Accepted", link: Link) -> None:
        """It is a device with one of our secrets."""

    def connection_lost(self, connection: "Accepted") -> None:
        """It is gone."""


class Accepted(Connection):
    """The end that was dialled."""

    def __init__(self, listener: AcceptingSide, responder: Responder) -> None:
        # A request with an Origin comes from a web page, which has no business here.
        websocket = ServerProtocol(origins=[None], max_size=FRAME_MAX_BYTES, logger=_log)
        super().__init__(websocket, responder, listener.loop, None)
        self._listener = listener
        self._timeout = listener.loop.call_later(HANDSHAKE_TIMEOUT_SECONDS, self.abort)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._listener.connection_opened(self, str(peer[0]) if peer else "")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._timeout.cancel()
        self._listener.connection_lost(self)

    def _opened(self, request: object) -> None:
        websocket = cast(ServerProtocol, self._websocket)
        websocket.send_response(websocket.accept(cast(Request, request)))
        if self._listener.is_full:
            self._fault(HandshakeRefused(Reason.BUSY, "too many links at the moment"))
        else:
            self._send_websocket()

    def _established(self, link: Link) -> None:
        self._timeout.cancel()
        self._listener.connection_established(self, link)

    def _failed(self, fault: RemoteFault) -> None:
        _log.debug("a connection came to nothing: %s", fault.reason)


def _address_text(peername: object) -> str:
    """Host and port for people; empty where a socket has neither."""
    if not isinstance(peername, tuple) or len(peername) < 2:
        return ""
    host, port = str(peername[0]), peername[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
