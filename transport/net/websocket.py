"""Listening for links and dialling them, over WebSocket; the connections are in `connection`."""

import asyncio
import ssl
from collections.abc import Callable, Sequence

from transport.net.addresses import format_url, is_address, parse_url, reachable_addresses
from transport.net.connection import Accepted, Dialled
from transport.net.half_open import HalfOpen
from transport.net.link import Link
from transport.proto.closing import CloseCode
from transport.proto.errors import AddressFault, Reason, RemoteFault
from transport.proto.handshake import Initiator, Responder
from transport.proto.limits import DIAL_TIMEOUT_SECONDS, HANDSHAKE_TIMEOUT_SECONDS, LINKS_MAX


class Listener:
    """Accepts links on one port of one or several addresses; made by `listen`.

    Attributes:
        port: the port, chosen by the system if 0 was asked for.
        urls: what others may dial.
    """

    def __init__(
        self,
        responder_factory: Callable[[], Responder],
        on_link: Callable[[Link], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.loop = loop
        self.port = 0
        self.urls: list[str] = []
        self._responder_factory = responder_factory
        self._on_link = on_link
        self._servers: list[asyncio.Server] = []
        self._connections: set[Accepted] = set()
        self._half_open: HalfOpen[Accepted] = HalfOpen()
        self._all_gone: asyncio.Future[None] | None = None

    @property
    def half_open(self) -> int:
        """Connections that have not finished their handshake."""
        return len(self._half_open)

    @property
    def is_full(self) -> bool:
        """Whether as many links stand as this listener holds."""
        return len(self._connections) - len(self._half_open) >= LINKS_MAX

    async def open(self, hosts: Sequence[str], port: int) -> None:
        """Bind every host to the same port."""
        for host in hosts:
            server = await self.loop.create_server(
                lambda: Accepted(self, self._responder_factory()), host, port
            )
            self._servers.append(server)
            port = self.port = server.sockets[0].getsockname()[1]
        bound = [each.getsockname()[0] for server in self._servers for each in server.sockets]
        self.urls = [format_url(address, self.port) for address in reachable_addresses(bound)]

    async def aclose(self, *, links: bool = True) -> None:
        """Stop listening, drop what is half-open and, unless told not to, close the links."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            if connection.link is None:
                connection.abort()
            elif links:
                connection.link.close(CloseCode.GOING_AWAY)
        if links and self._connections:
            self._all_gone = self._all_gone or self.loop.create_future()
            await asyncio.shield(self._all_gone)
        else:
            await asyncio.sleep(0)  # Aborted sockets are closed in the loop's next turn.
        for server in self._servers:
            await server.wait_closed()

    # What the connections report.

    def connection_opened(self, connection: Accepted, address: str) -> None:
        """A stranger connected."""
        self._connections.add(connection)
        victim = self._half_open.add(connection, address)
        if victim is not None:
            self._half_open.remove(victim)
            victim.abort()

    def connection_established(self, connection: Accepted, link: Link) -> None:
        """It is a device with one of our secrets."""
        self._half_open.remove(connection)
        self._on_link(link)

    def connection_lost(self, connection: Accepted) -> None:
        """It is gone."""
        self._half_open.remove(connection)
        self._connections.discard(connection)
        if not self._connections and self._all_gone is not None and not self._all_gone.done():
            self._all_gone.set_result(None)


async def listen(
    host: str | Sequence[str],
    port: int,
    responder_factory: Callable[[], Responder],
    on_link: Callable[[Link], None],
) -> Listener:
    """Accept links. For wss:// put a proxy in front; a link needs no TLS of its own.

    Args:
        host: an address or name to bind, or several; `0.0.0.0` and `::` are all of a family.
        port: the same for all; 0 lets the system choose.
        responder_factory: makes the handshake machine of each connection.
        on_link: called with each established link, before its first message.

    Raises:
        AddressFault: a host cannot be bound to that port.
    """
    listener = Listener(responder_factory, on_link, asyncio.get_running_loop())
    hosts = [host] if isinstance(host, str) else list(host)
    try:
        await listener.open(hosts, port)
    except OSError as error:
        await listener.aclose()
        where = ", ".join(hosts)
        raise AddressFault(
            Reason.ADDRESS, f"cannot listen on {where} port {port}: {error.strerror}"
        ) from error
    return listener


async def dial(
    url: str,
    initiator: Initiator,
    *,
    tls: ssl.SSLContext | None = None,
    local_host: str | None = None,
) -> Link:
    """Open a link.

    Messages that arrive before the application reads from the link are kept for it.

    Args:
        url: `ws://` or `wss://`.
        initiator: a fresh handshake machine.
        tls: for `wss://`, if not the system's certificates.
        local_host: the address of the interface to dial from.

    Raises:
        AddressFault: not a link's URL, or nothing answers there in time.
        HandshakeRefused: a Clowder answers and will not talk to us.
        RemoteFault: what answers does not follow the protocol.
    """
    loop = asyncio.get_running_loop()
    address = parse_url(url)
    context = (tls or ssl.create_default_context()) if address.secure else None
    try:
        async with asyncio.timeout(DIAL_TIMEOUT_SECONDS):
            _, connection = await loop.create_connection(
                lambda: Dialled(url, initiator, loop),
                address.host,
                address.port,
                ssl=context,
                local_addr=(local_host, 0) if local_host else None,
                happy_eyeballs_delay=None if is_address(address.host) else 0.25,
            )
    except TimeoutError:
        raise AddressFault(Reason.SILENT, "nothing answers at that address in time") from None
    except (OSError, UnicodeError) as error:
        raise AddressFault(Reason.UNREACHABLE, "nothing answers at that address") from error
    try:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT_SECONDS):
            return await connection.opened
    except TimeoutError:
        connection.abort()
        raise RemoteFault(Reason.SILENT, "what answers at that address says nothing") from None
    except (RemoteFault, asyncio.CancelledError):
        connection.abort()
        raise
