"""URLs of links: `ws://host:port/` and `wss://host:port/path`, IPv6 in brackets.

A link-local IPv6 address carries its interface, as `ws://[fe80::1%25eth0]:4000/` (RFC 6874).
URLs come from people, invites and announcements: parsing gives a value or `AddressFault`.
"""

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import ifaddr

from transport.proto.errors import AddressFault, Reason

_URL_MAX_CHARS = 512
_DEFAULT_PORTS = {"ws": 80, "wss": 443}


class LinkUrl(NamedTuple):
    """Where to dial. `resource` is path and query; `host` may be a name or an address."""

    secure: bool
    host: str
    port: int
    resource: str

    @property
    def host_header(self) -> str:
        """The host without its interface, which means nothing to others."""
        return self.host.partition("%")[0]


def parse_url(text: str) -> LinkUrl:
    """The parts of a link's URL.

    Raises:
        AddressFault: not a URL of a link.
    """
    if len(text) > _URL_MAX_CHARS or not text.isascii() or not text.isprintable():
        raise AddressFault(Reason.ADDRESS, "that is not the address of a link")
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise AddressFault(Reason.ADDRESS, "that is not the address of a link") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise AddressFault(
            Reason.ADDRESS, "a link's address begins with ws:// or wss:// and a host"
        )
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressFault(Reason.ADDRESS, "a link's address has no user and no fragment")
    if port == 0 or " " in text:
        raise AddressFault(Reason.ADDRESS, "a link's address has a port from 1 to 65535")
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = unquote(parts.hostname)
    return LinkUrl(parts.scheme == "wss", host, port or _DEFAULT_PORTS[parts.scheme], resource)


def format_url(host: str, port: int) -> str:
    """The URL of a listener at an address or name."""
    if ":" in host:
        host = f"[{host.replace('%', '%25')}]"
    return f"ws://{host}:{port}/"


def interface_addresses() -> list[str]:
    """Addresses of this machine's interfaces, IPv4 first; link-local IPv6 with `%interface`."""
    found: list[str] = []
    for adapter in ifaddr.get_adapters():
        for address in adapter.ips:
            if isinstance(address.ip, str):
                found.append(address.ip)
            else:
                host, _, scope = address.ip
                found.append(f"{host}%{adapter.name}" if scope else host)
    return sorted(set(found), key=lambda host: (":" in host, host))


def reachable_addresses(bound: Iterable[str]) -> list[str]:
    """What others may dial, for sockets bound to these addresses.

    A wildcard stands for every address of its family: those of real interfaces, or loopback if
    there are no others.
    """
    addresses: list[str] = []
    for host in bound:
        if host not in ("0.0.0.0", "::"):  # noqa: S104 - what a caller chose to bind
            addresses.append(host)
            continue
        family = [each for each in interface_addresses() if (":" in each) == (":" in host)]
        outside = [each for each in family if not is_loopback(each)]
        addresses += outside or family
    return list(dict.fromkeys(addresses))


def is_address(host: str) -> bool:
    """Whether a host is an IP address, with or without an interface, and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether an address is one of this machine's own."""
    return is_address(host) and ipaddress.ip_address(host).is_loopback
