"""The pieces of one file as far as its manifests are known here, as bits of integers.

Pieces are numbered: the sub-manifests in order, then the chunks in order. A file of one chunk has
one piece, its root. A root manifest is no piece; it must be here before pieces have names. Sets of
pieces are Python integers, bit `i` for piece `i`: union, difference and count cost microseconds for
the largest file.
"""

from chat.blocks import chunking
from chat.blocks.cid import RAW, codec_of
from chat.blocks.errors import Invalid
from chat.blocks.limits import BLOCK_MAX_BYTES, MANIFEST_MAX_BYTES, SUB_LINKS_MAX
from chat.blocks.manifest import Manifest, read_manifest, read_sub_manifest

ROOT = -1
"""The piece number of a root manifest, in requests only."""


def lowest(bits: int) -> int:
    """The number of the lowest piece in a set that is not empty."""
    return (bits & -bits).bit_length() - 1


class Tree:
    """What is known of one file's layout, and which of its pieces are on this disk."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.single = codec_of(root) == RAW
        self.manifest: Manifest | None = None
        self.subs = 0
        self.named = 0
        """Pieces whose ids are known."""
        self.here = 0
        """Pieces that are on disk."""
        self.checked = 0
        """Pieces of which the disk was asked; only these may be fetched."""
        self.root_here = False
        self._cids: list[bytes | None] = []
        self._pieces: dict[bytes, int] = {}
        if self.single:
            self._cids = [root]
            self._pieces = {root: 0}
            self.named = 1

    @property
    def count(self) -> int:
        """How many pieces there are; 0 until the root manifest is known."""
        return len(self._cids)

    @property
    def all(self) -> int:
        return (1 << self.count) - 1

    @property
    def known(self) -> bool:
        """Whether the number of pieces is known."""
        return bool(self._cids)

    @property
    def complete(self) -> bool:
        return self.known and self.root_here and self.here == self.all

    @property
    def size(self) -> int | None:
        """Plaintext bytes; None for a file of one chunk, whose id does not tell."""
        return self.manifest.size if self.manifest else None

    @property
    def done_bytes(self) -> int:
        """Plaintext bytes of the chunks on disk; 0 for a file of one chunk (see `size`)."""
        if self.manifest is None:
            return 0
        chunks = self.here >> self.subs
        done = chunks.bit_count() * self.manifest.chunk_size
        last = self.manifest.chunk_count - 1
        if chunks >> last & 1:
            short = chunking.chunk_length(self.manifest.size, last)
            done += short - self.manifest.chunk_size
        return done

    def piece_of(self, cid: bytes) -> int | None:
        """The number of a piece by its id; `ROOT` for a root manifest; None for a stranger."""
        if cid == self.root and not self.single:
            return ROOT
        return self._pieces.get(cid)

    def cid_of(self, piece: int) -> bytes:
        """The id of a named piece or of `ROOT`."""
        if piece == ROOT:
            return self.root
        cid = self._cids[piece]
        assert cid is not None
        return cid

    def add(self, piece: int) -> None:
        """A piece is on disk."""
        self.here |= 1 << piece
        self.root_here = self.root_here or self.single

    def remove(self, piece: int) -> None:
        """A piece turned out not to be on disk."""
        self.here &= ~(1 << piece)
        self.root_here = self.root_here and not self.single

    def is_node(self, piece: int) -> bool:
        """Whether a piece is a manifest: small, and wanted by everybody before all else."""
        return piece == ROOT or piece < self.subs

    def length_bound(self, piece: int) -> int:
        """Bytes of the block of a piece, exactly or at most."""
        if self.is_node(piece):
            return MANIFEST_MAX_BYTES
        if self.manifest is None:
            return BLOCK_MAX_BYTES if not self.single else chunking.block_length(1 << 16, 0)
        return chunking.block_length(self.manifest.size, piece - self.subs)

    def learn(self, piece: int, block: bytes) -> tuple[bytes, ...]:
        """Read a manifest that is here; gives the ids it names.

        Raises:
            Invalid: it breaks a rule, or names a block twice.
        """
        if piece == ROOT:
            self.manifest = read_manifest(block)
            links = self.manifest.links
            self.subs = len(links) if self.manifest.nested else 0
            chunks = [None] * (self.manifest.chunk_count if self.manifest.nested else 0)
            self._cids = [*links, *chunks]
            self._name(0, links)
            return links
        assert self.manifest is not None
        links = read_sub_manifest(block, self.manifest.sub_link_count(piece))
        self._name(self.subs + piece * SUB_LINKS_MAX, links)
        return links

    def _name(self, start: int, links: tuple[bytes, ...]) -> None:
        for offset, cid in enumerate(links):
            if self._pieces.setdefault(cid, start + offset) != start + offset:
                raise Invalid("the file's manifests name a block twice")
        self._cids[start : start + len(links)] = links
        self.named |= ((1 << len(links)) - 1) << start

    def bitmap(self) -> bytes:
        """The pieces that are here, as HAVE carries them."""
        return self.here.to_bytes((self.count + 7) // 8, "little")

    def read_bitmap(self, bitmap: bytes) -> int:
        """The set in a HAVE.

        Raises:
            Invalid: not as long as this file's, or bits beyond its pieces.
        """
        bits = int.from_bytes(bitmap, "little")
        if len(bitmap) != (self.count + 7) // 8 or bits > self.all:
            raise Invalid("the bitmap does not fit the file")
        return bits
