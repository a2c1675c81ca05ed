"""State merges: the write with the largest stamp wins, and nobody writes another's profile."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from crdt.registers import Register, Registers, StateOp, newer, writes
from tests.crdt.operations import Delivery, arrivals, deliveries, members, state_ops


def registers_of(sent: Iterable[Delivery]) -> Registers:
    registers = Registers()
    for op, member, stamp in sent:
        assert isinstance(op, StateOp)
        registers.apply(op, member, stamp)
    return registers


@given(deliveries(state_ops), st.data())
def test_any_order_and_duplication_gives_the_same_values(
    sent: list[Delivery], data: st.DataObject
) -> None:
    arrived = [delivery for batch in data.draw(arrivals(sent)) for delivery in batch]
    assert registers_of(arrived).values == registers_of(sent).values


@given(deliveries(state_ops))
def test_each_register_holds_its_newest_write(sent: list[Delivery]) -> None:
    written = [
        write
        for op, member, stamp in sent
        if isinstance(op, StateOp)
        for write in writes(op, member, stamp)
    ]
    assert registers_of(sent).values == {
        key: max((write for write in written if write.key == key), key=lambda write: write.stamp)
        for key in {write.key for write in written}
    }


@given(deliveries(state_ops), members)
def test_a_profile_is_written_by_its_member_alone(sent: list[Delivery], member: bytes) -> None:
    def profile(registers: Registers) -> dict[str, Register]:
        kinds = ("nick", "colour", "picture")
        keys = [f"{kind}/{member.hex()}" for kind in kinds]
        return {key: registers.values[key] for key in keys if key in registers.values}

    alone = registers_of(each for each in sent if each.member == member)
    assert profile(registers_of(sent)) == profile(alone)


@given(deliveries(state_ops, most=3))
def test_one_of_two_different_writes_is_newer(sent: list[Delivery]) -> None:
    found = [
        next(writes(op, member, stamp)) for op, member, stamp in sent if isinstance(op, StateOp)
    ]
    for left in found:
        assert newer(None, left)
        assert not newer(left, left)
        for right in found:
            assert newer(left, right) + newer(right, left) == (left.stamp != right.stamp)
