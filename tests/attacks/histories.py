"""Random roster histories by number, and how many a run looks at.

`make attacks` searches 10,000; ATTACK_HISTORIES sets another number, and an ordinary run of the
tests takes a few. Every number is one history, the same everywhere.
"""

import os
import random
from collections.abc import Iterator

from crdt.roster import Roster
from tests.crdt.roster_people import Play, Step

HISTORIES = int(os.environ.get("ATTACK_HISTORIES", "200"))
SHARES = 8
"""Parts of the search, so that several workers take them."""
TIMEOUT_SECONDS = max(120, HISTORIES // 2)


def numbers(share: int) -> range:
    """The numbers of one share."""
    return range(share, HISTORIES, SHARES)


def step(source: random.Random) -> Step:
    """One random act upon one to three earlier ops."""
    parents = tuple(source.randrange(13) for _ in range(source.choice((1, 1, 2, 3))))
    kind, *rest = (source.randrange(100) for _ in range(4))
    return kind, parents, rest[0], rest[1], rest[2]


def history(number: int) -> tuple[Play, random.Random]:
    """A team, what it did, and the source of what else is drawn."""
    source = random.Random(number)
    play = Play.start()
    for _ in range(source.randint(3, 20)):
        play.take(step(source))
    return play, source


def orders(wires: list[bytes], source: random.Random, count: int) -> Iterator[list[list[bytes]]]:
    """The same ops in other orders, some of them twice, cut into batches."""
    for _ in range(count):
        shuffled = wires + source.choices(wires, k=2)
        source.shuffle(shuffled)
        cuts = sorted(source.sample(range(len(shuffled)), source.randint(0, 5)))
        yield [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]


def read(workspace: bytes, batches: list[list[bytes]], *, look: bool) -> Roster:
    """Another machine's roster; with `look` it is asked for its state behind every batch."""
    roster = Roster(workspace)
    for batch in batches:
        for wire in batch:
            roster.add(wire)
        if look:
            assert roster.state is not None
    return roster
