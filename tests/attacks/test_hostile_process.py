"""The product as a process, fed every crash and hang input by a signed-in member: 46 at work.

Ana's and Bo's nodes are real processes with the channel's notes open. Mallory is a member whose
program puts whatever bytes it likes into entries, messages and frames of its links. After each kind
of input, what Ana says reaches Bo within a second.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from msgspec import msgpack

from chat import commands, effects, model
from chat.control import RemoteSession
from chat.profile import Profile
from crdt import entry as entries
from crdt import limits, ops
from crdt.entry import NO_ENTRY, Position
from crdt.ops import padded_size
from tests.attacks.yjs_inputs import INPUTS, nested
from tests.chat.node_team import Desk, nodes
from tests.integration.machines import Machine, Machines

pytestmark = pytest.mark.processes
WITHIN_SECONDS = 1.0
AT_ONCE = 12
"""Inputs in one batch, so that the whole corpus takes seconds."""


@pytest.fixture
def machines() -> Iterator[Machines]:
    made = Machines()
    try:
        yield made
    finally:
        made.close()


def payload_of(update: bytes) -> bytes | None:
    """An update as an entry's payload, with no look at what it is; None if none can hold it."""
    body = msgpack.encode([32, update, [[5, 3], [6, 5], [7, 2**31 - 1]]])
    size = padded_size(len(body) + 2)
    if size > limits.PAYLOAD_MAX_BYTES:
        return None
    return len(body).to_bytes(2, "big") + body + bytes(size - len(body) - 2)


class Mallory:
    """A member's node, whose program writes any payload."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def write(self, payload: bytes, part: int) -> None:
        """Append an entry as the engine does, past every check of its own."""
        team = self._desk.team
        workspace, engine = team.workspace, team.engine
        channel = workspace.find_channel("general")
        log = workspace.own_log(channel, part)

        def work(now: object) -> list[effects.Effect]:
            state = workspace.store.log_state(log)
            position = Position(0, NO_ENTRY, b"")
            if state is not None:
                position = Position(state.head + 1, state.head_id, state.head_roster)
            epoch = workspace.sending_epoch(channel)
            entry = entries.write(
                workspace.id,
                log,
                position,
                payload,
                hlc=workspace.clock.tick(now.wall),  # type: ignore[attr-defined]
                heads=workspace.heads(position.roster),
                epoch=epoch,
                channel_key=workspace.epochs.channel_key(epoch, channel),
                sign_seed=workspace.keys.sign_seed,
                nonce=workspace.entropy(limits.NONCE_BYTES),
            )
            workspace.store.append([entry])
            engine._follow(engine.replicator.local([entry], now.mono), now)  # type: ignore[attr-defined]
            return engine._finish(now)  # type: ignore[arg-type]

        team.run(work)

    async def throw(self, url: str, payload: bytes, kind: int) -> None:
        """The bytes themselves, as a message of this kind, on a fresh link."""
        key = self._desk.meeting.secrets()[0]
        handle = await self._desk.meeting.links.dial_once(url, key)
        handle.send(kind, 0, payload[:60_000])


class Neighbours:
    """Ana's and Bo's processes, asked over their control sockets."""

    def __init__(self, ana: RemoteSession, bo: RemoteSession) -> None:
        self._ana = ana
        self._bo = bo
        self.slowest = 0.0

    async def talk(self, text: str) -> None:
        """Ana says something; Bo has it within a second."""
        started = time.monotonic()
        await self._ana.call(commands.Post("general", text))
        while True:
            shown: list[model.Message] = await self._bo.call(commands.History("general", 3))
            if text in [message.text for message in shown]:
                break
            assert time.monotonic() - started < 30, f"{text} never came"
            await asyncio.sleep(0.005)
        took = time.monotonic() - started
        self.slowest = max(self.slowest, took)
        assert took < WITHIN_SECONDS, f"{text} took {took:.2f} s"

    async def notes(self) -> list[model.Notes]:
        return [await each.call(commands.GetNotes("general")) for each in (self._ana, self._bo)]

    async def set_notes(self, text: str) -> None:
        await self._ana.call(commands.SetNotes("general", text))


async def attacked(ana: Machine, bo: Machine, work: Callable[..., Awaitable[None]]) -> None:
    sessions = [await RemoteSession.connect(Profile(each.home).control_path) for each in (ana, bo)]
    assert sessions[0] is not None
    assert sessions[1] is not None
    invite = (await sessions[0].call(commands.MakeInvite())).link
    try:
        async with nodes() as make:
            desk = await make("mal", ana.url, bo.url)
            await desk.call(commands.Join(invite, "mal", wait=30))
            await desk.until(lambda: desk.linked() == 2)
            await work(desk, Neighbours(sessions[0], sessions[1]))
    finally:
        for session in sessions:
            await session.aclose()  # type: ignore[union-attr]


def test_46_a_process_fed_every_crash_and_hang_input_still_delivers_within_a_second(
    machines: Machines,
) -> None:
    ana, bo = machines.team("ana", "bo")
    inputs = {**INPUTS, "P3 as deep as an entry holds": nested(limits.PAYLOAD_MAX_BYTES // 2 - 200)}
    fed = 0

    async def work(desk: Desk, neighbours: Neighbours) -> None:
        nonlocal fed
        await neighbours.set_notes("the notes before")
        await neighbours.notes()
        mallory = Mallory(desk)
        for at, (name, update) in enumerate(inputs.items()):
            payload = payload_of(update)
            if payload is not None:
                mallory.write(payload, ops.PART_NOTES)
                fed += 1
            if at % AT_ONCE == 0:
                await neighbours.talk(f"after {name}")
        await neighbours.talk("after all of them")
        for view in await neighbours.notes():
            assert view.text == "the notes before"
        await neighbours.set_notes("the notes after")
        for view in await neighbours.notes():
            assert view.text.startswith("the notes"), "bo's come a moment later"

    asyncio.run(asyncio.wait_for(attacked(ana, bo, work), 110))
    assert fed > len(inputs) - 6
    for machine in (ana, bo):
        assert machine.programs[-1].running
        quarantined = machine.ask(commands.GetNotes("general")).quarantined
        assert quarantined > 0, "it came, and is counted"


def test_46_the_same_bytes_as_messages_of_every_kind_cost_that_link_alone(
    machines: Machines,
) -> None:
    ana, bo = machines.team("ana", "bo")

    async def work(desk: Desk, neighbours: Neighbours) -> None:
        mallory = Mallory(desk)
        kinds = (effects.KIND_SYNC, effects.KIND_BLOCKS, effects.KIND_EPHEMERAL, 9)
        for at, (name, update) in enumerate(INPUTS.items()):
            await mallory.throw((ana.url, bo.url)[at % 2], update or b"\xc1", kinds[at // 2 % 4])
            if at % AT_ONCE == 0:
                await neighbours.talk(f"after {name}")
        await neighbours.talk("after all of them")

    asyncio.run(asyncio.wait_for(attacked(ana, bo, work), 110))
    assert all(machine.programs[-1].running for machine in (ana, bo))
