"""Hidden messages: only admins' words count, whatever came in which order, and the last stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import ops
from crdt.errors import Invalid
from crdt.registers import HIDE_REGISTERS, Hidden, Registers, counts, hidden_by
from crdt.roster_ops import LEVEL_ADMIN_MAX
from tests.crdt.operations import MEMBERS, MESSAGES, Delivery, arrivals, deliveries, messages

LEVELS = dict(zip(MEMBERS, (0, LEVEL_ADMIN_MAX, LEVEL_ADMIN_MAX + 1), strict=True))
"""Ana founded the workspace, Bo is only just an admin, Cid only just is not."""
hides: st.SearchStrategy[ops.AnyOp] = st.builds(
    ops.Hide, messages, st.booleans(), st.sampled_from(("", "why", "é", "f" * 256))
)


def hidden(sent: list[Delivery]) -> dict[bytes, Hidden | None]:
    """What a replica that is given all that makes of it."""
    registers = Registers()
    for op, member, stamp in sent:
        assert isinstance(op, ops.Hide)
        if counts(op, LEVELS[member]):
            registers.apply(op, member, stamp)
    keys = {message: f"{HIDE_REGISTERS}{message.hex()}" for message in MESSAGES}
    return {
        message: hidden_by(registers.values[key].value)
        for message, key in keys.items()
        if key in registers.values
    }


@given(deliveries(hides), st.data())
def test_the_last_word_of_an_admin_stands_in_any_order(
    sent: list[Delivery], data: st.DataObject
) -> None:
    last: dict[bytes, Hidden | None] = {}
    for op, member, _ in sorted(sent, key=lambda each: each.stamp):
        if isinstance(op, ops.Hide) and LEVELS[member] <= LEVEL_ADMIN_MAX:
            last[op.message] = Hidden(member, op.reason) if op.on else None
    arrived = [delivery for batch in data.draw(arrivals(sent)) for delivery in batch]
    assert hidden(arrived) == last


def test_everything_else_counts_at_any_level() -> None:
    assert counts(ops.Pin(MESSAGES[0], True), LEVEL_ADMIN_MAX + 1)
    assert not counts(ops.Hide(MESSAGES[0], False), LEVEL_ADMIN_MAX + 1)


@given(st.text())
def test_any_value_is_hidden_shown_or_invalid(value: str) -> None:
    try:
        found = hidden_by(value)
    except Invalid:
        return
    assert (found is None) == (value == "")
    if found is not None:
        assert value.endswith(found.reason)
        assert len(found.member) == len(MEMBERS[0])


def test_a_reason_has_a_bound() -> None:
    ops.encode(ops.Hide(MESSAGES[0], True, "x" * 256))
    with pytest.raises(Invalid, match="reason"):
        ops.encode(ops.Hide(MESSAGES[0], True, "x" * 257))
    with pytest.raises(Invalid, match="message id"):
        ops.encode(ops.Hide(b"short", True))
