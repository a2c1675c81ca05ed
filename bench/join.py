"""A newcomer meets a workspace with a long history.

Times count from the moment the newcomer's node asks to join: the first page (the newest 50
messages of the channel, readable) and everything (each entry verified, decrypted, projected and
searchable). The floor is a bare websocket that sends as many bytes as came over the newcomer's
links, in as many rows, and inserts them into SQLite.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import floor
from bench.peer import memory_mib, opened
from bench.profiles import copy, long_history
from bench.report import NEWEST, Figure
from chat import commands, model
from chat.errors import ChatError

AUTHORS = 20
PAGE = 50
LOOK_SECONDS = 0.02
GIVE_UP_SECONDS = 600.0


async def _join(home: str, url: str, invite: str, messages: int) -> None:
    async with opened(home, url, create=True) as node:
        started = time.monotonic()
        await node.call(commands.Join(invite, "newcomer", 30.0))
        told = {"admitted": time.monotonic() - started}
        while "everything" not in told and time.monotonic() - started < GIVE_UP_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            if "page" not in told and await _has_page(node.call(_NEWEST_PAGE)):
                told["page"] = time.monotonic() - started
            status: model.Status = await node.call(commands.GetStatus())
            if status.behind == 0 and status.messages >= messages:
                told["everything"] = time.monotonic() - started
                told["bytes"] = sum(link.bytes_in for link in status.links)
        hits = await node.call(commands.Search("screenshot", "general", PAGE))
        told["searchable"] = len(hits)
        told["memory_mib"] = memory_mib()
    print(json.dumps(told), flush=True)


_NEWEST_PAGE = commands.History("general", PAGE)


async def _has_page(asked: "asyncio.Future[list[model.Message]]") -> bool:
    try:
        found = await asked
    except ChatError:
        # The channel is not known here yet.
        return False
    return len(found) == PAGE and found[-1].text == NEWEST


def joined(messages: int, authors: int = AUTHORS) -> dict[str, float]:
    """Seconds to the first page and to everything, bytes that came, memory."""
    with tempfile.TemporaryDirectory(prefix="clw") as folder:
        host = copy(long_history(messages, authors), Path(folder) / "host")
        serving = host.node()
        try:
            newcomer = str(Path(folder) / "newcomer")
            roles = ["join", newcomer, host.url, host.invite(), str(messages)]
            ended = subprocess.run(
                [sys.executable, "-m", "bench.join", *roles],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
        finally:
            serving.stop()
    told: dict[str, float] = json.loads(ended.stdout)
    return told


def figures(messages: int) -> Iterator[Figure]:
    """What `make bench` reports."""
    told = joined(messages)
    least = floor.bulk(messages, int(told["bytes"]))
    of = f"{messages:,} messages of {AUTHORS} authors"
    yield Figure(f"cold join, {of}: first page", told["page"], "s", None, 1.0)
    yield Figure(f"cold join, {of}: everything", told["everything"], "s", least, 10.0)
    yield Figure("cold join: bytes that came, a message", told["bytes"] / messages, "bytes")
    yield Figure("cold join: memory at the end", told["memory_mib"], "MiB")
    assert told["searchable"] == PAGE


if __name__ == "__main__":
    asyncio.run(_join(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])))
