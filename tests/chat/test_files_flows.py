"""Who gives what to whom is read off the messages that pass, whatever a peer sends."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chat import commands, model
from chat.blocks import messages
from chat.blocks.cid import cid_raw
from chat.files.flows import Flows
from chat.files.limits import FLOW_ASKS_MAX, FLOW_DEVICES_MAX, FLOW_FILES_MAX
from tests.chat.node_team import Desk
from tests.chat.test_node_files import Wire, get, put, tell

ANA, BO = b"a" * 32, b"b" * 32


def cid(number: int) -> bytes:
    return cid_raw(number.to_bytes(4, "big"))


FILM, OTHER = cid(1), cid(2)


def test_a_block_counts_for_the_file_it_was_asked_for() -> None:
    flows = Flows()
    flows.said(ANA, messages.GetBlock(FILM, cid(10), False), 1.0)
    flows.said(BO, messages.GetBlock(OTHER, cid(10), False), 1.0)
    flows.heard(ANA, messages.Block(cid(10), b"x" * 70), 2.0)
    flows.heard(ANA, messages.Block(cid(10), b"x" * 70), 3.0)
    flows.heard(BO, messages.Block(cid(11), b"x" * 70), 3.0)
    flows.heard(BO, messages.GetBlock(FILM, cid(12), False), 4.0)
    flows.said(BO, messages.Block(cid(12), b"x" * 30), 5.0)
    told = flows.by_file()
    assert list(told) == [FILM]
    assert (told[FILM][ANA].received, told[FILM][ANA].sent, told[FILM][ANA].moved) == (70, 0, 2.0)
    assert (told[FILM][BO].received, told[FILM][BO].sent, told[FILM][BO].moved) == (0, 30, 5.0)


def test_what_a_device_holds_is_what_it_said_last_and_nothing_when_it_is_gone() -> None:
    flows = Flows()
    flows.heard(ANA, messages.Have(FILM, b"\x05", True), 0.0)
    flows.heard(ANA, messages.HaveMore(FILM, (1, 3)), 0.0)
    assert (flows.by_file()[FILM][ANA].pieces, flows.by_file()[FILM][ANA].holds) == (4, True)
    flows.heard(ANA, messages.HaveNot(FILM, True), 0.0)
    assert (flows.by_file()[FILM][ANA].pieces, flows.by_file()[FILM][ANA].holds) == (0, False)
    flows.heard(ANA, messages.Have(FILM, b"\x01", False), 0.0)
    flows.said(ANA, messages.GetBlock(FILM, cid(9), False), 0.0)
    flows.gone(ANA)
    flows.heard(ANA, messages.Block(cid(9), b"late"), 1.0)
    assert flows.by_file()[FILM][ANA].holds is False
    assert flows.by_file()[FILM][ANA].received == 0


def test_what_moved_last_stands_first() -> None:
    flows = Flows()
    for at, root in enumerate((FILM, OTHER, FILM)):
        flows.said(ANA, messages.GetBlock(root, cid(20 + at), False), at)
        flows.heard(ANA, messages.Block(cid(20 + at), b"x"), at)
    assert list(flows.by_file()) == [FILM, OTHER]


def test_one_who_names_much_crowds_out_nobody_else() -> None:
    flows = Flows()
    flows.heard(BO, messages.Have(FILM, b"\x01", False), 0.0)
    for number in range(5 * FLOW_FILES_MAX):
        flows.heard(ANA, messages.Have(cid(number + 50), b"\x01", False), 0.0)
    for number in range(2 * FLOW_ASKS_MAX):
        flows.heard(ANA, messages.GetBlock(FILM, cid(number), False), 0.0)
    assert len(flows.by_file()) == FLOW_FILES_MAX + 1
    assert len(flows._devices[ANA].asks) == FLOW_ASKS_MAX
    for number in range(2 * FLOW_DEVICES_MAX):
        flows.heard(number.to_bytes(32, "big"), messages.HaveNot(FILM, False), 0.0)
    assert len(flows._devices) == FLOW_DEVICES_MAX


CIDS = st.integers(0, 3).map(cid)
MESSAGES = st.one_of(
    st.builds(messages.GetBlock, CIDS, CIDS, st.booleans()),
    st.builds(messages.Block, CIDS, st.binary(max_size=5)),
    st.builds(messages.Have, CIDS, st.binary(min_size=1, max_size=3), st.booleans()),
    st.builds(messages.HaveMore, CIDS, st.lists(st.integers(0, 30), min_size=1).map(tuple)),
    st.builds(messages.HaveNot, CIDS, st.booleans()),
    st.builds(messages.WantRoot, CIDS, st.booleans()),
    st.builds(messages.Cancel, CIDS, CIDS),
)


@given(st.lists(st.tuples(st.sampled_from([ANA, BO]), st.booleans(), MESSAGES)))
def test_nothing_is_counted_twice_or_made_up(
    passed: list[tuple[bytes, bool, messages.Message]],
) -> None:
    flows = Flows()
    for now, (device, ours, message) in enumerate(passed):
        (flows.said if ours else flows.heard)(device, message, now)
    for device in (ANA, BO):
        for ours in (True, False):
            blocks = [
                len(message.data)
                for each, said, message in passed
                if each == device and said is ours and isinstance(message, messages.Block)
            ]
            told = [
                flow.sent if ours else flow.received
                for devices in flows.by_file().values()
                for each, flow in devices.items()
                if each == device
            ]
            assert sum(told) <= sum(blocks)


async def swarms(desk: Desk) -> list[model.Swarm]:
    found: list[model.Swarm] = await desk.call(commands.ListSwarms())
    return found


def test_three_nodes_tell_who_gave_what() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        film = await put(ana)
        await bo.until(lambda: bo.texts())
        await cleo.until(lambda: cleo.texts())
        assert await swarms(ana) == []
        await get(bo, film.id)
        await get(cleo, "clowder:file/" + film.id)

        (giver,) = await swarms(ana)
        assert (giver.id, giver.name, giver.size, giver.have) == (
            film.id,
            film.name,
            film.size,
            1.0,
        )
        (taker,) = await swarms(bo)
        from_ana = next(peer for peer in taker.peers if peer.nick == "ana")
        to_bo = next(peer for peer in giver.peers if peer.nick == "bo")
        assert from_ana.received == to_bo.sent >= film.size
        assert from_ana.sent == to_bo.received == 0
        assert from_ana.share == 1.0
        assert from_ana.quiet_ms is not None
        (last,) = await swarms(cleo)
        assert sum(peer.received for peer in last.peers) >= film.size
        assert last.have == 1.0
        for each in (giver, taker, last):
            assert replace(each, peers=()).name == film.name

    tell(story)
