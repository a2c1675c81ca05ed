"""Attacks on shared notes: 44 to 48. What a Yjs implementation cannot stand never reaches it."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crdt.notes
from chat.notes import pipe
from chat.notes.errors import NotesFailed, WorkerDied
from chat.notes.host import NotesHost
from chat.notes.process import Worker
from crdt import limits, ops
from crdt.errors import Invalid
from crdt.notes import Canonical, SignedUpdate, check, client_id
from crdt.ops import NoteUpdate
from crdt.yjs_update import Item, Update, varint
from tests.attacks.yjs_inputs import CLIENT, INPUTS, document, liars, nested, struct
from tests.crdt.notes_authors import signed, string

CHANNEL, OTHER = b"c" * 16, b"o" * 16
VECTORS = ((), ((CLIENT, 3),), ((CLIENT, 10), (6, 5), (7, 2**31 - 1)))
HONEST = document(
    (CLIENT, 10, [struct(4, string("héllo😀"), left=(CLIENT, 2), right=(6, 0))]),
    deletes=b"\x01\x06\x01\x01\x02",
)


def tell(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))


# 44: the validator ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INPUTS)
def test_44_what_ends_freezes_or_fools_a_reader_is_refused(name: str) -> None:
    """Whatever its author says to have seen, but where order decides: neighbours of the past."""
    for after in VECTORS:
        try:
            check(NoteUpdate(INPUTS[name], after), CLIENT)
        except Invalid:
            continue
        # Strange neighbours break no rule of an update alone; see 45.
        assert name.startswith("P6") or (name.startswith("P4 a gap") and after), (name, after)


def test_44_all_that_members_write_passes() -> None:
    """Three who edit at once, with the editor's own process making the updates."""

    async def story() -> None:
        hosts = [NotesHost() for _ in range(3)]
        clients = [client_id(bytes((n,)) * 32, bytes(8), CHANNEL) for n in range(3)]
        logs: list[list[SignedUpdate]] = [[], [], []]
        source = random.Random(44)
        try:
            for host in hosts:
                await host.load(CHANNEL, [])
            passed = 0
            for turn in range(120):
                at = source.randrange(3)
                host, client = hosts[at], clients[at]
                view = await host.read(CHANNEL)
                start = source.randint(0, len(view.text))
                gone = source.randint(0, min(4, len(view.text) - start))
                word = source.choice(("a", "Wörter\n", "😀", "", "	x"))
                member = client.to_bytes(16, "big")
                op = await host.splice(CHANNEL, [(start, gone, word)], view.version, client, member)
                if op is None:
                    continue
                check(op, client)
                ops.decode(ops.encode(op), ops.PART_NOTES)
                passed += 1
                logs[at].append(signed(client, len(logs[at]), op.update, dict(op.after)))
                await host.add(CHANNEL, logs[at][-1:])
                if turn % 4 == 0:
                    for other in hosts:
                        await other.add(CHANNEL, [each for log in logs for each in log])
            assert passed > 80
            for host in hosts:
                await host.add(CHANNEL, [each for log in logs for each in log])
            views = [await host.read(CHANNEL) for host in hosts]
            assert len({view.text for view in views}) == 1
            assert not any(view.quarantined for view in views)
        finally:
            for host in hosts:
                await host.aclose()

    tell(story)


def mutant(source: random.Random) -> bytes:
    """An honest or hostile update with a few bytes changed, moved or repeated."""
    data = bytearray(source.choice((HONEST, source.choice(list(INPUTS.values()))))[:4_000])
    for _ in range(source.randint(1, 3)):
        at = source.randrange(len(data) + 1)
        end = min(len(data), at + source.randint(0, 6))
        again = bytes(data[at:end]) * 2
        data[at:end] = source.choice((source.randbytes(source.randint(0, 3)), again, b""))
    return bytes(data)


def test_44_mutants_that_pass_do_the_process_no_harm() -> None:
    """They are applied, edited behind, and read, in one process that must not die."""
    source = random.Random(4_444)
    passed = []
    for _ in range(60_000):
        data = mutant(source)
        try:
            check(NoteUpdate(data, VECTORS[2]), CLIENT)
        except Invalid:
            continue
        passed.append(data)
    assert len(set(passed)) > 50, "the search is worth its name"
    before = [
        (1, document((CLIENT, 0, [struct(4, string("0123456789"))]))),
        (1, document((6, 0, [struct(4, string("abcde"))]))),
    ]

    async def story() -> None:
        worker = Worker()
        try:
            for data in sorted(set(passed))[:400]:
                answer = await worker.ask(
                    pipe.Build(CHANNEL, 99, 0, [*before, (1, data)], False, 2)
                )
                if isinstance(answer, pipe.Built):
                    await worker.ask(pipe.Edit(CHANNEL, 1, [(0, 0, "é😀")], 2))
            assert worker.generation == 0
        finally:
            await worker.aclose()

    tell(story)


@settings(max_examples=500)
@given(st.binary(max_size=80), st.sampled_from(VECTORS))
def test_44_any_bytes_are_an_update_or_invalid(
    data: bytes, after: tuple[tuple[int, int], ...]
) -> None:
    try:
        change = check(NoteUpdate(data, after), CLIENT)
    except Invalid:
        return
    assert change.client == CLIENT


# 45: one text everywhere ------------------------------------------------------------------------


def test_45_three_replicas_read_one_text_whatever_neighbours_liars_choose() -> None:
    """The same updates in three orders, in batches; the text is the process's, not the order's."""

    async def story() -> None:
        hosts = [NotesHost() for _ in range(3)]
        texts = set()
        try:
            for seed in range(60):
                channel = seed.to_bytes(16, "big")
                updates = liars(seed)
                views = []
                for number, host in enumerate(hosts):
                    await host.load(channel, [])
                    shuffled = updates[:]
                    random.Random(seed * 3 + number).shuffle(shuffled)
                    half = len(shuffled) // (number + 1)
                    await host.add(channel, shuffled[:half])
                    await host.read(channel)
                    await host.add(channel, shuffled[half:])
                    views.append(await host.read(channel))
                assert len({view.text for view in views}) == 1, seed
                assert views[0].authors == views[1].authors == views[2].authors, seed
                assert len({tuple(sorted(view.quarantined)) for view in views}) == 1, seed
                texts.add(views[0].text)
        finally:
            for host in hosts:
                await host.aclose()
        assert len(texts) > 50

    tell(story)


def test_45_the_order_is_a_function_of_the_set() -> None:
    for seed in range(300):
        updates = liars(seed)
        orders = []
        for number in range(3):
            shuffled = updates[:]
            random.Random(seed + number).shuffle(shuffled)
            order = Canonical()
            for each in shuffled:
                order.add([each])
            orders.append([each.entry_id for each in order.replayed])
        assert orders[0] == orders[1] == orders[2], seed


# 46: the process --------------------------------------------------------------------------------


def hole(monkeypatch: pytest.MonkeyPatch, *attacks: bytes) -> None:
    """As if the validator had a mistake and let these pass."""
    strict = crdt.notes.decode

    def lenient(data: bytes, client: int, after: dict[int, int]) -> Update:
        if data in attacks:
            return Update(client, 0, 3, (Item(0, 3, None, None, "abc"),), ())
        return strict(data, client, after)

    monkeypatch.setattr(crdt.notes, "decode", lenient)


async def edit(host: NotesHost, text: str) -> NoteUpdate:
    """Write at the end. Some updates do their harm then, and the person tries again."""
    for _ in range(2):
        view = await host.read(CHANNEL)
        try:
            end = len(view.text)
            op = await host.splice(CHANNEL, [(end, 0, text)], view.version, 9, bytes(16))
        except NotesFailed:
            continue
        assert op is not None
        return op
    raise AssertionError("the notes cannot be edited")


async def applied(worker: Worker, data: bytes) -> None:
    """Apply an update unseen, and edit behind it."""
    answer = await worker.ask(pipe.Build(CHANNEL, 99, 0, [(1, data)], False, 1))
    assert isinstance(answer, pipe.Built)
    end = len(answer.text)
    await worker.ask(pipe.Edit(CHANNEL, 1, [(end, end, "x")], 1))


DEADLY = {
    "abort": INPUTS["P1 a client's block twice, in the notes"],
    "stack": nested(200_000),
    "refusal": b"\x01\xff",
}


@pytest.mark.parametrize("name", DEADLY)
def test_46_an_update_that_ends_the_process_is_set_aside_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    hole(monkeypatch, DEADLY[name])
    evil = signed(CLIENT, 0, DEADLY[name], {})
    fine = signed(8, 0, document((8, 0, [struct(4, string("the text"))])), {})

    async def story() -> None:
        host = NotesHost()
        try:
            await host.load(OTHER, [])
            await host.load(CHANNEL, [fine])
            await host.add(CHANNEL, [evil])
            op = await edit(host, "and ")
            await host.add(CHANNEL, [signed(9, 0, op.update, dict(op.after))])
            view = await host.read(CHANNEL)
            assert sorted(view.text) == sorted("and the text")
            assert list(view.quarantined) == [evil.entry_id], "it is named, and so is its author"
            assert (await host.read(OTHER)).text == ""
        finally:
            await host.aclose()

    tell(story)


def test_46_a_process_that_takes_too_much_or_too_long_is_ended() -> None:
    async def story() -> None:
        worker = Worker()
        try:
            for data in (nested(200_000), INPUTS["P1 a client's block twice, in the notes"]):
                with pytest.raises(WorkerDied):
                    await applied(worker, data)
                assert worker.pid is None
            answer = await worker.ask(
                pipe.Build(
                    CHANNEL, 99, 0, [(1, document((8, 0, [struct(4, string("ok"))])))], False, 1
                )
            )
            assert isinstance(answer, pipe.Built)
            assert answer.text == "ok"
        finally:
            await worker.aclose()

    tell(story)


# 47 and 48: other people's text -----------------------------------------------------------------


def deletion(client: int, *ranges: tuple[int, int]) -> bytes:
    parts = [b"\x00\x01", bytes((client,)), bytes((len(ranges),))]
    parts += [varint(number) for each in ranges for number in each]
    return b"".join(parts)


@pytest.mark.parametrize(
    "ranges",
    [((0, 6),), ((5, 1),), ((0, 2**32 - 1),), ((4, 2),), ((2**31, 1),), ((0, 3), (3, 4))],
)
def test_47_nothing_is_deleted_that_its_author_has_not_read(ranges: tuple[tuple[int, int]]) -> None:
    check(NoteUpdate(deletion(7, (0, 5)), ((7, 5),)), CLIENT)
    with pytest.raises(Invalid):
        check(NoteUpdate(deletion(7, *ranges), ((7, 5),)), CLIENT)
    with pytest.raises(Invalid):
        check(NoteUpdate(deletion(8, (0, 1)), ((7, 5),)), CLIENT)


def test_47_a_deletion_of_the_future_waits_alone_and_takes_nothing() -> None:
    """Mallory claims to have read what nobody wrote yet; only Mallory's own log waits for it."""
    evil = signed(CLIENT, 0, deletion(7, (0, 100)), {7: 100})
    order = Canonical()
    order.add([evil])
    texts = [
        signed(
            7,
            n,
            document((7, 2 * n, [struct(4, string("ab"), left=(7, 2 * n - 1) if n else None)])),
            {7: 2 * n},
        )
        for n in range(20)
    ]
    order.add(texts)
    assert [each.entry_id for each in order.replayed] == [each.entry_id for each in texts]
    assert order.waiting == 1


@pytest.mark.parametrize("client", [0, 4, 6, 7, 2**53 - 1])
def test_48_nobody_writes_under_another_client(client: int) -> None:
    data = document((client, 0, [struct(4, string("forged"))]))
    with pytest.raises(Invalid):
        check(NoteUpdate(data, VECTORS[2]), CLIENT)


def test_48_the_client_follows_from_who_signed_and_where() -> None:
    device, incarnation = bytes(range(32)), bytes(8)
    own = client_id(device, incarnation, CHANNEL)
    assert own < 2**limits.NOTE_CLIENT_BITS
    others = {
        client_id(bytes(32), incarnation, CHANNEL),
        client_id(device, b"restored", CHANNEL),
        client_id(device, incarnation, OTHER),
    }
    assert own not in others
    assert len(others) == 3
