"""Profiles with a long history, made by the program itself.

The founder and the authors are real profiles. In several rounds each author writes a share with
`send --lines`; in between the founder's node meets them and takes it all. Making 100,000 messages
takes minutes, so the founder's profile is kept in `build/bench` and copied for each measurement
(a copy notices that it is one, and begins a new incarnation; that is part of what is measured).
"""

import random
import shutil
import sys
from functools import partial
from pathlib import Path

from bench.report import NEWEST, words
from tests.integration.machines import ROOT, Machine, eventually

KEPT = ROOT / "build" / "bench"
ROUNDS = 5


def machine(home: Path) -> Machine:
    """A machine on loopback without discovery.

    What is installed has its bytecode, so that it is written here even where tests are told not to.
    """
    environment = {"CLOWDER_LISTEN": "127.0.0.1:0", "PYTHONDONTWRITEBYTECODE": ""}
    return Machine(home, environment=environment, options=("--no-mdns",))


def long_history(messages: int, authors: int) -> Path:
    """The home of a founder who holds so many messages of so many authors."""
    kept = KEPT / f"{messages}-{authors}"
    if kept.exists():
        return kept / "founder"
    sys.stderr.write(f"making a profile with {messages} messages of {authors} authors\n")
    building = kept.with_suffix(".building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    _build(building, messages, authors)
    building.rename(kept)
    return kept / "founder"


def _build(folder: Path, messages: int, authors: int) -> None:
    lot = random.Random(messages)
    founder = machine(folder / "founder")
    founder.new("Bench", "author0")
    node = founder.node()
    others = [machine(folder / f"author{number}") for number in range(1, authors)]
    for number, author in enumerate(others, start=1):
        assert author.join(founder.invite(), f"author{number}") == "joined"
    share = messages // (authors * ROUNDS)
    written = 0
    for _ in range(ROUNDS):
        for author in (founder, *others):
            lines = "".join(f"{words(lot)}\n" for _ in range(share))
            author.run(
                "send", "general", "--lines", "-", stdin=lines, json_lines=False, seconds=600
            )
            written += share
        for author in others:
            running = author.node("--dial", founder.url)
            # Neither lacks anything of the other, so the author may go.
            eventually(partial(_equal, founder, author), 600, "the author")
            running.stop()
    founder.send("general", NEWEST)
    assert founder.status().messages >= written
    node.stop()


def _equal(founder: Machine, author: Machine) -> bool:
    theirs, ours = author.status(), founder.status()
    return theirs.behind == 0 and theirs.entries == ours.entries


def copy(home: Path, target: Path) -> Machine:
    """A machine with a copy of a profile."""
    shutil.copytree(home, target)
    return machine(target)
