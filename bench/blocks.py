"""Many blocks on the disk, and a large file beside live messages on a slow line.

The scan is what opening a store of 100,000 blocks costs, in a process of its own; the files are
small, since only names and sizes are read. Messages go from one node to another in network
namespaces, over a line of 10 Mbit/s, on which a file of 1 GB is on its way meanwhile; what is
reported is how much later they come than on the idle line. Another line, of 1 Gbit/s, tells how
much of it one file takes.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.peer import memory_mib
from bench.report import Figure, middle, quantile
from chat import commands
from chat.blocks.cid import cid_raw, format_cid
from chat.blocks.store_files import BlockStore
from chat.control import RemoteSession
from chat.errors import ChatError
from chat.events import Event, MessageChanged
from chat.profile import Profile
from tests.integration.lan import Lan, cannot
from tests.integration.machines import Machine, Machines
from tests.integration.swarm_team import Swarm

BLOCKS = 100_000
SCAN_SECONDS_GOAL = 1.0
SCAN_MIB_GOAL = 50 * 1e6 / 2**20
FILE_BYTES = 1_000_000_000
LINE_MBIT = 10
MESSAGES = 150
EVERY_SECONDS = 0.1
LATER_MS_GOAL = 60.0
FAST_MBIT = 1_000
FAST_BURST = "2mbit"  # 2 ms: what the kernel's clock lets through between two looks
FAST_FILE_BYTES = 200_000_000
SHARE_GOAL = 0.9
RUNS = 3


def _fill(folder: Path, count: int) -> None:
    BlockStore(folder)
    for number in range(count):
        data = number.to_bytes(4, "big")
        name = format_cid(cid_raw(data))
        place = folder / "blocks" / name[-2:]
        place.mkdir(exist_ok=True)
        (place / name).write_bytes(data)


def _scan(folder: str) -> None:
    before = memory_mib()
    began = time.monotonic()
    store = BlockStore(Path(folder))
    seconds = time.monotonic() - began
    print(json.dumps([store.count, seconds, memory_mib() - before]))


def scanned(count: int = BLOCKS) -> tuple[float, float]:
    """Seconds and MiB that opening a store of so many blocks takes."""
    with tempfile.TemporaryDirectory(prefix="clw") as folder:
        _fill(Path(folder), count)
        command = [sys.executable, "-m", "bench.blocks", folder]
        ended = subprocess.run(command, check=True, capture_output=True, text=True)
    found, seconds, mib = json.loads(ended.stdout)
    assert found == count, "not all blocks were found"
    return seconds, mib


async def _session(machine: Machine) -> RemoteSession:
    session = await RemoteSession.connect(Profile(machine.home).control_path)
    assert session is not None, f"no node runs for {machine.home.name}"
    return session


async def _delays(posting: RemoteSession, events: AsyncIterator[Event]) -> list[float]:
    """Milliseconds from each post at one node to its event at the other."""
    delays = []
    for number in range(MESSAGES):
        text = f"a line of talk, as people write it, {number}"
        began = time.monotonic()
        message = await posting.call(commands.Post("general", text))
        async for event in events:
            if isinstance(event, MessageChanged) and event.message.id == message.id:
                break
        delays.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(EVERY_SECONDS)
    return delays


async def _moving(session: RemoteSession, file: str) -> bool:
    transfers = await session.call(commands.ListTransfers())
    return any(each.id == file and 0 < each.done < each.total for each in transfers)


async def _beside(swarm: Swarm) -> tuple[list[float], list[float]]:
    posting, hearing = await _session(swarm.origin), await _session(swarm.receivers[0])
    events = hearing.events()
    idle = await _delays(posting, events)
    getting = asyncio.create_task(hearing.call(commands.Get(swarm.file)))
    while not await _moving(hearing, swarm.file):
        assert not getting.done(), "the file did not move"
        await asyncio.sleep(EVERY_SECONDS)
    busy = await _delays(posting, events)
    assert await _moving(hearing, swarm.file), "the file was over too early"
    getting.cancel()
    with suppress(asyncio.CancelledError, ChatError):
        await getting
    for session in (posting, hearing):
        await session.aclose()
    return idle, busy


@contextmanager
def _pair(mbit: int, size: int) -> Iterator[Swarm]:
    """Two nodes on a line, and a file at one of them."""
    lan, machines = Lan(), Machines()
    try:
        swarm = Swarm(lan, machines, receivers=1, upload_mbit=mbit)
        if mbit >= FAST_MBIT:
            lan.limit_upload(*swarm.origin_line, mbit, FAST_BURST)
        swarm.put(size)
        yield swarm
    finally:
        machines.close()
        lan.close()


def beside_a_file() -> tuple[list[float], list[float]]:
    """Milliseconds of messages on the idle line, and while the file is on its way."""
    with _pair(LINE_MBIT, FILE_BYTES) as swarm:
        return asyncio.run(_beside(swarm))


def share_of_the_line() -> float:
    """How much of a line's rate one file makes use of, in ciphertext stored."""
    with _pair(FAST_MBIT, FAST_FILE_BYTES) as swarm:
        began = time.monotonic()
        swarm.receivers[0].ask(commands.Get(swarm.file))
        return FAST_FILE_BYTES / (time.monotonic() - began) / (FAST_MBIT * 125_000)


def figures() -> Iterator[Figure]:
    """What `python -m bench blocks` reports."""
    seconds, mib = scanned()
    yield Figure(f"a store of {BLOCKS:,} blocks opened", seconds, "s", None, SCAN_SECONDS_GOAL)
    yield Figure(f"memory of {BLOCKS:,} blocks", mib, "MiB", None, SCAN_MIB_GOAL)
    reason = cannot()
    if reason:
        sys.stderr.write(f"blocks: the shaped lines are left out, {reason}\n")
        return
    idle, busy = (quantile(each, 0.95) for each in beside_a_file())
    where = f"{LINE_MBIT} Mbit/s"
    yield Figure(f"{where}: a message, p95, idle", idle, "ms")
    what = f"{where}: a message beside 1 GB, p95, later than idle"
    yield Figure(what, busy - idle, "ms", None, LATER_MS_GOAL)
    shares = [share_of_the_line() for _ in range(RUNS)]
    what = f"{FAST_MBIT:,} Mbit/s: share of the line that one file takes"
    yield Figure(what, middle(shares), "", None, SHARE_GOAL, True)


if __name__ == "__main__":
    _scan(sys.argv[1])
