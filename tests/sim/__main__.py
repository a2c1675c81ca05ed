"""`python -m tests.sim --seed 7 --verbose`: one run again, or many to look for a bad one.

The last line on stdout is `trace=` and 64 hex digits: the same seed and the same code give the
same. The exit code is 0 only if every oracle held in every run.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256

from tests.sim.bugs import BUGS, planted
from tests.sim.crowd import MEMBERS, Crowd
from tests.sim.schedule import Fault, Schedule, alone, draw
from tests.sim.simulator import Outcome, run, timed
from tests.sim.soak import HOURS, Soak

FAULTS = [fault.name for fault in Fault]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from there on")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--verbose", action="store_true", help="write what happens")
    parser.add_argument("--steps", type=int, help="heal after so many steps")
    parser.add_argument("--alone", type=str.upper, choices=FAULTS, help="runs of one fault")
    parser.add_argument(
        "--without", action="append", default=[], type=str.upper, choices=FAULTS, metavar="FAULT"
    )
    parser.add_argument("--crowd", action="store_true", help=f"{MEMBERS} members, few words")
    parser.add_argument("--soak", action="store_true", help=f"{HOURS} hours of twenty machines")
    parser.add_argument("--bug", choices=[*BUGS], metavar="NAME", help="plant a bug")
    parser.add_argument("--bugs", action="store_true", help="plant each bug in turn")
    return parser.parse_args()


def _schedule(arguments: argparse.Namespace, seed: int) -> Schedule:
    schedule = draw(seed) if arguments.alone is None else alone(Fault[arguments.alone], seed)
    for name in arguments.without:
        schedule = schedule.without(Fault[name])
    return schedule if arguments.steps is None else schedule.first(arguments.steps)


def _silent(line: str) -> None:
    """Nobody wants to read the log."""


def _outcomes(arguments: argparse.Namespace) -> Iterator[tuple[Outcome, float]]:
    """The runs in the order of their seeds, with the seconds each took; several at a time."""
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    schedules = [_schedule(arguments, seed) for seed in seeds]
    if arguments.jobs < 2 or len(seeds) < 2 or arguments.verbose or arguments.bug:
        log = print if arguments.verbose else _silent
        yield from (timed(schedule, log) for schedule in schedules)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(arguments.jobs, len(seeds)), context) as processes:
        yield from processes.map(timed, schedules)


def _tell(outcome: Outcome, seconds: float) -> None:
    schedule = outcome.schedule
    faults = " ".join(sorted(fault.name for fault in schedule.faults)) or "no faults"
    print(
        f"seed {schedule.seed}: {schedule.members} members, {schedule.relays} relays, "
        f"{len(schedule.steps)} steps, {outcome.acknowledged} entries, {outcome.delivered} "
        f"messages, agreed after {outcome.agreed_ms} ms, {seconds:.2f} s: {faults}",
        flush=True,
    )
    _tell_wrong(outcome.wrong)


def _tell_wrong(wrong: list[str]) -> None:
    for sentence in wrong[:20]:
        print(f"  wrong: {sentence}")


def _runs(arguments: argparse.Namespace) -> tuple[str, int]:
    """The trace of all runs, and how many went wrong."""
    trace, failures = "", 0
    for outcome, seconds in _outcomes(arguments):
        _tell(outcome, seconds)
        failures += bool(outcome.wrong)
        joined = (trace + outcome.trace).encode()
        trace = outcome.trace if not trace else sha256(joined).hexdigest()
    print(f"{arguments.seeds - failures} of {arguments.seeds} runs held")
    return trace, failures


def _crowd(arguments: argparse.Namespace) -> tuple[str, int]:
    begun = time.monotonic()
    crowd = Crowd(arguments.seed, log=print if arguments.verbose else _silent)
    trace = crowd.run()
    print(
        f"{crowd.members} members, {crowd.links} links: the last peer had a message after "
        f"{max(crowd.last_peer_ms)} ms, an idle link carried {crowd.idle_bytes:.1f} bytes a "
        f"second, {time.monotonic() - begun:.1f} s"
    )
    _tell_wrong(crowd.wrong)
    return trace, len(crowd.wrong)


def _soak(arguments: argparse.Namespace) -> tuple[str, int]:
    begun = time.monotonic()
    soak = Soak(arguments.seed, print if arguments.verbose else _silent)
    trace = soak.run()
    print(
        f"{soak.hours} hours of {soak.members} members and {soak.relays} relays, "
        f"{soak.entries} entries, {time.monotonic() - begun:.1f} s"
    )
    _tell_wrong(soak.wrong)
    return trace, len(soak.wrong)


def _plant_each(arguments: argparse.Namespace) -> int:
    """How many bugs live on unseen."""
    missed = 0
    for name, bug in BUGS.items():
        with planted(name):
            seeds = range(arguments.seed, arguments.seed + arguments.seeds)
            caught = next((seed for seed in seeds if run(bug.schedule(seed)).wrong), None)
        print(f"{name}: {'not caught' if caught is None else f'caught by seed {caught}'}")
        missed += caught is None
    return missed


def main() -> int:
    """The exit code."""
    arguments = _arguments()
    if arguments.bugs:
        return 1 if _plant_each(arguments) else 0
    if arguments.crowd:
        trace, failures = _crowd(arguments)
    elif arguments.soak:
        trace, failures = _soak(arguments)
    elif arguments.bug:
        with planted(arguments.bug):
            trace, failures = _runs(arguments)
    else:
        trace, failures = _runs(arguments)
    print(f"trace={trace}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
