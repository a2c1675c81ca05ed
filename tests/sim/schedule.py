"""What happens in one run, drawn from its seed: who there is, which faults, and every step.

Swarm mode: each run has its own few faults and its own mix of work. A run with all faults at once
spends its time being broken; runs with a few get further and meet more. Steps carry numbers
instead of names: what they mean depends on who is there when they come, and a schedule with steps
taken away is still a schedule. So a failure can be made smaller.
"""

import random
from dataclasses import dataclass, replace
from enum import Enum, unique

JOINED_MAX = 8
ALONE_STEPS = 45


@unique
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
    SLEEP = "a lid is closed: timers stand, what ends is not heard of, and the network is another"
    BIT_ROT = "one bit on a disk is not what was written: in the database, or in a block"
    MIXED_VERSIONS = "a machine says what this build does not know, of every kind there is"
    EQUIVOCATE = "a device goes on in its logs twice, and shows each half to other peers"
    RETENTION = "channels are kept for a day or two, and days pass"


@unique
class Work(Enum):
    """What people do."""

    POST = "a message"
    REPLY = "an answer to one of the last messages"
    EDIT = "other words in an own message"
    DELETE = "an own message is taken back"
    REACT = "an emoji is put, or taken back"
    PIN = "a message is pinned, or no longer"
    TOPIC = "a channel's topic"
    PROFILE = "another nick"
    NOTE = "a piece of the notes"
    PICTURE = "a message with a picture"
    OPEN = "a channel is looked at"
    NEWCOMER = "somebody is invited, and knocks"
    BURST = "some hundreds of messages at once"


FAULT_CHANCE = 0.4
RETENTION_CHANCE = 0.15
"""It is drawn apart: days take long, and half of what was said is gone after them."""

OFTEN = {
    Work.POST: 12,
    Work.REPLY: 5,
    Work.EDIT: 4,
    Work.DELETE: 2,
    Work.REACT: 4,
    Work.PIN: 2,
    Work.TOPIC: 3,
    Work.PROFILE: 2,
    Work.NOTE: 3,
    Work.PICTURE: 1,
    Work.OPEN: 2,
    Work.NEWCOMER: 1,
    Work.BURST: 0.4,
}
"""How often, beside the others."""


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
    usual = [fault for fault in Fault if fault is not Fault.RETENTION]
    faults = [fault for fault in usual if source.random() < FAULT_CHANCE]
    if random.Random(f"retention {seed}").random() < RETENTION_CHANCE:
        faults.append(Fault.RETENTION)
    members = source.choice((3, 3, 3, 4, 4, 5, 6, 8))
    relays = source.choice((0, 1, 1, 2))
    work = [each for each in Work if source.random() < 0.8 or each is Work.POST]
    weights = [OFTEN[each] * source.choice((1, 1, 2, 4)) for each in work]
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


def alone(fault: Fault, seed: int) -> Schedule:
    """A run in which one fault happens again and again, between everything that people do."""
    source = random.Random(f"alone {fault.name} {seed}")
    often = OFTEN | {Work.PICTURE: 5, Work.BURST: 0.1}
    steps = []
    for number in range(ALONE_STEPS):
        (usual,) = source.choices([*often], [*often.values()])
        what = fault if number % 3 == 2 else usual
        numbers = [source.randrange(1_000) for _ in range(3)]
        steps.append(Step(source.randint(0, 500), what, *numbers))
    return Schedule(seed, frozenset({fault}), 4, 1, tuple(steps))
