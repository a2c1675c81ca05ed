"""`python -m tests.sim --seed 7 --verbose`: one run again, or many to look for a bad one.

The last line on stdout is `trace=` and 64 hex digits: the same seed and the same code give the
same. The exit code is 0 only if every oracle held in every run.
"""

import argparse
import sys
import time
from hashlib import sha256

from tests.sim.bugs import BUGS, planted
from tests.sim.schedule import Fault, Schedule, draw
from tests.sim.simulator import Outcome, run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from there on")
    parser.add_argument("--verbose", action="store_true", help="write what happens")
    parser.add_argument("--steps", type=int, help="heal after so many steps")
    parser.add_argument(
        "--without", action="append", default=[], type=str.upper, choices=[f.name for f in Fault]
    )
    parser.add_argument("--bug", choices=[*BUGS], help="plant a bug that must be caught")
    parser.add_argument("--bugs", action="store_true", help="plant each bug in turn")
    return parser.parse_args()


def _schedule(seed: int, arguments: argparse.Namespace) -> Schedule:
    schedule = draw(seed)
    for name in arguments.without:
        schedule = schedule.without(Fault[name])
    return schedule if arguments.steps is None else schedule.first(arguments.steps)


def _tell(outcome: Outcome, seconds: float) -> None:
    schedule = outcome.schedule
    faults = " ".join(sorted(fault.name for fault in schedule.faults)) or "no faults"
    print(
        f"seed {schedule.seed}: {schedule.members} members, {schedule.relays} relays, "
        f"{len(schedule.steps)} steps, {outcome.acknowledged} entries, {outcome.delivered} "
        f"messages, agreed after {outcome.agreed_ms} ms, {seconds:.2f} s: {faults}"
    )
    for sentence in outcome.wrong[:20]:
        print(f"  wrong: {sentence}")


def _runs(arguments: argparse.Namespace) -> tuple[str, int]:
    """The trace of all runs, and how many went wrong."""
    trace, failures = "", 0
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        begun = time.monotonic()
        outcome = run(_schedule(seed, arguments), print if arguments.verbose else lambda line: None)
        _tell(outcome, time.monotonic() - begun)
        failures += bool(outcome.wrong)
        joined = (trace + outcome.trace).encode()
        trace = outcome.trace if not trace else sha256(joined).hexdigest()
    return trace, failures


def _plant_each(arguments: argparse.Namespace) -> int:
    """How many bugs live on unseen."""
    missed = 0
    for name in BUGS:
        with planted(name):
            seeds = range(arguments.seed, arguments.seed + arguments.seeds)
            caught = next((seed for seed in seeds if run(BUGS[name].schedule(seed)).wrong), None)
        print(f"{name}: {'not caught' if caught is None else f'caught by seed {caught}'}")
        missed += caught is None
    return missed


def main() -> int:
    arguments = _arguments()
    if arguments.bugs:
        return 1 if _plant_each(arguments) else 0
    if arguments.bug:
        with planted(arguments.bug):
            trace, failures = _runs(arguments)
    else:
        trace, failures = _runs(arguments)
    print(f"{arguments.seeds - failures} of {arguments.seeds} runs held")
    print(f"trace={trace}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
