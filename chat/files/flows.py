"""Who gives what to whom, as far as this machine takes part: bytes by file and device.

The exchange needs none of this; people want to see it. So it is read off the messages that pass:
a BLOCK belongs to the file whose GET-BLOCK asked for it, a HAVE tells how much of a file its
sender holds. What is counted is what was sent, not what was checked; the exchange ends a peer that
sends wrong bytes. Counts of bytes are of ciphertext. Pure, and bounded for each device by itself,
so that a peer that names many files spoils nobody's picture but its own.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from chat.blocks import messages
from chat.files.limits import FLOW_ASKS_MAX, FLOW_DEVICES_MAX, FLOW_FILES_MAX


@dataclass(slots=True)
class Flow:
    """What passed between this machine and one device of one file.

    Attributes:
        received, sent: bytes of blocks, this machine being the one that receives and sends.
        pieces: how many pieces it said that it holds; the root is none.
        holds: whether it said that it has some of the file.
        moved: when a block passed last, in monotonic milliseconds.
    """

    received: int = 0
    sent: int = 0
    pieces: int = 0
    holds: bool = False
    moved: float = 0.0


@dataclass(slots=True)
class _Device:
    files: OrderedDict[bytes, Flow] = field(default_factory=OrderedDict)
    asked: OrderedDict[bytes, bytes] = field(default_factory=OrderedDict)
    """Block to file, of what it was asked for."""
    asks: OrderedDict[bytes, bytes] = field(default_factory=OrderedDict)
    """Block to file, of what it asks for."""

    def flow(self, root: bytes) -> Flow:
        found = self.files.setdefault(root, Flow())
        self.files.move_to_end(root)
        if len(self.files) > FLOW_FILES_MAX:
            self.files.popitem(last=False)
        return found


class Flows:
    """Listens to the messages of the block exchange."""

    def __init__(self) -> None:
        self._devices: OrderedDict[bytes, _Device] = OrderedDict()

    def heard(self, device: bytes, message: messages.Message, now: float) -> None:
        """A device said something; `now` in monotonic milliseconds."""
        match message:
            case messages.GetBlock(root=root, cid=cid):
                _note(self._device(device).asks, cid, root)
            case messages.Block(cid=cid, data=data):
                known = self._device(device)
                asked = known.asked.pop(cid, None)
                if asked is not None:
                    flow = known.flow(asked)
                    flow.received += len(data)
                    flow.moved = now
            case messages.Have(root=root, bitmap=bitmap):
                flow = self._device(device).flow(root)
                flow.pieces = int.from_bytes(bitmap, "little").bit_count()
                flow.holds = True
            case messages.HaveMore(root=root, pieces=pieces):
                flow = self._device(device).flow(root)
                flow.pieces += len(pieces)
                flow.holds = True
            case messages.HaveNot(root=root):
                flow = self._device(device).flow(root)
                flow.pieces, flow.holds = 0, False
            case _:
                pass

    def said(self, device: bytes, message: messages.Message, now: float) -> None:
        """This machine said something to a device."""
        match message:
            case messages.GetBlock(root=root, cid=cid):
                _note(self._device(device).asked, cid, root)
            case messages.Block(cid=cid, data=data):
                known = self._device(device)
                asked = known.asks.pop(cid, None)
                if asked is not None:
                    flow = known.flow(asked)
                    flow.sent += len(data)
                    flow.moved = now
            case _:
                pass

    def gone(self, device: bytes) -> None:
        """A device is no longer linked: nothing that was asked for will come."""
        known = self._devices.get(device)
        if known is not None:
            known.asked.clear()
            known.asks.clear()
            for flow in known.files.values():
                flow.pieces, flow.holds = 0, False

    def by_file(self) -> dict[bytes, dict[bytes, Flow]]:
        """Root to device to what passed, the file that moved last at the beginning."""
        found: dict[bytes, dict[bytes, Flow]] = {}
        for device, known in self._devices.items():
            for root, flow in known.files.items():
                found.setdefault(root, {})[device] = flow
        moved = {root: max(flow.moved for flow in flows.values()) for root, flows in found.items()}
        return {root: found[root] for root in sorted(found, key=moved.__getitem__, reverse=True)}

    def _device(self, device: bytes) -> _Device:
        known = self._devices.setdefault(device, _Device())
        self._devices.move_to_end(device)
        if len(self._devices) > FLOW_DEVICES_MAX:
            self._devices.popitem(last=False)
        return known


def _note(asked: OrderedDict[bytes, bytes], cid: bytes, root: bytes) -> None:
    asked[cid] = root
    asked.move_to_end(cid)
    if len(asked) > FLOW_ASKS_MAX:
        asked.popitem(last=False)
