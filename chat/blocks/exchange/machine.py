"""The exchange as one machine: `handle(input, now) -> effects`.

Or in two steps, for whoever has several inputs at once: `take` each, then `settle` once. What each
input says is answered by `take`; what to ask next, whom to tell and when to wake are questions
about all of them, and in a busy swarm they cost as much as the answers.
"""

import math
from collections import OrderedDict
from collections.abc import Callable

from chat.blocks import messages
from chat.blocks.exchange import ports
from chat.blocks.exchange.library import Library, Record
from chat.blocks.exchange.news import News
from chat.blocks.exchange.serving import Serving
from chat.blocks.exchange.sources import Source
from chat.blocks.exchange.wanting import Wanting
from chat.blocks.limits import OFFERS_MAX, PRIORITY_WANTED


class Exchange:
    """Fetches the files that are wanted here and serves the blocks that are held here.

    One a node. Pure: the caller carries out the effects in their order and gives their answers back
    as inputs, in any order.
    """

    def __init__(self, lot: Callable[[], float]) -> None:
        """`lot` gives numbers in [0, 1) that break ties; seeded in a simulation."""
        self._effects: list[ports.Effect] = []
        self._spoken: set[bytes] = set()
        """Peers to whom messages go out since the last `settle`."""
        self._sources: dict[bytes, Source] = {}
        self._offers: OrderedDict[bytes, int] = OrderedDict()
        self._wake: int | None = None
        self._library = Library(self._emit)
        self._news = News(self._library, self._emit, self._pieces_of, lot)
        self._serving = Serving(self._library, self._emit, self._elsewhere)
        self._wanting = Wanting(self._library, lambda: self._serving, self._news, self._emit, lot)

    def handle(self, event: ports.Input, now: float) -> list[ports.Effect]:
        """Take one input at monotonic time `now` (milliseconds) and give what follows from it."""
        return self.take(event, now) + self.settle(now)

    def take(self, event: ports.Input, now: float) -> list[ports.Effect]:
        """What an input itself brings about; `settle` is to follow, not necessarily at once."""
        assert not self._effects
        if isinstance(event, ports.Received):
            self._received(event, now)
        elif isinstance(event, ports.BlockStored):
            self._wanting.stored(event, now)
        elif isinstance(event, ports.BlockRead):
            self._read(event, now)
        elif isinstance(event, ports.BlocksFound):
            self._loaded(self._library.found(event), now)
        elif isinstance(event, ports.BlockSent):
            self._serving.sent(event.peer, event.cid, now)
        elif isinstance(event, ports.Tick):
            self._wake = None
            self._wanting.tick(now)
        elif isinstance(event, ports.PeerUp | ports.PeerDown):
            self._peer(event, now)
        else:
            self._wish(event, now)
        return self._taken()

    def settle(self, now: float) -> list[ports.Effect]:
        """What follows from all inputs since the last call: requests, announcements, a timer."""
        self._wanting.fill(now)
        self._news.flush(now, self._spoken)
        self._spoken.clear()
        self._wake_up(now)
        return self._taken()

    def _taken(self) -> list[ports.Effect]:
        effects, self._effects = self._effects, []
        return effects

    def _emit(self, effect: ports.Effect) -> None:
        if isinstance(effect, ports.SendTo):
            self._spoken.add(effect.peer)
        self._effects.append(effect)

    # Inputs

    def _wish(
        self, event: ports.Want | ports.Stop | ports.Hold | ports.FileGone, now: float
    ) -> None:
        if isinstance(event, ports.Want):
            self._wanting.want(event, now)
        elif isinstance(event, ports.Stop):
            self._wanting.stop(event.root)
        elif isinstance(event, ports.FileGone):
            self._offers.pop(event.root, None)
            self._library.forget(event.root)
        else:
            self._hold(event, now)

    def _hold(self, event: ports.Hold, now: float) -> None:
        ended = self._wanting.stop(event.root)
        self._library.forget(event.root)
        self._library.open(event.root)
        self._offers[event.root] = event.size
        if len(self._offers) > OFFERS_MAX:
            self._offers.popitem(last=False)
        for source in self._sources.values():
            if source.relay:
                self._offer(source.peer, event.root, event.size)
        if ended is not None:
            self._wanting.want(ended, now)

    def _offer(self, peer: bytes, root: bytes, size: int) -> None:
        self._emit(ports.SendTo(peer, messages.Offer(root, size), PRIORITY_WANTED))

    def _peer(self, event: ports.PeerUp | ports.PeerDown, now: float) -> None:
        known = self._sources.get(event.peer)
        if isinstance(event, ports.PeerDown):
            if known is not None:
                del self._sources[event.peer]
                self._serving.peer_gone(known)
                self._wanting.peer_gone(known)
        elif known is None:
            source = self._sources[event.peer] = Source(event.peer, event.relay)
            self._wanting.peer_up(source, now)
            for root, size in self._offers.items() if event.relay else ():
                self._offer(event.peer, root, size)

    def _received(self, event: ports.Received, now: float) -> None:
        source = self._sources.get(event.peer)
        message = event.message
        if source is None:
            return
        if isinstance(message, messages.Block):
            self._wanting.block(source, message, now)
        elif isinstance(message, messages.GetBlock):
            self._serving.get_block(source, message, now)
        elif isinstance(message, messages.HaveMore):
            self._wanting.have_more(source, message)
        elif isinstance(message, messages.Refused):
            self._wanting.refused(source, message, now)
        elif isinstance(message, messages.WantRoot):
            self._serving.want_root(source, message)
            self._wanting.wants_too(event.peer, message.root, True)
        elif isinstance(message, messages.Unwant):
            self._serving.unwant(source, message.root)
            self._wanting.wants_too(event.peer, message.root, False)
        elif isinstance(message, messages.Have):
            self._wanting.have(source, message)
        elif isinstance(message, messages.HaveNot):
            self._wanting.have_not(source, message)
        elif isinstance(message, messages.Cancel):
            self._serving.cancel(source, message)
        elif isinstance(message, messages.Offer):
            self._serving.offer(source, message)

    def _read(self, event: ports.BlockRead, now: float) -> None:
        record = self._library.read(event.request, event.data)
        if record is None:
            self._serving.read(event.request, event.data)
        else:
            self._loaded(record, now)

    def _loaded(self, record: Record | None, now: float) -> None:
        """A step of loading ended; when it was the last, go on with what waited for it."""
        if record is None or not record.loaded:
            return
        self._serving.loaded(record)
        waiting, record.waiting = record.waiting, []
        self._wanting.loaded(record, now)
        for event in waiting:
            self._received(event, now)

    # What the parts ask of each other

    def _pieces_of(self, root: bytes, peer: bytes) -> int:
        download = self._wanting.download(root)
        holder = download.holders.get(peer) if download else None
        return holder.has if holder else 0

    def _elsewhere(self, record: Record, piece: int) -> bool:
        if record.fetched >> piece & 1:
            return True
        download = self._wanting.download(record.tree.root)
        holders = download.holders.values() if download else ()
        return any(each.has >> piece & 1 for each in holders)

    def _wake_up(self, now: float) -> None:
        times = [
            each for each in (self._news.due, self._wanting.next_time(now)) if each is not None
        ]
        if not times:
            return
        at = math.ceil(min(times))
        if self._wake is None or at < self._wake or self._wake <= now:
            self._wake = at
            self._emit(ports.WakeAt(at))
