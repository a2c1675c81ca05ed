"""The links of one side by number: what a machine says goes out, what comes goes to the machine."""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import count

from chat.effects import KIND_NEARBY, CloseLink, Send
from transport.net.link import Link
from transport.proto.closing import CloseCode, LinkEnd


class Wires:
    """Links under numbers.

    Args:
        heard: told the number and what came; of other kinds nothing is taken.
        lost: told the number of a link that is over, whoever ended it.
    """

    def __init__(self, heard: Callable[[int, bytes], None], lost: Callable[[int], None]) -> None:
        self._heard = heard
        self._lost = lost
        self._links: dict[int, Link] = {}
        self._gone: set[asyncio.Future[None]] = set()
        self._numbers = count(1)

    def add(self, link: Link) -> int:
        """Give a link a number; nothing is heard from it before `listen`."""
        number = next(self._numbers)
        self._links[number] = link
        gone = link.gone
        self._gone.add(gone)
        gone.add_done_callback(self._gone.discard)
        return number

    def listen(self, number: int) -> None:
        """Hear what comes on a link, and has come already."""
        link = self._links[number]
        link.on_message = partial(self._message, number)
        link.closed.add_done_callback(partial(self._closed, number))

    def carry_out(self, effect: Send | CloseLink) -> None:
        """Send on a link, or end it; one that is over takes nothing."""
        link = self._links.get(effect.link)
        if link is None:
            return
        if isinstance(effect, Send):
            link.send(effect.kind, effect.priority, effect.payload)
        else:
            link.close(CloseCode.GOING_AWAY, effect.reason)

    async def aclose(self) -> None:
        """End every link, and wait until what was said has left; a second at most."""
        for link in self._links.values():
            link.close(CloseCode.GOING_AWAY)
        if self._gone:
            await asyncio.wait(self._gone)

    def _message(self, number: int, kind: int, _priority: int, payload: bytes) -> None:
        # Bulk of any kind is never given back, so a side that sends it runs out of credit.
        if kind == KIND_NEARBY:
            self._heard(number, payload)

    def _closed(self, number: int, _: asyncio.Future[LinkEnd]) -> None:
        del self._links[number]
        self._lost(number)
