"""Looking: does somebody answer at an address, and what does their clock say?

A knock is a TCP connection and, where that opens, the request that begins every WebSocket. Its
answer carries the time in the header `Date` (RFC 9110, section 6.6.1) before anything is proven, so
it also comes from who would refuse the link. Anybody can write anything there: it is compared and
shown, and never set.
"""

import asyncio
import base64
from collections.abc import Callable, Iterable
from contextlib import suppress
from email.utils import parsedate_to_datetime

from chat.doctor.interfaces import look_up_neighbours
from chat.doctor.limits import ANSWER_MAX_BYTES, ANSWER_SECONDS, KNOCK_SECONDS, KNOCKS_MAX
from chat.doctor.observations import Knock, Neighbour, Outcome
from transport.net.addresses import LinkUrl, parse_url
from transport.net.clock import monotonic, wall_ms
from transport.proto.errors import AddressFault

_HEAD_END = b"\r\n\r\n"
_HALF_SECOND = 0.5
"""A `Date` has whole seconds, rounded down."""


def clock_of(head: bytes) -> float | None:
    """Seconds since 1970 that the head of an HTTP answer names; None when it names none."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"date":
            try:
                return parsedate_to_datetime(value.strip().decode("ascii")).timestamp()
            except (ValueError, TypeError, OverflowError, IndexError):
                return None
    return None


async def knock_at(urls: Iterable[str], entropy: Callable[[int], bytes]) -> dict[str, Knock]:
    """Knock at the first KNOCKS_MAX of these URLs at once; what is no URL is left out."""
    wanted: dict[str, LinkUrl] = {}
    for url in urls:
        if len(wanted) < KNOCKS_MAX:
            with suppress(AddressFault):
                wanted[url] = parse_url(url)
    outcomes = await asyncio.gather(*(_knock(address, entropy) for address in wanted.values()))
    known = look_up_neighbours()
    return {
        url: outcome._replace(neighbour=known.get(address.host, Neighbour.UNKNOWN))
        for (url, address), outcome in zip(wanted.items(), outcomes, strict=True)
    }


async def _knock(address: LinkUrl, entropy: Callable[[int], bytes]) -> Knock:
    try:
        async with asyncio.timeout(KNOCK_SECONDS):
            reader, writer = await asyncio.open_connection(
                address.host, address.port, limit=ANSWER_MAX_BYTES
            )
    except TimeoutError:
        return Knock(Outcome.SILENT)
    except ConnectionError:
        return Knock(Outcome.REFUSED)
    except (OSError, UnicodeError) as error:
        return Knock(Outcome.NO_ROUTE, detail=getattr(error, "strerror", None) or str(error))
    try:
        skew = None if address.secure else await _skew(reader, writer, address, entropy)
        return Knock(Outcome.OPEN, skew_seconds=skew)
    finally:
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await writer.wait_closed()


async def _skew(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    address: LinkUrl,
    entropy: Callable[[int], bytes],
) -> float | None:
    """Seconds that the clock behind a connection is ahead; None when it does not say."""
    asked = monotonic()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            writer.write(_request(address, entropy(16)))
            await writer.drain()
            head = await reader.readuntil(_HEAD_END)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    theirs = clock_of(head)
    if theirs is None:
        return None
    half_way = wall_ms() / 1000 - (monotonic() - asked) / 2
    return theirs + _HALF_SECOND - half_way


def _request(address: LinkUrl, key: bytes) -> bytes:
    host = address.host_header
    where = f"[{host}]" if ":" in host else host
    return (
        f"GET {address.resource} HTTP/1.1\r\nHost: {where}:{address.port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(key).decode('ascii')}\r\n\r\n"
    ).encode("ascii")
