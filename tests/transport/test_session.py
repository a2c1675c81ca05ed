"""Sessions: fragments, priorities, credit, silence, and what breaking a rule costs."""

from tests.transport.link_pair import SessionPair
from transport.proto.session import MessageReceived


def test_small_live_message_costs_eighteen_bytes() -> None:
    pair = SessionPair()
    pair.ana.send(1, 0, b"x" * 150)
    pair.drain(pair.ana)
    assert [len(frame) for frame in pair.frames[pair.ben]] == [150 + 2 + 16]
    assert pair.deliver(pair.ben) == [MessageReceived(1, 0, b"x" * 150)]


def test_messages_of_all_sizes_arrive() -> None:
    pair = SessionPair()
    sizes = (0, 1, 16_366, 16_367, 16_368, 40_000, 1_000_000)
    for priority in range(6):
        for size in sizes:
            pair.ana.send(64 + priority, priority, bytes([priority]) * size)
    pair.settle()
    for priority in range(6):
        got = [m.payload for m in pair.messages(pair.ben) if m.priority == priority]
        assert got == [bytes([priority]) * size for size in sizes]
