"""The shell of the block exchange: carries its effects out and gives the answers back.

Everything happens in the event loop's thread; inputs that arise while one is being handled (a
callback of ours that wants the next file) wait in line, so the machine is never entered twice.
What follows from what peers and the disk say is settled once for a turn of the loop, before links
cut their frames: a turn of a busy swarm brings many messages, and what they lead to leaves in one
frame for each peer.
Looking up whether blocks are here costs a dictionary access and is answered on the spot; reading
and writing go to threads. A timer is the machine's last `WakeAt`.

Credit: whoever gives a message may be told when it is dealt with, which for a block means on disk
(or refused by the disk). A link that grants its credit then is never faster than the disk.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from chat.blocks import messages
from chat.blocks.errors import BlockError, Invalid, Missing, StoreFailure
from chat.blocks.exchange import Exchange, ports
from chat.blocks.store_files import BlockStore
from chat.files.departures import Departures, Unsent
from chat.files.disk import Disk
from chat.files.flows import Flows
from chat.files.limits import SENT_POLL_MAX_MS, SENT_POLL_MS
from chat.files.recent import Recent

Send = Callable[[bytes, int, bytes], None]
"""`send(device, priority, payload)`: queue a message of kind "blocks" on the device's link."""

Taken = Callable[[], None]
_GATHERED = (ports.Received, ports.BlockStored, ports.BlockRead)
News = ports.Progress | ports.Complete | ports.Failed | ports.SourceDropped | ports.RootHeard


class ExchangeShell:
    """One exchange with its disk, its links and its clock.

    Attributes:
        flows: what passes, for people.
    """

    def __init__(
        self,
        store: BlockStore,
        disk: Disk,
        *,
        send: Send,
        unsent: Unsent,
        on_news: Callable[[News], None],
        on_stored: Callable[[int, str | None], None],
        on_damaged: Callable[[], None],
        lot: Callable[[], float],
        now_ms: Callable[[], float],
    ) -> None:
        """`on_stored` hears the size of each block written, or the disk's refusal."""
        self._store = store
        self._disk = disk
        self._send = send
        self._unsent = unsent
        self._on_news = on_news
        self._on_stored = on_stored
        self._on_damaged = on_damaged
        self._now_ms = now_ms
        self._exchange = Exchange(lot)
        self.flows = Flows()
        self._inputs: deque[tuple[ports.Input, Taken | None]] = deque()
        self._busy = False
        self._closed = False
        self._soon: asyncio.Handle | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._departures = Departures()
        self._recent = Recent()
        self._poll: asyncio.TimerHandle | None = None
        self._poll_ms = SENT_POLL_MS

    def give(self, event: ports.Input, taken: Taken | None = None) -> None:
        """Let the exchange handle an input, now or after the one it is handling."""
        if self._closed:
            return
        gathered = isinstance(event, _GATHERED)
        if gathered and self._soon is None:
            self._soon = asyncio.get_running_loop().call_soon(self._settle)
        self._inputs.append((event, taken))
        self._handle_all()
        if not gathered:
            self._settle()

    def send(self, device: bytes, message: messages.Message, priority: int) -> None:
        """Give a message to a link beside the exchange's own."""
        payload = messages.encode(message)
        self._departures.gave(device, priority, len(payload), None)
        self._send(device, priority, payload)

    def _handle_all(self) -> None:
        if self._busy:
            return  # Whoever is being handled goes on with this one.
        self._busy = True
        try:
            while self._inputs:
                self._handle(*self._inputs.popleft(), self._now_ms())
        finally:
            self._busy = False

    def _settle(self) -> None:
        """See what has left; let the exchange ask, announce and set its timer."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._busy or self._closed:
            return  # Whoever is being handled settles afterwards.
        self._look_for_departures()
        for effect in self._exchange.settle(self._now_ms()):
            self._carry_out(effect)
        if self._departures.waiting and self._poll is None and not self._closed:
            self._poll = asyncio.get_running_loop().call_later(self._poll_ms / 1000, self._polled)

    def close(self) -> None:
        """Handle nothing more."""
        self._closed = True
        self._inputs.clear()
        for timer in (self._wake, self._poll, self._soon):
            if timer is not None:
                timer.cancel()

    def _handle(self, event: ports.Input, taken: Taken | None, now: float) -> None:
        if isinstance(event, ports.PeerDown):
            self._departures.peer_gone(event.peer)
            self.flows.gone(event.peer)
        elif isinstance(event, ports.Received):
            self.flows.heard(event.peer, event.message, now)
        for effect in self._exchange.take(event, now):
            if isinstance(effect, ports.StoreBlock):
                taken = self._store_block(effect, event, taken)
            else:
                self._carry_out(effect)
        if taken is not None:
            taken()

    def _carry_out(self, effect: ports.Effect) -> None:
        if isinstance(effect, ports.SendTo):
            self._send_to(effect)
        elif isinstance(effect, ports.ReadBlock):
            self._read_block(effect)
        elif isinstance(effect, ports.FindBlocks):
            here = frozenset(filter(self._store.has, effect.cids))
            self._inputs.append((ports.BlocksFound(effect.request, here), None))
        elif isinstance(effect, ports.WakeAt):
            self._wake_at(effect.at)
        elif not isinstance(effect, ports.StoreBlock):
            self._on_news(effect)

    # The disk

    def _store_block(
        self, effect: ports.StoreBlock, event: ports.Input, taken: Taken | None
    ) -> Taken | None:
        """Write a block; gives back `taken` unless it is now called when the block is written."""
        mine: Taken | None = None
        if isinstance(event, ports.Received) and isinstance(event.message, messages.Block):
            mine, taken = taken, None

        def write() -> ports.BlockStored:
            try:
                self._store.put(effect.cid, effect.data)
            except Invalid:
                return ports.BlockStored(effect.cid, wrong=True)
            except BlockError as failure:
                return ports.BlockStored(effect.cid, str(failure))
            return ports.BlockStored(effect.cid)

        def written(stored: ports.BlockStored) -> None:
            if mine is not None:
                mine()
            if not self._closed and not stored.wrong:
                if stored.failure is None:
                    self._recent.add(effect.cid, effect.data)
                self._on_stored(len(effect.data), stored.failure)
            self.give(stored)

        self._disk.block(write, written)
        return taken

    def _read_block(self, effect: ports.ReadBlock) -> None:
        expected = self._store.has(effect.cid)
        if expected and (recent := self._recent.get(effect.cid)) is not None:
            self._inputs.append((ports.BlockRead(effect.request, recent), None))
            return

        def read() -> bytes | None:
            try:
                return self._store.get(effect.cid)
            except (Missing, StoreFailure):
                return None

        def done(data: bytes | None) -> None:
            if data is None and expected and not self._closed:
                self._on_damaged()
            self.give(ports.BlockRead(effect.request, data))

        self._disk.block(read, done)

    # Links

    def _send_to(self, effect: ports.SendTo) -> None:
        message = effect.message
        self.flows.said(effect.peer, message, self._now_ms())
        payload = messages.encode(message)
        cid = message.cid if isinstance(message, messages.Block) else None
        self._departures.gave(effect.peer, effect.priority, len(payload), cid)
        self._send(effect.peer, effect.priority, payload)

    def _look_for_departures(self) -> None:
        if not self._departures.waiting:
            return
        left = self._departures.left(self._unsent)
        if left:
            self._poll_ms = max(self._poll_ms / 2, SENT_POLL_MS)
        self._inputs.extend((ports.BlockSent(peer, cid), None) for peer, cid in left)
        self._handle_all()

    def _polled(self) -> None:
        self._poll = None
        self._poll_ms = min(self._poll_ms * 2, SENT_POLL_MAX_MS)
        self._settle()

    # Time

    def _wake_at(self, at: int) -> None:
        if self._wake is not None:
            self._wake.cancel()
        delay = max(0.0, at - self._now_ms()) / 1000
        self._wake = asyncio.get_running_loop().call_later(delay, self._woken)

    def _woken(self) -> None:
        self._wake = None
        self.give(ports.Tick())
