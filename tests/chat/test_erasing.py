"""What is taken back is forgotten: at home, at members, at relays, and by whoever comes later."""

from hypothesis import given, settings
from hypothesis import strategies as st

from chat import effects
from chat.store import Store
from chat.workspace import Now
from crdt import ops
from crdt.entry import LogId, from_run, open_payload, to_run
from crdt.errors import Invalid
from tests.chat.engine_team import Desk, Team, seeded
from tests.chat.store_authors import Author, in_memory, take

WORDS = "the zanzibar password is quokka"


def bare(desk: Desk) -> set[tuple[LogId, int]]:
    """The entries that are here without their ciphertext."""
    held = desk.workspace.store.since(0, 100_000)
    return {(entry.log, entry.seq) for _, entry in held if entry.ciphertext is None}


def timeline(author: Desk) -> LogId:
    channel = author.workspace.find_channel("general")
    return LogId(channel, ops.PART_TIMELINE, author.workspace.device, author.incarnation)


def take_back(team: Team, desk: Desk, message: str) -> None:
    team.say(desk, lambda talking: talking.delete(message))


def trio(team: Team) -> tuple[Desk, Desk, Desk]:
    """Two members and a relay, all linked."""
    ana = team.found("ana")
    bo, rel = team.join("bo", ana), team.join("rel", ana, relay=True)
    team.mesh()
    return ana, bo, rel


def places(desk: Desk) -> list[tuple[bytes, int, bool]]:
    return [(row.mid, row.hlc, row.deleted) for row in desk.rows()]


def test_a_message_that_is_taken_back_is_erased_everywhere() -> None:
    team = Team()
    ana, bo, rel = trio(team)
    team.post(ana, "first")
    message = team.post(ana, WORDS)
    team.say(ana, lambda talking: talking.edit(message, WORDS + ", I said"))
    team.post(ana, "last")
    team.run()
    team.post(bo, "what?", reply=message)
    team.run()
    assert bo.texts() == ["first", WORDS + ", I said", "last", "what?"]
    take_back(team, ana, message)
    team.run()
    for desk in (ana, bo, rel):
        assert bare(desk) == {(timeline(ana), 1), (timeline(ana), 2)}, desk.name
    assert ana.texts() == bo.texts() == ["first", "", "last", "what?"]
    assert bo.workspace.store.search("zanzibar") == []
    assert ana.canonical() == bo.canonical()
    prints = [desk.workspace.store.fingerprints() for desk in (ana, bo, rel)]
    assert prints[0] == prints[1] == prints[2]

    cem = team.join("cem", bo)
    team.link(cem, rel)
    team.run()
    assert places(cem) == places(bo)
    assert cem.canonical() == bo.canonical()
    assert bare(cem) == bare(bo)
    assert cem.engine.behind() == 0


def test_the_chain_of_an_erased_log_verifies_and_cannot_be_read() -> None:
    team = Team(1)
    ana, bo, _ = trio(team)
    messages = [team.post(ana, f"number {number}") for number in range(70)]
    before = [entry.id for entry in ana.workspace.store.entries(timeline(ana), 0, 69)]
    for message in messages[60:68]:
        take_back(team, ana, message)
    team.run()
    held = bo.workspace.store.entries(timeline(ana), 0, 69)
    run = to_run(held, bo.workspace.store.head_set(held[0].roster) or ())
    again = from_run(bo.workspace.id, run if not held[0].heads else to_run(held, ()))
    assert [entry.id for entry in again] == before
    assert again[64].signature, "an anchor keeps its signature"
    key = bo.workspace.epochs.channel_key(again[64].epoch, again[64].log.channel)
    try:
        open_payload(bo.workspace.id, again[64], key)
    except Invalid:
        return
    raise AssertionError("something was left to read")


def test_a_newcomer_learns_all_from_a_relay_alone() -> None:
    team = Team(3)
    ana = team.found("ana")
    rel = team.join("rel", ana, relay=True)
    for number in range(200):
        message = team.post(ana, f"number {number}")
        if number % 3 == 0:
            take_back(team, ana, message)
    team.run()
    bo = team.join("bo", ana)
    team.isolate_all()
    team.link(bo, rel)
    team.run(60_000)
    assert bo.canonical() == ana.canonical()
    assert bare(bo) == bare(rel) == bare(ana)
    assert len(bare(bo)) == 67
    assert bo.engine.behind() == 0


def hand_over(team: Team, giver: Desk, taker: Desk, part: int) -> None:
    """Give somebody what they lack of a giver's own log of a part of #general, and no more."""
    log = timeline(giver)._replace(part=part)
    state = taker.workspace.store.log_state(log)
    entries = giver.workspace.store.entries(log, 0 if state is None else state.head + 1, 1_000)

    def take(now: Now) -> list[effects.Effect]:
        first = taker.workspace.store.append(entries)
        taker.engine._read_new(entries, first, now)
        return []

    team.do(taker, take)


def test_content_that_comes_after_its_statement_is_not_kept() -> None:
    team = Team(4)
    ana, bo, rel = trio(team)
    team.run()
    team.isolate_all()
    team.link(ana, bo)
    message = team.post(ana, WORDS)
    team.post(ana, "and more")
    team.run()
    team.isolate_all()
    take_back(team, ana, message)
    cem = copy_of(team, ana)
    for desk in (rel, cem):
        hand_over(team, ana, desk, ops.PART_STATE)
        assert desk.workspace.store.named(timeline(ana), 0, 10) == {0}
        # bo has not heard of it yet, and gives all it has.
        entries = bo.workspace.store.entries(timeline(ana), 0, 1)
        assert entries[0].ciphertext is not None
        first = desk.workspace.store.append(entries)
        desk.engine._read_new(entries, first, team.now(desk))
        assert bare(desk) == {(timeline(ana), 0)}, desk.name
    team.link(cem, bo)
    team.run()
    assert cem.texts() == bo.texts() == ["", "and more"]
    assert bare(bo) == bare(cem)
    assert bo.canonical() == cem.canonical()


def test_nobody_can_state_that_for_another_not_even_who_founded_the_team() -> None:
    team = Team(9)
    ana, bo, rel = trio(team)
    message = bytes.fromhex(team.post(bo, "bo's words"))
    team.run()
    row = ana.workspace.store.message(message)
    assert row is not None
    log = timeline(bo)
    stated = ops.Erase(row.salt, ops.Place(log.device, log.incarnation, 0))
    team.do(ana, lambda now: ana.engine.write(row.channel, stated, now))
    team.run()
    for desk in (ana, bo, rel):
        assert desk.workspace.store.log_state(timeline(ana)._replace(part=ops.PART_STATE))
        assert bare(desk) == set()
    assert ana.texts() == bo.texts() == ["bo's words"]


def copy_of(team: Team, desk: Desk) -> Desk:
    """A copy of a profile that was restored from before anything was written."""
    store = Store.in_memory(seeded("the copy"))
    for op_id in desk.workspace.roster.missing_from(()):
        store.workspace(desk.workspace.id).add_op(op_id, desk.workspace.roster.wire(op_id))
    store.commit()
    return team._seat(f"{desk.name} again", desk.identity, store)


def test_an_edit_that_turns_up_after_its_message_was_taken_back_is_erased_too() -> None:
    team = Team(5)
    ana, bo, rel = trio(team)
    message = team.post(ana, "hello")
    team.run()
    team.isolate_all()
    team.link(ana, rel)
    team.say(ana, lambda talking: talking.edit(message, WORDS))
    team.run()
    team.isolate_all()
    restored = copy_of(team, ana)
    team.link(restored, bo)
    team.run()
    take_back(team, restored, message)
    team.run()
    assert bare(bo) == {(timeline(ana), 0)}, "nobody there knows of the edit"
    team.link(bo, rel)
    team.run()
    assert bare(bo) == bare(rel) == bare(restored) == {(timeline(ana), 0), (timeline(ana), 1)}
    assert bo.texts() == restored.texts() == [""]


def test_what_a_removed_device_states_erases_nothing_where_the_removal_is_known() -> None:
    team = Team(6)
    ana, bo, rel = trio(team)
    message = team.post(bo, "bo's words")
    team.run()
    team.isolate_all()
    engine = ana.engine
    removal = engine.members.remove(bo.workspace.me, team.now(ana))
    team.do(ana, lambda now: engine.publish_each(removal, now))
    team.link(ana, rel)
    team.run()
    team.isolate_all()
    take_back(team, bo, message)
    cem = team.join("cem", ana)
    team.isolate_all()
    for desk in (ana, rel, cem):
        hand_over(team, bo, desk, ops.PART_STATE)
        assert desk.workspace.store.named(timeline(bo), 0, 9) == {0}
        assert bare(desk) == set(), desk.name
    assert ana.texts() == cem.texts() == ["bo's words"]


def test_a_build_that_learns_to_erase_obeys_what_it_kept() -> None:
    team = Team(7)
    ana, bo, rel = trio(team)
    message = team.post(ana, WORDS)
    team.run()
    kept = {desk.name: desk.workspace.store.entries(timeline(ana), 0, 0)[0] for desk in (bo, rel)}
    take_back(team, ana, message)
    team.run()
    for desk in (bo, rel):
        write = desk.store._database.write
        # As it is behind an older build: ciphertext and statement, and nothing made of it.
        write(
            "UPDATE entry SET ciphertext = ? WHERE id = ?",
            (kept[desk.name].ciphertext, kept[desk.name].id),
        )
        write("UPDATE workspace SET projection = 1")
        write("DELETE FROM erasure")
        desk.store.commit()
        desk.workspace.store.forget()
        assert bare(desk) == set()
        team.restart(desk)
        assert bare(desk) == {(timeline(ana), 0)}, desk.name
        assert not desk.workspace.store.is_stale
    assert bo.canonical() == ana.canonical()


def pages(desk: Desk) -> bytes:
    """The database as it would be on the disk, if it were not encrypted."""
    return desk.store._database._connection.serialize("main")


def test_no_page_of_the_database_holds_the_words() -> None:
    team = Team(8)
    ana, bo, _ = trio(team)
    for number in range(300):
        team.post(ana, f"of cats, number {number}")
    message = team.post(ana, "qzanzibarquokka is the password")
    team.say(ana, lambda talking: talking.edit(message, "qxylophonequokka is the password"))
    team.run()
    sealed = [bo.workspace.store.entries(timeline(ana), 300, 301)[at].ciphertext for at in (0, 1)]
    for desk in (ana, bo):
        assert b"zanzibarquokka" in pages(desk), (
            "the edit replaced it; its own entry and state keep it"
        )
        assert b"xylophonequokka" in pages(desk)
        assert all(text is not None and text[:64] in pages(desk) for text in sealed)
    take_back(team, ana, message)
    team.run()
    for desk in (ana, bo):
        assert not desk.workspace.store.purging
        assert b"zanzibarquokka" not in pages(desk)
        assert b"xylophonequokka" not in pages(desk)
        assert not any(text is not None and text[:64] in pages(desk) for text in sealed)
        assert len(desk.workspace.store.search("cats", limit=1000)) == 300


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["post", "edit", "back", "react", "link", "cut", "wait", "restart"]),
        st.integers(0, 2),
        st.integers(0, 5),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(ACTS, st.integers(0, 1_000))
def test_in_whatever_order_it_happens_all_end_the_same(
    acts: list[tuple[str, int, int]], seed: int
) -> None:
    team = Team(seed)
    ana, bo, rel = trio(team)
    desks, own = [ana, bo, rel], dict[str, list[str]]()
    for kind, who, which in acts:
        desk, mine = desks[who], own.setdefault(desks[who].name, [])
        if kind == "link":
            other = desks[(who + 1) % 3]
            if not team.linked(desk, other):
                team.link(desk, other)
        elif kind == "cut":
            team.isolate(desk)
        elif kind == "wait":
            team.run(which * 30)
        elif kind == "restart":
            team.restart(desk, clean=which % 2 == 0)
        elif desk is rel:
            continue
        elif kind == "post" or not mine:
            mine.append(team.post(desk, f"{desk.name} {len(mine)}"))
        elif kind == "edit" and not _is_gone(desk, mine[which % len(mine)]):
            message = mine[which % len(mine)]
            team.say(desk, lambda talking, message=message: talking.edit(message, "other words"))
        elif kind == "back" and not _is_gone(desk, mine[which % len(mine)]):
            take_back(team, desk, mine[which % len(mine)])
        elif kind == "react":
            for row in desk.rows()[:1]:
                op = ops.React(row.mid, "x", True)
                team.do(
                    desk,
                    lambda now, desk=desk, row=row, op=op: desk.engine.write(row.channel, op, now),
                )
    team.isolate_all()
    team.mesh()
    team.run()
    cem = team.join("cem", bo)
    team.run()
    gone = sum(row.deleted for row in ana.rows())
    assert ana.canonical() == bo.canonical() == cem.canonical()
    assert bare(ana) == bare(bo) == bare(cem) == bare(rel)
    assert len({seq for seq in bare(ana)}) >= gone
    for desk in (ana, bo, cem):
        for row in desk.rows():
            assert not (row.deleted and desk.workspace.store.worded(row.channel, row.mid))


def _is_gone(desk: Desk, message: str) -> bool:
    row = desk.workspace.store.message(bytes.fromhex(message))
    return row is None or row.deleted


def test_taking_words_from_the_index_ends_by_itself_and_outlives_the_process() -> None:
    store, ana = in_memory(), Author("ana")
    workspace = store.workspace(ana.workspace)
    take(workspace, ana, ana.posts(3))
    assert workspace.erase(ana.log(), [0, 2]) == 2
    assert workspace.erase(ana.log(), [0]) == 0
    workspace.purge_words()
    store.commit()
    workspace.forget()
    assert workspace.purging
    workspace.purge_words()
    workspace.purge_words()
    assert not workspace.purging
