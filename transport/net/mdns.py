"""Finding devices on the LAN with multicast DNS (RFC 6762, RFC 6763).

Every start, and every hour after it, a device announces itself under a fresh random name and
host label, with a fresh nonce (`transport.proto.announcement`). So an observer sees that somebody
runs Clowder at an address, and neither who nor in which team, nor that it is the one of yesterday.

Whatever is found is hostile until the handshake says otherwise: names, ports and addresses are
checked, look-ups are bounded, and an announcement that breaks a rule is passed over. The tags only
say whom to dial; anybody may replay them, and then learns that this device dials.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Sequence

from zeroconf import DNSQuestionType, InterfaceChoice, IPVersion, ServiceStateChange, Zeroconf
from zeroconf import Error as ZeroconfError
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from transport.net.addresses import format_url, interface_addresses, is_address
from transport.proto.announcement import Announcement, parse_announcement
from transport.proto.crypto import Entropy
from transport.proto.errors import AddressFault, Reason, RemoteFault
from transport.proto.hints import LinkSecret
from transport.proto.limits import (
    DISCOVERY_ADDRESSES_MAX,
    DISCOVERY_FOUND_MAX,
    DISCOVERY_LOOKUP_SECONDS,
    DISCOVERY_LOOKUPS_MAX,
    DISCOVERY_ROTATE_SECONDS,
    NONCE_BYTES,
)

SERVICE_TYPE = "_clowder._tcp.local."

OnFound = Callable[[list[str], Announcement], None]
"""`on_found(urls, announcement)`: a device announces itself; called again when that changes."""

_NAME_BYTES = 8
"""Of a random name; two devices on one LAN never draw the same."""

_log = logging.getLogger(__name__)


class Discovery:
    """Announces this device and reports others.

    Args:
        port: where this device accepts links.
        addresses: at which of its addresses.
        secrets: which it can be met with; the first eight are announced.
        on_found: told of every other device, known or not; it compares the tags.
        interfaces: addresses of the interfaces to use; None for all.
        entropy: source of names and nonces.
        label: is announced in the clear, for strangers to tell this device by.
        on_gone: told the addresses of an announcement that was withdrawn or ran out. Anybody on
            the LAN can withdraw for another, so it is a hint and no more.
    """

    def __init__(
        self,
        *,
        port: int,
        addresses: Sequence[str],
        secrets: Sequence[LinkSecret],
        on_found: OnFound,
        entropy: Entropy,
        interfaces: Sequence[str] | None = None,
        label: bytes = b"",
        on_gone: Callable[[list[str]], None] = lambda urls: None,
    ) -> None:
        self._port = port
        self._addresses = list(addresses)
        self._secrets = list(secrets)
        self._label = label
        self._on_found = on_found
        self._on_gone = on_gone
        self._entropy = entropy
        self._interfaces = None if interfaces is None else list(interfaces)
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._own: AsyncServiceInfo | None = None
        self._own_names: set[str] = set()
        self._found: dict[str, tuple[list[str], Announcement]] = {}
        self._lookups: dict[str, asyncio.Task[None]] = {}
        self._broadcasts: set[asyncio.Future[None]] = set()
        self._rotation: asyncio.TimerHandle | None = None
        self._rotating: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Announce and look around.

        Raises:
            AddressFault: multicast DNS cannot be used here; links still can.
        """
        async with self._changing:
            await self._start()

    async def aclose(self) -> None:
        """Say goodbye on the LAN and stop."""
        async with self._changing:
            await self._stop()
        if self._rotating is not None:
            self._rotating.cancel()
            await asyncio.wait([self._rotating])

    async def restart(
        self, addresses: Sequence[str] | None = None, interfaces: Sequence[str] | None = None
    ) -> None:
        """Begin anew, after the network changed: new sockets, new name, everybody found again.

        Raises:
            AddressFault: multicast DNS cannot be used here any more.
        """
        async with self._changing:
            if addresses is not None:
                self._addresses = list(addresses)
            if interfaces is not None:
                self._interfaces = list(interfaces)
            await self._stop()
            self._found.clear()
            await self._start()

    async def update_secrets(self, secrets: Sequence[LinkSecret]) -> None:
        """Announce other secrets, under a new name."""
        async with self._changing:
            self._secrets = list(secrets)
            if self._zeroconf is not None:
                await self._announce()

    async def _start(self) -> None:
        if self._zeroconf is not None:
            return
        self._zeroconf = await _open(self._interfaces)
        self._browser = AsyncServiceBrowser(
            self._zeroconf.zeroconf,
            SERVICE_TYPE,
            handlers=[self._changed],
            # A unicast answer would reach only one of several processes that share the port.
            question_type=DNSQuestionType.QM,
        )
        await self._announce()

    async def _stop(self) -> None:
        if self._rotation is not None:
            self._rotation.cancel()
        zeroconf, self._zeroconf = self._zeroconf, None
        if zeroconf is None:
            return
        lookups = list(self._lookups.values())
        for lookup in lookups:
            lookup.cancel()
        if lookups:
            await asyncio.wait(lookups)
        if self._browser is not None:
            await self._browser.async_cancel()
        await self._withdraw(zeroconf)
        await asyncio.sleep(0)  # The first goodbye is sent in this turn; the repeats are not.
        broadcasts = list(self._broadcasts)
        for broadcast in broadcasts:
            broadcast.cancel()
        await asyncio.gather(*broadcasts, return_exceptions=True)
        await zeroconf.async_close()

    # Announcing.

    async def _announce(self) -> None:
        """Take back the announcement of before, if any, and make a new one."""
        assert self._zeroconf is not None
        await self._withdraw(self._zeroconf)
        if self._secrets:
            nonce = self._entropy(NONCE_BYTES)
            announcement = Announcement.of_secrets(self._secrets, nonce, self._label)
            self._own = AsyncServiceInfo(
                SERVICE_TYPE,
                f"{self._name()}.{SERVICE_TYPE}",
                port=self._port,
                properties=announcement.encode(),
                server=f"{self._name()}.local.",
                parsed_addresses=[each.partition("%")[0] for each in self._addresses],
            )
            self._own_names.add(self._own.name)
            # Names are random, so there is nobody to ask whether they are free.
            done = await self._zeroconf.async_register_service(
                self._own, cooperating_responders=True
            )
            self._keep(done)
        if self._rotation is not None:
            self._rotation.cancel()
        loop = asyncio.get_running_loop()
        self._rotation = loop.call_later(DISCOVERY_ROTATE_SECONDS, self._rotate)

    async def _withdraw(self, zeroconf: AsyncZeroconf) -> None:
        own, self._own = self._own, None
        if own is not None:
            self._keep(await zeroconf.async_unregister_service(own))

    def _keep(self, broadcasts: Awaitable[None]) -> None:
        """Hold on to an announcement until its repeats are sent."""
        future = asyncio.ensure_future(broadcasts)
        self._broadcasts.add(future)
        future.add_done_callback(self._broadcasts.discard)

    def _rotate(self) -> None:
        self._rotating = asyncio.get_running_loop().create_task(self._rotate_once())

    async def _rotate_once(self) -> None:
        async with self._changing:
            if self._zeroconf is not None:
                await self._announce()

    def _name(self) -> str:
        return self._entropy(_NAME_BYTES).hex()

    # Finding.

    def _changed(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        """Something was announced, changed or withdrawn; the names of arguments are zeroconf's."""
        if name in self._own_names or name in self._lookups:
            return
        if state_change is ServiceStateChange.Removed:
            gone = self._found.pop(name, None)
            if gone is not None:
                self._on_gone(gone[0])
            return
        try:
            info = AsyncServiceInfo(SERVICE_TYPE, name)
        except ZeroconfError:
            _log.debug("an announcement under an impossible name was passed over")
            return
        if info.load_from_cache(zeroconf):
            self._report(name, info)
            return
        if len(self._lookups) >= DISCOVERY_LOOKUPS_MAX:
            return
        lookup = asyncio.get_running_loop().create_task(self._look_up(zeroconf, name, info))
        self._lookups[name] = lookup
        lookup.add_done_callback(lambda _: self._lookups.pop(name, None))

    async def _look_up(self, zeroconf: Zeroconf, name: str, info: AsyncServiceInfo) -> None:
        timeout_ms = DISCOVERY_LOOKUP_SECONDS * 1000
        if await info.async_request(zeroconf, timeout_ms, DNSQuestionType.QM):
            self._report(name, info)

    def _report(self, name: str, info: AsyncServiceInfo) -> None:
        try:
            announcement = parse_announcement(info.text)
        except RemoteFault as fault:
            _log.debug("an announcement was passed over: %s", fault.reason)
            return
        urls = announced_urls(info.parsed_scoped_addresses(), info.port)
        if not urls or self._found.get(name) == (urls, announcement):
            return
        self._found[name] = (urls, announcement)
        if len(self._found) > DISCOVERY_FOUND_MAX:
            del self._found[next(iter(self._found))]
        self._on_found(urls, announcement)


async def _open(interfaces: list[str] | None) -> AsyncZeroconf:
    """Sockets on these interfaces, or on all; without IPv6 where there is none."""
    choices: list[tuple[list[str] | InterfaceChoice, IPVersion | None]]
    if interfaces is None:
        choices = [(InterfaceChoice.All, IPVersion.All), (InterfaceChoice.All, IPVersion.V4Only)]
    else:
        # Asked for an address that is not there, zeroconf fails and leaves a socket behind.
        here = {address.partition("%")[0] for address in interface_addresses()}
        for interface in interfaces:
            if interface.partition("%")[0] not in here:
                raise AddressFault(Reason.ADDRESS, f"no interface here has address {interface}")
        choices = [(interfaces, None)]
    failure: Exception | None = None
    for choice, version in choices:
        try:
            zeroconf = AsyncZeroconf(interfaces=choice, ip_version=version)
            await zeroconf.zeroconf.async_wait_for_start()
        except (OSError, RuntimeError, ValueError, ZeroconfError) as error:
            failure = error
        else:
            return zeroconf
    raise AddressFault(
        Reason.UNREACHABLE, f"discovery on the LAN does not work here: {failure}"
    ) from failure


def announced_urls(addresses: Sequence[str], port: int | None) -> list[str]:
    """What can be dialled of an announcement's addresses, IPv4 first; bounded.

    Addresses that nobody can be met at (multicast, unspecified, link-local without an interface)
    are left out.
    """
    if port is None or not 1 <= port <= 65_535:
        return []
    usable = []
    for text in addresses:
        if not is_address(text):
            continue
        address = ipaddress.ip_address(text)
        scopeless = isinstance(address, ipaddress.IPv6Address) and address.scope_id is None
        if address.is_multicast or address.is_unspecified:
            continue
        if address.version == 6 and address.is_link_local and scopeless:
            continue
        usable.append((address.version, format_url(text, port)))
    usable.sort(key=lambda pair: pair[0])
    return list(dict.fromkeys(url for _, url in usable))[:DISCOVERY_ADDRESSES_MAX]
