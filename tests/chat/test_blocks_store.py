"""The block store: whole blocks or none, whatever the disk does."""

import errno
import os
import threading
from pathlib import Path

import pytest

from chat.blocks.cid import cid_dag, cid_raw, format_cid
from chat.blocks.disk_files import pieces_of, save_as, store_sealed
from chat.blocks.errors import Changed, Invalid, Missing, StoreFailure
from chat.blocks.sealing import FileReader, FileSeal
from chat.blocks.store_files import BlockStore

BLOCK = b"a sealed cat"
CID = cid_raw(BLOCK)


def file_of(folder: Path, cid: bytes) -> Path:
    name = format_cid(cid)
    return folder / "blocks" / name[-2:] / name


def test_a_block_survives_a_restart(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    assert not store.has(CID)
    with pytest.raises(Missing):
        store.get(CID)
    store.put(CID, BLOCK)
    store.put(CID, BLOCK)
    again = BlockStore(tmp_path)
    assert again.has(CID)
    assert again.get(CID) == BLOCK
    assert (again.count, again.total_bytes, again.cids()) == (1, len(BLOCK), [CID])
    assert again.size_of(CID) == len(BLOCK)
    assert file_of(tmp_path, CID).stat().st_mode & 0o777 == 0o600
    again.delete(CID)
    again.delete(CID)
    assert not BlockStore(tmp_path).has(CID)
    with pytest.raises(Missing):
        again.size_of(CID)


def test_wrong_bytes_never_enter(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    for cid, data in ((CID, b"a dog"), (cid_raw(bytes(2**21)), bytes(2**21)), (b"name", BLOCK)):
        with pytest.raises(Invalid):
            store.put(cid, data)
    assert store.count == 0
    assert not list((tmp_path / "incoming").iterdir())


def test_raw_and_dag_blocks_with_equal_bytes_are_two(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    store.put(CID, BLOCK)
    store.put(cid_dag(BLOCK), BLOCK)
    assert store.count == 2


def test_a_damaged_block_is_set_aside_and_can_be_fetched_anew(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    store.put(CID, BLOCK)
    file_of(tmp_path, CID).write_bytes(b"a sealed cut")
    with pytest.raises(Missing, match="damaged"):
        store.get(CID)
    assert not store.has(CID)
    assert (tmp_path / "damaged" / format_cid(CID)).read_bytes() == b"a sealed cut"
    store.put(CID, BLOCK)
    assert store.get(CID) == BLOCK


def test_a_block_that_somebody_deleted_is_missing(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    store.put(CID, BLOCK)
    file_of(tmp_path, CID).unlink()
    with pytest.raises(Missing):
        store.get(CID)
    assert not store.has(CID)


def test_leftovers_and_strangers_are_no_blocks(tmp_path: Path) -> None:
    BlockStore(tmp_path).put(CID, BLOCK)
    (tmp_path / "incoming" / "half").write_bytes(b"a sea")
    (tmp_path / "blocks" / "README").write_bytes(b"")
    (tmp_path / "blocks" / "zz").mkdir()
    (tmp_path / "blocks" / "zz" / "notes.txt").write_bytes(b"")
    (tmp_path / "blocks" / "zz" / format_cid(cid_raw(b""))).write_bytes(b"")
    store = BlockStore(tmp_path)
    assert store.cids() == [CID]
    assert not list((tmp_path / "incoming").iterdir())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "may not be written"),
        (errno.EIO, "check it"),
        (errno.ENOTCONN, "failed"),
    ],
)
@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_a_refusing_disk_gets_a_sentence_and_shows_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str, call: str
) -> None:
    store = BlockStore(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        if call == "replace":
            patch.setattr(Path, "replace", refuse)
        else:
            patch.setattr(os, call, refuse)
        with pytest.raises(StoreFailure, match=words):
            store.put(CID, BLOCK)
    assert not store.has(CID)
    assert not file_of(tmp_path, CID).exists()
    assert not list((tmp_path / "incoming").iterdir())
    store.put(CID, BLOCK)
    assert store.get(CID) == BLOCK


def test_a_folder_that_cannot_be_made_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreFailure):
        BlockStore(tmp_path / "file")


def test_many_threads_share_one_store(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    blocks = [bytes([i]) * 1000 for i in range(24)]

    def work(offset: int) -> None:
        for i in range(len(blocks)):
            block = blocks[(i + offset) % len(blocks)]
            store.put(cid_raw(block), block)
            assert store.get(cid_raw(block)) == block

    threads = [threading.Thread(target=work, args=(offset,)) for offset in (0, 5, 11, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.count == len(blocks)
    assert BlockStore(tmp_path).cids() == store.cids()


def test_a_file_goes_in_and_comes_out(tmp_path: Path) -> None:
    source, copy = tmp_path / "cat.png", tmp_path / "copy.png"
    source.write_bytes(os.urandom(300_000))
    store = BlockStore(tmp_path / "store")
    ref = store_sealed(FileSeal(pieces_of(source), bytes(32)), store)
    copy.write_bytes(b"an older picture")
    save_as(FileReader(ref, store.get), copy)
    assert copy.read_bytes() == source.read_bytes()
    store.delete(store.cids()[0])
    copy.write_bytes(b"an older picture")
    with pytest.raises((Missing, Invalid)):
        save_as(FileReader(ref, store.get), copy)
    assert copy.read_bytes() == b"an older picture"
    with pytest.raises(StoreFailure):
        save_as(FileReader(ref, store.get), tmp_path / "nowhere" / "copy.png")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cat.png", "copy.png", "store"]


def test_a_file_that_changes_while_it_goes_in_leaves_no_blocks(tmp_path: Path) -> None:
    source = tmp_path / "cat.png"
    source.write_bytes(bytes(300_000))
    store = BlockStore(tmp_path / "store")
    kept = store_sealed(FileSeal(pieces_of(source), bytes(32)), store)
    seal = FileSeal(pieces_of(source), bytes(range(32)))
    source.write_bytes(bytes(299_999) + b"!")
    with pytest.raises(Changed):
        store_sealed(seal, store)
    assert FileReader(kept, store.get).read() == bytes(300_000)
    assert store.count == 6
