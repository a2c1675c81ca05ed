"""How others reach this device: listening, announcing itself, and noticing that it moved.

Listening is asked for or it is not; without it this device still dials and finds others. A LAN
that does not let multicast through is no error either: it makes a sentence in `warning`, and
addresses that were given or remembered still work.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

from chat.config import Network, parse_endpoint
from chat.errors import Unavailable
from chat.links.addresses import canonical_url
from chat.links.limits import LISTEN_TRIES
from transport.net.addresses import format_url, parse_url, reachable_addresses
from transport.net.link import Link
from transport.net.mdns import Discovery
from transport.net.network import NetworkChange, NetworkWatch
from transport.net.websocket import Listener, listen
from transport.proto.announcement import Announcement
from transport.proto.crypto import Entropy
from transport.proto.errors import AddressFault
from transport.proto.handshake import Responder
from transport.proto.hints import LinkSecret

ALL_IPV4 = "0.0.0.0"  # noqa: S104 - everybody on the LAN is the point
ALL_IPV6 = "::"


class Visitors(Protocol):
    """Whom the presence reports to; `Links`."""

    def responder(self) -> Responder:
        """The handshake of a connection that was accepted."""

    def accepted(self, link: Link) -> None:
        """Somebody dialled this device."""

    def found(self, urls: list[str], announcement: Announcement) -> None:
        """Somebody announces itself."""

    def gone(self, urls: list[str]) -> None:
        """Somebody who announced itself there does so no more."""

    def network_changed(self, change: NetworkChange) -> None:
        """This device is somewhere else, or was asleep."""


class Presence:
    """The listener, the announcement and the watch of one device.

    Args:
        label: is announced in the clear beside the tags of `secrets`.

    Attributes:
        urls: what others may dial, canonical, IPv4 first; empty without a listener.
        warning: why discovery does not work, a sentence; empty when it does.
    """

    def __init__(
        self,
        settings: Network,
        visitors: Visitors,
        *,
        listening: bool,
        secrets: Callable[[], Sequence[LinkSecret]],
        entropy: Entropy,
        label: bytes = b"",
    ) -> None:
        self.urls: list[str] = []
        self.warning = ""
        self._settings = settings
        self._visitors = visitors
        self._listening = listening
        self._secrets = secrets
        self._entropy = entropy
        self._label = label
        self._hosts: list[str] = []
        self._listener: Listener | None = None
        self._discovery: Discovery | None = None
        self._watch = NetworkWatch(self._moved)
        self._changing = asyncio.Lock()
        self._jobs: set[asyncio.Task[None]] = set()
        self._closing = False

    async def start(self) -> None:
        """Listen, announce, watch.

        Raises:
            Unavailable: the address cannot be listened at.
        """
        if self._listening:
            await self._listen()
        if self._settings.mdns:
            async with self._changing:
                await self._discover()
        self._watch.start()

    async def aclose(self) -> None:
        """Say goodbye and stop; accepted links must have been closed and may linger a second."""
        self._closing = True
        self._watch.stop()
        if self._jobs:
            await asyncio.wait(self._jobs)
        if self._discovery is not None:
            await self._discovery.aclose()
        if self._listener is not None:
            await self._listener.aclose()

    def secrets_changed(self) -> None:
        """Announce others, in a moment."""
        self._start_job(self._announce())

    # Listening.

    async def _listen(self) -> None:
        endpoint = parse_endpoint(self._settings.listen) if self._settings.listen else None
        host = (endpoint.host if endpoint else "") or self._settings.interface
        port = endpoint.port if endpoint else 0
        try:
            if host:
                self._hosts = [host]
                self._listener = await self._bind(port)
            else:
                self._listener = await self._bind_everywhere(port)
        except AddressFault as fault:
            raise Unavailable(
                f"This device {fault}. Name another address with --listen HOST:PORT."
            ) from None
        self._look_where_we_are()

    async def _bind_everywhere(self, port: int) -> Listener:
        """All of both families, or of one where a machine has only one."""
        self._hosts = [ALL_IPV4, ALL_IPV6]
        for _ in range(LISTEN_TRIES if port == 0 else 1):
            try:
                return await self._bind(port)
            except AddressFault:
                continue  # The port that was free for one family is taken in the other.
        try:
            self._hosts = [ALL_IPV4]
            return await self._bind(port)
        except AddressFault as fault:
            self._hosts = [ALL_IPV6]
            try:
                return await self._bind(port)
            except AddressFault:
                raise fault from None

    async def _bind(self, port: int) -> Listener:
        return await listen(self._hosts, port, self._visitors.responder, self._visitors.accepted)

    def _look_where_we_are(self) -> None:
        """Addresses change when a wildcard is listened at; others stay what was bound."""
        if self._listener is None:
            return
        urls = self._listener.urls
        if set(self._hosts) <= {ALL_IPV4, ALL_IPV6}:
            port = self._listener.port
            urls = [format_url(host, port) for host in reachable_addresses(self._hosts)]
        self.urls = [canonical_url(url) for url in urls]

    # Discovery.

    @property
    def _addresses(self) -> list[str]:
        return [parse_url(url).host for url in self.urls]

    @property
    def _interfaces(self) -> list[str] | None:
        """None for all; what listens on one address alone is announced there alone."""
        if self._settings.interface:
            return [self._settings.interface]
        if self._hosts and not set(self._hosts) & {ALL_IPV4, ALL_IPV6}:
            return self._addresses
        return None

    @property
    def _announced(self) -> list[LinkSecret]:
        """Who does not listen looks around and says nothing."""
        return list(self._secrets()) if self._listener is not None else []

    async def _discover(self) -> None:
        """Start discovery anew; the caller holds the lock."""
        try:
            if self._discovery is not None:
                await self._discovery.restart(self._addresses, self._interfaces)
            else:
                discovery = Discovery(
                    port=self._listener.port if self._listener is not None else 0,
                    addresses=self._addresses,
                    secrets=self._announced,
                    on_found=self._visitors.found,
                    entropy=self._entropy,
                    interfaces=self._interfaces,
                    label=self._label,
                    on_gone=self._visitors.gone,
                )
                await discovery.start()
                self._discovery = discovery
        except AddressFault as fault:
            self.warning = f"Devices on the LAN are not found by themselves: {fault}."
        else:
            self.warning = ""

    async def _announce(self) -> None:
        async with self._changing:
            if self._discovery is not None and not self._closing:
                await self._discovery.update_secrets(self._announced)

    # Moving.

    def _moved(self, change: NetworkChange) -> None:
        self.moved()
        self._visitors.network_changed(change)

    def moved(self) -> None:
        """Look at the addresses again, and be found under them."""
        self._look_where_we_are()
        if self._settings.mdns:
            self._start_job(self._rediscover())

    async def _rediscover(self) -> None:
        async with self._changing:
            if not self._closing:
                await self._discover()

    def _start_job(self, job: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
