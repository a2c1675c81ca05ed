"""The replication machine works on the real store as it does on one of dictionaries."""

from pathlib import Path
from typing import Any

from chat.store import Store, WorkspaceStore
from crdt.entry import LogId
from crdt.sync_ports import EntryStore
from tests.chat.store_authors import KEY, seeded
from tests.crdt.fake_roster import FakeRoster
from tests.crdt.memory_network import Net
from tests.crdt.memory_replica import WORKSPACE, Replica, channel_id

GENERAL, RANDOM = channel_id("general"), channel_id("random")


def stored_replica(name: str, path: Path) -> tuple[Replica, Store, WorkspaceStore]:
    store = Store(path / f"{name}.db", KEY, seeded(name))
    workspace = store.workspace(WORKSPACE)
    port: EntryStore = workspace
    untyped: Any = port
    return Replica(name, store=untyped), store, workspace


def contents(store: WorkspaceStore) -> dict[LogId, list[bytes]]:
    """Ids by log; which signatures a store holds depends on how entries came."""
    return {
        state.log: [entry.id for entry in store.entries(state.log, 0, 2**40)]
        for state in store.logs()
    }


def test_three_stores_become_equal_and_remember_how_far_they_read(tmp_path: Path) -> None:
    made = {name: stored_replica(name, tmp_path) for name in ("ana", "bo", "cid")}
    (ana, _, _), (bo, _, _), (cid, _, _) = made.values()
    roster = ana.roster
    assert isinstance(roster, FakeRoster)
    for replica in (ana, bo, cid):
        roster.admit(replica.device)
    for replica in (bo, cid):
        for op_id in roster.missing_from(()):
            replica.roster.add(roster.wire(op_id))
    net = Net(seed=4)
    net.write(ana, GENERAL, "from ana", count=300)
    net.write(bo, RANDOM, "from bo", count=40)
    net.connect(ana, bo)
    net.connect(bo, cid)
    net.run()
    net.write(cid, GENERAL, "from cid", count=3)
    net.run()
    stores = [workspace for _, _, workspace in made.values()]
    assert stores[0].arrival_max == 343
    assert contents(stores[0]) == contents(stores[1]) == contents(stores[2])
    assert stores[0].fingerprints() == stores[1].fingerprints() == stores[2].fingerprints()
    assert stores[2].receipts(cid.log(GENERAL)).keys() >= {bo.device}
    cursor = stores[2].cursor(stores[1].replica_id)
    assert cursor is not None
    assert stores[1].id_at(cursor[0]) == cursor[1]

    before = contents(stores[0])
    for _, store, _ in made.values():
        store.commit()
        store.close()
    again = Store(tmp_path / "cid.db", KEY, seeded("again")).workspace(WORKSPACE)
    assert contents(again) == before
    assert again.cursor(stores[1].replica_id) == cursor
