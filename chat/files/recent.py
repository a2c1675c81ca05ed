"""Blocks that came in lately, in memory.

In a swarm what has just come is what others ask for next: it is the newest and the rarest. From
here it goes out again without a thread, a file and a second look at its hash, which was checked
when it was stored.
"""

from collections import OrderedDict

from chat.files.limits import RECENT_BYTES


class Recent:
    """The newest blocks, at most `most_bytes` of them together.

    They stay here when the store drops them: ask it first whether a block is still here.
    """

    def __init__(self, most_bytes: int = RECENT_BYTES) -> None:
        assert most_bytes >= 0
        self._most_bytes = most_bytes
        self._blocks: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0

    def add(self, cid: bytes, data: bytes) -> None:
        """A block is on disk, and its bytes are those that its id names."""
        self._bytes -= len(self._blocks.pop(cid, b""))
        self._blocks[cid] = data
        self._bytes += len(data)
        while self._bytes > self._most_bytes:
            _, oldest = self._blocks.popitem(last=False)
            self._bytes -= len(oldest)

    def get(self, cid: bytes) -> bytes | None:
        """The bytes of a block, if it is one of these."""
        return self._blocks.get(cid)
