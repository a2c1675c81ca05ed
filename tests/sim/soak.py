"""A day of twenty machines, in minutes: what grows in memory although the team does not?

People talk, edit, react and share pictures now and then; links break, lids are closed, programs are
started anew, all day. Some machines run through. After four hours everybody has met everything
there is to meet; from then on to the end of the day nothing in memory may grow but what follows
from the history (which is on disk), no table may but those that hold it, and nothing may wait to be
done that did not before.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.sim.census import Census, census
from tests.sim.oracles import ALWAYS
from tests.sim.schedule import Fault, Schedule, Step, Work
from tests.sim.simulator import agree, ask
from tests.sim.story import Story

MEMBERS, RELAYS, HOURS, WARM_HOURS = 18, 2, 24, 4
HOUR_MS = 3_600_000
PACE_MS = 240_000
"""Something happens so often, at most."""
DIAL_MS = 10_000
"""How often those who are not linked try again; nobody is in a hurry."""
STILL_MS = 120_000
"""Before looking: what is under way ends."""
ALL_DAY = ("ana", "bo")
"""They are never started anew, so that what grows in them shows."""
SLACK, SLACK_PARTS = 32, 1.1
"""So much more may be somewhere: what is under way at one moment is not at another."""
WORK = (
    *(Work.POST, Work.POST, Work.REPLY, Work.EDIT, Work.DELETE, Work.REACT, Work.PIN),
    *(Work.TOPIC, Work.PROFILE, Work.NOTE, Work.OPEN, Work.PICTURE),
)
CHURN = (Fault.RESET, Fault.SLEEP, Fault.RESTART, Fault.PARTITION, Fault.ONE_WAY, Fault.FLAP)
HISTORY = {"entry", "message", "reaction", "file", "register", "orphan", "untimely"}
"""Tables that hold what was said; those of the search index follow them."""
MAY_GROW = {
    "exchange._library._records": "a cache of at most TREES_MAX files",
    "engine.replicator._receipts._heard": "the newest RECEIPTS_HEARD_MAX names of receipts",
    "engine.replicator._core.links[].known": "one for each log and link, as far as they are told",
}
"""Beginnings of paths, each with the reason."""


@dataclass(frozen=True)
class Look:
    """What there is at one moment: elements by machine and path, rows by table."""

    memory: Mapping[str, Census]
    rows: Mapping[str, Mapping[str, int]]
    waiting: int


@dataclass
class Soak:
    """One day.

    Attributes:
        wrong: what did not hold, a sentence each.
        entries: how many were acknowledged.
    """

    seed: int
    log: Callable[[str], None]
    members: int = MEMBERS
    relays: int = RELAYS
    hours: float = HOURS
    warm_hours: float = WARM_HOURS
    wrong: list[str] = field(default_factory=list)
    entries: int = 0

    def run(self) -> str:
        """The whole day; gives the trace."""
        faults = frozenset(CHURN)
        schedule = Schedule(self.seed, faults, self.members, self.relays, ())
        story = self._story = Story(schedule, self.log)
        story.world.dial_ms = DIAL_MS
        self._random = random.Random(f"soak {self.seed}")
        try:
            story.begin()
            story.all_write_everywhere()
            begun = story.world.mono
            self._live_until(begun + int(self.warm_hours * HOUR_MS))
            before = self._look()
            self._live_until(begun + int(self.hours * HOUR_MS))
            if not self.wrong:
                self._compare(before, self._look())
            self.entries = len(story.ledger.acknowledged)
        finally:
            story.end()
        return story.world.trace

    def _live_until(self, end: int) -> None:
        world = self._story.world
        while world.mono < end and not self.wrong:
            what = self._random.choice(self._random.choice((WORK, CHURN)))
            numbers = [self._random.randrange(1_000) for _ in range(3)]
            wait = self._random.randint(1, PACE_MS)
            if what is Fault.RESTART:
                there = [machine.name for machine in world.desks.values() if machine.awake]
                may = [at for at, name in enumerate(there) if name not in ALL_DAY]
                numbers[0] = self._random.choice(may or [0])
                wait = 0  # Or who is there may be another by then.
            self._story.step(Step(wait, what, *numbers))
            self.wrong += ask(ALWAYS, self._story)

    def _look(self) -> Look:
        """Everybody is well, agrees and rests for a moment."""
        story, world = self._story, self._story.world
        story.heal()
        wrong, _ = agree(story)
        self.wrong += wrong
        world.run(STILL_MS)
        world.note("-- a look around")
        machines = [world.desks[name] for name in ALL_DAY]
        return Look(
            {machine.name: census(machine) for machine in machines},
            {machine.name: machine.disk.rows() for machine in machines},
            world.waiting,
        )

    def _compare(self, before: Look, after: Look) -> None:
        for name in ALL_DAY:
            for path, count in sorted(after.memory[name].items()):
                was = before.memory[name].get(path, 0)
                known = any(path.startswith(each) for each in MAY_GROW)
                if count > was * SLACK_PARTS + SLACK and not known:
                    self.wrong.append(f"{name} keeps {count} in {path}, it was {was}")
            for table, count in after.rows[name].items():
                was = before.rows[name].get(table, 0)
                history = table in HISTORY or table.startswith("search")
                if count > was * SLACK_PARTS + SLACK and not history:
                    self.wrong.append(f"{name} has {count} rows in {table}, it was {was}")
        if after.waiting > before.waiting * SLACK_PARTS + SLACK:
            self.wrong.append(f"{after.waiting} things wait, it was {before.waiting}")
