"""A file becomes blocks and blocks become the file; nothing else does."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.blocks import chunking, dagcbor, manifest, sealing
from chat.blocks.cid import cid_dag, cid_raw, format_cid, parse_cid
from chat.blocks.errors import Changed, Invalid, Missing, TooLarge
from chat.blocks.limits import FILE_MAX_BYTES, SUB_LINKS_MAX

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "blocks.json").read_text(encoding="utf-8")
)
SECRET = bytes(range(32))


def plaintext(about: str, size: int) -> bytes:
    parts = (hashlib.sha256(f"{about} {i}".encode()).digest() for i in range(size // 32 + 1))
    return b"".join(parts)[:size]


def getter(blocks: list[tuple[bytes, bytes]]) -> Any:
    held = dict(blocks)

    def get(cid: bytes) -> bytes:
        if cid not in held:
            raise Missing(cid)
        return held[cid]

    return get


@pytest.mark.parametrize("vector", VECTORS["files"], ids=lambda vector: vector["about"])
def test_vectors_of_sealing(vector: dict[str, Any]) -> None:
    data = plaintext(vector["about"], vector["size"])
    ref, blocks = sealing.seal_bytes(data, bytes.fromhex(vector["secret"]))
    assert ref.key.hex() == vector["file_key"]
    assert ref.plaintext_sha256.hex() == vector["plaintext_sha256"]
    assert sealing.chunk_key(ref.key, 0).hex() == vector["chunk_key_0"]
    assert format_cid(ref.root) == vector["root"]
    assert [(format_cid(cid), len(block)) for cid, block in blocks] == [
        (each["cid"], each["length"]) for each in vector["blocks"]
    ]
    for (_, block), each in zip(blocks, vector["blocks"], strict=True):
        assert each.get("block", block.hex()) == block.hex()
    assert sealing.FileReader(ref, getter(blocks)).read() == data


@pytest.mark.parametrize("vector", VECTORS["chunking"], ids=lambda vector: str(vector["size"]))
def test_vectors_of_chunking(vector: dict[str, int]) -> None:
    assert chunking.chunk_size(vector["size"]) == vector["chunk"]
    assert chunking.chunk_count(vector["size"]) == vector["chunks"]


@pytest.mark.parametrize("vector", VECTORS["nested"], ids=lambda vector: str(vector["size"]))
def test_vectors_of_two_level_manifests(vector: dict[str, Any]) -> None:
    size = vector["size"]
    chunks = [cid_raw(i.to_bytes(8, "big")) for i in range(chunking.chunk_count(size))]
    root, blocks = manifest.build(size, chunks)
    assert format_cid(root) == vector["root"]
    assert blocks[-1][1].hex() == vector["root_block"]
    read = manifest.read_manifest(blocks[-1][1])
    assert (read.size, read.nested) == (size, True)
    assert [format_cid(cid) for cid in read.links] == vector["subs"]
    listed: list[bytes] = []
    for index, (_, block) in enumerate(blocks[:-1]):
        listed.extend(manifest.read_sub_manifest(block, read.sub_link_count(index)))
    assert listed == chunks


@given(st.integers(0, 700_000), st.integers(0, 2**32), st.lists(st.integers(1, 90_000), min_size=1))
def test_pieces_of_any_size_give_the_same_blocks(size: int, seed: int, cuts: list[int]) -> None:
    data = plaintext(str(seed), size)

    def pieces() -> Iterator[bytes]:
        at = 0
        for cut in cuts:
            yield data[at : at + cut]
            at += cut
        yield data[at:]

    seal = sealing.FileSeal(pieces, SECRET)
    blocks = list(seal.blocks())
    assert (seal.ref, blocks) == sealing.seal_bytes(data, SECRET)
    assert len(blocks) == 1 or blocks[-1][0] == seal.ref.root
    reader = sealing.FileReader(seal.ref, getter(blocks))
    assert reader.read() == data
    start = seed % (size + 1)
    assert reader.span(start, start + 70_000) == data[start : start + 70_000]


def test_the_same_picture_dedupes_within_a_secret_and_not_across() -> None:
    data = plaintext("cat", 150_000)
    first = sealing.seal_bytes(data, SECRET)
    assert sealing.seal_bytes(data, SECRET) == first
    other_ref, other_blocks = sealing.seal_bytes(data, bytes(32))
    assert not {cid for cid, _ in first[1]} & {cid for cid, _ in other_blocks}
    assert other_ref.plaintext_sha256 == first[0].plaintext_sha256
    assert first[0].key.hex() not in repr(first[0])


def test_equal_chunks_of_one_file_have_blocks_of_their_own() -> None:
    _, blocks = sealing.seal_bytes(bytes(3 * 65_536), SECRET)
    assert len({cid for cid, _ in blocks}) == 4


def test_a_file_that_changes_between_the_passes_is_refused() -> None:
    for later in (b"y" * 100_000, b"x" * 99_999, b"x" * 100_001, b"", b"x" * 700_000):
        passes = iter([b"x" * 100_000, later])
        seal = sealing.FileSeal(lambda passes=passes: (next(passes),), SECRET)  # type: ignore[misc]
        with pytest.raises(Changed):
            list(seal.blocks())


def test_a_file_beyond_the_largest_is_refused_while_hashing() -> None:
    class Endless(bytes):
        def __len__(self) -> int:
            return FILE_MAX_BYTES // 2 + 1

    with pytest.raises(TooLarge):
        sealing.FileSeal(lambda: iter([Endless(), Endless()]), SECRET)


def test_a_reader_notices_every_wrong_block() -> None:
    data = plaintext("cat", 150_000)
    ref, blocks = sealing.seal_bytes(data, SECRET)
    held = dict(blocks)
    (first, one), (second, two), *_ = blocks
    held[first], held[second] = two, one
    with pytest.raises(Invalid):
        sealing.FileReader(ref, held.__getitem__).read()
    with pytest.raises(Missing):
        sealing.FileReader(ref, getter(blocks[1:])).read()
    with pytest.raises(Missing):
        sealing.FileReader(ref, getter(blocks[:-1]))
    with pytest.raises(Invalid):
        sealing.open_chunk(ref, 0, one[:-1] + bytes([one[-1] ^ 1]))
    with pytest.raises(Invalid):
        sealing.open_chunk(ref, 2, one)


def test_the_plaintext_hash_is_checked_at_the_end() -> None:
    """A member who seals other bytes under the key of a hash cannot pass them off as that file."""
    honest, _ = sealing.seal_bytes(b"a cat", SECRET)
    forged = sealing.seal_chunk(honest.key, 0, b"a dog")
    ref = sealing.FileRef(cid_raw(forged), honest.key, honest.plaintext_sha256, 5)
    with pytest.raises(Invalid, match="hash"):
        sealing.FileReader(ref, getter([(ref.root, forged)])).read()


def test_references_that_contradict_themselves_are_refused() -> None:
    small, _ = sealing.seal_bytes(b"a cat", SECRET)
    large, _ = sealing.seal_bytes(bytes(70_000), SECRET)
    for ref in (
        sealing.FileRef(large.root, small.key, small.plaintext_sha256, 5),
        sealing.FileRef(small.root, large.key, large.plaintext_sha256, 70_000),
        sealing.FileRef(small.root, small.key[:31], small.plaintext_sha256, 5),
        sealing.FileRef(small.root, small.key, b"", 5),
        sealing.FileRef(small.root, small.key, small.plaintext_sha256, -1),
        sealing.FileRef(small.root, small.key, small.plaintext_sha256, FILE_MAX_BYTES + 1),
        sealing.FileRef(b"", small.key, small.plaintext_sha256, 5),
    ):
        with pytest.raises(Invalid):
            sealing.check_ref(ref)


def test_manifests_that_break_a_rule_are_refused() -> None:
    links = [dagcbor.Link(cid_raw(bytes([i]))) for i in range(3)]
    good: dict[str, dagcbor.Value] = {"v": 1, "size": 150_000, "chunk": 65_536, "links": links}
    assert manifest.read_manifest(dagcbor.encode(good)).chunk_count == 3
    bad: list[dict[str, dagcbor.Value]] = [
        {"v": 2},
        {"size": 65_536},
        {"size": FILE_MAX_BYTES + 1},
        {"size": -1},
        {"size": "150000"},
        {"chunk": 131_072},
        {"links": links[:2]},
        {"links": [links[0], links[1], links[0]]},
        {"links": [*links[:2], dagcbor.Link(cid_dag(b""))]},
        {"links": [*links[:2], links[2].cid]},
        {"links": 3},
        {"extra": 1},
    ]
    for change in bad:
        with pytest.raises(Invalid):
            manifest.read_manifest(dagcbor.encode(good | change))
    with pytest.raises(Invalid):
        manifest.read_manifest(dagcbor.encode(list(good)))
    with pytest.raises(Invalid):
        manifest.read_manifest(bytes(70_000))
    sub = dagcbor.encode({"v": 1, "links": links})
    assert manifest.read_sub_manifest(sub, 3) == tuple(link.cid for link in links)
    with pytest.raises(Invalid):
        manifest.read_sub_manifest(sub, SUB_LINKS_MAX)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_invalid(data: bytes) -> None:
    for read in (manifest.read_manifest, lambda block: manifest.read_sub_manifest(block, 3)):
        with pytest.raises(Invalid):
            read(data)


@given(st.data())
def test_a_mutated_manifest_is_canonical_or_invalid(data: st.DataObject) -> None:
    _, blocks = manifest.build(150_000, [cid_raw(bytes([i])) for i in range(3)])
    block = bytearray(blocks[-1][1])
    at = data.draw(st.integers(0, len(block) - 1))
    block[at] ^= data.draw(st.integers(1, 255))
    try:
        read = manifest.read_manifest(bytes(block))
    except Invalid:
        return
    assert manifest.build(read.size, read.links)[1][-1][1] == bytes(block)


def test_a_large_file_is_read_through_its_sub_manifests() -> None:
    """129 MiB and a byte: two levels, opened piece by piece."""
    size = (128 << 20) + 1
    chunk = bytes(1 << 20)

    def pieces() -> Iterator[bytes]:
        for _ in range(128):
            yield chunk
        yield b"!"

    seal = sealing.FileSeal(pieces, SECRET)
    kept: dict[bytes, bytes] = {}
    count = 0
    for cid, block in seal.blocks():
        count += 1
        if format_cid(cid).startswith("bafy") or count in (1, 129):
            kept[cid] = block
    assert count == 129 + 1 + 1
    reader = sealing.FileReader(seal.ref, getter(list(kept.items())))
    assert reader.span(size - 1, size + 10) == b"!"
    assert reader.chunk(0) == chunk
    with pytest.raises(Missing):
        reader.chunk(1)
    assert parse_cid(format_cid(seal.ref.root)) == seal.ref.root
