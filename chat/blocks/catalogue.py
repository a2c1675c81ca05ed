"""Which files the blocks on a disk belong to, found from the blocks alone. Blocking.

A relay knows no messages, and a member's messages may name files of which nothing is here; so what
can be dropped is looked up where it lies. Every dag-cbor block is read: a root manifest is a file,
and lists its blocks, itself or through its sub-manifests. A raw block that no manifest here lists
is a file of one chunk.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from chat.blocks.cid import DAG_CBOR, codec_of
from chat.blocks.errors import Invalid, Missing, StoreFailure
from chat.blocks.manifest import Manifest, read_manifest, read_sub_manifest
from chat.blocks.store_files import BlockStore


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What is here of one file.

    Attributes:
        cids: its blocks that are here, chunks first and the root last: removed in this order, what
            a cut leaves is still found from its root.
        size: their bytes.
        used_at: seconds since 1970.
    """

    root: bytes
    cids: tuple[bytes, ...] = field(repr=False)
    size: int
    used_at: float


def stored_files(store: BlockStore, keep_on: Callable[[], None]) -> list[StoredFile]:
    """Everything in a store, the file used longest ago first. `keep_on` may raise to end it."""
    cids = store.cids()
    manifests: dict[bytes, Manifest] = {}
    for cid in cids:
        if codec_of(cid) == DAG_CBOR:
            keep_on()
            try:
                manifests[cid] = read_manifest(store.get(cid))
            except (Missing, Invalid, StoreFailure):
                continue  # A sub-manifest, which its root reads; or nothing that can be judged.
    blocks = {root: _blocks_of(store, root, each, keep_on) for root, each in manifests.items()}
    listed = {cid for some in blocks.values() for cid in some}
    blocks |= {cid: (cid,) for cid in cids if codec_of(cid) != DAG_CBOR and cid not in listed}
    found = []
    for root, some in blocks.items():
        keep_on()
        here = tuple(filter(store.has, some))
        found.append(StoredFile(root, here, _bytes_of(store, here), store.used_at(root)))
    return sorted(found, key=lambda each: each.used_at)


def _blocks_of(
    store: BlockStore, root: bytes, manifest: Manifest, keep_on: Callable[[], None]
) -> tuple[bytes, ...]:
    if not manifest.nested:
        return (*manifest.links, root)
    chunks: list[bytes] = []
    for index, sub in enumerate(manifest.links):
        keep_on()
        try:
            chunks += read_sub_manifest(store.get(sub), manifest.sub_link_count(index))
        except (Missing, Invalid, StoreFailure):
            continue
    return (*chunks, *manifest.links, root)


def _bytes_of(store: BlockStore, cids: tuple[bytes, ...]) -> int:
    total = 0
    for cid in cids:
        try:
            total += store.size_of(cid)
        except Missing:
            continue  # Gone since it was listed.
    return total
