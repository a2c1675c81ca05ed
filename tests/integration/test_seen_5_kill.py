"""A node is killed at random moments while it is writing, fifty times.

What was acknowledged must be there afterwards, everywhere, once; the database must open at once
every time; and the other side must never see two entries where one may stand.
"""

import asyncio
import os
import random
import signal
from contextlib import suppress
from itertools import count

import pytest

from chat import commands
from chat.control import RemoteSession
from chat.errors import ChatError
from chat.profile import Profile
from tests.integration.machines import Machine, Machines, eventually, same_history

KILLS = 50
SHARES = 2  # as many test workers share the work
WRITERS = 8
LONGEST_SECONDS = 0.4

pytestmark = pytest.mark.processes


async def write_until_killed(
    machine: Machine, pid: int, delay: float, numbers: "count[int]"
) -> dict[str, str]:
    """Post from several writers until the node dies; gives texts by id of what it acknowledged."""
    session = await RemoteSession.connect(Profile(machine.home).control_path)
    assert session is not None
    acknowledged: dict[str, str] = {}

    async def writer() -> None:
        with suppress(ChatError, ConnectionError):
            while True:
                text = f"message {next(numbers)}"
                posted = await session.call(commands.Post("general", text))
                acknowledged[posted.id] = text

    asyncio.get_running_loop().call_later(delay, os.kill, pid, signal.SIGKILL)
    async with asyncio.TaskGroup() as writers:
        for _ in range(WRITERS):
            writers.create_task(writer())
    await session.aclose()
    return acknowledged


@pytest.mark.timeout(240)
@pytest.mark.parametrize("share", range(SHARES))
def test_nothing_acknowledged_is_lost_and_no_log_forks(machines: Machines, share: int) -> None:
    chance = random.Random(share)
    ana, bo = machines.team("ana", "bo")
    node = ana.programs[-1]
    bo.programs[-1].stop()
    bo.node("--dial", ana.url)
    numbers = count()
    acknowledged: dict[str, str] = {}
    for _ in range(KILLS // SHARES):
        delay = chance.uniform(0.0, LONGEST_SECONDS)
        acknowledged |= asyncio.run(write_until_killed(ana, node.pid, delay, numbers))
        node.kill()
        node = ana.node()

    eventually(lambda: ana.links() and bo.links(), 30, "the link after the last start")
    final = ana.send("general", "still here")
    eventually(lambda: bo.texts()[-1:] == ["still here"], 60, "the last message")

    def settled() -> bool:
        # More may be on its way that was written and not acknowledged.
        return same_history((ana, bo)) is not None and bo.status().behind == 0

    eventually(settled, 60, "equal histories")
    history = ana.history(number=1_000_000)
    shown = {message["id"]: message["text"] for message in history}
    assert len(shown) == len(history)
    assert len(set(shown.values())) == len(shown), "no message stands there twice"
    assert {i: text for i, text in shown.items() if i in acknowledged} == acknowledged
    assert final in shown
    assert len(acknowledged) > KILLS // SHARES, "there was load when it was killed"
    assert bo.status().warnings == ()
    assert ana.status().warnings == ()
