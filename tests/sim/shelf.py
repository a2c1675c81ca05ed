"""A machine's pictures: the production exchange over the production block store.

What `chat.files` does in threads and callbacks happens here at once. A picture that a message names
is wanted until it is whole, also after a new start; a relay keeps what it is offered; a block that
is read back damaged is no block, and is fetched from somebody else.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable

from chat.blocks import messages
from chat.blocks.errors import BlockError, Invalid, Missing, TooNew
from chat.blocks.exchange import Exchange, ports
from chat.blocks.sealing import FileReader, FileRef
from chat.blocks.store_files import BlockStore
from crdt.ops import FileInfo

RELAY_FILE_MAX_BYTES = 1 << 20

Send = Callable[[bytes, int, bytes], None]
"""`send(device, priority, payload)`."""


class Shelf:
    """Blocks of one device, and the exchange while its process runs.

    Attributes:
        wake_at: when the exchange wants a tick, on the machine's monotonic clock.
        send: set by the world.
        completed: is told of a file that is whole.
    """

    def __init__(self, name: str, blocks: BlockStore, *, relay: bool) -> None:
        self.blocks = blocks
        self.wake_at: int | None = None
        self.send: Send = lambda device, priority, payload: None
        self.completed: Callable[[bytes], None] = lambda root: None
        self._name = name
        self._relay = relay
        self._starts = 0
        self._inputs: deque[ports.Input] = deque()
        self._busy = False
        self.restart()

    def restart(self) -> None:
        """Another process: nothing in memory, nobody linked, nothing wanted."""
        self._starts += 1
        self._inputs.clear()
        self.wake_at = None
        self._exchange = Exchange(random.Random(f"{self._name}/{self._starts}").random)

    def keep_only(self, cids: Iterable[bytes]) -> None:
        """A restored folder has no more than it had."""
        kept = frozenset(cids)
        for cid in self.blocks.cids():
            if cid not in kept:
                self.blocks.delete(cid)

    def put(self, blocks: Iterable[tuple[bytes, bytes]]) -> None:
        """Sealed here: on disk before anybody hears of it."""
        for cid, data in blocks:
            self.blocks.put(cid, data)

    # The exchange -------------------------------------------------------------------------------

    def give(self, now: int, *events: ports.Input) -> None:
        """Let the exchange handle inputs, and what they lead to."""
        self._inputs.extend(events)
        if self._busy:
            return
        self._busy = True
        try:
            while self._inputs:
                for effect in self._exchange.handle(self._inputs.popleft(), now):
                    self._carry_out(effect)
        finally:
            self._busy = False

    @staticmethod
    def heard(device: bytes, payload: bytes) -> tuple[ports.Input, ...]:
        """What a payload of kind "blocks" says: nothing, when a newer build said it."""
        try:
            return (ports.Received(device, messages.decode(payload)),)
        except TooNew:
            return ()

    def _carry_out(self, effect: ports.Effect) -> None:
        if isinstance(effect, ports.SendTo):
            self.send(effect.peer, effect.priority, messages.encode(effect.message))
            if isinstance(effect.message, messages.Block):
                self._inputs.append(ports.BlockSent(effect.peer, effect.message.cid))
        elif isinstance(effect, ports.StoreBlock):
            self._inputs.append(self._write(effect))
        elif isinstance(effect, ports.ReadBlock):
            self._inputs.append(ports.BlockRead(effect.request, self._read(effect.cid)))
        elif isinstance(effect, ports.FindBlocks):
            here = frozenset(filter(self.blocks.has, effect.cids))
            self._inputs.append(ports.BlocksFound(effect.request, here))
        elif isinstance(effect, ports.WakeAt):
            self.wake_at = effect.at
        elif isinstance(effect, ports.Complete):
            self.completed(effect.root)
        elif isinstance(effect, ports.RootHeard) and self._relay:
            wanted = ports.Want(effect.root, limit=RELAY_FILE_MAX_BYTES, prefetch=True)
            self._inputs.append(wanted)

    def _write(self, effect: ports.StoreBlock) -> ports.BlockStored:
        try:
            self.blocks.put(effect.cid, effect.data)
        except Invalid:
            return ports.BlockStored(effect.cid, wrong=True)
        except BlockError as failure:
            return ports.BlockStored(effect.cid, str(failure))
        return ports.BlockStored(effect.cid)

    def _read(self, cid: bytes) -> bytes | None:
        try:
            return self.blocks.get(cid)
        except Missing:
            return None

    # What is on the disk ------------------------------------------------------------------------

    def read(self, info: FileInfo) -> bytes | None:
        """A whole file as its user would see it; None when some of it is not here."""
        try:
            ref = FileRef(info.root, info.key, info.sha256, info.size)
            return FileReader(ref, self.blocks.get).read()
        except Missing:
            return None
        except Invalid as error:
            raise AssertionError(
                f"{self._name} opens another file than was sent: {error}"
            ) from None

    def rot(self, place: int) -> bytes | None:
        """One bit of some block's file changes; gives the block's id, None when there is none."""
        cids = self.blocks.cids()
        if not cids:
            return None
        cid = cids[place % len(cids)]
        path = self.blocks._path(cid)
        data = bytearray(path.read_bytes())
        data[place % len(data)] ^= 1 << place % 8
        path.write_bytes(data)
        return cid
