"""Real processes in bad weather keep their promises, as far as an observer can tell.

In `make test` four of them for a moment; `make chaos` lets twenty live through a minute of it.
"""

import asyncio
import os
import sys

import pytest

from tests.integration.chaos_town import live
from tests.integration.machines import Machines

SIZE = int(os.environ.get("CHAOS_MACHINES", "4"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "1.5"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
SHORT = SECONDS < 10

pytestmark = pytest.mark.processes


@pytest.mark.timeout(300 + SECONDS)
def test_nothing_acknowledged_is_lost_reordered_or_returns(machines: Machines) -> None:
    lived = asyncio.run(
        live(
            machines,
            size=SIZE,
            seed=SEED,
            seconds=SECONDS,
            trouble_every=0.1 if SHORT else 0.3,
            longest=0.5 if SHORT else 9.0,
        )
    )
    judged = lived.judged
    sys.stdout.write(
        f"\n{SIZE} machines, {SECONDS:g} s: {judged.posted} messages acknowledged,"
        f" {judged.unsure} not, {judged.taken_back} taken back, {judged.early} answers shown first;"
        f" {lived.happened}, {lived.connections} connections;"
        f" at rest {lived.settle_seconds:.1f} s after it\n"
    )
    assert judged.violations == []
    assert judged.posted > SIZE, "they had something to lose"
    assert lived.happened["kill"] > 0
    assert lived.happened["freeze"] > 0
    assert sum(lived.happened.values()) > SECONDS
