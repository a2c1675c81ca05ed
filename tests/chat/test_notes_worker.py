"""Updates that end, freeze or fool a Yjs reader cost the worker, and are found."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.notes import pipe, suspects
from chat.notes.errors import WorkerDied
from chat.notes.process import Worker
from crdt.notes import Canonical
from crdt.yjs_update import varint
from tests.crdt.notes_authors import item, string, update
from tests.crdt.test_notes_order import history

CHANNEL = b"c" * 16
TWICE = bytes.fromhex("020105000401017403616263010500040101740378797a00").replace(
    b"\x01\x01t", b"\x01\x05notes"
)
"""The same client block twice: applies, and lets a later edit and read allocate without end."""


def nested(depth: int) -> bytes:
    return update(5, 0, [item(varint(1) + b"\x75\x01" * depth + b"\x7e", 8)])


ATTACKS = {
    "a block twice": TWICE,
    "values 30,000 deep": nested(30_000),
    "values 200,000 deep": nested(200_000),
    "a type in a type, 100,000 deep": update(
        5, 0, [item(varint(1), 7), *[b"\x07\x00\x05" + varint(n) + b"\x01" for n in range(100_000)]]
    ),
    "a deleted run that fills the clock": update(5, 0, [item(varint(2**32 - 2), 1)]),
    "two runs over the end of the clock": update(
        5, 0, [item(varint(2**31), 1), item(varint(2**31 + 5), 1)]
    ),
    "4 billion items": b"\x01" + varint(2**32 - 1) + b"\x05\x00",
    "4 billion deletions": b"\x00\x01\x05" + varint(2**32 - 1),
    "4 billion values": update(5, 0, [item(varint(2**32 - 1), 8)]),
    "deletions of the future": update(5, 0, [], {7: [(0, 2**32 - 1)]}),
    "an item behind itself": update(5, 0, [item(string("a"), 4, (5, 0))]),
    "items behind each other": b"\x02"
    + update(5, 0, [item(string("a"), 4, (6, 0))])[1:-1]
    + update(6, 0, [item(string("a"), 4, (5, 0))])[1:],
    "20,000 clients at one place": varint(20_000)
    + b"".join(update(c, 0, [item(string("x"))])[1:-1] for c in range(20_000, 0, -1))
    + b"\x00",
    "random bytes": bytes(range(256)),
}


def tell(story: Callable[[Worker], Awaitable[None]]) -> None:
    async def run() -> None:
        worker = Worker()
        try:
            await story(worker)
        finally:
            await worker.aclose()

    asyncio.run(run())


def build(*updates: bytes, base: int = 0, seconds: int = 2) -> pipe.Build:
    return pipe.Build(CHANNEL, 99, base, [(1, each) for each in updates], False, seconds)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_costs_one_worker_at_most(name: str) -> None:
    """Applied unseen, read and edited after it: the host lives, the next worker works."""
    hello = update(8, 0, [item(string("hello"))])

    async def story(worker: Worker) -> None:
        try:
            answer = await worker.ask(build(hello, ATTACKS[name]))
            if isinstance(answer, pipe.Built):
                edit = pipe.Edit(CHANNEL, 1, [(len(answer.text), len(answer.text), "end")], 2)
                await worker.ask(edit)
        except WorkerDied:
            assert worker.pid is None
        answer = await worker.ask(build(hello))
        assert answer == pipe.Built("hello", [(5, 1)])

    tell(story)


def test_the_update_that_ends_a_worker_is_found() -> None:
    """Also when it does so only at the next edit."""
    fine = [update(6, n, [item(string("a"), 4, (6, n - 1) if n else None)]) for n in range(40)]

    async def story(worker: Worker) -> None:
        for bad in (nested(200_000), b"\x01\xff", TWICE):
            steps = [(1, each) for each in (*fine[:17], bad, *fine[17:])]
            assert await suspects.find(steps) == 17
        assert await suspects.find([(1, each) for each in fine]) is None

    tell(story)


def test_a_worker_that_hangs_is_ended() -> None:
    """Stopped, it answers nothing; the limit is a few seconds of the clock."""

    async def story(worker: Worker) -> None:
        await worker.ask(build())
        pid = worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(WorkerDied, match="too long"):
            await worker.ask(pipe.Close(CHANNEL, 0))
        assert worker.pid is None
        await worker.ask(build())
        assert worker.pid not in (None, pid)

    tell(story)


def test_what_passes_the_validator_does_no_harm() -> None:
    """Neighbours that fit no history: accepted, replayed in one order, one text, no crash."""

    async def story(worker: Worker) -> None:
        for seed in range(400):
            order = Canonical()
            order.add(history(seed))
            updates = [each.op.update for each in order.replayed]
            answer = await worker.ask(build(*updates))
            assert isinstance(answer, pipe.Built), (seed, answer)
            answer = await worker.ask(pipe.Edit(CHANNEL, 2, [(0, 0, "é😀")], 2))
            assert isinstance(answer, pipe.Built)
            assert answer.text.startswith("é😀"), seed
        assert worker.generation == 0

    tell(story)


@given(st.binary(max_size=60))
@settings(max_examples=300)
def test_any_bytes_are_an_answer_or_the_end_of_the_worker(data: bytes) -> None:
    try:
        pipe.read_answer(data)
    except WorkerDied:
        return


def test_answers_that_lie_about_lengths_are_refused() -> None:
    for answer in (pipe.Built("abc", [(2, 0)]), pipe.Built("abc", [(4, 0), (-1, 0)])):
        with pytest.raises(WorkerDied):
            pipe.read_answer(pipe.frame(answer)[pipe.LENGTH_BYTES :])
    with pytest.raises(WorkerDied):
        pipe.answer_length(b"\xff" * 4)
