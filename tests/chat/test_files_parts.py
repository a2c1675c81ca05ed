"""The parts of the shell that are plain values: departures, quota, shares, transfers."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from chat.blocks import manifest
from chat.blocks.cid import cid_raw
from chat.blocks.sealing import FileReader, seal_bytes
from chat.blocks.store_files import BlockStore
from chat.files.departures import Departures
from chat.files.limits import TRANSFERS_KEPT
from chat.files.quota import Quota
from chat.files.shelf import Shelf
from chat.files.transfers import Transfers
from tests.chat.files_team import SECRET, noise


@given(st.lists(st.tuples(st.integers(1, 5_000), st.booleans()), max_size=30), st.data())
def test_a_block_has_left_exactly_when_its_last_byte_has(
    sent: list[tuple[int, bool]], data: st.DataObject
) -> None:
    departures = Departures()
    given_bytes = 0
    on_the_wire = 0
    ends: list[tuple[int, bytes]] = []
    reported: list[bytes] = []
    for number, (size, is_block) in enumerate(sent):
        cid = bytes([number]) if is_block else None
        departures.gave(b"bo", 4, size, cid)
        departures.gave(b"cleo", 4, 1, None)
        given_bytes += size
        if cid is not None:
            ends.append((given_bytes, cid))
        on_the_wire = data.draw(st.integers(on_the_wire, given_bytes))
        queued = given_bytes - on_the_wire
        reported += [
            cid for _, cid in departures.left(lambda device, priority, queued=queued: queued)
        ]
        assert reported == [cid for end, cid in ends if end <= on_the_wire]
        assert departures.waiting == (len(reported) < len(ends))
    departures.peer_gone(b"bo")
    assert not departures.waiting
    assert departures.left(lambda device, priority: 0) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1_000)), max_size=40))
def test_a_quota_gives_back_what_it_was_promised(steps: list[tuple[int, int]]) -> None:
    quota = Quota(10_000, 1_000)
    expected: dict[bytes, int] = {}
    for root, lacking in steps:
        if lacking == 0:
            quota.settle(bytes([root]))
            expected.pop(bytes([root]), None)
        else:
            quota.expect(bytes([root]), lacking)
            expected[bytes([root])] = lacking
        assert quota.room == 9_000 - sum(expected.values())
    quota.stored(500)
    assert quota.room == 8_500 - sum(expected.values())


def test_shares_are_counted_once_from_what_is_on_disk(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    ref, blocks = seal_bytes(noise(1, 640_000), SECRET)
    single, (only,) = seal_bytes(b"small", SECRET)
    shelf = Shelf(store)
    assert shelf.share(ref.root) == shelf.share(single.root) == 0.0
    store.put(*only)
    assert shelf.complete(single.root)
    for cid, block in [*blocks[:4], blocks[-1]]:
        store.put(cid, block)
    assert shelf.share(ref.root) == 0.4

    # From here on no call reads the disk.
    reads: list[bytes] = []
    get = store.get
    store.get = lambda cid: reads.append(cid) or get(cid)  # type: ignore[method-assign, func-returns-value]
    assert shelf.share(ref.root) == 0.4
    for cid, block in blocks:
        store.put(cid, block)
    shelf.note(ref.root, 1.0)
    assert shelf.complete(ref.root)
    assert reads == []
    shelf.count_anew()
    assert shelf.complete(ref.root)
    assert reads == [ref.root]


def test_a_two_level_file_is_counted_with_its_sub_manifests(tmp_path: Path) -> None:
    """The chunks need not exist as bytes for this: only names are looked up."""
    size = 1_100 << 20
    chunks = [cid_raw(number.to_bytes(4, "big")) for number in range(1_100)]
    root, nodes = manifest.build(size, chunks)
    store = BlockStore(tmp_path)
    for number in range(10):
        store.put(chunks[number], number.to_bytes(4, "big"))
    store.put(*nodes[-1])
    assert Shelf(store).share(root) == 0.0
    store.put(*nodes[0])
    assert Shelf(store).share(root) == 11 / 1_102
    store.put(chunks[1_099], (1_099).to_bytes(4, "big"))
    store.put(*nodes[1])
    assert Shelf(store).share(root) == 13 / 1_102


def test_only_the_last_ended_transfers_are_listed() -> None:
    transfers = Transfers()
    roots = [cid_raw(number.to_bytes(4, "big")) for number in range(TRANSFERS_KEPT + 10)]
    still = transfers.begin(cid_raw(b"still wanted"), 5, False)
    for root in roots:
        transfers.begin(root, 5, True).end("done", "", 0.0)
        transfers.ended(root)
    again = transfers.begin(roots[-1], 5, False)
    states = transfers.states(0.0)
    assert [each.root for each in states[:2]] == [still.root, again.root]
    assert [each.root for each in states[2:]] == roots[-2:9:-1]
    assert len(states) == TRANSFERS_KEPT + 1


def test_a_reader_of_blocks_and_the_shelf_agree(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    data = noise(2, 200_000)
    ref, blocks = seal_bytes(data, SECRET)
    for cid, block in blocks:
        assert not Shelf(store).complete(ref.root)
        store.put(cid, block)
    assert Shelf(store).complete(ref.root)
    assert FileReader(ref, store.get).read() == data
