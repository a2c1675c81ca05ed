"""Events that wait for the next repaint: as few as possible, and nothing lost."""

from hypothesis import given
from hypothesis import strategies as st

from chat.events import (
    ChannelChanged,
    Event,
    MembersChanged,
    MessageChanged,
    MessagesArrived,
    NotesChanged,
    StatusChanged,
    TransferChanged,
    TypingShown,
    Warned,
)
from chat.model import Channel, Member, Notes, Status, Transfer
from tests.tui.made import ANA, message
from tui.coalesce import Waiting

NUMBER = st.integers(0, 3)
EVENTS = st.one_of(
    st.builds(
        lambda n, text, new: MessageChanged(message(n, text), new),
        NUMBER, st.sampled_from("abc"), st.booleans(),
    ),
    st.builds(lambda n: MessagesArrived("general", n), NUMBER),
    st.builds(lambda n, name: ChannelChanged(Channel(str(n), name)), NUMBER, st.sampled_from("xy")),
    st.builds(lambda n: StatusChanged(Status("live", behind=n)), NUMBER),
    st.builds(lambda n: MembersChanged((Member("m", str(n), 0, "founder"),)), NUMBER),
    st.builds(lambda n, v: NotesChanged(Notes(str(n), "", version=v)), NUMBER, NUMBER),
    st.builds(
        lambda n, done: TransferChanged(Transfer(str(n), "f", done, 9, "moving")), NUMBER, NUMBER
    ),
    st.builds(lambda n: TypingShown(str(n), ANA), NUMBER),
    st.builds(lambda n: Warned(str(n)), NUMBER),
)  # fmt: skip


def outcome(happened: list[Event]) -> dict[object, object]:
    """What the face would know afterwards."""
    known: dict[object, object] = {}
    for event in happened:
        match event:
            case MessageChanged(message=one, new=new):
                _, before = known.get(one.id, (None, False))  # type: ignore[misc]
                known[one.id] = (one, before or new)
            case MessagesArrived(channel=channel, count=count):
                known[channel] = known.get(channel, 0) + count  # type: ignore[operator]
            case ChannelChanged(channel=channel_value):
                known["channel", channel_value.id] = channel_value
            case NotesChanged(notes=notes):
                known["notes", notes.channel] = notes
            case TransferChanged(transfer=transfer):
                known["transfer", transfer.id] = transfer
            case TypingShown(channel=channel):
                known["typing", channel] = event
            case Warned():
                known["warned", event.text] = event
            case _:
                known[type(event)] = event
    return known


@given(st.lists(EVENTS, max_size=40))
def test_what_is_drained_says_as_much_as_all_events(happened: list[Event]) -> None:
    waiting = Waiting()
    for event in happened:
        waiting.add(event)
    drained = waiting.drain()
    assert outcome(drained) == outcome(happened)
    assert len(drained) == len(outcome(happened))
    assert waiting.drain() == []


def test_a_flood_of_messages_becomes_one_count() -> None:
    waiting = Waiting(limit=10)
    waiting.add(MessageChanged(message(5, channel="cats"), True))
    for number in range(1000):
        waiting.add(MessageChanged(message(number + 100), True))
    drained = waiting.drain()
    assert len(waiting) == 0
    counted = [event for event in drained if isinstance(event, MessagesArrived)]
    singles = [event for event in drained if isinstance(event, MessageChanged)]
    assert len(counted) == 1
    assert counted[0].channel == "general"
    assert counted[0].count + len(singles) - 1 == 1000
    assert len(singles) <= 11
    assert singles[0].message.channel == "cats"
