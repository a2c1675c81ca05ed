"""A file of 50 MB: the sender dies half-way, a second holder finishes the job."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chat import commands, model
from chat.control import RemoteSession
from chat.profile import Profile
from tests.integration.machines import Machine, Machines, Program, eventually

FILE_BYTES = 50 * 1000 * 1000

pytestmark = pytest.mark.processes


@asynccontextmanager
async def session_of(machine: Machine) -> AsyncIterator[RemoteSession]:
    session = await RemoteSession.connect(Profile(machine.home).control_path)
    assert session is not None
    try:
        yield session
    finally:
        await session.aclose()


async def fetch_and_kill_half_way(
    receiver: Machine, sender: Program, file: str, path: str
) -> tuple[int, model.Transfer]:
    """Fetch a file and kill the sender at half; gives what was there then, and the end."""
    async with session_of(receiver) as session, session_of(receiver) as watching:
        getting = asyncio.create_task(session.call(commands.Get(file, path, 60.0)))
        done = 0
        while done < FILE_BYTES // 2 and not getting.done():
            transfers: list[model.Transfer] = await watching.call(commands.ListTransfers())
            done = max((moving.done for moving in transfers if moving.id == file), default=0)
        sender.kill()
        return done, await getting


@pytest.mark.timeout(180)
def test_the_receiver_completes_when_the_sender_dies(machines: Machines) -> None:
    ana, bo, cleo = machines.team("ana", "bo", "cleo")
    original = machines.folder / "film.bin"
    original.write_bytes(random.Random(50).randbytes(FILE_BYTES))
    put = ana.run("put", "general", str(original)).records[0]["files"][0]
    assert put["size"] == FILE_BYTES

    eventually(lambda: bo.history() and cleo.history(), what="the message everywhere")
    second = machines.folder / "second.bin"
    bo.run("get", put["id"], "-o", str(second), seconds=90)
    assert second.read_bytes() == original.read_bytes()

    third = machines.folder / "third.bin"
    there, transfer = asyncio.run(
        fetch_and_kill_half_way(cleo, ana.programs[0], put["id"], str(third))
    )
    assert FILE_BYTES // 4 < there < FILE_BYTES, "the sender died in the middle"
    assert third.read_bytes() == original.read_bytes()
    assert transfer.state == "done"
    assert dict(transfer.sources)["bo"] > 0
    assert cleo.history()[0]["files"][0]["have"] == 1.0
