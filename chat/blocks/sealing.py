"""From a file to its blocks and back: keys, sealing, opening.

    file key   = kdf(secret, "x1.file", SHA-256 of the plaintext)
    chunk key  = kdf(file key, "x1.block", index as u64 big-endian)
    block      = XChaCha20-Poly1305(chunk key, nonce of 24 zeros, chunk)

`secret` is the convergence secret of the scope and epoch, so the same picture gives the same blocks
among those who share it, and an outsider can confirm nothing. A chunk key seals one plaintext only:
the key follows from the whole file's hash and the index, and the cut from its size; that is why
the nonce may be constant. (Convergent encryption: Tahoe-LAFS, "convergence secret".)

A file that changes between hashing and sealing would break "one plaintext": `FileSeal` hashes again
while it seals and raises `Changed`; the caller deletes what was written and tells nobody.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from chat.blocks import chunking, manifest
from chat.blocks.cid import DAG_CBOR, check_cid, cid_raw, codec_of
from chat.blocks.errors import Changed, Invalid, TooLarge
from chat.blocks.limits import FILE_MAX_BYTES, SUB_LINKS_MAX
from crdt import errors as crdt_errors
from crdt import keys
from crdt.limits import NONCE_BYTES

_ZERO_NONCE = bytes(NONCE_BYTES)
_FILE_LABEL = b"x1.file"
_CHUNK_LABEL = b"x1.block"

Read = Callable[[], Iterable[bytes]]
"""Opens the plaintext anew and gives its bytes in pieces of any size."""


class FileRef(Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """What travels sealed inside a message: enough to fetch, check and open a file.

    Attributes:
        root: 36-byte id, raw for a file of one chunk, else of the root manifest.
        key: 32-byte file key.
        plaintext_sha256: 32 bytes.
        size: plaintext bytes.
    """

    root: bytes
    key: bytes
    plaintext_sha256: bytes
    size: int

    def __repr__(self) -> str:
        return f"FileRef(root={self.root.hex()}, size={self.size})"


def file_key(secret: bytes, plaintext_sha256: bytes) -> bytes:
    """The key of a whole file within one scope and epoch."""
    return keys.kdf(secret, _FILE_LABEL, plaintext_sha256)


def chunk_key(key: bytes, index: int) -> bytes:
    """The key of one chunk of the file whose key is `key`."""
    return keys.kdf(key, _CHUNK_LABEL, index.to_bytes(8, "big"))


def seal_chunk(key: bytes, index: int, chunk: bytes) -> bytes:
    """The block of chunk `index`: 16 bytes longer than the chunk."""
    return keys.seal(chunk_key(key, index), _ZERO_NONCE, chunk, b"")


def open_chunk(ref: FileRef, index: int, block: bytes) -> bytes:
    """The plaintext of chunk `index` of the file.

    Raises:
        Invalid: not that chunk of that file.
    """
    if len(block) != chunking.block_length(ref.size, index):
        raise Invalid("the block does not have the length of this chunk")
    try:
        return keys.open_sealed(chunk_key(ref.key, index), _ZERO_NONCE, block, b"")
    except crdt_errors.Invalid:
        raise Invalid("the block does not open with this file's key") from None


def check_ref(ref: FileRef) -> FileRef:
    """`ref` itself, when its fields have the lengths and the root the codec that its size needs.

    Raises:
        Invalid: they do not.
    """
    check_cid(ref.root)
    if len(ref.key) != 32 or len(ref.plaintext_sha256) != 32:
        raise Invalid("a file's key and hash have 32 bytes")
    if not 0 <= ref.size <= FILE_MAX_BYTES:
        raise Invalid("the file is larger than a file can be")
    if (codec_of(ref.root) == DAG_CBOR) != (chunking.chunk_count(ref.size) > 1):
        raise Invalid("the file's root is not of the kind that its size needs")
    return ref


class FileSeal:
    """Seals one file in two passes, holding one chunk at a time.

    Construction is the first pass (hash and size). `blocks()` is the second; after it, `ref` is
    what goes into the message.
    """

    def __init__(self, read: Read, secret: bytes) -> None:
        """Raises TooLarge when the file is larger than a file can be."""
        self._read = read
        digest = hashlib.sha256()
        size = 0
        for piece in read():
            digest.update(piece)
            size += len(piece)
            if size > FILE_MAX_BYTES:
                raise TooLarge(f"a shared file has at most {FILE_MAX_BYTES >> 30} GiB")
        self.size = size
        self.plaintext_sha256 = digest.digest()
        self.key = file_key(secret, self.plaintext_sha256)
        self._root: bytes | None = None

    def use_key(self, key: bytes) -> None:
        """Seal with the key of an earlier message about this very file: its blocks come out again.

        The key must have been made for this plaintext: it seals no other.
        """
        self.key = key

    def blocks(self) -> Iterator[tuple[bytes, bytes]]:
        """Every block as (cid, bytes): chunks in order, then manifests, the root last.

        Raises:
            Changed: the second pass read other bytes than the first.
        """
        digest = hashlib.sha256()
        left = self.size
        cids: list[bytes] = []
        for index, chunk in enumerate(chunking.recut(self._read(), chunking.chunk_size(self.size))):
            left -= len(chunk)
            if left < 0:
                raise Changed("the file grew while it was being shared; share it again")
            digest.update(chunk)
            block = seal_chunk(self.key, index, chunk)
            cids.append(cid_raw(block))
            yield cids[-1], block
        if left or digest.digest() != self.plaintext_sha256:
            raise Changed("the file changed while it was being shared; share it again")
        self._root, manifests = manifest.build(self.size, cids)
        yield from manifests

    @property
    def ref(self) -> FileRef:
        """The reference to the sealed file; complete only after `blocks()` ran to its end."""
        assert self._root is not None, "blocks() has not run to its end"
        return FileRef(self._root, self.key, self.plaintext_sha256, self.size)


def seal_bytes(data: bytes, secret: bytes) -> tuple[FileRef, list[tuple[bytes, bytes]]]:
    """A small file at once: its reference and its blocks as (cid, bytes)."""
    seal = FileSeal(lambda: (data,), secret)
    blocks = list(seal.blocks())
    return seal.ref, blocks


class FileReader:
    """Reads a sealed file whose blocks come from `get` (cid to bytes; raises Missing).

    Every chunk is checked by its key; `pieces()` checks the whole plaintext's hash as well.
    """

    def __init__(self, ref: FileRef, get: Callable[[bytes], bytes]) -> None:
        """Raises Missing without the root, Invalid when the manifest is not this file's."""
        self.ref = check_ref(ref)
        self._get = get
        self._subs: dict[int, tuple[bytes, ...]] = {}
        self._manifest: manifest.Manifest | None = None
        if codec_of(ref.root) == DAG_CBOR:
            self._manifest = manifest.read_manifest(get(ref.root))
            if self._manifest.size != ref.size:
                raise Invalid("the manifest lists a file of another size than the message says")

    @property
    def chunk_count(self) -> int:
        return chunking.chunk_count(self.ref.size)

    def chunk(self, index: int) -> bytes:
        """The plaintext of chunk `index`. Raises Missing or Invalid."""
        return open_chunk(self.ref, index, self._get(self._cid(index)))

    def span(self, start: int, stop: int) -> bytes:
        """The plaintext bytes [start, stop), cut at the file's end. Raises Missing or Invalid."""
        stop = min(stop, self.ref.size)
        if start >= stop:
            return b""
        width = chunking.chunk_size(self.ref.size)
        first, last = start // width, (stop - 1) // width
        data = b"".join(self.chunk(index) for index in range(first, last + 1))
        return data[start - first * width : stop - first * width]

    def pieces(self) -> Iterator[bytes]:
        """The whole plaintext, chunk by chunk.

        Raises:
            Missing: a block is not here.
            Invalid: a chunk does not open, or (after the last one) the hash is not the message's.
        """
        digest = hashlib.sha256()
        for index in range(self.chunk_count):
            chunk = self.chunk(index)
            digest.update(chunk)
            yield chunk
        if digest.digest() != self.ref.plaintext_sha256:
            raise Invalid("the file's bytes do not have the hash that the message names")

    def read(self) -> bytes:
        """The whole plaintext at once, hash checked: for small files. Raises as `pieces`."""
        return b"".join(self.pieces())

    def _cid(self, index: int) -> bytes:
        assert 0 <= index < self.chunk_count
        if self._manifest is None:
            return self.ref.root
        if not self._manifest.nested:
            return self._manifest.links[index]
        sub, place = divmod(index, SUB_LINKS_MAX)
        if sub not in self._subs:
            block = self._get(self._manifest.links[sub])
            expected = self._manifest.sub_link_count(sub)
            self._subs = {sub: manifest.read_sub_manifest(block, expected)}
        return self._subs[sub][place]
