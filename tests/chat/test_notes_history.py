"""Notes after vandals: who wrote what and when, what is set aside, and going back."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import commands, model
from chat.errors import ChatError, NotFound
from chat.notes.errors import NotesFailed
from chat.notes.history import sittings
from chat.notes.host import NotesHost
from chat.notes.limits import SITTING_PAUSE_MS
from crdt.notes import SignedUpdate, client_id
from crdt.ops import NoteUpdate
from tests.chat.node_team import LOOK_AGAIN_SECONDS, Desk, nodes
from tests.crdt.notes_authors import item, signed, string, update

CHANNEL = b"c" * 16
VANDAL = "Cats rule this place.\n"
PLAN = "# Trip\n- [ ] tent\n"


def played(story: Callable[[Callable[..., Awaitable[Desk]]], Awaitable[None]]) -> None:
    async def main() -> None:
        async with nodes() as make:
            await story(make)

    asyncio.run(main())


async def until(desk: Desk, holds: Callable[[model.Notes], bool]) -> model.Notes:
    for _ in range(1_000):
        notes: model.Notes = await desk.call(commands.GetNotes("general"))
        if holds(notes):
            return notes
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    raise AssertionError(f"{desk.name} still reads {notes}")


async def past(desk: Desk) -> model.NotesPast:
    found: model.NotesPast = await desk.call(commands.GetNotesPast("general"))
    return found


# Which states there are -------------------------------------------------------------------------


def writing(by: int, seq: int, letters: int = 1, gone: int = 0) -> SignedUpdate:
    """The `seq`th change of a member, who deletes of their own."""
    text = item(string("x" * letters), left=(by, seq - 1) if seq else None)
    deletes = {by: [(0, gone)]} if gone else None
    return signed(by, seq, update(by, seq, [text], deletes), {by: seq})


def test_what_one_member_writes_without_a_pause_is_one_state() -> None:
    changes = [writing(5, 0), writing(5, 1, gone=1), writing(6, 0), writing(5, 2), writing(5, 3, 7)]
    minutes = [0, 5, 5, 6, 17]
    times = {
        each.entry_id: at * 60_000 for each, at in zip(changes, minutes, strict=True)
    }  # The last one comes after more than ten minutes.
    found = sittings(changes, times.__getitem__, 50)
    assert [(each.entry_id, each.changes, each.written, each.removed) for each in found] == [
        (changes[4].entry_id, 1, 7, 0),
        (changes[3].entry_id, 1, 1, 0),
        (changes[2].entry_id, 1, 1, 0),
        (changes[1].entry_id, 2, 2, 1),
    ]
    assert [each.at for each in found] == [17 * 60_000, 6 * 60_000, 5 * 60_000, 5 * 60_000]
    assert found[2].member == changes[2].member
    assert sittings(changes, times.__getitem__, 2) == found[:2]


def test_what_stood_there_before_much_was_removed_is_a_state() -> None:
    page = writing(5, 0, letters=20)
    typed = signed(5, 1, update(5, 20, [item(string("x"), left=(5, 19))]), {5: 20})
    few, many = (
        signed(5, seq, update(5, 21, [], {5: [(first, length)]}), {5: 21})
        for seq, first, length in ((2, 0, 4), (3, 4, 16))
    )
    changes = [page, typed, few, many]
    found = sittings(changes, lambda _: 0, 50)
    assert [(each.entry_id, each.changes, each.removed) for each in found] == [
        (many.entry_id, 1, 16),
        (few.entry_id, 3, 4),
    ]


@given(
    st.lists(st.tuples(st.sampled_from((5, 6)), st.integers(0, 2**47)), max_size=30),
    st.integers(0, 40),
)
def test_states_part_the_order_whatever_clocks_say(
    script: list[tuple[int, int]], limit: int
) -> None:
    counts = {5: 0, 6: 0}
    changes, times = [], {}
    for by, at in script:
        changes.append(writing(by, counts[by]))
        times[changes[-1].entry_id] = at
        counts[by] += 1
    every = sittings(changes, times.__getitem__, 100)
    assert sittings(changes, times.__getitem__, limit) == every[:limit]
    assert sum(each.changes for each in every) == len(changes)
    end = len(changes)
    for each in every:
        own = changes[end - each.changes : end]
        assert own[-1].entry_id == each.entry_id
        assert {change.member for change in own} == {each.member}
        steps = [times[change.entry_id] for change in own]
        pauses = [abs(b - a) for a, b in pairwise(steps)]
        assert all(pause <= SITTING_PAUSE_MS for pause in pauses)
        end -= each.changes


@given(
    st.text(alphabet="ab\n😀", max_size=30),
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from(("ana", "bo"))), max_size=30),
)
def test_each_line_has_those_who_wrote_in_it(text: str, given: list[tuple[int, str]]) -> None:
    runs, letters = [], ""
    for length, nick in given:
        length = min(length, len(text) - len(letters))
        if length:
            runs.append((len(letters), length, nick))
            letters += nick[0] * length
    text = text[: len(letters)]
    found = model.line_authors(model.Notes("general", text, authors=tuple(runs)))
    at = 0
    for line, who in zip(text.split("\n"), found, strict=True):
        own = letters[at : at + len(line)]
        assert {nick[0] for nick in who} == set(own)
        assert [own.count(nick[0]) for nick in who] == sorted(
            (own.count(letter) for letter in set(own)), reverse=True
        )
        at += len(line) + 1


# The text of one --------------------------------------------------------------------------------


def test_every_state_is_what_it_was_when_it_was_the_newest() -> None:
    async def story() -> None:
        host = NotesHost()
        clients = [client_id(bytes((n,)) * 32, bytes(8), CHANNEL) for n in range(2)]
        was: dict[bytes, tuple[str, object]] = {}
        try:
            await host.load(CHANNEL, [])
            for seq in range(12):
                client = clients[seq % 2]
                text = (await host.read(CHANNEL)).text
                edits = [(len(text) // 2, min(2, len(text) // 3), f"{seq} wörd😀 ")]
                version = (await host.read(CHANNEL)).version
                member = client.to_bytes(16, "big")
                op = await host.splice(CHANNEL, edits, version, client, member)
                assert isinstance(op, NoteUpdate)
                made = signed(client, seq // 2, op.update, dict(op.after))
                await host.add(CHANNEL, [made])
                view = await host.read(CHANNEL)
                was[made.entry_id] = (view.text, view.authors)
            before = await host.read(CHANNEL)
            pid = host.worker_pid
            for entry_id, state in list(was.items())[::4]:
                assert await host.text_after(CHANNEL, entry_id) == state
            with pytest.raises(NotesFailed, match="no such version"):
                await host.text_after(CHANNEL, bytes(32))
            assert host.worker_pid == pid
            assert await host.read(CHANNEL) == before
        finally:
            await host.aclose()

    asyncio.run(story())


# Two members ------------------------------------------------------------------------------------


def test_what_a_vandal_did_is_seen_by_whom_and_taken_back_by_an_edit_that_merges() -> None:
    async def story(make: Callable[..., Awaitable[Desk]]) -> None:
        ana = await make("ana")
        await ana.create()
        bo = await make("bo")
        await bo.join(ana)
        await ana.call(commands.SetNotes("general", PLAN))
        await until(bo, lambda notes: notes.text == PLAN)
        await bo.call(commands.SetNotes("general", VANDAL))
        await until(ana, lambda notes: notes.text == VANDAL)

        vandalised, planned = (await past(ana)).versions
        assert (vandalised.author.nick, planned.author.nick) == ("bo", "ana")
        assert planned.written == len(PLAN)
        assert vandalised.removed > len(PLAN) // 2
        assert (await past(bo)).versions == (vandalised, planned)
        shown = await bo.call(commands.GetNotesAt("general", planned.id[:12]))
        assert (shown.text, shown.authors) == (PLAN, ((0, len(PLAN), "ana"),))
        assert (await until(bo, lambda _: True)).text == VANDAL, "looking back changes nothing"
        for wrong in ("", planned.id[:3], "zz" * 6, "\udcff" * 99):
            with pytest.raises(NotFound, match="--versions lists them"):
                await ana.call(commands.GetNotesAt("general", wrong))

        # Both write at once: bo adds a line, out of reach, while ana goes back.
        await bo.stop()
        await bo.start(network=False)
        read = await until(bo, lambda _: True)
        added = commands.SpliceNotes("general", ((len(VANDAL), 0, "And dogs.\n"),), read.version)
        await bo.call(added)
        restored = await ana.call(commands.RestoreNotes("general", planned.id))
        assert restored.text == PLAN
        await bo.stop()
        await bo.start(ana.url)
        merged = await until(ana, lambda notes: "- [ ] tent" in notes.text and "dogs" in notes.text)
        await until(bo, lambda notes: notes.text == merged.text)
        assert "Cats" not in merged.text
        again = await bo.call(commands.RestoreNotes("general", vandalised.id))
        assert again.text == VANDAL, "nothing is lost, and everybody may"
        await bo.call(commands.SetNotes("general", ""))
        slip, before, *_ = (await past(bo)).versions
        assert (slip.author.nick, before.author.nick) == ("bo", "bo")
        assert (await bo.call(commands.RestoreNotes("general", before.id))).text == VANDAL

    played(story)


def test_what_is_set_aside_has_its_author_its_time_and_its_reason() -> None:
    async def story(make: Callable[..., Awaitable[Desk]]) -> None:
        ana = await make("ana")
        await ana.create()
        bo = await make("bo")
        await bo.join(ana)
        await ana.call(commands.SetNotes("general", PLAN))
        await until(bo, lambda notes: notes.text == PLAN)
        channel = bo.team.workspace.find_channel("general")
        # A modified program: an update that claims text of another client.
        forged = update(99, 0, [item(string("ana agreed"))])
        bo.team.write(channel, NoteUpdate(forged, ()))
        await bo.team.turns.durable()
        posted = await ana.post("hello")
        # What is set aside of the channel's messages is none of the notes' business.
        ana.team.workspace.store.quarantine(channel, b"m" * 32, "it makes no sense")

        notes = await until(ana, lambda notes: notes.quarantined == 1)
        assert notes.text == PLAN
        (aside,) = (await past(ana)).aside
        assert aside.author.nick == "bo"
        assert abs(aside.at - posted.at) < 60_000
        assert "author" in aside.why or "client" in aside.why
        assert (await past(bo)).aside == (aside,)
        assert [each.author.nick for each in (await past(ana)).versions] == ["ana"]
        with pytest.raises(ChatError):
            await ana.call(commands.RestoreNotes("general", aside.id))

        await ana.stop()
        await ana.start()
        assert (await past(ana)).aside == (aside,)

    played(story)
