"""One file for many at once: what the origin's line carries, and when the last one has it.

Hosts are network namespaces with shaped uplinks; the same file goes to the same number of receivers
by Clowder, by nginx and curl, and by aria2 (BitTorrent), those that are installed. The floor of
the last receiver's time is the least that any such system needs with equal uplinks:
F/u x (1 + floor(log2 N) / M) for a file of F bytes in M pieces (Mundinger, Weber, Weiss, 2006).
That of the origin's bytes is one copy.

All machines share the two or four cores of this one, which twenty receivers keep busy at 100 Mbit/s
and more, so the processor time of all nodes is told, too, which hangs less on what else the machine
does. Profiles and files are in memory (/dev/shm), since they would share one disk, too.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import one_link, swarm_others
from bench.report import Figure, middle
from chat.blocks.chunking import chunk_count
from tests.integration.lan import Lan, cannot
from tests.integration.machines import Machines
from tests.integration.swarm_team import Fetched, Swarm

FILE_BYTES = 5_000_000
RUNS = 3
COPIES_GOAL = 1.10
WAN_COPIES_GOAL = 1.05
TIME_GOAL = 1.5
WAN_MBIT = 20


@contextmanager
def in_memory() -> Iterator[None]:
    """Temporary files are in memory meanwhile, where the system has such a place."""
    place = Path("/dev/shm")
    before = tempfile.tempdir
    if place.is_dir() and os.access(place, os.W_OK):
        tempfile.tempdir = str(place)
    try:
        yield
    finally:
        tempfile.tempdir = before


def bound_seconds(receivers: int, mbit: int) -> float:
    """The least time in which all receivers can have the file."""
    pieces = chunk_count(FILE_BYTES)
    return FILE_BYTES / (mbit * 125_000) * (1 + (receivers.bit_length() - 1) / pieces)


def last_of(fetched: list[Fetched]) -> float:
    """When the last receiver had the file. Raises AssertionError when one has not all of it."""
    times = [each.seconds for each in fetched if each.right and each.seconds is not None]
    assert len(times) == len(fetched), "not everybody got the right bytes"
    return max(times)


@contextmanager
def _swarm(receivers: int, mbit: int, wan_mbit: int = 0) -> Iterator[Swarm]:
    lan, machines = Lan(), Machines()
    try:
        yield Swarm(lan, machines, receivers=receivers, upload_mbit=mbit, wan_mbit=wan_mbit)
    finally:
        machines.close()
        lan.close()


def _ours(receivers: int, mbit: int) -> Iterator[Figure]:
    copies, seconds, processor = [], [], []
    with _swarm(receivers, mbit) as swarm:
        for run in range(RUNS):
            swarm.put(FILE_BYTES, seed=run)
            before = swarm.processor_seconds()
            with swarm.counted() as count:
                fetched = swarm.fetch()
            processor.append(swarm.processor_seconds() - before)
            copies.append(count.copies)
            seconds.append(last_of(fetched))
    where = f"{receivers} receivers, {mbit} Mbit/s"
    bound = bound_seconds(receivers, mbit)
    # With fast lines the cores are the limit, not the lines; there it is compared with others.
    goal = TIME_GOAL if mbit <= WAN_MBIT else None
    yield Figure(f"{where}: copies from the origin", middle(copies), "copies", None, COPIES_GOAL)
    yield Figure(f"{where}: the last one has it", middle(seconds), "s", bound, goal)
    yield Figure(f"{where}: processor time of all nodes", middle(processor), "s CPU")


def _others(receivers: int, mbit: int) -> Iterator[Figure]:
    where = f"{receivers} receivers, {mbit} Mbit/s"
    bound = bound_seconds(receivers, mbit)
    for system in swarm_others.SYSTEMS:
        missing = system.missing()
        if missing:
            sys.stderr.write(f"{system.name}: left out, {missing}\n")
            continue
        runs = [swarm_others.run(system, receivers, mbit, FILE_BYTES) for _ in range(RUNS)]
        copies = middle([each.copies for each in runs])
        yield Figure(f"{where}, {system.name}: copies from the origin", copies, "copies")
        seconds = middle([each.seconds for each in runs])
        yield Figure(f"{where}, {system.name}: the last one has it", seconds, "s", bound)


def _over_wan(receivers: int) -> Iterator[Figure]:
    copies = []
    with _swarm(receivers, 100, WAN_MBIT) as swarm:
        for run in range(RUNS):
            with swarm.counted() as count:
                swarm.put(FILE_BYTES, seed=run)
                last_of(swarm.fetch())
            copies.append(count.copies)
    what = f"{receivers} receivers behind a relay: copies over the WAN"
    yield Figure(what, middle(copies), "copies", None, WAN_COPIES_GOAL)


def figures(receivers: int) -> Iterator[Figure]:
    """What `python -m bench swarm` reports."""
    yield from one_link.figures()
    reason = cannot()
    if reason:
        sys.stderr.write(f"swarm: left out, {reason}\n")
        return
    with in_memory():
        for mbit in (20, 100):
            yield from _ours(receivers, mbit)
            yield from _others(receivers, mbit)
        yield from _over_wan(receivers)
