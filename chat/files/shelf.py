"""How much of each file is on this machine, ready to be asked for every row on the screen.

A file is counted once: whether its root is here, and which of the blocks that the manifests list.
That reads the manifest (at most 6 KiB up to 128 MiB) the first time and nothing afterwards: while a
file comes in, the exchange says how far it is, and blocks come in no other way. A damaged block
that was set aside may belong to any file, so all are counted anew; that is rare.
"""

from collections import OrderedDict
from dataclasses import dataclass

from chat.blocks import chunking
from chat.blocks.cid import RAW, codec_of
from chat.blocks.errors import Invalid, Missing, StoreFailure
from chat.blocks.limits import CHUNKS_FLAT_MAX, SUB_LINKS_MAX
from chat.blocks.manifest import Manifest, read_manifest, read_sub_manifest
from chat.blocks.store_files import BlockStore
from chat.files.limits import SHARES_REMEMBERED


@dataclass(frozen=True, slots=True)
class Stats:
    """What a block store holds: blocks, and their bytes."""

    blocks: int
    block_bytes: int


class Shelf:
    """Shares by root. Event loop only."""

    def __init__(self, store: BlockStore) -> None:
        self._store = store
        self._shares: OrderedDict[bytes, float] = OrderedDict()

    def share(self, root: bytes) -> float:
        """The share of a file's blocks that is here, 0.0 to 1.0. `root` is a valid id."""
        if not self._store.has(root):
            return 0.0
        if codec_of(root) == RAW:
            return 1.0
        share = self._shares.get(root)
        if share is None:
            share = self._count(root)
            self.note(root, share)
        return share

    def complete(self, root: bytes) -> bool:
        """Whether every block of the file is here."""
        return self.share(root) == 1.0

    def blocks(self, root: bytes, size: int) -> tuple[int, int]:
        """How many blocks of a file are here, and how many it has, the manifests too."""
        chunks = chunking.chunk_count(size)
        total = chunks
        if chunks > 1:
            total += 1
        if chunks > CHUNKS_FLAT_MAX:
            total += (chunks + SUB_LINKS_MAX - 1) // SUB_LINKS_MAX
        if self.complete(root):
            return total, total
        if not self._store.has(root):
            return 0, total
        return 1 + round(self._count(root) * (total - 1)), total

    def note(self, root: bytes, share: float) -> None:
        """So much of the file is here now."""
        self._shares[root] = share
        self._shares.move_to_end(root)
        if len(self._shares) > SHARES_REMEMBERED:
            self._shares.popitem(last=False)

    def count_anew(self) -> None:
        """Blocks went away."""
        self._shares.clear()

    def _count(self, root: bytes) -> float:
        try:
            manifest = read_manifest(self._store.get(root))
        except (Missing, Invalid, StoreFailure):
            return 0.0
        here = sum(map(self._store.has, manifest.links))
        count = len(manifest.links)
        if manifest.nested:
            here += self._count_below(manifest)
            count += manifest.chunk_count
        return here / count

    def _count_below(self, manifest: Manifest) -> int:
        """Chunks that are here, of those that the sub-manifests here list."""
        here = 0
        for index, sub in enumerate(manifest.links):
            try:
                links = read_sub_manifest(self._store.get(sub), manifest.sub_link_count(index))
            except (Missing, Invalid, StoreFailure):
                continue
            here += sum(map(self._store.has, links))
        return here
