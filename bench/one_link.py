"""One file from one machine to another on loopback: ciphertext verified and on disk, a second.

Both are whole nodes; the blocks are fetched and not assembled. What the disk does with synced
writes of the same length is measured in the same run: a block counts when a power cut does not
lose it.
"""

import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.report import Figure, middle
from chat import commands
from tests.integration.machines import Machines, eventually

FILE_BYTES = 200_000_000
BLOCK_BYTES = 1024 * 1024
RUNS = 3
GOAL = 200.0


def synced_writes(size: int = FILE_BYTES) -> float:
    """MB/s of files of a block each, written and synced one after the other."""
    block = random.Random(size).randbytes(BLOCK_BYTES)
    with tempfile.TemporaryDirectory(prefix="clw") as folder:
        began = time.monotonic()
        for number in range(size // BLOCK_BYTES):
            with (Path(folder) / str(number)).open("wb", buffering=0) as file:
                file.write(block)
                os.fsync(file.fileno())
        return size / 1e6 / (time.monotonic() - began)


def rates() -> list[float]:
    """MB/s of each run."""
    machines = Machines()
    try:
        ana, bo = machines.team("ana", "bo")
        measured = []
        for run in range(RUNS):
            path = machines.folder / f"film{run}.bin"
            path.write_bytes(random.Random(run).randbytes(FILE_BYTES))
            message = ana.ask(commands.Put("general", str(path)))
            path.unlink()
            file = message.files[0].id
            eventually(lambda: len(bo.history()) == len(measured) + 1, what="the message")
            began = time.monotonic()
            bo.ask(commands.Get(file))
            measured.append(FILE_BYTES / 1e6 / (time.monotonic() - began))
        return measured
    finally:
        machines.close()


def figures() -> Iterator[Figure]:
    """Part of what `python -m bench swarm` reports."""
    yield Figure("one link on loopback", middle(rates()), "MB/s", None, GOAL, True)
    yield Figure("synced writes of blocks on this disk", synced_writes(), "MB/s")
