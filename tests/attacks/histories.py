"""Random roster histories by number, and how many a run looks at.

`make attacks` searches 10,000; ATTACK_HISTORIES sets another number, and an ordinary run of the
tests takes a few. Every number is one history, the same everywhere.
"""

import os
import random
from collections.abc import Iterator

from crdt.errors import Invalid
from crdt.roster import Roster
from crdt.roster_ops import Rekey, Share
from tests.crdt.roster_people import Play, Step, public

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
        for _ in range(source.choice((0, 0, 1, 3))):
            _share(play, source)
    return play, source


def _share(play: Play, source: random.Random) -> None:
    """Somebody hands on a key, or says so."""
    epochs = [op for op in play.ops if isinstance(op.args, Rekey)]
    if not epochs:
        return
    on = sorted({op.id for op in source.sample(play.ops[-6:], source.randint(1, 2))})
    who, whom = source.choice(play.people), source.choice(play.people)
    share = Share(source.choice(epochs).id, public(whom).sign, bytes(8))
    try:
        op = play.team.write(who, share, on)
    except Invalid:
        return
    play.ops.append(op)


def orders(wires: list[bytes], source: random.Random, count: int) -> Iterator[list[list[bytes]]]:
    """The same ops in other orders, some of them twice, cut into batches; then one by one."""
    for _ in range(count):
        shuffled = wires + source.choices(wires, k=2)
        source.shuffle(shuffled)
        cuts = sorted(source.sample(range(len(shuffled)), source.randint(0, 5)))
        yield [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    yield [[wire] for wire in wires]


def read(workspace: bytes, batches: list[list[bytes]], *, look: bool) -> Roster:
    """Another machine's roster; with `look` it is asked for its state behind every batch."""
    roster = Roster(workspace)
    for batch in batches:
        for wire in batch:
            roster.add(wire)
        if look:
            assert roster.state is not None
    return roster
