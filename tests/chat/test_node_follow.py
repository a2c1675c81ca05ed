"""`clowder tail -f` over a node that takes in a long past all at once."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest

from chat import model
from chat.cli.following import follow as follow_channel
from chat.cli.output import Output
from chat.control import RemoteSession
from chat.errors import Stopping
from chat.hub import MESSAGES_WAITING_MAX
from chat.profile import Profile
from tests.chat.node_team import Desk, nodes

BURST = MESSAGES_WAITING_MAX + 144


class Printed(Output):
    """Keeps what would be printed."""

    def __init__(self) -> None:
        super().__init__(as_json=False)
        self.shown: list[model.Message] = []

    def message(self, message: model.Message) -> None:
        self.shown.append(message)

    def messages(self, messages: list[model.Message]) -> None:
        self.shown += messages


@pytest.mark.parametrize("remote", [False, True], ids=["same process", "over the socket"])
def test_a_burst_that_merges_into_the_past_is_shown_once_each(remote: bool) -> None:
    async def follow(bo: Desk, printed: Printed) -> None:
        if not remote:
            await follow_channel(bo.node, printed, "general", 5)
            return
        session = await RemoteSession.connect(Profile(bo.home).control_path)
        assert session is not None
        with suppress(Stopping):  # A `LastingSession` asks again what it asked as the node ended.
            await follow_channel(session, printed, "general", 5)
        await session.aclose()

    async def main() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo = await make("bo")
            await bo.join(ana)
            await ana.stop()
            await ana.start(network=False)
            await asyncio.gather(*(ana.post(f"past {number}") for number in range(BURST)))
            await ana.stop()
            recent = [f"recent {number}" for number in range(20)]
            for text in recent:
                await bo.post(text)
            printed = Printed()
            following = asyncio.create_task(follow(bo, printed))
            await bo.until(lambda: len(printed.shown) == 5)
            await ana.start(bo.url)
            await bo.until(lambda: len(bo.texts()) == BURST + len(recent))
            await bo.post("the end")
            await bo.until(lambda: any(m.text == "the end" for m in printed.shown))
            await bo.until(lambda: len({m.id for m in printed.shown}) == BURST + 21)
            times = Counter(m.id for m in printed.shown if m.text.startswith("past"))
            assert set(times.values()) == {1}
            assert len(times) == BURST
            # Own messages are shown again when ana has them, and never twice the same.
            assert len({(m.id, m.reached) for m in printed.shown}) == len(printed.shown)
            await bo.stop()
            async with asyncio.timeout(20):
                await following

    asyncio.run(main())
