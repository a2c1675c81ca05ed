"""Roster, keys, claims, cursors, receipts, addresses and settings survive, and stay bounded."""

from pathlib import Path

from chat.store import Store, WorkspaceStore
from chat.store.limits import ADDRESSES_MAX, CLAIMS_MAX, CURSORS_MAX
from chat.store.meetings import Address
from chat.store.membership import Claim
from tests.chat.store_authors import GENERAL, WORKSPACE, Author, in_memory, named, on_disk, seeded


def reopened(store: Store, path: Path) -> WorkspaceStore:
    store.commit()
    store.close()
    return on_disk(path).workspace(WORKSPACE)


def test_the_signed_history_and_the_keys_come_back_in_order(tmp_path: Path) -> None:
    store = on_disk(tmp_path / "store.db")
    workspace = store.workspace(WORKSPACE)
    wires = [named(f"op {number}") * 3 for number in range(20)]
    for wire in (*wires, *wires[:4]):
        workspace.add_op(named(wire.hex()), wire)
    workspace.put_seals(named("epoch 1"), b"block")
    workspace.put_seals(named("epoch 1"), b"another block")
    workspace.put_epoch_key(named("epoch 1"), named("key 1"))
    workspace.put_epoch_key(named("epoch 2"), named("key 2"))
    again = reopened(store, tmp_path / "store.db")
    assert again.ops() == wires
    assert again.seals() == {named("epoch 1"): b"another block"}
    assert again.epoch_keys() == {named(f"epoch {n}"): named(f"key {n}") for n in (1, 2)}


def test_claims_wait_and_the_oldest_make_room() -> None:
    workspace = in_memory().workspace(WORKSPACE)
    for number in range(CLAIMS_MAX + 3):
        workspace.add_claim(named(f"claim {number}"), b"wire", number)
    workspace.add_claim(named("claim 9"), b"again", 99)
    assert len(workspace.claims()) == CLAIMS_MAX
    assert workspace.claims()[0] == Claim(named("claim 3"), b"wire", 3)
    workspace.drop_claim(named("claim 3"))
    workspace.drop_claim(named("claim 3"))
    assert workspace.claims()[0].at_ms == 4


def test_cursors_are_kept_by_store_and_bounded() -> None:
    workspace = in_memory().workspace(WORKSPACE)
    assert workspace.cursor(named("replica", 8)) is None
    for number in range(CURSORS_MAX + 2):
        workspace.set_cursor(named(f"replica {number}", 8), number, bytes(8))
    assert workspace.cursor(named("replica 1", 8)) is None
    workspace.set_cursor(named("replica 2", 8), 77, b"12345678")
    assert workspace.cursor(named("replica 2", 8)) == (77, b"12345678")
    workspace.set_cursor(named("a device"), 0, named("its replica", 8))
    assert workspace.cursor(named("a device")) == (0, named("its replica", 8))


def test_receipts_only_rise(tmp_path: Path) -> None:
    store = on_disk(tmp_path / "store.db")
    workspace = store.workspace(WORKSPACE)
    ana, bo, cid = Author("ana"), Author("bo"), Author("cid")
    workspace.append(ana.posts(9))
    assert workspace.receipts(ana.log()) == {}
    assert workspace.add_receipt(bo.device, ana.log(), 5)
    assert not workspace.add_receipt(bo.device, ana.log(), 5)
    assert not workspace.add_receipt(bo.device, ana.log(), 3)
    assert workspace.add_receipt(cid.device, ana.log(), 8)
    # A newcomer hears who holds a log before it has any of it.
    assert workspace.add_receipt(cid.device, bo.log(GENERAL), 3)
    again = reopened(store, tmp_path / "store.db")
    assert again.receipts(ana.log()) == {bo.device: 5, cid.device: 8}
    assert again.receipts(bo.log(GENERAL)) == {cid.device: 3}
    assert again.log_state(bo.log(GENERAL)) is None


def test_addresses_are_newest_first_and_bounded() -> None:
    workspace = in_memory().workspace(WORKSPACE)
    for number in range(ADDRESSES_MAX + 5):
        workspace.remember_address(f"ws://host{number}:1", None, number)
    workspace.remember_address("ws://host6:1", named("device"), 1000)
    workspace.remember_address("ws://host6:1", None, 1001)
    found = workspace.addresses()
    assert len(found) == ADDRESSES_MAX
    assert found[0] == Address("ws://host6:1", named("device"), 1001)
    assert found[1].url == f"ws://host{ADDRESSES_MAX + 4}:1"
    assert found[-1].url == "ws://host5:1"


def test_settings_and_the_name_of_the_store(tmp_path: Path) -> None:
    store = on_disk(tmp_path / "store.db", "first")
    first = store.replica_id
    assert len(first) == 8
    assert store.get("theme") is None
    store.put("theme", b"dark")
    store.put("theme", b"light")
    store.commit()
    store.close()
    store = on_disk(tmp_path / "store.db", "second")
    assert store.replica_id == first
    assert store.workspace(WORKSPACE).replica_id == first
    assert store.get("theme") == b"light"
    store.renew_replica_id(seeded("third"))
    assert store.replica_id != first
    store.rollback()
    assert store.replica_id == first
    store.renew_replica_id(seeded("third"))
    store.commit()
    store.close()
    assert on_disk(tmp_path / "store.db").replica_id == seeded("third")(8)
