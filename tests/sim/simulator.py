"""Runs a schedule and says what it came to.

    outcome = run(draw(7))
    assert outcome.wrong == [], outcome.wrong

Two phases. While things fail, only safety is looked at. Then everything heals, and the machines
must agree within `HEAL_MAX_MS` of virtual time, stay in agreement, and come to rest: after that a
minute may carry no more than a few messages a link.
"""

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.sim.oracles import AGREEMENT, ALWAYS, AT_REST, Oracle
from tests.sim.schedule import Schedule
from tests.sim.story import Story

HEAL_MAX_MS = 90_000
"""Long enough for keys that are made by those who wait first (`chat.engine.people`)."""
LOOK_MS = 3_000
QUIET_MS = 60_000
QUIET_PER_LINK = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        trace: a hash over everything that happened, 64 hex digits.
        wrong: sentences of the oracles; empty when all of them held.
        acknowledged: entries whose authors were told that they are on disk.
        agreed_ms: virtual time from healing to agreement.
    """

    schedule: Schedule
    trace: str
    wrong: list[str]
    acknowledged: int
    delivered: int
    agreed_ms: int


def run(schedule: Schedule, log: Callable[[str], None] = lambda line: None) -> Outcome:
    """One run, from a healthy team to a healthy team."""
    story = Story(schedule, log)
    wrong: list[str] = []
    agreed_ms = 0
    try:
        story.begin()
        for step in schedule.steps:
            story.step(step)
            if wrong := ask(ALWAYS, story):
                break
        if not wrong:
            story.heal()
            wrong, agreed_ms = agree(story)
            wrong = wrong or _rest(story)
    except Exception as error:
        # Whatever escapes from the production code is a finding like any other.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        wrong = [f"{type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"]
        log(traceback.format_exc())
    finally:
        story.end()
    for sentence in wrong:
        story.world.note(f"!! {sentence}")
    return Outcome(
        schedule,
        story.world.trace,
        wrong,
        len(story.ledger.acknowledged),
        story.world.delivered,
        agreed_ms,
    )


def timed(
    schedule: Schedule, log: Callable[[str], None] = lambda line: None
) -> tuple[Outcome, float]:
    """One run and the seconds it took; in whatever process, its outcome is the same."""
    begun = time.monotonic()
    return run(schedule, log), time.monotonic() - begun


def ask(oracles: Iterable[Oracle], story: Story) -> list[str]:
    """What some oracles say is wrong."""
    return [sentence for oracle in oracles for sentence in oracle(story)]


def agree(story: Story) -> tuple[list[str], int]:
    """Wait until all agree: what is wrong at the end, and how long it took."""
    world = story.world
    begun, wrong, wait = world.mono, ["nobody looked"], LOOK_MS
    while wrong and world.mono - begun < HEAL_MAX_MS:
        world.run(wait)
        wrong = ask(AGREEMENT, story)
        wait *= 2  # Looking costs more than waiting.
    return wrong, world.mono - begun


def _rest(story: Story) -> list[str]:
    world = story.world
    world.run(QUIET_MS // 2)
    delivered = world.delivered
    world.run(QUIET_MS)
    spent, links = world.delivered - delivered, len(world.live())
    if spent > QUIET_PER_LINK * links:
        return [f"{spent} messages on {links} links while nothing happens"]
    wrong = ask(AT_REST, story)
    story.sum_up()
    world.run(LOOK_MS)
    return wrong or ask(AGREEMENT, story)
