"""How long a channel is kept follows from what admins said and from who is one."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crdt import ops
from crdt.clock import reading
from crdt.limits import KEEP_MAX_DAYS, KEEP_NOTICE_MS
from crdt.ops import Setting
from crdt.registers import KEEP_REGISTERS, KEEP_SETTING, Register, Registers, newer, writes
from crdt.retention import DAY_MS, NO_RULE, Rule, days_of, gone_below, horizon, rule_of
from crdt.timeline import Stamp

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors/retention.json").read_text("utf-8")
)
ANA, BO, CEM = b"ana".ljust(16), b"bo".ljust(16), b"cem".ljust(16)

WORDS = st.lists(
    st.tuples(
        st.sampled_from([ANA, BO, CEM]),
        st.sampled_from(["", "0", "1", "30", "forever"]),
        st.integers(0, 5),
        st.binary(min_size=1, max_size=1),
    ),
    max_size=8,
)


def heard(words: list[tuple[bytes, str, int, bytes]]) -> list[tuple[bytes, Register]]:
    """What stands in the registers once words were heard in this order."""
    registers = Registers()
    for member, value, ms, entry in words:
        registers.apply(Setting(KEEP_SETTING, value), member, Stamp(reading(ms), entry))
    return by_member(registers)


def by_member(registers: Registers) -> list[tuple[bytes, Register]]:
    found = sorted(registers.values.items())
    return [(bytes.fromhex(key.split("/")[1]), word) for key, word in found]


@given(
    WORDS,
    st.permutations(range(8)),
    st.dictionaries(st.sampled_from([ANA, BO]), st.integers(0, 120)),
)
def test_the_rule_does_not_depend_on_the_order(
    words: list[tuple[bytes, str, int, bytes]], order: list[int], levels: dict[bytes, int]
) -> None:
    words = list({(word[2], word[3]): word for word in words}.values())  # One entry, one word.
    shuffled = [words[place] for place in order if place < len(words)]
    rule = rule_of(heard(words), levels)
    assert rule == rule_of(heard([*shuffled, *words]), levels)
    counts = [word for word in words if levels.get(word[0], 255) <= 99]
    if not counts:
        assert rule == NO_RULE
    else:
        newest = max(counts, key=lambda word: (word[2], word[3]))
        assert rule == Rule(days_of(newest[1]), newest[2] + KEEP_NOTICE_MS, newest[0])


def test_the_vectors_of_the_page() -> None:
    operation, word = VECTORS["operation"], VECTORS["word"]
    op = ops.decode(bytes.fromhex(operation["payload"]), ops.PART_STATE)
    assert op == Setting(operation["name"], operation["value"])
    assert ops.encode(op).hex() == operation["payload"]
    stamp = Stamp(word["hlc"], bytes.fromhex(word["entry"]))
    assert isinstance(op, Setting)
    assert list(writes(op, bytes.fromhex(word["member"]), stamp)) == [
        Register(VECTORS["register"], operation["value"], stamp)
    ]
    for case in VECTORS["days"]:
        assert days_of(case["value"]) == case["days"], case
    for case in VECTORS["horizons"]:
        assert horizon(case["days"], case["now_ms"]) == case["reading"], case
    for case in VECTORS["rules"]:
        rule = Rule(case["days"], case["from_ms"], bytes.fromhex(case["member"]))
        assert rule_of(*said_in(case)) == rule, case["what"]
    for case in VECTORS["gone"]:
        assert gone_below(*said_in(case), case["now_ms"]) == case["reading"], case["what"]


def said_in(case: dict[str, Any]) -> tuple[list[tuple[bytes, Register]], dict[bytes, int]]:
    registers = Registers()
    for word in case["words"]:
        stamp = Stamp(word["hlc"], bytes.fromhex(word["entry"]))
        registers.apply(Setting(KEEP_SETTING, word["value"]), bytes.fromhex(word["member"]), stamp)
    levels = {bytes.fromhex(member): level for member, level in case["levels"].items()}
    return by_member(registers), levels


@given(WORDS, st.dictionaries(st.sampled_from([ANA, BO]), st.integers(0, 120)))
def test_what_is_gone_stays_gone(
    words: list[tuple[bytes, str, int, bytes]], levels: dict[bytes, int]
) -> None:
    said = heard([(who, value, day * DAY_MS, entry) for who, value, day, entry in words])
    gone = [gone_below(said, levels, day * DAY_MS) for day in range(60)]
    assert gone == sorted(gone)
    for day, below in enumerate(gone):
        rule = rule_of(said, levels)
        if rule.from_ms <= day * DAY_MS:
            assert below >= horizon(rule.days, day * DAY_MS), "what is obeyed may be missing"
        assert below <= horizon(1, day * DAY_MS), "no rule is shorter than a day"


def test_a_rule_falls_with_who_gave_it() -> None:
    said = heard([(ANA, "90", 1, b"a"), (BO, "1", 2, b"b")])
    assert rule_of(said, {ANA: 0, BO: 50}).days == 1
    assert rule_of(said, {ANA: 0, BO: 100}).days == 90
    assert rule_of(said, {ANA: 0}).days == 90
    assert rule_of(said, {}) == NO_RULE


def test_a_member_writes_their_own_word_only() -> None:
    (word,) = writes(Setting(KEEP_SETTING, "7"), BO, Stamp(1, b"b"))
    assert word.key == f"keep/{BO.hex()}/000000000000000162"
    (other,) = writes(Setting(f"keep/{ANA.hex()}", "1"), BO, Stamp(2, b"c"))
    assert not other.key.startswith(KEEP_REGISTERS)
    assert newer(word, Register(word.key, "9", Stamp(2, b"d")))


@given(st.text(max_size=8))
def test_whatever_somebody_says_is_a_number_of_days_or_for_ever(value: str) -> None:
    days = days_of(value)
    assert days is None or 1 <= days <= KEEP_MAX_DAYS
    assert days is None or value.lstrip("0") == str(days)


def test_numbers_that_only_look_like_some_are_none() -> None:
    for value in ("٣", "+7", "7 ", "7_0", "0", "-1", "1e3", str(KEEP_MAX_DAYS + 1), "9" * 1_000):
        assert days_of(value) is None, value
    assert days_of("07") == 7


def test_the_horizon_is_so_many_days_before_now() -> None:
    assert horizon(None, 10 * DAY_MS) == 0
    assert horizon(3, 10 * DAY_MS) == reading(7 * DAY_MS)
    assert horizon(30, 10 * DAY_MS) == 0
