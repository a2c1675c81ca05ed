"""Sessions: fragments, priorities, credit, silence, and what breaking a rule costs."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transport.link_pair import SessionPair
from transport.proto import limits
from transport.proto.closing import CloseCode
from transport.proto.errors import LocalFault, Reason, RemoteFault
from transport.proto.outbox import BLOCKS, LIVE, NEWEST, PAGE, PREFETCH
from transport.proto.records import (
    FIRST,
    LAST,
    Credit,
    Ping,
    Pong,
    data_header,
    decode_frame,
    encode_control,
    with_length,
)
from transport.proto.session import Closed, MessageReceived, PongReceived, Session

CONTROL, SYNC, BLOCK = 0, 1, 2
"""Kinds of the three classes."""


def seal(side: Session, plaintext: bytes) -> bytes:
    """A frame with a plaintext no honest session would make, under `side`'s real key."""
    return side.established.send.encrypt(b"", plaintext)


# Messages


def test_small_live_message_costs_eighteen_bytes() -> None:
    pair = SessionPair()
    pair.ana.send(1, LIVE, b"x" * 150)
    pair.drain(pair.ana)
    assert [len(frame) for frame in pair.frames[pair.ben]] == [150 + 2 + 16]
    assert pair.deliver(pair.ben) == [MessageReceived(1, LIVE, b"x" * 150)]


def test_messages_of_all_sizes_arrive() -> None:
    pair = SessionPair()
    sizes = (0, 1, 16_366, 16_367, 16_368, 40_000, limits.BLOCK_MESSAGE_MAX_BYTES)
    for priority in range(limits.PRIORITIES):
        for size in sizes:
            pair.ana.send(BLOCK + 4 * priority, priority, bytes([priority]) * size)
    pair.settle()
    for priority in range(limits.PRIORITIES):
        got = [m.payload for m in pair.messages(pair.ben) if m.priority == priority]
        assert got == [bytes([priority]) * size for size in sizes]


messages = st.tuples(
    st.sampled_from((1, 2, 5, 254)),
    st.integers(0, limits.PRIORITIES - 1),
    st.one_of(st.integers(0, 300), st.integers(16_000, 17_000), st.integers(0, 65_536)),
)


@given(
    steps=st.lists(st.tuples(st.booleans(), messages, st.integers(0, 3)), max_size=40),
    budget=st.sampled_from((1, 20_000, 1_000_000)),
)
@settings(max_examples=60, deadline=None)
def test_any_mix_arrives_whole_and_in_order_of_each_priority(
    steps: list[tuple[bool, tuple[int, int, int], int]], budget: int
) -> None:
    pair = SessionPair()
    sent: dict[Session, list[MessageReceived]] = {pair.ana: [], pair.ben: []}
    for number, (from_ana, (kind, priority, size), drains) in enumerate(steps):
        side = pair.ana if from_ana else pair.ben
        message = MessageReceived(kind, priority, number.to_bytes(2, "big") * (size // 2))
        side.send(*message)
        sent[pair.other(side)].append(message)
        for _ in range(drains):
            pair.drain(side, budget)
        if pair.frames[side]:
            pair.deliver(side)
    pair.settle()
    for side in (pair.ana, pair.ben):
        got = pair.messages(side)
        for priority in range(limits.PRIORITIES):
            assert [m for m in got if m.priority == priority] == [
                m for m in sent[side] if m.priority == priority
            ]
        assert side.held_bytes == side.owed_bytes == 0
        assert all(side.queued_bytes(priority) == 0 for priority in range(limits.PRIORITIES))


def test_no_frame_is_longer_than_sixteen_kib_and_bulk_fills_them() -> None:
    pair = SessionPair()
    pair.ana.send(BLOCK, PAGE, b"p" * 100_000)
    pair.drain(pair.ana, 10**6)
    lengths = [len(frame) for frame in pair.frames[pair.ben]]
    assert max(lengths) == limits.FRAME_MAX_BYTES
    assert lengths[:-1] == [limits.FRAME_MAX_BYTES] * (len(lengths) - 1)


def test_burst_of_small_messages_shares_frames() -> None:
    pair = SessionPair()
    for _ in range(1_000):
        pair.ana.send(1, LIVE, b"m" * 150)
    assert pair.drain(pair.ana, 10**6) == 10
    pair.settle()
    assert len(pair.messages(pair.ben)) == 1_000


def test_blocks_that_follow_each_other_leave_no_frame_half_empty() -> None:
    pair = SessionPair()
    for _ in range(8):
        pair.ana.send(BLOCK, PAGE, b"p" * (64 * 1024 + 60))
    pair.drain(pair.ana, 10**7)
    lengths = [len(frame) for frame in pair.frames[pair.ben]]
    assert len(lengths) == 33, "with a frame of its own for each rest it would be 40"
    assert min(lengths[:-1]) > limits.FRAME_MAX_BYTES - limits.LARGE_REST_BYTES
    pair.settle()
    assert [len(message.payload) for message in pair.messages(pair.ben)] == [64 * 1024 + 60] * 8


@pytest.mark.parametrize(
    ("kind", "priority", "size"),
    [
        (CONTROL, 0, limits.CONTROL_MESSAGE_MAX_BYTES + 1),
        (SYNC, 1, limits.SYNC_MESSAGE_MAX_BYTES + 1),
        (BLOCK, 4, limits.BLOCK_MESSAGE_MAX_BYTES + 1),
        (255, 0, limits.CONTROL_MESSAGE_MAX_BYTES + 1),
        (256, 0, 1),
        (-1, 0, 1),
        (1, 6, 1),
        (1, -1, 1),
    ],
)
def test_sending_what_no_rule_allows_is_our_own_fault(kind: int, priority: int, size: int) -> None:
    pair = SessionPair()
    with pytest.raises(LocalFault):
        pair.ana.send(kind, priority, bytes(size))
    pair.settle()
    assert pair.messages(pair.ben) == []


def test_queue_of_a_link_is_bounded() -> None:
    pair = SessionPair()
    for _ in range(limits.SEND_QUEUE_MAX_BYTES // 2**20):
        pair.ana.send(BLOCK, BLOCKS, bytes(2**20))
    with pytest.raises(LocalFault) as caught:
        pair.ana.send(BLOCK, BLOCKS, b"x")
    assert caught.value.reason is Reason.QUEUE_FULL


# Priorities


def test_live_message_overtakes_queued_bulk() -> None:
    pair = SessionPair()
    for _ in range(8):
        pair.ana.send(BLOCK, PAGE, bytes(2**20))
    pair.drain(pair.ana)
    pair.ana.send(1, LIVE, b"hello")
    pair.drain(pair.ana)
    assert pair.deliver(pair.ben) == []
    assert pair.deliver(pair.ben)[0] == MessageReceived(1, LIVE, b"hello")


def test_bulk_shares_the_line_by_weight_and_none_starves() -> None:
    pair = SessionPair()
    for priority in range(PAGE, limits.PRIORITIES):
        for _ in range(3):
            pair.ana.send(BLOCK, priority, bytes(2**20))
    taken: Counter[int] = Counter()
    for _ in range(310):
        pair.drain(pair.ana, 1)
        plaintext = pair.ben.established.receive.decrypt(b"", pair.frames[pair.ben].pop())
        for record in decode_frame(plaintext):
            priority, *_rest, data = record  # type: ignore[misc]
            taken[priority] += len(data)
        credit = limits.FRAME_MAX_BYTES
        pair.ana.receive(seal(pair.ben, encode_control(Credit(credit))), pair.now)
    shares = [taken[priority] / taken[PREFETCH] for priority in range(PAGE, limits.PRIORITIES)]
    assert shares == pytest.approx([16, 8, 4, 2, 1], rel=0.15)


def test_priority_that_was_idle_earns_nothing() -> None:
    pair = SessionPair()
    for _ in range(4):
        pair.ana.send(BLOCK, PAGE, bytes(2**20))
    pair.drain(pair.ana, 2**20)
    pair.ana.send(BLOCK, PREFETCH, bytes(60_000))
    frames = pair.drain(pair.ana, 2**20)
    prefetched = 60_000 - pair.ana.queued_bytes(PREFETCH)
    assert 0 < prefetched <= 16_368 * (frames // 16 + 1)


def test_message_in_fragments_of_one_byte_arrives() -> None:
    pair = SessionPair()
    pair.ben.receive(seal(pair.ana, data_header(FIRST, LIVE, BLOCK, 3_000) + b"x"), pair.now)
    plaintext = b"".join(
        with_length(data_header(0, LIVE, BLOCK, 0), 1) + b"x" for _ in range(2_998)
    )
    last = data_header(LAST, LIVE, BLOCK, 0) + b"x"
    assert pair.ben.receive(seal(pair.ana, plaintext + last), pair.now) == [
        MessageReceived(BLOCK, LIVE, b"x" * 3_000)
    ]
    assert pair.ben.held_bytes == 0


# Credit


def test_bulk_stops_when_credit_is_spent_and_page_goes_on() -> None:
    pair = SessionPair()
    pair.ana.send(BLOCK, NEWEST, bytes(2**20))
    pair.settle(grant=False)
    pair.ana.send(SYNC, PAGE, b"page" * 10_000)
    pair.ana.send(BLOCK, BLOCKS, bytes(2**20))
    pair.settle(grant=False)
    assert [m.kind for m in pair.messages(pair.ben)] == [BLOCK, SYNC]
    assert pair.ana.queued_bytes(BLOCKS) > 2**20 - limits.WINDOW_MAX_BYTES
    pair.settle(grant=True)
    assert [m.kind for m in pair.messages(pair.ben)] == [BLOCK, SYNC, BLOCK]


def test_receiver_that_stores_nothing_holds_a_bounded_amount() -> None:
    pair = SessionPair()
    for priority in range(limits.FIRST_BULK_PRIORITY, limits.PRIORITIES):
        for _ in range(3):
            pair.ana.send(BLOCK, priority, bytes(2**20))
    pair.settle(grant=False)
    longest = limits.BLOCK_MESSAGE_MAX_BYTES * (limits.PRIORITIES - limits.FIRST_BULK_PRIORITY)
    assert pair.ben.owed_bytes <= limits.INITIAL_CREDIT_BYTES + longest
    assert pair.ben.held_bytes <= longest
    assert sum(pair.ana.queued_bytes(p) for p in range(6)) > 6 * 2**20


@given(
    sizes=st.lists(st.integers(0, 200_000), min_size=1, max_size=20),
    grants=st.lists(st.integers(0, 300_000), max_size=40),
)
@settings(max_examples=60, deadline=None)
def test_owed_bytes_never_exceed_the_bound(sizes: list[int], grants: list[int]) -> None:
    pair = SessionPair()
    for number, size in enumerate(sizes):
        pair.ana.send(BLOCK, 2 + number % 4, bytes(size))
    for grant in grants:
        pair.settle(grant=False)
        bound = limits.WINDOW_MAX_BYTES + 4 * max(sizes)
        assert pair.ben.owed_bytes + pair.ben.held_bytes <= bound
        pair.now += 0.01
        pair.ben.grant(min(grant, pair.ben.owed_bytes), pair.now)
    pair.settle(grant=True)
    assert len(pair.messages(pair.ben)) == len(sizes)


def test_bulk_beyond_credit_costs_the_link() -> None:
    pair = SessionPair()
    header = data_header(FIRST, BLOCKS, BLOCK, 2**20)
    pair.ben.receive(seal(pair.ana, header + bytes(16_000)), pair.now)
    for _ in range(3):
        pair.ben.receive(seal(pair.ana, bytes((BLOCKS,)) + bytes(16_000)), pair.now)
    with pytest.raises(RemoteFault) as caught:
        pair.ben.receive(seal(pair.ana, bytes((BLOCKS,)) + bytes(16_000)), pair.now)
    assert caught.value.reason is Reason.CREDIT


def test_credit_without_end_costs_the_link() -> None:
    pair = SessionPair()
    with pytest.raises(RemoteFault) as caught:
        pair.ben.receive(seal(pair.ana, encode_control(Credit(2**32 - 1))), pair.now)
    assert caught.value.reason is Reason.CREDIT


def test_granting_what_was_never_received_is_our_own_fault() -> None:
    pair = SessionPair()
    with pytest.raises(LocalFault):
        pair.ben.grant(1, pair.now)


def run_line(bytes_per_second: float, round_trip: float, seconds: float) -> tuple[float, int]:
    """Bulk over a line of this rate: MB/s that arrived, and the window the receiver chose."""
    pair = SessionPair()
    arrivals: list[tuple[float, bytes]] = []
    returns: list[tuple[float, bytes]] = []
    line_free = start = pair.now
    got = 0
    while pair.now < start + seconds:
        while pair.ana.queued_bytes(BLOCKS) < 2**20:
            pair.ana.send(BLOCK, BLOCKS, bytes(65_536))
        if line_free <= pair.now:
            for frame in pair.ana.data_to_send(pair.now, 1):
                line_free = max(line_free, pair.now) + len(frame) / bytes_per_second
                arrivals.append((line_free + round_trip / 2, frame))
        for frame in pair.ben.data_to_send(pair.now, 1):
            returns.append((pair.now + round_trip / 2, frame))
        while arrivals and arrivals[0][0] <= pair.now:
            for event in pair.ben.receive(arrivals.pop(0)[1], pair.now):
                if isinstance(event, MessageReceived):
                    got += len(event.payload)
                    pair.ben.grant(len(event.payload), pair.now)
        while returns and returns[0][0] <= pair.now:
            pair.ana.receive(returns.pop(0)[1], pair.now)
        moments = [line_free, *(when for when, _ in arrivals[:1] + returns[:1])]
        pair.now = min((m for m in moments if m > pair.now), default=pair.now + 0.001)
    return got / seconds, pair.ben.window_bytes


def test_window_grows_until_a_long_fat_line_is_full() -> None:
    rate, window = run_line(bytes_per_second=10e6, round_trip=0.1, seconds=8)
    assert rate > 0.8 * 10e6
    assert 10**6 < window <= limits.WINDOW_MAX_BYTES


def test_window_stays_small_on_a_short_slow_line() -> None:
    rate, window = run_line(bytes_per_second=1.25e6, round_trip=0.002, seconds=4)
    assert rate > 0.9 * 1.25e6
    assert window < 2 * limits.WINDOW_MIN_BYTES


# Pings and silence


def test_ping_measures_the_round_trip() -> None:
    pair = SessionPair()
    pair.ana.ping(pair.now)
    pair.drain(pair.ana)
    pair.now += 0.01
    pair.deliver(pair.ben)
    pair.drain(pair.ben)
    pair.now += 0.02
    (event,) = pair.deliver(pair.ana)
    assert isinstance(event, PongReceived)
    assert event.round_trip == pair.ana.round_trip == pytest.approx(0.03)


def test_invented_pong_measures_nothing() -> None:
    pair = SessionPair()
    pair.ana.ping(pair.now)
    pair.drain(pair.ana)
    assert pair.ana.receive(seal(pair.ben, encode_control(Pong(99))), pair.now) == []
    assert pair.ana.round_trip is None


def test_idle_link_asks_for_a_sign_of_life_and_stays() -> None:
    pair = SessionPair()
    start = pair.now
    for _ in range(5):
        deadline = pair.ana.timers(pair.now)
        pair.now = deadline
        pair.ana.timers(pair.now)
        pair.settle()
    assert pair.now - start == pytest.approx(5 * limits.IDLE_BEFORE_PING_SECONDS)
    assert not pair.ana.closed


def test_silent_peer_is_given_up_within_seven_and_a_half_seconds() -> None:
    pair = SessionPair()
    start = pair.now
    for _ in range(2):
        pair.now = pair.ana.timers(pair.now)
        pair.drain(pair.ana)
    with pytest.raises(RemoteFault) as caught:
        pair.ana.timers(pair.now)
    assert caught.value.reason is Reason.SILENT
    assert pair.now - start == 7.5
    assert pair.ana.closed


def test_any_frame_is_a_sign_of_life() -> None:
    pair = SessionPair()
    pair.ana.ping(pair.now)
    pair.now += limits.PONG_WITHIN_SECONDS - 0.1
    pair.ben.send(1, LIVE, b"still here")
    pair.drain(pair.ben)
    pair.deliver(pair.ana)
    pair.now += 0.2
    pair.ana.timers(pair.now)
    assert not pair.ana.closed


def test_pings_without_reading_answers_cost_the_link() -> None:
    pair = SessionPair()
    flood = b"".join(encode_control(Ping(n)) for n in range(limits.PONGS_WAITING_MAX + 1))
    with pytest.raises(RemoteFault) as caught:
        pair.ben.receive(seal(pair.ana, flood), pair.now)
    assert caught.value.reason is Reason.FLOOD


# Closing


def test_goodbye_arrives_and_drops_what_waits() -> None:
    pair = SessionPair()
    pair.ana.send(BLOCK, BLOCKS, bytes(2**20))
    pair.ana.close(CloseCode.DUPLICATE, "another link stays")
    assert pair.drain(pair.ana, 10**6) == 1
    assert pair.deliver(pair.ben) == [Closed(CloseCode.DUPLICATE, "another link stays")]
    for side in (pair.ana, pair.ben):
        with pytest.raises(LocalFault):
            side.send(1, LIVE, b"too late")
        assert pair.drain(side) == 0


def test_long_goodbye_is_cut_at_a_character() -> None:
    pair = SessionPair()
    pair.ana.close(70, "é" * 300)
    pair.drain(pair.ana)
    (event,) = pair.deliver(pair.ben)
    assert event == Closed(70, "é" * 100)


def test_nothing_after_a_goodbye_is_heard() -> None:
    pair = SessionPair()
    frame = bytes((0x83, 0, 0)) + data_header(FIRST | LAST, LIVE, 1, 4) + b"late"
    assert pair.ben.receive(seal(pair.ana, frame), pair.now) == [Closed(0, "")]
    with pytest.raises(LocalFault):
        pair.ben.receive(seal(pair.ana, b"\x83\0\0"), pair.now)


# Frames that were tampered with


def sealed_messages(pair: SessionPair, count: int = 3) -> list[bytes]:
    for number in range(count):
        pair.ana.send(1, LIVE, b"message %d" % number)
        pair.drain(pair.ana)
    return pair.frames[pair.ben]


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (lambda f: f[1], Reason.DECRYPT),  # reordered
        (lambda f: f[0][:-1], Reason.DECRYPT),  # truncated
        (lambda f: f[0][:8], Reason.DECRYPT),  # shorter than a tag
        (lambda f: b"", Reason.DECRYPT),
        (lambda f: f[0] + b"\0", Reason.DECRYPT),
        (lambda f: f[0] + bytes(limits.FRAME_MAX_BYTES), Reason.OVERSIZED),
    ],
)
def test_tampered_frame_costs_the_link(attack, reason: Reason) -> None:  # type: ignore[no-untyped-def]
    pair = SessionPair()
    frames = sealed_messages(pair)
    with pytest.raises(RemoteFault) as caught:
        pair.ben.receive(attack(frames), pair.now)
    assert caught.value.reason is reason
    assert pair.ben.closed
    with pytest.raises(LocalFault):
        pair.ben.receive(frames[0], pair.now)


def test_replayed_frame_costs_the_link() -> None:
    pair = SessionPair()
    frames = sealed_messages(pair)
    assert pair.ben.receive(frames[0], pair.now)
    with pytest.raises(RemoteFault):
        pair.ben.receive(frames[0], pair.now)


def test_reflected_frame_costs_the_link() -> None:
    pair = SessionPair()
    frames = sealed_messages(pair)
    with pytest.raises(RemoteFault):
        pair.ana.receive(frames[0], pair.now)


def test_each_changed_byte_costs_the_link() -> None:
    length = len(sealed_messages(SessionPair(), 1)[0])
    for position in range(length):
        pair = SessionPair()
        frame = bytearray(sealed_messages(pair, 1)[0])
        frame[position] ^= 1 << (position % 8)
        with pytest.raises(RemoteFault):
            pair.ben.receive(bytes(frame), pair.now)


def test_faulty_side_still_says_why() -> None:
    pair = SessionPair()
    with pytest.raises(RemoteFault):
        pair.ben.receive(b"x" * 40, pair.now)
    pair.ben.close(CloseCode.FAULT, "decrypt")
    pair.drain(pair.ben)
    assert pair.deliver(pair.ana) == [Closed(CloseCode.FAULT, "decrypt")]


def test_keys_change_every_million_frames() -> None:
    pair = SessionPair()
    for cipher in (pair.ana.established.send, pair.ben.established.receive):
        cipher.nonce = limits.REKEY_EVERY_FRAMES - 2
    before = pair.ana.established.send.key
    frames = sealed_messages(pair, 4)
    assert pair.ana.established.send.key != before
    while frames:
        pair.deliver(pair.ben)
    assert len(pair.messages(pair.ben)) == 4
    assert pair.ben.established.receive.key == pair.ana.established.send.key


# What hostile plaintexts give


@given(plaintext=st.binary(max_size=64))
@settings(max_examples=500)
def test_decoder_gives_records_or_remote_fault(plaintext: bytes) -> None:
    try:
        decode_frame(plaintext)
    except RemoteFault:
        pass


record_bytes = st.one_of(
    st.builds(
        lambda flags, priority, kind, total, data: data_header(flags, priority, kind, total) + data,
        st.sampled_from((0, LAST, FIRST, FIRST | LAST)),
        st.integers(0, 15),
        st.integers(0, 255),
        st.integers(0, 2**24 - 1),
        st.binary(max_size=20),
    ),
    st.builds(
        lambda priority, kind, data: (
            with_length(data_header(FIRST | LAST, priority, kind, 0), len(data)) + data
        ),
        st.integers(0, 7),
        st.integers(0, 255),
        st.binary(max_size=20),
    ),
    st.builds(lambda lead, data: bytes((lead,)) + data, st.integers(128, 255), st.binary()),
)


@given(frames=st.lists(st.lists(record_bytes, min_size=1, max_size=4).map(b"".join), max_size=8))
@settings(max_examples=300, deadline=None)
def test_session_gives_events_or_remote_fault(frames: list[bytes]) -> None:
    pair = SessionPair()
    try:
        for plaintext in frames:
            for event in pair.ben.receive(seal(pair.ana, plaintext), pair.now):
                if isinstance(event, Closed):
                    return
            pair.drain(pair.ben)
    except RemoteFault:
        assert pair.ben.closed


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([b""], Reason.FORMAT),
        ([b"\x60"], Reason.FORMAT),  # no kind
        ([b"\x66\x01x"], Reason.FORMAT),  # priority 6
        ([b"\x68\x01x"], Reason.FORMAT),  # reserved bit
        ([b"\x70\x01\0\x01x"], Reason.FORMAT),  # more promised
        ([b"\x70\x01\0\x09x"], Reason.FORMAT),  # longer than the frame
        ([b"\x40\x01\0\0\x05"], Reason.FORMAT),  # empty first fragment
        ([b"\x40\x01\0\0\x02xy"], Reason.FORMAT),  # whole message, not marked as last
        ([b"\x40\0\x01\0\x01xy"], Reason.OVERSIZED),  # 64 KiB + 1 of a control kind
        ([b"\x00x"], Reason.ORDER),  # continues nothing
        ([b"\x20x"], Reason.ORDER),
        ([b"\x40\x01\0\0\x05xy", b"\x60\x01z"], Reason.ORDER),  # begins inside another
        ([b"\x40\x01\0\0\x05xy", b"\x20z"], Reason.FORMAT),  # too short
        ([b"\x40\x01\0\0\x05xy", b"\x00zzz"], Reason.FORMAT),  # complete, not marked as last
        ([b"\x40\x01\0\0\x05xy", b"\x00zzzz"], Reason.FORMAT),  # too long
        ([b"\x40\x01\0\0\x05xy", b"\x20zzzz"], Reason.FORMAT),
        ([b"\x80\0\0\0"], Reason.FORMAT),  # credit cut off
        ([b"\x84\0\0\0\0"], Reason.FORMAT),  # no such control record
        ([b"\x83\0\x05abc"], Reason.FORMAT),
        ([b"\x83\0\x01\xff"], Reason.FORMAT),
        ([b"\x83\0\xc9" + b"a" * 201], Reason.OVERSIZED),
        ([b"\xc0\0\x05abc"], Reason.FORMAT),
        ([b"\xc0\xff\xff" + b"a" * 16_000], Reason.OVERSIZED),
    ],
)
def test_record_that_breaks_a_rule_costs_the_link(frames: list[bytes], reason: Reason) -> None:
    pair = SessionPair()
    *before, last = frames
    for plaintext in before:
        assert pair.ben.receive(seal(pair.ana, plaintext), pair.now) == []
    with pytest.raises(RemoteFault) as caught:
        pair.ben.receive(seal(pair.ana, last), pair.now)
    assert caught.value.reason is reason


def test_extension_of_a_newer_clowder_is_passed_over() -> None:
    pair = SessionPair()
    frame = b"\xc5\0\x03new" + data_header(FIRST | LAST, LIVE, 1, 2) + b"hi"
    assert pair.ben.receive(seal(pair.ana, frame), pair.now) == [MessageReceived(1, LIVE, b"hi")]
