"""A link's shell over a wire in memory: time, pressure, callbacks that do unexpected things."""

from collections.abc import Iterator

import pytest

from tests.transport.memory_links import FakeLoop, memory_links
from transport.net.half_open import HalfOpen
from transport.proto import limits
from transport.proto.closing import CloseCode, LinkEnd
from transport.proto.errors import LocalFault

SYNC, BLOCK = 1, 2


@pytest.fixture
def loop() -> Iterator[FakeLoop]:
    made = FakeLoop()
    yield made
    made.close()


def test_idle_link_lives_on_pings_and_knows_its_round_trip(loop: FakeLoop) -> None:
    ana, ben, _, _ = memory_links(loop)
    loop.run(3600)
    assert not ana.is_closed
    assert not ben.is_closed
    assert ana.rtt == 0.0
    per_hour = ana.bytes_out + ben.bytes_out
    assert per_hour < 3600 * 10, "an idle link costs less than ten bytes a second"


def test_pulled_cable_is_noticed_within_seven_and_a_half_seconds(loop: FakeLoop) -> None:
    ana, ben, anas_wire, bens_wire = memory_links(loop)
    loop.run(60)
    anas_wire.plugged = bens_wire.plugged = False
    loop.run(7.4)
    heard_last = loop.time()
    loop.run(0.2)
    for link in (ana, ben):
        assert link.close_reason is not None
        assert link.close_reason.code == CloseCode.SILENT
    assert heard_last == loop.time() - 0.2


def test_asking_for_a_sign_of_life_finds_a_dead_peer_sooner(loop: FakeLoop) -> None:
    ana, _, anas_wire, bens_wire = memory_links(loop)
    anas_wire.plugged = bens_wire.plugged = False
    ana.ping()
    loop.run(limits.PONG_WITHIN_SECONDS)
    assert ana.is_closed


def test_asking_for_a_sign_of_life_leaves_a_living_peer_alone(loop: FakeLoop) -> None:
    ana, _, _, _ = memory_links(loop)
    for _ in range(10):
        ana.ping()
    loop.run(60)
    assert not ana.is_closed


def test_messages_of_one_turn_leave_together(loop: FakeLoop) -> None:
    ana, ben, _, _ = memory_links(loop)
    got: list[bytes] = []
    ben.on_message = lambda kind, priority, payload: got.append(payload)
    for number in range(10):
        ana.send(SYNC, 0, b"%d" % number)
    loop.run()
    assert got == [b"%d" % number for number in range(10)]
    assert ana.bytes_out == 10 * (1 + 4) - 2 + limits.TAG_BYTES


def test_unwritable_wire_gets_nothing_until_it_is_writable(loop: FakeLoop) -> None:
    ana, ben, anas_wire, _ = memory_links(loop)
    got: list[int] = []
    ben.on_message = lambda kind, priority, payload: got.append(priority)
    anas_wire.writable = False
    ana.send(BLOCK, 4, bytes(60_000))
    ana.send(SYNC, 0, b"live")
    loop.run()
    assert got == []
    assert ana.queued_bytes(4) == 60_000
    anas_wire.writable = True
    ana.wire_writable()
    loop.run()
    assert got == [0, 4]


def test_application_may_close_the_link_from_within_a_message(loop: FakeLoop) -> None:
    ana, ben, _, _ = memory_links(loop)
    got: list[bytes] = []

    def take_one(kind: int, priority: int, payload: bytes) -> None:
        got.append(payload)
        ben.close(CloseCode.REFUSED, "one is enough")

    ben.on_message = take_one
    ana.send(SYNC, 0, b"first")
    ana.send(SYNC, 0, b"second")
    loop.run()
    assert got == [b"first"]
    assert ana.close_reason == LinkEnd(CloseCode.REFUSED, "one is enough", True)


def test_messages_sent_just_before_the_end_arrive(loop: FakeLoop) -> None:
    ana, ben, _, _ = memory_links(loop)
    got: list[bytes] = []
    ben.on_message = lambda kind, priority, payload: got.append(payload)
    ana.send(SYNC, 0, b"refused, and this is why")
    ana.close(CloseCode.REFUSED)
    loop.run()
    assert got == [b"refused, and this is why"]
    assert ben.close_reason == LinkEnd(CloseCode.REFUSED, "", True)


def test_empty_messages_count_as_unread_too(loop: FakeLoop) -> None:
    ana, _, _, bens_wire = memory_links(loop)
    for _ in range(limits.UNREAD_MAX_BYTES // limits.UNREAD_MESSAGE_BYTES + 1):
        ana.send(SYNC, 0, b"")
    loop.run()
    assert not bens_wire.reading


def test_application_may_answer_from_within_a_message(loop: FakeLoop) -> None:
    ana, ben, _, _ = memory_links(loop)
    count = [0]

    def back(kind: int, priority: int, payload: bytes) -> None:
        count[0] += 1
        if count[0] < 100:
            ana.send(kind, priority, payload)

    ana.on_message = back
    ben.on_message = lambda kind, priority, payload: ben.send(kind, priority, payload)
    ana.send(SYNC, 0, b"ball")
    loop.run()
    assert count == [100]


def test_granting_after_the_end_is_harmless(loop: FakeLoop) -> None:
    ana, ben, _, _ = memory_links(loop)
    got: list[int] = []
    ben.on_message = lambda kind, priority, payload: got.append(len(payload))
    ana.send(BLOCK, 4, bytes(30_000))
    loop.run()
    ana.close()
    loop.run()
    ben.grant(30_000)
    with pytest.raises(LocalFault):
        ben.grant(1)
    loop.run()
    assert ben.close_reason is not None


def test_reading_pauses_and_goes_on_with_the_application(loop: FakeLoop) -> None:
    ana, ben, _, bens_wire = memory_links(loop)
    for _ in range(10):
        ana.send(SYNC, 1, bytes(2**20))
    loop.run()
    assert not bens_wire.reading
    got: list[int] = []
    ben.on_message = lambda kind, priority, payload: got.append(len(payload))
    loop.run()
    assert bens_wire.reading
    assert got == [2**20] * 10


def test_half_open_places_go_to_the_newest_and_the_fullest_address_pays() -> None:
    places: HalfOpen[int] = HalfOpen()
    for number in range(limits.HALF_OPEN_PER_ADDRESS_MAX):
        assert places.add(number, "10.0.0.1") is None
    assert places.add(1000, "10.0.0.1") == 0
    places.remove(0)
    places.remove(0)
    others = limits.HALF_OPEN_MAX - len(places)
    for number in range(others):
        assert places.add(2000 + number, f"10.0.1.{number}") is None
    assert places.add(5000, "10.0.2.1") == 1
    places.remove(1)
    assert len(places) == limits.HALF_OPEN_MAX
    places.remove(5000)
    assert len(places) == limits.HALF_OPEN_MAX - 1
