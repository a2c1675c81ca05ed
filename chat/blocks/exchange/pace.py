"""How many requests are under way at a time.

As many as keep every path full where holders have room. In a swarm they have not: each uplink
takes two, so whoever has eight under way has six refused, and refusals and the questions after
them were two thirds of all messages. So each BUSY takes one away and each block gives half of one
back. What nobody has answered for long does not count: the rest goes on without it.
"""

from collections.abc import Iterable

from chat.blocks.exchange.download import Download
from chat.blocks.exchange.sources import Source
from chat.blocks.limits import OUTSTANDING_LEAST, OUTSTANDING_MAX, PACE_REGAINED, STALE_MS


class Pace:
    """Of one machine, over all files."""

    def __init__(self) -> None:
        self._most: float = OUTSTANDING_MAX

    def refused(self) -> None:
        """A holder was busy."""
        self._most = max(self._most - 1, OUTSTANDING_LEAST)

    def came(self) -> None:
        """A block came."""
        self._most = min(self._most + PACE_REGAINED, OUTSTANDING_MAX)

    def has_room(
        self, sources: Iterable[Source], downloads: Iterable[Download], now: float
    ) -> bool:
        """Whether one more request may be made."""
        if sum(source.outstanding for source in sources) < self._most:
            return True
        fresh = sum(
            now - request.at < STALE_MS
            for download in downloads
            for request in download.all_requests()
        )
        return fresh < self._most
