"""What happens in one run, drawn from its seed: who there is, which faults, and every step.

Swarm mode: each run has its own few faults and its own mix of work. A run with all faults at once
spends its time being broken; runs with a few get further and meet more. Steps carry numbers
instead of names: what they mean depends on who is there when they come, and a schedule with steps
taken away is still a schedule. So a failure can be made smaller.
"""

import random
from dataclasses import dataclass, replace
from enum import Enum

JOINED_MAX = 8


class Fault(Enum):
    """What may go wrong. The value is what is meant."""

    LATENCY = "messages take up to three seconds"
    REORDER = "priorities of one link overtake each other"
    SLOW_PEER = "all that one machine sends and gets takes seconds"
    RESET = "a link breaks, and what is on the way is lost; each end notices when it does"
    PARTITION = "two groups have no path for a while"
    ONE_WAY = "one direction of a link stands still, then goes on or breaks"
    FLAP = "a link comes and goes several times"
    CRASH = "a machine dies before or after a commit, and returns as another incarnation"
    RESTART = "a machine stops cleanly and goes on in its logs"
    TORN = "a write or a commit fails, and the turn is taken back"
    OLD_BACKUP = "a machine comes back with the disk it had earlier"
    CLOCK_JUMP = "a wall clock jumps by up to a day"
    RELAY_LOSS = "a relay is gone for good"
    REPLAY = "a machine gets once more what it got from that peer before"
    REMOVAL = "a member is removed while not everybody hears of it"


class Work(Enum):
    """What people do."""

    POST = 12
    REPLY = 5
    EDIT = 4
    DELETE = 2
    REACT = 4
    PIN = 2
    TOPIC = 2
    PROFILE = 1
    NOTE = 3
    OPEN = 2
    NEWCOMER = 1
    BURST = 1


@dataclass(frozen=True, slots=True)
class Step:
    """After `wait_ms`, this happens to somebody; the numbers choose whom and what."""

    wait_ms: int
    what: Fault | Work
    who: int
    other: int
    number: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """One run.

    Attributes:
        members, relays: who there is at the start.
    """

    seed: int
    faults: frozenset[Fault]
    members: int
    relays: int
    steps: tuple[Step, ...]

    def without(self, fault: Fault) -> "Schedule":
        """The same run in which a fault does not happen."""
        steps = tuple(step for step in self.steps if step.what is not fault)
        return replace(self, faults=self.faults - {fault}, steps=steps)

    def first(self, count: int) -> "Schedule":
        """The same run, healed after this many steps."""
        return replace(self, steps=self.steps[:count])


def draw(seed: int) -> Schedule:
    """The schedule of a seed."""
    source = random.Random(f"schedule {seed}")
    faults = [fault for fault in Fault if source.random() < 0.4]
    members = source.choice((3, 3, 3, 4, 4, 5, 6, 8))
    relays = source.choice((0, 1, 1, 2))
    work = [each for each in Work if source.random() < 0.8 or each is Work.POST]
    weights = [each.value * source.choice((1, 1, 2, 4)) for each in work]
    trouble = source.uniform(0.1, 0.4) if faults else 0.0
    pace_ms = source.choice((20, 200, 2_000))
    steps = []
    for _ in range(source.randint(40, 110)):
        what: Fault | Work
        if source.random() < trouble:
            what = source.choice(faults)
        else:
            (what,) = source.choices(work, weights)
        numbers = [source.randrange(1_000) for _ in range(3)]
        steps.append(Step(source.randint(0, pace_ms), what, *numbers))
    return Schedule(seed, frozenset(faults), members, relays, tuple(steps))
