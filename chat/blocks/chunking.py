"""How a file is cut: one chunk size for every length, so equal files give equal blocks.

The chunk is the smallest power of two from 64 KiB to 1 MiB that cuts the file into at most 128
chunks; a file beyond 128 MiB has 1 MiB chunks, as many as it takes, under a two-level manifest.
"""

from collections.abc import Iterable, Iterator

from chat.blocks.limits import (
    CHUNK_MAX_BYTES,
    CHUNK_MIN_BYTES,
    CHUNKS_FLAT_MAX,
    FILE_MAX_BYTES,
    TAG_BYTES,
)


def chunk_size(size: int) -> int:
    """Plaintext bytes a chunk for a file of `size` bytes."""
    assert 0 <= size <= FILE_MAX_BYTES
    chunk = CHUNK_MIN_BYTES
    while chunk < CHUNK_MAX_BYTES and chunk * CHUNKS_FLAT_MAX < size:
        chunk *= 2
    return chunk


def chunk_count(size: int) -> int:
    """Chunks of a file of `size` bytes; an empty file has one empty chunk."""
    chunk = chunk_size(size)
    return max(1, (size + chunk - 1) // chunk)


def chunk_length(size: int, index: int) -> int:
    """Plaintext bytes of chunk `index`; its block is `TAG_BYTES` longer."""
    chunk = chunk_size(size)
    return min(chunk, size - index * chunk)


def block_length(size: int, index: int) -> int:
    """Bytes of the sealed block of chunk `index`."""
    return chunk_length(size, index) + TAG_BYTES


def recut(pieces: Iterable[bytes], chunk: int) -> Iterator[bytes]:
    """The same bytes in chunks of `chunk` bytes; the last may be shorter.

    Holds at most one chunk and one incoming piece. Nothing at all gives one empty chunk.
    """
    buffer = bytearray()
    cut_any = False
    for piece in pieces:
        buffer += piece
        while len(buffer) > chunk:
            yield bytes(buffer[:chunk])
            del buffer[:chunk]
            cut_any = True
    if buffer or not cut_any:
        yield bytes(buffer)
