"""Everybody replays the same updates of the notes in the same order, whatever arrived when."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import notes
from crdt.errors import Invalid
from crdt.notes import Canonical, SignedUpdate, check
from tests.crdt.notes_authors import CLIENTS, item, signed, string, units, update

WORDS = ("a", "bc", "def", "é", "xyz", "a", "x😀y")


def history(seed: int) -> list[SignedUpdate]:
    """Updates of three authors, some of whom lie: about what they saw, and about their clocks."""
    rng = random.Random(seed)
    clocks = dict.fromkeys(CLIENTS, 0)
    seqs = dict.fromkeys(CLIENTS, 0)
    made = []
    for _ in range(rng.randrange(1, 14)):
        client = rng.choice(CLIENTS)
        seen = {each: rng.randrange(clock + 1) for each, clock in clocks.items()}
        if rng.random() < 0.6:
            seen = dict(clocks)
        seen[client] = max(0, clocks[client] - (rng.random() < 0.15) * rng.randrange(3))
        if rng.random() < 0.1:
            seen[rng.choice(CLIENTS)] += rng.randrange(3)
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
        seqs[client] += rng.randrange(1, 3)
        try:
            check(made[-1].op, client)
        except Invalid:
            continue
        clocks[client] = max(clocks[client], clock)
    return made


def outcome(order: Canonical) -> object:
    ids = [each.signed.entry_id for each in order.replayed]
    return ids, order.quarantined, order.waiting, dict(sorted(order.state.items()))


def plain(updates: Sequence[SignedUpdate]) -> list[bytes]:
    """The rules of docs/protocol/notes.md as directly as they can be written down."""
    valid = []
    for each in {each.entry_id: each for each in updates}.values():
        try:
            valid.append((each, check(each.op, each.client)))
        except Invalid:
            continue
    left = sorted(valid, key=lambda pair: (pair[0].seq, pair[0].entry_id))
    clocks: dict[int, int] = {}
    halves: set[tuple[int, int]] = set()
    accepted = []
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
            return accepted
        chosen = min(ready, key=lambda pair: pair[0].entry_id)
        left.remove(chosen)
        each, change = chosen
        if change.items and change.start != clocks.get(each.client, 0):
            continue
        found = set()
        for part in change.items:
            clock = part.clock
            for letter in part.text or "":
                found |= {(each.client, clock + 1)} if units(letter) == 2 else set()
                clock += units(letter)
        cuts = {(i.left.client, i.left.clock + 1) for i in change.items if i.left}
        cuts |= {tuple(i.right) for i in change.items if i.right}
        cuts |= {(c, k) for c, first, end in change.deletes for k in (first, end)}
        if cuts & (halves | found):
            continue
        halves |= found
        if change.items:
            clocks[each.client] = change.end
        accepted.append(each.entry_id)


@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_any_order_any_batches_any_repeats_end_the_same(seed: int, rng: random.Random) -> None:
    made = history(seed)
    at_once = Canonical()
    at_once.add(made)
    assert [each.signed.entry_id for each in at_once.replayed] == plain(made)
    for _ in range(3):
        shuffled = made + rng.choices(made, k=3)
        rng.shuffle(shuffled)
        one_by_one = Canonical()
        while shuffled:
            count = rng.randrange(1, 4)
            before = [each.signed.entry_id for each in one_by_one.replayed]
            kept = one_by_one.add(shuffled[:count])
            now = [each.signed.entry_id for each in one_by_one.replayed]
            assert now[:kept] == before[:kept]
            del shuffled[:count]
        assert outcome(one_by_one) == outcome(at_once)


@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_what_is_set_aside_leaves_no_trace(seed: int, rng: random.Random) -> None:
    made = history(seed)
    gone = rng.sample(made, min(2, len(made)))
    late, early, never = Canonical(), Canonical(), Canonical()
    late.add(made)
    for each in gone:
        late.set_aside(each.entry_id, "harmful")
        early.set_aside(each.entry_id, "harmful")
    shuffled = list(made)
    rng.shuffle(shuffled)
    for each in shuffled:
        early.add([each])
    never.add([each for each in made if each not in gone])
    assert outcome(late)[0] == outcome(early)[0] == outcome(never)[0]
    assert outcome(late)[2:] == outcome(early)[2:] == outcome(never)[2:]
    assert {each.entry_id for each in gone} <= set(late.quarantined) & set(early.quarantined)


def word(client: int, seq: int, text: str, after: dict[int, int], **where: object) -> SignedUpdate:
    left = where.get("left")
    start = after.get(client, 0)
    data = update(client, start, [item(string(text), 4, left)])  # type: ignore[arg-type]
    return signed(client, seq, data, after)


def test_a_second_version_never_replaces_what_others_built_on() -> None:
    """Whatever ids the attacker tries: the earlier entry of the log stays."""
    first = word(5, 0, "pay bob", {})
    answer = word(6, 0, " yes", {5: 7}, left=(5, 6))
    for salt in range(50):
        second = signed(5, 1, update(5, 0, [item(string("eve"))]), {}, bytes((salt,)))
        order = Canonical()
        order.add([second])
        order.add([answer, first])
        assert [each.signed for each in order.replayed if each.signed != second] == [first, answer]
        assert list(order.quarantined) == [second.entry_id]


def test_claiming_what_does_not_exist_holds_up_nobody_else() -> None:
    liar = word(5, 0, "later", {6: 1000})
    behind = word(5, 1, "more", {})
    honest = [word(6, 0, "hello", {}), word(7, 0, " you", {6: 5}, left=(6, 4))]
    order = Canonical()
    order.add([liar, behind, *honest])
    assert [each.signed for each in order.replayed] == honest
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
    assert {each.signed.entry_id for each in order.replayed} == {
        each.entry_id for each in (face, *fine)
    }
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
    assert [each.signed for each in order.replayed] == made
