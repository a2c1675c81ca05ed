"""Manifests: the Merkle nodes that list a file's blocks, and nothing that tells what is in them.

A file of one chunk has none; its root is the sealed chunk itself. Otherwise the root is a dag-cbor
node `{"v": 1, "size": S, "chunk": C, "links": [...]}`, its links the sealed chunks in order. Beyond
128 MiB the root's links are sub-manifests `{"v": 1, "links": [...]}` of 1,024 chunks each (the last
may have fewer). `size` is the plaintext's, `chunk` follows from it; both are checked, so that one
file has one manifest. The codec in a link tells a chunk (raw) from a sub-manifest (dag-cbor).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chat.blocks import chunking, dagcbor
from chat.blocks.cid import DAG_CBOR, RAW, cid_dag, codec_of
from chat.blocks.errors import Invalid
from chat.blocks.limits import (
    CHUNKS_FLAT_MAX,
    FILE_MAX_BYTES,
    MANIFEST_MAX_BYTES,
    SUB_LINKS_MAX,
)

VERSION = 1
_ROOT_KEYS = {"v", "size", "chunk", "links"}
_SUB_KEYS = {"v", "links"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """A root node.

    Attributes:
        size: plaintext bytes of the file.
        links: ids of the chunks, or of the sub-manifests when `nested`.
    """

    size: int
    links: tuple[bytes, ...]

    @property
    def chunk_size(self) -> int:
        return chunking.chunk_size(self.size)

    @property
    def chunk_count(self) -> int:
        return chunking.chunk_count(self.size)

    @property
    def nested(self) -> bool:
        return self.chunk_count > CHUNKS_FLAT_MAX

    def sub_link_count(self, index: int) -> int:
        """How many chunks sub-manifest `index` lists."""
        return min(SUB_LINKS_MAX, self.chunk_count - index * SUB_LINKS_MAX)


def build(size: int, chunk_cids: Sequence[bytes]) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """The root id and every manifest block, as (cid, block), children first, root last.

    One chunk needs no manifest: its own id is the root.
    """
    assert len(chunk_cids) == chunking.chunk_count(size)
    if len(chunk_cids) == 1:
        return chunk_cids[0], []
    blocks: list[tuple[bytes, bytes]] = []
    links = list(chunk_cids)
    if len(chunk_cids) > CHUNKS_FLAT_MAX:
        for sub in _groups(chunk_cids):
            block = dagcbor.encode({"v": VERSION, "links": [dagcbor.Link(cid) for cid in sub]})
            blocks.append((cid_dag(block), block))
        links = [cid for cid, _ in blocks]
    root = dagcbor.encode(
        {
            "v": VERSION,
            "size": size,
            "chunk": chunking.chunk_size(size),
            "links": [dagcbor.Link(cid) for cid in links],
        }
    )
    blocks.append((cid_dag(root), root))
    return blocks[-1][0], blocks


def _groups(cids: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(cids), SUB_LINKS_MAX):
        yield cids[start : start + SUB_LINKS_MAX]


def read_manifest(block: bytes) -> Manifest:
    """The root node in `block`.

    Raises:
        Invalid: not dag-cbor, not this schema, or counts that do not fit the size.
    """
    node = _node(block, _ROOT_KEYS)
    size = node["size"]
    if not isinstance(size, int) or not chunking.chunk_size(0) < size <= FILE_MAX_BYTES:
        raise Invalid("the manifest's size is out of range")
    if node["chunk"] != chunking.chunk_size(size):
        raise Invalid("the manifest's chunk size does not follow from its size")
    nested = chunking.chunk_count(size) > CHUNKS_FLAT_MAX
    expected = chunking.chunk_count(size)
    if nested:
        expected = (expected + SUB_LINKS_MAX - 1) // SUB_LINKS_MAX
    links = _links(node["links"], expected, DAG_CBOR if nested else RAW)
    return Manifest(size, links)


def read_sub_manifest(block: bytes, expected: int) -> tuple[bytes, ...]:
    """The chunk ids in a sub-manifest that must list `expected` of them.

    Raises:
        Invalid: not dag-cbor, not this schema, or another count.
    """
    return _links(_node(block, _SUB_KEYS)["links"], expected, RAW)


def _node(block: bytes, keys: set[str]) -> dict[str, dagcbor.Value]:
    if len(block) > MANIFEST_MAX_BYTES:
        raise Invalid("the manifest is larger than a manifest can be")
    node = dagcbor.decode(block)
    if not isinstance(node, dict) or node.keys() != keys:
        raise Invalid("the manifest does not have the fields of its kind")
    if node["v"] != VERSION:
        raise Invalid("the manifest has a version that needs a newer Clowder")
    return node


def _links(value: dagcbor.Value, expected: int, codec: int) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) != expected:
        raise Invalid("the manifest does not list as many blocks as its size needs")
    links: list[bytes] = []
    for item in value:
        if not isinstance(item, dagcbor.Link) or codec_of(item.cid) != codec:
            raise Invalid("the manifest links to something that is not a block of its kind")
        links.append(item.cid)
    if len(set(links)) != len(links):
        raise Invalid("the manifest lists a block twice; chunks have keys of their own")
    return tuple(links)
