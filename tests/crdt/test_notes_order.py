"""Everybody replays the same updates of the notes in the same order, whatever arrived when."""

import random
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import notes
from crdt.errors import Invalid
from crdt.notes import Canonical, SignedUpdate, check
from crdt.ops import NoteUpdate
from tests.crdt.notes_authors import CLIENTS, item, signed, string, units, update

WORDS = ("a", "bc", "def", "é", "xyz", "a", "x😀y")


def history(seed: int) -> list[SignedUpdate]:
    """Updates of three authors, some of whom lie: about what they saw, their clocks and seqs."""
    rng = random.Random(seed)
    clocks = dict.fromkeys(CLIENTS, 0)
    seqs = dict.fromkeys(CLIENTS, 0)
    made = []
    for _ in range(rng.randrange(1, 20)):
        client = rng.choice(CLIENTS)
        seen = {each: rng.randrange(clock + 1) for each, clock in clocks.items()}
        if rng.random() < 0.6:
            seen = dict(clocks)
        seen[client] = max(0, clocks[client] - (rng.random() < 0.15) * rng.randrange(3))
        if rng.random() < 0.1:
            seen[rng.choice(CLIENTS)] += rng.randrange(3)
        if rng.random() < 0.2:
            seen = {each: clock * rng.randrange(2) for each, clock in seen.items()}
        start = clock = seen[client]
        items = []
        for _ in range(rng.randrange(4)):
            word = rng.choice(WORDS)
            known = [(each, k) for each, k in {**seen, client: clock}.items() if k]
            left = right = None
            if known and rng.random() < 0.7:
                each, k = rng.choice(known)
                left = each, rng.randrange(k)
            if known and rng.random() < 0.3:
                each, k = rng.choice(known)
                right = each, rng.randrange(k)
            items.append(item(string(word), 4, left, right))
            clock += units(word)
        deletes = {}
        seen_now = [each for each in CLIENTS if seen[each]]
        if seen_now and (not items or rng.random() < 0.3):
            each = rng.choice(seen_now)
            first = rng.randrange(seen[each])
            deletes[each] = [(first, rng.randrange(1, seen[each] - first + 1))]
        data = update(client, start, items, deletes)
        if rng.random() < 0.05:
            data += b"!"
        made.append(signed(client, seqs[client], data, seen))
        seqs[client] += rng.choice((0, 1, 1, 1, 2))
        try:
            check(made[-1].op, client)
        except Invalid:
            continue
        clocks[client] = max(clocks[client], clock)
    return made


def nearly_in_order(made: list[SignedUpdate], rng: random.Random) -> list[SignedUpdate]:
    """As things arrive: in order, or a little late, or anyhow, when most waits for something."""
    late = rng.choice((0, 3, len(made)))
    arrivals = sorted((index + rng.uniform(0, late), index) for index in range(len(made)))
    return [made[index] for _, index in arrivals]


class Outcome(NamedTuple):
    replayed: list[bytes]
    refused: set[bytes]
    waiting: int
    state: dict[int, int]


def outcome(order: Canonical) -> Outcome:
    ids = [each.entry_id for each in order.replayed]
    return Outcome(ids, set(order.quarantined), order.waiting, order.state)


def plain(updates: Iterable[SignedUpdate]) -> Outcome:
    """The rules of docs/protocol/notes.md as directly as they can be written down."""
    valid = []
    refused = set()
    for each in {each.entry_id: each for each in updates}.values():
        try:
            valid.append((each, check(each.op, each.client)))
        except Invalid:
            refused.add(each.entry_id)
    left = sorted(valid, key=lambda pair: (pair[0].seq, pair[0].entry_id))
    clocks: dict[int, int] = {}
    halves: set[tuple[int, int]] = set()
    accepted: list[bytes] = []
    while True:
        heads = {}
        for pair in reversed(left):
            heads[pair[0].client] = pair
        ready = [
            pair
            for pair in heads.values()
            if all(clocks.get(client, 0) >= clock for client, clock in pair[0].op.after)
        ]
        if not ready:
            return Outcome(accepted, refused, len(left), clocks)
        chosen = min(ready, key=lambda pair: pair[0].entry_id)
        left.remove(chosen)
        each, change = chosen
        found = set()
        for part in change.items:
            clock = part.clock
            for letter in part.text or "":
                found |= {(each.client, clock + 1)} if units(letter) == 2 else set()
                clock += units(letter)
        cuts = {(i.left.client, i.left.clock + 1) for i in change.items if i.left}
        cuts |= {tuple(i.right) for i in change.items if i.right}
        cuts |= {(c, k) for c, first, end in change.deletes for k in (first, end)}
        contradicts = bool(change.items) and change.start != clocks.get(each.client, 0)
        if contradicts or cuts & (halves | found):
            refused.add(each.entry_id)
            continue
        halves |= found
        if change.items:
            clocks[each.client] = change.end
        accepted.append(each.entry_id)


@settings(max_examples=500)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_any_order_any_batches_any_repeats_follow_the_rules(seed: int, rng: random.Random) -> None:
    """After each batch, not only at the end: what is missing then waits, and others lack it."""
    made = history(seed)
    shuffled = nearly_in_order(made + rng.choices(made, k=3), rng)
    order = Canonical()
    known: list[SignedUpdate] = []
    while shuffled:
        count = rng.choice((1, 1, 2, 3, 8))
        batch, shuffled = shuffled[:count], shuffled[count:]
        known += batch
        before = outcome(order).replayed
        kept = order.add(batch)
        assert outcome(order) == plain(known)
        assert outcome(order).replayed[:kept] == before[:kept]
    at_once = Canonical()
    at_once.add(made)
    assert outcome(at_once) == outcome(order)
    assert at_once.quarantined == order.quarantined
    assert list(at_once.state) == list(order.state)


@settings(max_examples=500)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_what_is_set_aside_leaves_no_trace(seed: int, rng: random.Random) -> None:
    """Whether it is replayed, refused, waiting, or not here yet when it is set aside."""
    made = history(seed)
    order = Canonical()
    known: dict[bytes, SignedUpdate] = {}
    gone: set[bytes] = set()
    steps = [(each, False) for each in nearly_in_order(made, rng)]
    for each in rng.sample(made, rng.randrange(1, len(made) + 1))[:6]:
        steps.insert(rng.choice((rng.randrange(len(steps) + 1), len(steps))), (each, True))
    for each, aside in steps:
        before = outcome(order).replayed
        if aside:
            kept = order.set_aside(each.entry_id, "harmful")
            gone.add(each.entry_id)
        else:
            kept = order.add([each])
            known[each.entry_id] = each
        here = outcome(order)
        rules = plain(each for id_, each in known.items() if id_ not in gone)
        assert here == rules._replace(refused=rules.refused | gone)
        assert here.replayed[:kept] == before[:kept]


def word(client: int, seq: int, text: str, after: dict[int, int], **where: object) -> SignedUpdate:
    left = where.get("left")
    start = after.get(client, 0)
    data = update(client, start, [item(string(text), 4, left)])  # type: ignore[arg-type]
    return signed(client, seq, data, after)


def salted(client: int, seq: int, data: bytes, after: dict[int, int]) -> Iterator[SignedUpdate]:
    """The same update with one entry id after another."""
    return (signed(client, seq, data, after, salt.to_bytes(4, "big")) for salt in count())


def test_what_stood_behind_an_update_set_aside_goes_where_it_could_have_been_long_before() -> None:
    """Found by Hypothesis as history(105391): it was only looked for after the one set aside."""
    other = word(6, 0, "between", {})
    first = next(
        each for each in salted(5, 0, update(5, 0, [item(string("a"))]), {}) if each > other
    )
    second = next(
        each for each in salted(5, 1, update(5, 0, [item(string("b"))]), {}) if each < other
    )
    order = Canonical()
    order.add([first, second, other])
    assert list(order.replayed) == [other, first]
    assert list(order.quarantined) == [second.entry_id]
    assert order.set_aside(first.entry_id, "harmful") == 0
    assert list(order.replayed) == [second, other]


def test_a_second_version_never_replaces_what_others_built_on() -> None:
    """Whatever ids the attacker tries: the earlier entry of the log stays."""
    first = word(5, 0, "pay bob", {})
    answer = word(6, 0, " yes", {5: 7}, left=(5, 6))
    for salt in range(50):
        second = signed(5, 1, update(5, 0, [item(string("eve"))]), {}, bytes((salt,)))
        order = Canonical()
        order.add([second])
        order.add([answer, first])
        assert [each for each in order.replayed if each != second] == [first, answer]
        assert list(order.quarantined) == [second.entry_id]


def test_claiming_what_does_not_exist_holds_up_nobody_else() -> None:
    liar = word(5, 0, "later", {6: 1000})
    behind = word(5, 1, "more", {})
    honest = [word(6, 0, "hello", {}), word(7, 0, " you", {6: 5}, left=(6, 4))]
    order = Canonical()
    order.add([liar, behind, *honest])
    assert list(order.replayed) == honest
    assert order.waiting == 2
    assert order.waits(5)
    assert not order.waits(6)


def test_an_update_made_with_everything_known_goes_to_the_end() -> None:
    order = Canonical()
    clocks: dict[int, int] = {}
    for number in range(300):
        client = CLIENTS[number % 3]
        count = len(order.replayed)
        assert order.add([word(client, number, "ab", dict(clocks))]) == count
        clocks[client] = clocks.get(client, 0) + 2
    assert len(order.replayed) == 300


class Watched(tuple[tuple[int, int], ...]):
    """A vector that counts how often one of its clocks is looked at."""

    looks = 0

    def __getitem__(self, index: Any) -> Any:
        Watched.looks += 1
        return super().__getitem__(index)


def watched(update: SignedUpdate) -> SignedUpdate:
    return update._replace(op=NoteUpdate(update.op.update, Watched(update.op.after)))


def test_what_waits_is_not_looked_at_until_what_it_waits_for_is_there() -> None:
    """Else a member could make each letter cost everybody a look at all that ever waited."""
    order = Canonical()
    order.add([word(5, 0, "ab", {})])
    order.add(watched(word(client, 0, "x", {5: 2, 6: 4})) for client in range(100, 200))
    Watched.looks = 0
    for number in range(1, 50):
        order.add([word(5, number, "ab", {5: 2 * number})])
    order.add([word(6, 0, "abc", {5: 100})])
    assert (order.waiting, Watched.looks) == (100, 0)
    order.add([word(6, 1, "d", {5: 100, 6: 3})])
    assert (order.waiting, Watched.looks) == (0, 200)


def test_a_long_vector_is_looked_through_once_while_it_comes_true_bit_by_bit() -> None:
    clients = range(100, 400)
    first, *others = [word(client, 0, "x", {client - 1: 1}) for client in clients]
    end = watched(word(5, 0, "x", dict.fromkeys(clients, 1)))
    order = Canonical()
    order.add([*others, end])
    Watched.looks = 0
    order.add([first, word(99, 0, "x", {})])
    assert list(order.replayed)[-1] == end
    assert Watched.looks <= 2 * len(clients)


def test_a_letter_of_two_units_stays_whole() -> None:
    order = Canonical()
    face = word(5, 0, "a😀b", {})
    cuts = [
        word(6, 0, "x", {5: 4}, left=(5, 1)),
        signed(7, 0, update(7, 0, [], {5: [(2, 1)]}), {5: 4}),
        signed(7, 1, update(7, 0, [], {5: [(0, 2)]}), {5: 4}),
        signed(8, 0, update(8, 0, [item(string("x"), 4, None, (5, 2))]), {5: 4}),
    ]
    fine = [
        signed(9, 0, update(9, 0, [item(string("x"), 4, (5, 2), (5, 3))]), {5: 4}),
        signed(9, 1, update(9, 0, [], {5: [(1, 2)]}), {5: 4, 9: 1}),
    ]
    order.add([face, *cuts, *fine])
    assert {each.entry_id for each in order.replayed} == {each.entry_id for each in (face, *fine)}
    assert set(order.quarantined) == {each.entry_id for each in cuts}


@given(st.binary(max_size=40))
def test_any_bytes_are_a_cursor_or_invalid(data: bytes) -> None:
    order = Canonical()
    order.add([word(5, 0, "a😀b", {})])
    try:
        unit = notes.decode_cursor(data, order)
    except Invalid:
        return
    assert notes.encode_cursor(unit) == data
    assert unit is None or (unit[0] == 5 and unit[1] in (0, 2, 3))


@pytest.mark.parametrize("unit", [None, (5, 0), (5, 2), (5, 3)])
def test_a_cursor_comes_back(unit: tuple[int, int] | None) -> None:
    order = Canonical()
    order.add([word(5, 0, "a😀b", {})])
    assert notes.decode_cursor(notes.encode_cursor(unit), order) == unit


def test_five_thousand_updates_are_ordered_at_once() -> None:
    """Backwards, the worst way: each one is the new beginning."""
    clocks: dict[int, int] = {}
    made = []
    for number in range(5000):
        client = CLIENTS[number % 3]
        made.append(word(client, number, "a", dict(clocks)))
        clocks[client] = clocks.get(client, 0) + 1
    order = Canonical()
    for each in reversed(made):
        order.add([each])
    assert list(order.replayed) == made
