"""Dialling one device at several addresses: the first link that opens counts.

A laptop announces addresses that lead nowhere from here (a bridge of containers, a tunnel), and a
dial to such takes its whole timeout. So the next address is tried as soon as one has failed, or a
quarter of a second after it was begun (as RFC 8305 does for names), and what is still under way
when a link opens is broken off.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from chat.links.limits import DIAL_STAGGER_SECONDS
from transport.net.link import Link
from transport.proto.closing import CloseCode
from transport.proto.errors import (
    AddressFault,
    HandshakeRefused,
    Reason,
    TransportError,
)


@dataclass(frozen=True, slots=True)
class NoLink:
    """No address gave a link; `faults` has one for each."""

    faults: Mapping[str, TransportError]

    @property
    def own_urls(self) -> list[str]:
        """Addresses that lead to this device itself."""
        return [url for url, fault in self.faults.items() if fault.reason is Reason.SELF]

    @property
    def unmatched(self) -> bool:
        """Somebody answered, who does not know what the link was opened with."""
        return self.telling.reason is Reason.NO_MATCH

    @property
    def telling(self) -> TransportError:
        """The fault that says most: a refusal before silence, and silence before nobody."""
        return max(self.faults.values(), key=_weight)


def _weight(fault: TransportError) -> int:
    if isinstance(fault, HandshakeRefused):
        return 2
    return 0 if isinstance(fault, AddressFault) else 1


async def first_link(
    urls: Sequence[str], open_link: Callable[[str], Awaitable[Link]]
) -> Link | NoLink:
    """A link to one of these addresses, which are tried in this order, or why there is none."""
    waiting = deque(urls)
    running: dict[asyncio.Task[Link], str] = {}
    faults: dict[str, TransportError] = {}
    try:
        while waiting or running:
            if waiting:
                url = waiting.popleft()
                running[asyncio.ensure_future(_opening(open_link, url))] = url
            done, _ = await asyncio.wait(
                running,
                timeout=DIAL_STAGGER_SECONDS if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                url = running[task]
                try:
                    link = task.result()
                except TransportError as fault:
                    faults[url] = fault
                    del running[task]
                else:
                    del running[task]
                    return link
        return NoLink(faults)
    finally:
        await _break_off(list(running))


async def _opening(open_link: Callable[[str], Awaitable[Link]], url: str) -> Link:
    return await open_link(url)


async def _break_off(dials: list[asyncio.Task[Link]]) -> None:
    for dial in dials:
        dial.cancel()
    for outcome in await asyncio.gather(*dials, return_exceptions=True):
        if isinstance(outcome, Link):  # It opened in the same moment as the first.
            outcome.close(CloseCode.DUPLICATE)
