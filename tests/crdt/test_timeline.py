"""Messages merge: the same operations give the same timeline, whoever wrote what in between."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from crdt import ops
from crdt.timeline import MessageState, Stamp, Timeline, TimelineOp, apply, target
from tests.crdt.operations import (
    MEMBERS,
    SALTS,
    Delivery,
    arrivals,
    deliveries,
    members,
    named,
    timeline_ops,
)

ANA, BO, CID = MEMBERS
SALT = SALTS[0]
MESSAGE = ops.message_id(ANA, SALT)


def timeline_of(sent: Iterable[Delivery]) -> Timeline:
    timeline = Timeline()
    for op, member, stamp in sent:
        assert isinstance(op, TimelineOp)
        timeline.apply(op, member, stamp)
    return timeline


def at(hlc: int, name: str = "entry") -> Stamp:
    return Stamp(hlc, named(name, 32))


@given(deliveries(timeline_ops), st.data())
def test_any_order_duplication_and_batching_gives_the_same_bytes(
    sent: list[Delivery], data: st.DataObject
) -> None:
    timeline = Timeline()
    for batch in data.draw(arrivals(sent)):
        timeline.apply_all(
            (op, member, stamp) for op, member, stamp in batch if isinstance(op, TimelineOp)
        )
    assert timeline.canonical() == timeline_of(sent).canonical()


@given(deliveries(timeline_ops, most=16))
def test_a_timeline_is_what_its_rules_say(sent: list[Delivery]) -> None:
    """Against the rules written down a second time, over the whole set at once."""
    timeline = timeline_of(sent)
    posts: dict[bytes, Delivery] = {}
    for delivery in sorted(sent, key=lambda each: each.stamp, reverse=True):
        if isinstance(delivery.op, ops.Post):
            posts[ops.message_id(delivery.member, delivery.op.salt)] = delivery
    wanted = sorted((post.stamp.hlc, message) for message, post in posts.items())
    assert timeline.order() == [message for _, message in wanted]
    for message, post in posts.items():
        own = [
            (stamp, op)
            for op, member, stamp in sent
            if isinstance(op, ops.Edit | ops.Delete)
            and member == post.member
            and ops.message_id(member, op.salt) == message
        ]
        deleted = any(isinstance(op, ops.Delete) for _, op in own)
        edits = [(stamp, op.text) for stamp, op in own if isinstance(op, ops.Edit)]
        assert isinstance(post.op, ops.Post)
        said = max(edits)[1] if edits else post.op.text
        state = timeline.messages[message]
        assert state.text == ("" if deleted else said)
        newest: dict[tuple[str, bytes], bool] = {}
        for op, member, _ in sorted(sent, key=lambda each: each.stamp):
            if isinstance(op, ops.React) and op.message == message:
                newest[op.emoji, member] = op.on
        shown = {(emoji, member) for emoji, by in state.shown_reactions.items() for member in by}
        assert shown == {key for key, on in newest.items() if on and not deleted}


@given(deliveries(timeline_ops, most=16), members)
def test_nobody_changes_what_another_wrote(sent: list[Delivery], author: bytes) -> None:
    own = [each for each in sent if each.member == author]
    alone, together = timeline_of(own), timeline_of(sent)
    for salt in SALTS:
        message = ops.message_id(author, salt)
        left = alone.messages.get(message, MessageState())
        right = together.messages.get(message, MessageState())
        assert (left.post, left.edit, left.deleted) == (right.post, right.edit, right.deleted)
        by_author = {key: on for key, on in right.reactions.items() if key[1] == author}
        assert {key: on for key, on in left.reactions.items() if key[1] == author} == by_author


@given(deliveries(timeline_ops))
def test_what_changes_nothing_gives_the_same_object(sent: list[Delivery]) -> None:
    messages = timeline_of(sent).messages
    for op, member, stamp in sent:
        assert isinstance(op, TimelineOp)
        state = messages[target(op, member)]
        assert apply(state, op, member, stamp) is state


def test_bytes_differ_when_one_operation_is_missing() -> None:
    sent = [
        Delivery(ops.Post(SALT, "hello"), ANA, at(1)),
        Delivery(ops.Edit(SALT, "hello!"), ANA, at(2, "edit")),
        Delivery(ops.React(MESSAGE, "👍", True), BO, at(3, "on")),
        Delivery(ops.React(MESSAGE, "👍", False), BO, at(4, "off")),
        Delivery(ops.Delete(SALT), ANA, at(5, "delete")),
    ]
    stages = {timeline_of(sent[:count]).canonical() for count in range(len(sent) + 1)}
    assert len(stages) == len(sent) + 1


def test_what_comes_before_its_post_waits_for_it() -> None:
    timeline = timeline_of([Delivery(ops.Edit(SALT, "mended"), ANA, at(2))])
    assert timeline.order() == []
    assert timeline.messages[MESSAGE].text == ""
    timeline.apply(ops.Post(SALT, "brokn"), ANA, at(1))
    assert timeline.order() == [MESSAGE]
    assert timeline.messages[MESSAGE].text == "mended"


def test_a_deleted_message_says_nothing_and_stays_so() -> None:
    timeline = timeline_of(
        [
            Delivery(ops.Post(SALT, "oh no", mentions=(BO,)), ANA, at(1)),
            Delivery(ops.React(MESSAGE, "😀", True), BO, at(2)),
            Delivery(ops.Delete(SALT), ANA, at(3)),
            Delivery(ops.Edit(SALT, "back", mentions=(CID,)), ANA, at(4)),
        ]
    )
    state = timeline.messages[MESSAGE]
    assert (state.text, state.mentions, state.shown_reactions) == ("", (), {})
    assert timeline.order() == [MESSAGE]


def test_equal_times_are_decided_by_the_entry() -> None:
    low, high = sorted((at(1, "one"), at(1, "two")))
    for first, second in ((low, high), (high, low)):
        timeline = Timeline()
        for stamp in (first, second):
            timeline.apply(ops.Post(SALT, f"{stamp == low}"), ANA, stamp)
            timeline.apply(ops.React(MESSAGE, "👍", stamp == high), BO, stamp)
        state = timeline.messages[MESSAGE]
        assert state.text == "True"
        assert state.shown_reactions == {"👍": [BO]}
