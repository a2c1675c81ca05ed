"""Addresses of links: one spelling for each, and what of other people's lists is worth a dial.

`ws://host:port`, with a path only where there is one. Whoever tells us addresses (an announcement,
a device about itself) chooses what this machine connects to, so the lists are short, and hosts
that mean "the machine that reads this" count only between processes of one machine.
"""

import ipaddress
from collections.abc import Iterable

from chat.errors import NoPeer
from chat.links.limits import INTRODUCTION_URLS_MAX
from transport.net.addresses import is_address, is_loopback, parse_url
from transport.proto.errors import AddressFault


def canonical_url(text: str) -> str:
    """The one spelling of a link's URL.

    Raises:
        AddressFault: it is none.
    """
    url = parse_url(text)
    host = f"[{url.host.replace('%', '%25')}]" if ":" in url.host else url.host
    resource = "" if url.resource == "/" else url.resource
    return f"{'wss' if url.secure else 'ws'}://{host}:{url.port}{resource}"


def dialled_url(text: str) -> str:
    """The one spelling of an address that somebody wants dialled.

    Raises:
        NoPeer: it is no address of a link.
    """
    try:
        return canonical_url(text)
    except AddressFault as fault:
        raise NoPeer(f"“{text}” cannot be dialled: {fault}.") from None


def canonical_urls(texts: Iterable[str]) -> list[str]:
    """Those of them that are URLs of links, each once."""
    urls: dict[str, None] = {}
    for text in texts:
        try:
            urls[canonical_url(text)] = None
        except AddressFault:
            continue  # A newer Clowder may know addresses of other kinds.
    return list(urls)


def told_urls(texts: Iterable[str], remote_host: str) -> list[str]:
    """What may be dialled of the addresses a device names as its own.

    Args:
        remote_host: where its link comes from.
    """
    same_machine = is_loopback(remote_host)
    kept = []
    for url in canonical_urls(texts):
        host = parse_url(url).host
        if host == "localhost" or (is_address(host) and not _reachable(host, same_machine)):
            continue
        kept.append(url)
    return kept[:INTRODUCTION_URLS_MAX]


def shareable_urls(urls: Iterable[str]) -> list[str]:
    """What to tell others of our own addresses: not those that need an interface of ours."""
    kept = []
    for url in urls:
        host = parse_url(url).host
        if not (is_address(host) and ipaddress.ip_address(host).is_link_local):
            kept.append(url)
    return kept[:INTRODUCTION_URLS_MAX]


def host_of(address: str) -> str:
    """The host of `host:port` or `[host]:port`, as a link names its other end."""
    return address.rpartition(":")[0].strip("[]")


def _reachable(host: str, same_machine: bool) -> bool:
    address = ipaddress.ip_address(host)
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        return False
    return same_machine or not address.is_loopback
