"""Whatever the order, the batches and the repetitions: the projection says the same."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.store import WorkspaceStore
from crdt import ops
from crdt.clock import reading
from crdt.limits import CLOCK_BADGE_MS
from crdt.registers import Registers, StateOp
from crdt.text import clean_line, clean_text
from crdt.timeline import Stamp, Timeline, TimelineOp
from tests.chat.store_authors import (
    FILES,
    GENERAL,
    ME,
    NOW_MS,
    RANDOM,
    WORKSPACE,
    Author,
    Written,
    in_memory,
    named,
    on_disk,
    project,
    scripts,
    snapshot,
    store_entries,
    take,
)


def fresh() -> WorkspaceStore:
    return in_memory().workspace(WORKSPACE)


def timeline_of(script: Sequence[Written], channel: bytes) -> Timeline:
    timeline = Timeline()
    for item in script:
        if isinstance(item.op, TimelineOp) and item.entry.log.channel == channel:
            stamp = Stamp(item.entry.hlc, item.entry.id)
            timeline.apply(item.op, item.author.member, stamp)
    return timeline


def rounds(draw: st.DrawFn, script: Sequence[Written]) -> list[list[Written]]:
    """Batches in any order in which every operation comes at least once."""
    again = draw(st.lists(st.sampled_from(script), max_size=6)) if script else []
    queue = draw(st.permutations([*script, *again]))
    batches = []
    while queue:
        size = draw(st.integers(1, len(queue)))
        batches.append(list(queue[:size]))
        queue = queue[size:]
    return batches


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Written], list[list[Written]]]:
    script = draw(scripts())
    return script, rounds(draw, script)


@given(deliveries())
@settings(max_examples=150)
def test_any_order_gives_the_canonical_timeline(
    delivery: tuple[list[Written], list[list[Written]]],
) -> None:
    script, batches = delivery
    store = fresh()
    arrivals = store_entries(store, script)
    for batch in batches:
        project(store, arrivals, batch)
    for channel in (GENERAL, RANDOM):
        timeline = timeline_of(script, channel)
        assert store.canonical(channel) == timeline.canonical()
        rows = store.messages(channel, limit=100)
        assert [row.mid for row in rows] == timeline.order()
        for row in rows:
            state = timeline.messages[row.mid]
            assert state.post is not None
            assert (row.hlc, row.member) == (state.post.stamp.hlc, state.post.member)
            assert row.text == clean_text(state.text, 8000)
            assert (row.reply_to, row.deleted) == (state.post.reply_to, state.deleted)
            assert row.edited == (state.edit is not None and not state.deleted)
            assert row.mentions == state.mentions
            assert row.mine == (row.member == ME)
            carrier = store.entries(row.log, row.seq, row.seq)[0]
            assert carrier.id == state.post.stamp.entry
            expected: dict[str, set[bytes]] = {}
            for emoji, members in state.shown_reactions.items():
                expected.setdefault(clean_line(emoji, 32), set()).update(members)
            assert row.reactions == {e: sorted(expected[e]) for e in sorted(expected)}
            assert len(row.files) == (0 if state.deleted else len(state.post.files))
    assert store.count_messages() == len(store.messages(limit=1000))


@given(deliveries())
def test_any_order_gives_the_same_registers(
    delivery: tuple[list[Written], list[list[Written]]],
) -> None:
    script, batches = delivery
    store = fresh()
    arrivals = store_entries(store, script)
    for batch in batches:
        project(store, arrivals, batch)
    for channel in (GENERAL, RANDOM):
        registers = Registers()
        for item in script:
            if isinstance(item.op, StateOp) and item.entry.log.channel == channel:
                op: StateOp = item.op
                if isinstance(op, ops.Setting):  # as it is cleaned, so that names meet
                    op = ops.Setting(clean_line(op.name, 64), op.value)
                stamp = Stamp(item.entry.hlc, item.entry.id)
                registers.apply(op, item.author.member, stamp)
        expected = {
            key: clean_text(r.value, 1024) if key.startswith("set/") else clean_line(r.value, 512)
            for key, r in registers.values.items()
            if key != "set/"
        }
        assert store.registers(channel) == {k: v for k, v in expected.items() if v}
        assert all(store.register(channel, key) == value for key, value in expected.items())


@given(deliveries(), st.data())
@settings(max_examples=60)
def test_made_again_it_is_what_it_was(
    delivery: tuple[list[Written], list[list[Written]]], data: st.DataObject
) -> None:
    script, batches = delivery
    store = fresh()
    arrivals = store_entries(store, script)
    for batch in batches:
        project(store, arrivals, batch)
        if data.draw(st.booleans()):
            store.mark_read(data.draw(st.sampled_from([GENERAL, RANDOM])))
    before = snapshot(store)
    assert not store.is_stale
    store.clear_projection()
    assert store.is_stale
    assert store.count_messages() == 0
    assert store.messages(limit=9) == []
    assert store.search("cats") == []
    project(store, arrivals, script, now_ms=NOW_MS + 3600_000)
    store.finish_projection()
    assert not store.is_stale
    assert snapshot(store) == before


@given(deliveries(), st.lists(st.booleans(), min_size=40, max_size=40))
@settings(max_examples=60)
def test_after_a_rollback_memory_knows_what_the_file_does(
    delivery: tuple[list[Written], list[list[Written]]], kept: list[bool]
) -> None:
    script, batches = delivery
    store, other = in_memory(), in_memory()
    workspace, reference = store.workspace(WORKSPACE), other.workspace(WORKSPACE)
    arrivals = store_entries(workspace, script)
    assert store_entries(reference, script) == arrivals
    store.commit()
    for batch, keep in zip(batches, kept, strict=False):
        project(workspace, arrivals, batch)
        workspace.mark_read(GENERAL)
        if keep:
            store.commit()
            project(reference, arrivals, batch)
            reference.mark_read(GENERAL)
        else:
            store.rollback()
        assert snapshot(workspace) == snapshot(reference)
    workspace.forget()
    assert snapshot(workspace) == snapshot(reference)


def test_a_change_says_what_looks_different() -> None:
    ana, bo = Author("ana"), Author("bo")
    store = fresh()
    first = ana.post("one")
    said = ana.operations[first.id]
    assert isinstance(said, ops.Post)
    mid, salt = ana.message(first), said.salt
    steps: list[tuple[Author, ops.AnyOp]] = [
        (ana, ops.Edit(salt, "two")),
        (bo, ops.Post(named("reply", 16), "re", mid)),
        (bo, ops.React(mid, "🐱", True)),
        (bo, ops.Pin(mid, True)),
        (bo, ops.Topic("cats")),
        (bo, ops.Profile("Bo\x1b", "red")),
        (bo, ops.Edit(salt, "mine now")),  # names a message of bo's that nobody posted
        (bo, ops.Delete(named("reply", 16))),
        (ana, ops.NoteUpdate(b"", ())),
    ]
    written = [(ana, first), *((author, author.write(op)) for author, op in steps)]
    owner = bo.member.hex()
    reply = ops.message_id(bo.member, named("reply", 16))
    seen = []
    for author, entry in written:
        arrival = store.append([entry])
        op = author.operations[entry.id]
        for _ in range(2):  # the second time nothing changes
            change = store.project(
                entry, arrival, op, author.member, now_ms=NOW_MS, mine=False, me=ME
            )
            assert change.channel == GENERAL
            seen.append((change.message, change.is_new, change.parent, change.registers))
    nothing = (None, False, None, ())
    assert seen[0::2] == [
        (mid, True, None, ()),
        (mid, False, None, ()),
        (reply, True, mid, ()),
        (mid, False, None, ()),
        (mid, False, None, (f"pin/{mid.hex()}",)),
        (None, False, None, ("topic",)),
        (None, False, None, (f"nick/{owner}", f"colour/{owner}")),
        nothing,
        (reply, False, mid, ()),
        nothing,
    ]
    assert seen[1::2] == [nothing] * len(written)
    row = store.message(mid)
    assert row is not None
    assert (row.text, row.edited, row.pinned, row.replies) == ("two", True, True, 0)
    assert row.reactions == {"🐱": [bo.member]}
    assert store.register(GENERAL, f"nick/{owner}") == "Bo"
    assert store.message_row(RANDOM, mid) is None
    assert store.message_row(GENERAL, mid) == row


def test_many_in_one_millisecond_keep_their_own_words() -> None:
    """More messages than a millisecond has numbers: all are there, each found by its own word."""
    authors = [Author(f"author {number}") for number in range(3)]
    store = fresh()
    for author in authors:
        entries = [author.post(f"word{author.name[-1]}x{n}", at_ms=NOW_MS) for n in range(700)]
        assert len(take(store, author, entries)) == 700
    assert store.count_messages() == 2100
    rows = store.messages(GENERAL, limit=3000)
    assert [(row.hlc, row.mid) for row in rows] == sorted({(row.hlc, row.mid) for row in rows})
    for name in ("word0x0", "word1x650", "word2x699"):
        (found,) = [hit.row.text for hit in store.search(name) if hit.row.text == name]
        assert found == name


def test_what_a_clock_ahead_wrote_says_so_and_keeps_it(tmp_path: Path) -> None:
    ana = Author("ana")
    store = on_disk(tmp_path / "store.db")
    workspace = store.workspace(WORKSPACE)
    minutes = (CLOCK_BADGE_MS + 60_000) // 60_000
    near = ana.post("near", at_ms=NOW_MS + CLOCK_BADGE_MS)
    far = ana.post("far", at_ms=NOW_MS + minutes * 60_000)
    take(workspace, ana, [near, far])
    ahead = [row.ahead_ms for row in workspace.messages(limit=9)]
    assert ahead == [0, minutes * 60_000]
    assert workspace.channel_last(GENERAL) == reading(NOW_MS + minutes * 60_000)
    store.commit()
    store.close()
    again = on_disk(tmp_path / "store.db").workspace(WORKSPACE)
    assert [row.ahead_ms for row in again.messages(limit=9)] == ahead


def test_names_of_files_are_no_paths_and_no_escapes() -> None:
    ana = Author("ana")
    store = fresh()
    entry = ana.write(ops.Post(ana.salt(), "look", files=FILES))
    (mid,) = take(store, ana, [entry])
    row = store.message(mid)
    assert row is not None
    assert [file.name for file in row.files] == [".._pic0.png", ".._pic1.png", ".._pic2.png"]
    assert [file.root for file in row.files] == [file.root for file in FILES]
    assert [hit.row.mid for hit in store.search("pic2 TABBY")] == [mid]


def test_reactions_are_sorted_and_search_goes_by_place() -> None:
    authors, store = [Author(f"author {number}") for number in range(12)], fresh()
    entries = [author.post("cats", at_ms=NOW_MS) for author in authors]
    for author, entry in zip(authors, entries, strict=True):
        take(store, author, [entry])
    mid = authors[0].message(entries[0])
    for author in authors:
        take(store, author, [author.write(ops.React(mid, "🐱", True))])
    row = store.message(mid)
    assert row is not None
    assert row.reactions == {"🐱": sorted(author.member for author in authors)}
    newest_first = [row.mid for row in reversed(store.messages(limit=99))]
    assert [hit.row.mid for hit in store.search("cats")] == newest_first


def test_a_clearing_that_was_rolled_back_did_not_happen() -> None:
    store, ana = in_memory(), Author("ana")
    workspace = store.workspace(WORKSPACE)
    take(workspace, ana, ana.posts(3))
    store.commit()
    before = snapshot(workspace)
    workspace.clear_projection()
    store.rollback()
    assert not workspace.is_stale
    assert snapshot(workspace) == before


def test_clearing_one_workspace_leaves_the_other() -> None:
    store = in_memory()
    one, two = store.workspace(WORKSPACE), store.workspace(named("other workspace"))
    ana, bo = Author("ana"), Author("bo", named("other workspace"))
    take(one, ana, [ana.post("cats here")])
    take(two, bo, [bo.post("cats there")])
    assert [hit.row.text for hit in one.search("cats")] == ["cats here"]
    one.clear_projection()
    assert one.search("cats") == one.messages(limit=9) == []
    assert [hit.row.text for hit in two.search("cats")] == ["cats there"]
    assert two.count_messages() == 1
    assert not two.is_stale
