"""Coverage-guided fuzzing of every decoder, one after the other, in a process of its own each.

    python -m tests.fuzz [--seconds 600] [--into .fuzz] [NAME ...]

Seeds are the vectors; what reached new code is kept in `.fuzz/NAME/corpus` for the next run. An
input that breaks the contract ends its target, is written to `.fuzz/NAME/`, and belongs into
`tests/fuzz/found.json` together with the repair. The exit code is 1 when something was found.
"""

import argparse
import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.targets import TARGETS, folder_of, named

SLOW_SECONDS = 10
"""A decoder that takes as long for one input is a finding."""
MEMORY_MB = 2048
_DONE = re.compile(r"^#\d+\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)", re.MULTILINE)
_COUNT = re.compile(r"^stat::number_of_executed_units:\s+(\d+)", re.MULTILINE)
_FILE = re.compile(r"Test unit written to (\S+)")


class Run(NamedTuple):
    """What a run of one target came to.

    Attributes:
        edges: branches of the product's bytecode that were reached, of all that were loaded.
        found: the file with the input that broke the contract, "" for none.
        report: what the run printed.
    """

    executions: int
    edges: int
    features: int
    inputs: int
    found: str
    report: str


def run(name: str, seconds: int, into: Path) -> Run:
    """Fuzz one target."""
    place = into / folder_of(name)
    corpus, seeds = place / "corpus", place / "seeds"
    for folder in (corpus, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[name].seeds:
        (seeds / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz.one", name, str(corpus), str(seeds)),
            f"-max_total_time={seconds}",
            f"-timeout={SLOW_SECONDS}",
            f"-rss_limit_mb={MEMORY_MB}",
            f"-artifact_prefix={place}/",
            "-print_final_stats=1",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    report = ended.stdout.decode("utf-8", "replace")
    last = (_DONE.findall(report) or [("0", "0", "0")])[-1]
    count, file = _COUNT.search(report), _FILE.search(report)
    found = file[1] if file else "" if ended.returncode == 0 else f"exit code {ended.returncode}"
    return Run(int(count[1]) if count else 0, *map(int, last), found, report)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    arguments.add_argument("names", nargs="*", metavar="NAME", help="a target; all when none is")
    arguments.add_argument("--seconds", type=int, default=600, help="for each target")
    arguments.add_argument("--into", type=Path, default=Path(".fuzz"), help="where corpora are")
    given = arguments.parse_args()
    try:
        names = [named(name) for name in given.names] or list(TARGETS)
    except KeyError as error:
        arguments.error(f"there is no target {error}; there are: {', '.join(TARGETS)}")
    bad = 0
    for name in names:
        ended = run(name, given.seconds, given.into)
        verdict = f"FOUND {ended.found}" if ended.found else "nothing found"
        print(
            f"{name:32} {given.seconds:5} s {ended.executions:10,} executions  "
            f"cov {ended.edges:5}  ft {ended.features:5}  {ended.inputs:4} inputs  {verdict}",
            flush=True,
        )
        if ended.found:
            bad += 1
            print("\n".join(ended.report.splitlines()[-40:]), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
