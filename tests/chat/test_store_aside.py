"""What is kept and not shown comes back when asked for: waiting, newer, broken, notes, files."""

from pathlib import Path

from chat.store import WorkspaceStore
from crdt import ops
from tests.chat.store_authors import (
    FILES,
    GENERAL,
    RANDOM,
    WORKSPACE,
    Author,
    in_memory,
    named,
    on_disk,
    take,
)


def fresh() -> WorkspaceStore:
    return in_memory().workspace(WORKSPACE)


def test_entries_wait_for_their_key_in_order(tmp_path: Path) -> None:
    store, ana = on_disk(tmp_path / "store.db"), Author("ana")
    workspace = store.workspace(WORKSPACE)
    every = ana.posts(7)
    workspace.append(every)
    keys = [named("epoch 1"), named("epoch 2")]
    assert workspace.waiting_epochs() == []
    assert workspace.waiting(keys[0]) == []
    for arrival in (6, 2, 4, 1, 4):
        workspace.mark_waiting(arrival, keys[arrival % 2])
    store.commit()
    store.close()
    workspace = on_disk(tmp_path / "store.db").workspace(WORKSPACE)
    assert workspace.count_waiting() == 4
    assert workspace.waiting_epochs() == sorted(keys)
    assert workspace.waiting(keys[0]) == [(n, every[n - 1]) for n in (2, 4, 6)]
    assert workspace.waiting(keys[0], 2, 1) == [(4, every[3])]
    workspace.clear_waiting(keys[0], 4)
    assert workspace.waiting(keys[0]) == [(6, every[5])]
    workspace.clear_waiting(keys[0])
    assert workspace.waiting_epochs() == [keys[1]]
    assert workspace.waiting(keys[1]) == [(1, every[0])]


def test_another_workspace_waits_for_itself() -> None:
    store, ana = in_memory(), Author("ana")
    one, two = store.workspace(WORKSPACE), store.workspace(named("other workspace"))
    bo = Author("bo", named("other workspace"))
    one.append(ana.posts(2))
    two.append(bo.posts(2))
    for workspace in (one, two):
        workspace.mark_waiting(1, named("epoch"))
        workspace.mark_newer(2, ops.PART_TIMELINE)
    one.clear_waiting(named("epoch"))
    one.clear_projection()
    assert (one.count_waiting(), two.count_waiting()) == (0, 1)
    assert (one.count_newer(), two.count_newer()) == (0, 1)
    assert two.waiting(named("epoch")) == [(1, bo.written[bo.log()][0])]


def test_what_is_broken_is_set_aside_with_the_first_reason() -> None:
    store, ana = fresh(), Author("ana")
    (entry,) = ana.posts(1)
    assert store.quarantined(GENERAL) == {}
    store.quarantine(GENERAL, entry.id, "payload \x1b[2Jpadding is wrong" + "!" * 999)
    store.quarantine(GENERAL, entry.id, "again")
    ((found, reason),) = store.quarantined(GENERAL).items()
    assert found == entry.id
    assert reason.startswith("payload [2Jpadding is wrong!")
    assert len(reason) == 200
    assert store.quarantined(RANDOM) == {}


def test_notes_come_in_the_order_of_arrival() -> None:
    store, ana, bo = fresh(), Author("ana"), Author("bo")
    assert store.note_entries(GENERAL) == []
    notes = {
        author: [author.write(ops.NoteUpdate(bytes([n]), ())) for n in range(6)]
        for author in (ana, bo)
    }
    other = ana.write(ops.NoteUpdate(b"", ()), RANDOM)
    assert store.append(notes[ana][2:4]) == 1
    assert store.append(notes[bo]) == 3
    store.append([other])
    store.append(ana.posts(2))
    assert store.prepend(notes[ana][:2]) == 12
    assert store.append(notes[ana][4:]) == 14
    expected = [
        *enumerate(notes[ana][2:4], 1),
        *enumerate(notes[bo], 3),
        *enumerate(notes[ana][:2], 12),
        *enumerate(notes[ana][4:], 14),
    ]
    assert store.note_entries(GENERAL) == expected
    assert store.note_entries(RANDOM) == [(9, other)]
    assert store.messages(limit=9) == []


def test_a_root_means_what_the_first_message_said() -> None:
    """Somebody posts a root again with another key: the file stays the one that came first."""
    store, ana, bo = fresh(), Author("ana"), Author("bo")
    salt = named("with pictures", 16)
    honest, lie = FILES[0], ops.FileInfo(FILES[0].root, named("no key"), *_rest(FILES[0]))
    first = ana.write(ops.Post(salt, "cats", files=FILES))
    (mid,) = take(store, ana, [first])
    bo.now_ms -= 1_000_000
    (other,) = take(store, bo, [bo.write(ops.Post(bo.salt(), "mine", files=(lie,)))])
    found = store.file_of_root(honest.root)
    assert found is not None
    assert (found.info.key, found.channel, found.message) == (honest.key, GENERAL, mid)
    same = store.files_by_plaintext(FILES[0].sha256)
    assert [(file.info.root, file.message) for file in same] == [
        *((root, mid) for root in sorted((FILES[0].root, FILES[1].root))),
        (FILES[0].root, other),
    ]
    assert store.roots() == {file.root for file in FILES}
    take(store, ana, [ana.write(ops.Delete(salt))])
    assert store.roots() == {lie.root}
    found = store.file_of_root(honest.root)
    assert found is not None
    assert found.message == other
    assert store.file_of_root(FILES[2].root) is None
    assert store.files_by_plaintext(FILES[2].sha256) == []


def _rest(file: ops.FileInfo) -> tuple[bytes, int, str, str]:
    return file.sha256, file.size, file.name, file.type


def test_wants_last_until_they_are_dropped(tmp_path: Path) -> None:
    store = on_disk(tmp_path / "store.db")
    workspace = store.workspace(WORKSPACE)
    roots = [file.root for file in FILES]
    for root in (*roots, roots[1]):
        workspace.add_want(root)
    workspace.drop_want(roots[0])
    store.commit()
    store.close()
    workspace = on_disk(tmp_path / "store.db").workspace(WORKSPACE)
    assert workspace.wants() == roots[1:]
    workspace.clear_projection()
    assert workspace.wants() == roots[1:]
