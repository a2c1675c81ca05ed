"""A channel is one document: replicas that know the same operations hold the same bytes."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from crdt import ops
from crdt.channel import Channel
from crdt.timeline import Stamp
from tests.crdt.operations import (
    MEMBERS,
    SALTS,
    Delivery,
    arrivals,
    deliveries,
    erase_ops,
    named,
    note_ops,
    state_ops,
    timeline_ops,
)

channel_ops = st.one_of(timeline_ops, timeline_ops, state_ops, note_ops, erase_ops)
some = deliveries(channel_ops, most=16)


def channel_of(sent: Iterable[Delivery]) -> Channel:
    channel = Channel()
    for op, member, stamp in sent:
        channel.apply(stamp, member, op)
    return channel


def merged(*channels: Channel) -> bytes:
    whole = Channel()
    for channel in channels:
        whole.merge(channel)
    return whole.canonical()


@st.composite
def replicas(draw: st.DrawFn) -> tuple[list[Delivery], list[Channel]]:
    """Operations, and three replicas which know some of them each."""
    sent = draw(some)
    known = [draw(st.sets(st.sampled_from(range(3)))) for _ in sent]
    return sent, [
        channel_of(each for each, holders in zip(sent, known, strict=True) if number in holders)
        for number in range(3)
    ]


@given(some, st.data())
def test_any_order_duplication_and_batching_gives_the_same_bytes(
    sent: list[Delivery], data: st.DataObject
) -> None:
    batches = data.draw(arrivals(sent))
    in_turn = channel_of(delivery for batch in batches for delivery in batch)
    whole = channel_of(sent).canonical()
    assert in_turn.canonical() == whole
    # Each batch may as well be another replica's document.
    assert merged(*(channel_of(batch) for batch in batches)) == whole


@given(replicas())
def test_merging_is_a_join(found: tuple[list[Delivery], list[Channel]]) -> None:
    _, (one, two, three) = found
    before = [channel.canonical() for channel in (one, two, three)]
    assert merged(one, two) == merged(two, one)
    assert merged(one, one) == one.canonical()
    both = Channel()
    both.merge(two)
    both.merge(three)
    assert merged(one, both) == merged(one, two, three)
    assert [channel.canonical() for channel in (one, two, three)] == before


@given(replicas(), st.lists(st.permutations(range(3)), max_size=4))
def test_replicas_that_talk_and_hear_converge(
    found: tuple[list[Delivery], list[Channel]], talks: list[list[int]]
) -> None:
    sent, channels = found
    for speaker, hearer, _ in talks:
        channels[hearer].merge(channels[speaker])
    for delivery in sent:
        channels[0].apply(delivery.stamp, delivery.member, delivery.op)
    for channel in channels[1:]:
        channel.merge(channels[0])
    assert {channel.canonical() for channel in channels} == {channel_of(sent).canonical()}


@given(st.permutations(range(4)), st.lists(st.integers(0, 1), min_size=4, max_size=4))
def test_each_kind_of_operation_merges_by_its_own_rule(order: list[int], where: list[int]) -> None:
    """The same message and the same registers are written again and again, on two replicas."""
    ana, bo, _ = MEMBERS
    message = ops.message_id(ana, SALTS[0])
    one, two = Channel(), Channel()
    for hlc in order:
        here, stamp = (one, two)[where[hlc]], Stamp(hlc, named(f"entry {hlc}", 32))
        here.apply(stamp, ana, ops.Post(SALTS[0], f"post {hlc}"))
        here.apply(stamp, ana, ops.Edit(SALTS[0], f"edit {hlc}"))
        here.apply(stamp, bo, ops.React(message, "👍", hlc == 3))
        here.apply(stamp, bo, ops.Topic(f"topic {hlc}"))
        here.apply(stamp, bo, ops.NoteUpdate(bytes((hlc,)), ()))
    two.merge(one)
    state = two.timeline.messages[message]
    assert state.post is not None
    assert (state.post.text, state.text) == ("post 0", "edit 3")
    assert state.shown_reactions == {"👍": [bo]}
    assert two.state.values["topic"].value == "topic 3"
    assert sorted(entry.op.update for entry in two.notes.values()) == [b"\0", b"\1", b"\2", b"\3"]


def test_the_bytes_show_every_part() -> None:
    ana, bo, _ = MEMBERS
    stamp = Stamp(1, named("entry", 32))
    every = [
        Delivery(op, member, stamp)
        for member in (ana, bo)
        for op in (
            ops.Post(SALTS[0], "hello"),
            ops.Profile("nick"),
            ops.NoteUpdate(b"update", ()),
            ops.NoteUpdate(b"another", ()),
        )
    ]
    assert len({channel_of([each]).canonical() for each in every}) == len(every)
