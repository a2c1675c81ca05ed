"""One message's way: from the post in one process to the event in another.

Both nodes are durable (every entry is on disk before it is sent on and before it is shown),
signed and sealed. The pace is the floor's: one message every 20 ms. Sustained: 10,000 lines given
to `clowder send --lines -`, until the other node has them all.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

from bench import floor
from bench.peer import address, opened
from bench.report import Figure, middle, quantile, words
from chat import commands
from chat.events import MessageChanged
from tests.integration.machines import Machines, eventually

RUNS = 3
SUSTAINED = 10_000


async def _post(home: str, count: int) -> None:
    async with opened(home) as node:
        print(await address(node), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for _ in range(count):
            await asyncio.sleep(floor.EVERY_SECONDS)
            text = f"{time.monotonic_ns()} {floor.PADDING}"
            await node.call(commands.Post("general", text))
        await asyncio.to_thread(sys.stdin.readline)


async def _hear(home: str, url: str, count: int) -> None:
    async with opened(home, url) as node:
        events = node.events()
        while not [p for p in await node.call(commands.ListPeers()) if p.state == "linked"]:
            await asyncio.sleep(0.01)
        print("ready", flush=True)
        times: dict[str, float] = {}
        async for event in events:
            if isinstance(event, MessageChanged) and event.message.id not in times:
                sent = int(event.message.text.split()[0])
                times[event.message.id] = (time.monotonic_ns() - sent) / 1e6
                if len(times) == count:
                    break
    print(json.dumps(list(times.values())), flush=True)


def _start(stack: ExitStack, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "bench.delivery", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return stack.enter_context(process)


def _say(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def one_way(count: int = floor.MESSAGES) -> list[float]:
    """Milliseconds of each message."""
    with ExitStack() as stack:
        machines = Machines()
        stack.callback(machines.close)
        ana, bo = machines.team("ana", "bo")
        for member in (ana, bo):
            member.programs[-1].stop()
        poster = _start(stack, "post", str(ana.home), str(count))
        hearer = _start(stack, "hear", str(bo.home), _line(poster), str(count))
        assert _line(hearer) == "ready"
        _say(poster)
        times: list[float] = json.loads(_line(hearer))
        _say(poster)
    return times


def sustained(count: int = SUSTAINED) -> float:
    """Messages a second, from the command's start to the last one at the other node."""
    machines = Machines()
    try:
        ana, bo = machines.team("ana", "bo")
        lot = random.Random(count)
        lines = "".join(f"{words(lot)}\n" for _ in range(count))
        started = time.monotonic()
        ana.run("send", "general", "--lines", "-", stdin=lines, json_lines=False, seconds=300)
        eventually(lambda: bo.status().messages >= count, 300, "all messages at the other node")
        return count / (time.monotonic() - started)
    finally:
        machines.close()


def figures() -> Iterator[Figure]:
    """What `make bench` reports."""
    floors, ours, tails, slowest, syncs = [], [], [], [], []
    for _ in range(RUNS):
        syncs.append(floor.synced_write())
        least = floor.delivery()
        times = one_way()
        floors.append(least.p50)
        slowest.append(least.p99)
        ours.append(quantile(times, 0.5))
        tails.append(quantile(times, 0.99))
    yield Figure("delivery, p50, one way", middle(ours), "ms", middle(floors), 3.0)
    yield Figure("delivery, p99, one way", middle(tails), "ms", middle(slowest))
    yield Figure("a synced write on this disk, two of which are waited for", middle(syncs), "ms")
    rates = [sustained() for _ in range(RUNS)]
    yield Figure(
        f"sustained, {SUSTAINED:,} messages", middle(rates), "messages/s", None, 3000, True
    )


def main(role: str, *arguments: str) -> None:
    """Play one role; called by `one_way`."""
    if role == "post":
        asyncio.run(_post(arguments[0], int(arguments[1])))
    else:
        asyncio.run(_hear(arguments[0], arguments[1], int(arguments[2])))


if __name__ == "__main__":
    main(*sys.argv[1:])
