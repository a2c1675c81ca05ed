"""The devices that are linked at the moment: carries out what `Standings` says.

The node hears of a link between `Opened` and `Ended`. Beside that a link may be *doubted*, because
a newer one to the same device came or the network changed: then it is pinged, and one that stays
silent is given up long before its own time-out.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence

from chat.links.endings import end_sentence
from chat.links.handle import LinkHandle
from chat.links.identity import Identity
from chat.links.limits import (
    PARKED_SECONDS,
    PROBE_NETWORK_SECONDS,
    PROBE_ROUND_TRIPS,
    PROBE_SURPLUS_SECONDS,
)
from chat.links.standing import Closing, Doubted, Ended, Opened, Place, Standings, Verdict
from transport.net.link import Link
from transport.proto.closing import CloseCode, LinkEnd

OnUp = Callable[[LinkHandle], None]
OnMessage = Callable[[LinkHandle, int, int, bytes], None]
"""`on_message(handle, kind, priority, payload)`."""
OnDown = Callable[[LinkHandle, str], None]
"""`on_down(handle, reason)`; the reason is a sentence."""


class Present:
    """A link to somebody who may have one, and its handle while it counts.

    Attributes:
        doubted: asked for a sign of life.
        given_up: there was none; the other side may not know yet that it has lost the link.
    """

    def __init__(self, link: Link, place: Place, identity: Identity, url: str, now: float) -> None:
        self.link = link
        self.place = place
        self.identity = identity
        self.url = url
        self.since = now
        self.handle: LinkHandle | None = None
        self.doubted = False
        self.given_up = False


class Circle:
    """All links that stand.

    Args:
        own_id: device id of this device.
        on_up, on_message, on_down: what the node hears.
        on_ended: told of each link that is over, whether the node knew of it or not, and whether
            it was the last of its kind to that device.
    """

    def __init__(
        self,
        own_id: bytes,
        *,
        on_up: OnUp,
        on_message: OnMessage,
        on_down: OnDown,
        on_ended: Callable[[Present, LinkEnd, bool], None],
    ) -> None:
        self._on_up, self._on_message, self._on_down = on_up, on_message, on_down
        self._on_ended = on_ended
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._standings: Standings[Present] = Standings(own_id)
        self._present: dict[Present, None] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._closed = False

    def __len__(self) -> int:
        """To how many devices there are links."""
        return len(self._standings)

    def __iter__(self) -> Iterator[LinkHandle]:
        """The links that count, in the order in which they came."""
        return iter([each.handle for each in self._present if each.handle is not None])

    @property
    def strangers(self) -> int:
        """Links to devices outside the roster."""
        return sum(not each.identity.known for each in self._present)

    def active(self, place: Place) -> LinkHandle | None:
        """The link that counts there."""
        present = self._standings.active(place)
        return None if present is None else present.handle

    def enter(self, link: Link, place: Place, identity: Identity, url: str) -> None:
        """A device that may have a link has opened one."""
        present = Present(link, place, identity, url, self._loop.time())
        self._present[present] = None
        link.closed.add_done_callback(lambda ended: self._ended(present, ended.result()))
        self._carry_out(self._standings.arrived(place, present, ours=link.initiator))

    def standing(self) -> list[Present]:
        """Links of the workspace that count, to devices of the roster, the oldest first."""
        return [
            each
            for each in self._present
            if each.handle is not None and each.identity.known and not each.place.lobby
        ]

    def doubt_all(self) -> None:
        """Find out which links live."""
        for present in list(self._present):
            self._probe(present)

    def close(self) -> None:
        """Say goodbye to everybody."""
        self._closed = True
        for timer in self._timers:
            timer.cancel()
        for present in list(self._present):
            present.link.close(CloseCode.GOING_AWAY)
            self._down(present, LinkEnd(CloseCode.GOING_AWAY, "", by_peer=False))

    # What the standings say.

    def _carry_out(self, verdicts: Sequence[Verdict[Present]]) -> None:
        for verdict in verdicts:
            present = verdict.link
            if isinstance(verdict, Opened):
                self._up(present)
            elif isinstance(verdict, Ended):
                replaced = LinkEnd(CloseCode.DUPLICATE, "", by_peer=False)
                self._down(present, present.link.close_reason or replaced)
            elif isinstance(verdict, Closing):
                present.link.close(CloseCode.DUPLICATE)
            else:
                assert isinstance(verdict, Doubted)
                self._probe(present)

    def _up(self, present: Present) -> None:
        handle = LinkHandle(next(self._numbers), present.link, present.identity, present.url)
        present.handle = handle
        self._on_up(handle)

        def message(kind: int, priority: int, payload: bytes) -> None:
            # What waited while the link was parked comes at once, and the node may have had enough.
            closed_here = (end := handle.link.close_reason) is not None and not end.by_peer
            if present.handle is not None and not closed_here:
                handle.kind_bytes_in[kind] += len(payload)
                self._on_message(handle, kind, priority, payload)

        present.link.on_message = message

    def _down(self, present: Present, end: LinkEnd) -> None:
        handle, present.handle = present.handle, None
        if handle is not None:
            self._on_down(handle, end_sentence(end))

    def _ended(self, present: Present, end: LinkEnd) -> None:
        """A link is over, whichever side ended it."""
        del self._present[present]
        if self._closed:
            return
        self._carry_out(self._standings.ended(present.place, present))
        # A link of the lobby is no substitute for one of the workspace; the other way it is.
        last = not any(
            each.place.device == present.place.device and each.place.lobby <= present.place.lobby
            for each in self._present
        )
        self._on_ended(present, end, last)

    # Doubt.

    def _probe(self, present: Present) -> None:
        """Ask for a sign of life; without one the link makes way, or is given up."""
        if not present.doubted and not present.link.is_closed:
            present.doubted = True
            self._ask_for_life(present, self._loop.time())

    def _ask_for_life(self, present: Present, since: float) -> None:
        link = present.link
        beside = self._standings.parked(present.place) > 0
        patience = max(
            PROBE_SURPLUS_SECONDS if beside else PROBE_NETWORK_SECONDS,
            PROBE_ROUND_TRIPS * (link.rtt or 0.0),
        )
        heard = link.bytes_in
        link.ping()

        def look() -> None:
            self._timers.discard(timer)
            present.doubted = False
            if link.is_closed:
                return
            if link.bytes_in == heard:
                self._carry_out(self._standings.silent(present.place, present))
                present.given_up = True
                link.close(CloseCode.GOING_AWAY, "no sign of life")
            elif self._standings.parked(present.place):
                if self._loop.time() - since > PARKED_SECONDS:
                    self._carry_out(self._standings.settled(present.place, present))
                else:
                    present.doubted = True
                    self._ask_for_life(present, since)

        timer = self._loop.call_later(patience, look)
        self._timers.add(timer)
