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
from crdt.retention import DAY_MS, NO_RULE, Rule, days_of, horizon, rule_of
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
    return [(bytes.fromhex(key.removeprefix(KEEP_REGISTERS)), word) for key, word in found]


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
    member = bytes.fromhex(VECTORS["register"].removeprefix(KEEP_REGISTERS))
    operation = VECTORS["operation"]
    op = ops.decode(bytes.fromhex(operation["payload"]), ops.PART_STATE)
    assert op == Setting(operation["name"], operation["value"])
    assert ops.encode(op).hex() == operation["payload"]
    (word,) = writes(op, member, Stamp(1, b"a"))
    assert (word.key, word.value) == (VECTORS["register"], operation["value"])
    for case in VECTORS["days"]:
        assert days_of(case["value"]) == case["days"], case
    for case in VECTORS["horizons"]:
        assert horizon(case["days"], case["now_ms"]) == case["reading"], case
    for case in VECTORS["rules"]:
        registers = Registers()
        for said in case["words"]:
            stamp = Stamp(said["hlc"], bytes.fromhex(said["entry"]))
            setting = Setting(KEEP_SETTING, said["value"])
            registers.apply(setting, bytes.fromhex(said["member"]), stamp)
        levels = {bytes.fromhex(member): level for member, level in case["levels"].items()}
        rule = Rule(case["days"], case["from_ms"], bytes.fromhex(case["member"]))
        assert rule_of(by_member(registers), levels) == rule, case["what"]


def test_a_rule_falls_with_who_gave_it() -> None:
    said = heard([(ANA, "90", 1, b"a"), (BO, "1", 2, b"b")])
    assert rule_of(said, {ANA: 0, BO: 50}).days == 1
    assert rule_of(said, {ANA: 0, BO: 100}).days == 90
    assert rule_of(said, {ANA: 0}).days == 90
    assert rule_of(said, {}) == NO_RULE


def test_a_member_writes_their_own_word_only() -> None:
    (word,) = writes(Setting(KEEP_SETTING, "7"), BO, Stamp(1, b"b"))
    assert word.key == f"keep/{BO.hex()}"
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
