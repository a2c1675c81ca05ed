"""Runs of the simulator: the same seeds every time, planted bugs, and what seeds once found."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chat.blocks.sealing import seal_bytes
from chat.effects import Effect
from chat.engine import Engine
from chat.store import Store
from chat.workspace import Now
from crdt.ops import FileInfo
from tests.chat.engine_team import seeded
from tests.sim.bugs import BUGS, planted
from tests.sim.crowd import Crowd
from tests.sim.schedule import OFTEN, Fault, Work, alone, draw
from tests.sim.simulator import run
from tests.sim.soak import Soak
from tests.sim.world import World

ROOT = Path(__file__).parent.parent.parent
ALONE_SEED = 2
SEEDS = range(12)
RUN_HERE = SEEDS[::3]
"""A seed is a run only as long as the drawing of schedules stays: what one found is kept below, as
a small story of its own. `make sim` tries all of them and many more."""


@pytest.mark.parametrize("seed", RUN_HERE)
def test_whatever_fails_the_team_agrees_afterwards_and_loses_nothing(seed: int) -> None:
    outcome = run(draw(seed))
    assert outcome.wrong == [], f"python -m tests.sim --seed {seed} --verbose"
    assert outcome.acknowledged > 0


def test_the_same_seed_is_the_same_run_in_any_process() -> None:
    ends = []
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.sim", "--seed", "4"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        ends.append(done.stdout.splitlines()[-1])
    assert ends[0] == ends[1] == f"trace={run(draw(4)).trace}"
    assert run(draw(7)).trace != run(draw(4)).trace


TRIES = 12
"""What a seed does follows from the code, so the one beside a bug may miss it one day."""


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_that_is_planted_is_caught(name: str) -> None:
    bug = BUGS[name]
    with planted(name):
        seeds = (bug.seed, *range(TRIES))
        assert any(run(bug.schedule(seed)).wrong for seed in seeds), "python -m tests.sim --bugs"


SIGNS = {
    Fault.SLEEP: (r" sleeps$", r" wakes after \d{6} ms$"),
    Fault.BIT_ROT: (r" has a bad block ", r" [1-9]\d* databases were damaged"),
    Fault.MIXED_VERSIONS: (r" [1-9]\d* entries and 1 roster ops are of newer builds",),
    Fault.EQUIVOCATE: (r" has a double, ", r" [1-9]\d* members can prove a fork"),
    Fault.CRASH: (r" ends (before|after)$",),
    Fault.TORN: (r" turn taken back$",),
    Fault.REMOVAL: (r" closes \d+: removed$",),
}
"""Lines in the log of a run that show a fault at work."""


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_alone_happens_and_does_no_harm(fault: Fault) -> None:
    lines: list[str] = []
    outcome = run(alone(fault, ALONE_SEED), lines.append)
    assert outcome.wrong == []
    for sign in SIGNS.get(fault, ()):
        assert any(re.search(sign, line) for line in lines), f"no line with {sign!r}"


def test_what_people_do_is_all_done() -> None:
    # Two kinds of work that are equal would be one, and the other would never be done.
    assert set(OFTEN) == set(Work)
    assert len({each.value for each in Work}) == len(Work.__members__)
    done = {step.what for seed in SEEDS for step in draw(seed).steps}
    assert set(Work) <= done


def test_the_seeds_of_the_suite_meet_every_fault() -> None:
    met = {step.what for seed in SEEDS for step in draw(seed).steps}
    # These two have no moment of their own: they are how the whole run's links behave.
    always = {fault for seed in SEEDS for fault in draw(seed).faults}
    assert set(Fault) <= met | (always & {Fault.LATENCY, Fault.REORDER})


def test_a_crowd_that_is_no_mesh_hears_everything_and_rests() -> None:
    crowd = Crowd(1, members=34, messages=3)
    crowd.run()
    assert crowd.wrong == []
    assert crowd.links < 34 * 33 // 4


def test_a_day_of_a_team_leaves_nothing_behind() -> None:
    soak = Soak(1, lambda line: None, members=4, relays=1, hours=3, warm_hours=1)
    soak.run()
    assert soak.wrong == []


def test_a_leak_is_seen_by_the_end_of_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    finish = Engine._finish

    def leaking(engine: Engine, now: Now) -> list[Effect]:
        engine._wakes[f"forgotten {now.mono}"] = 2**60
        return finish(engine, now)

    monkeypatch.setattr(Engine, "_finish", leaking)
    soak = Soak(1, lambda line: None, members=3, relays=0, hours=1, warm_hours=0.3)
    soak.run()
    assert any("engine._wakes" in sentence for sentence in soak.wrong)


def test_a_link_whose_rest_ends_while_its_roster_is_awaited_lets_time_pass() -> None:
    world = World(1, frozenset(), lambda line: None)
    ana = world.found("ana")
    bo = world.join("bo", ana)
    world.isolate_all()
    world.run(5_000)
    for number in range(400):  # More than is pushed at once, so bo has to ask.
        world.post(ana, f"message {number}")
    wire = world.link(ana, bo)
    link = bo.engine.replicator._core.links[wire.number]
    while not link.requests:
        world.run(1)
    world.stick(wire, "ana")
    world.run(6_000)
    assert not link.requests  # It did not answer in time, and rests.
    link.roster_asked = True  # Entries from it stand on a roster that is not here.
    world.run(20_000)  # This ended in "the team does not come to rest".
    link.roster_asked = False
    world.release(wire, "ana")
    world.run(30_000)
    assert bo.texts() == ana.texts()
    world.close()


def test_a_range_of_another_branch_is_not_asked_for_again_and_again() -> None:
    world = World(1, frozenset(), lambda line: None)
    ana = world.found("ana")
    bo, cid = world.join("bo", ana), world.join("cid", ana)
    world.mesh()
    world.run(5_000)
    world.isolate_all()
    world.run(5_000)
    store = Store.in_memory(seeded("double"))
    store._database._connection.deserialize("main", cid.disk.image())
    double = world.seat("cid's double", cid.identity, store, cid.incarnation)
    world.post(cid, "for bo")
    for number in range(400):  # More than one range, so that one is on its way behind another.
        world.post(double, f"for ana {number}")
    world.link(cid, bo)
    world.link(double, ana)
    world.run(20_000)
    world.isolate_all()
    world.run(5_000)
    delivered = world.delivered
    wire = world.link(ana, bo)
    world.run(30_000)
    assert world.delivered - delivered < 60  # It was 1,052, and the link was closed in the end.
    assert wire.up
    assert world.accused == []
    assert bo.texts() == ana.texts() == []  # Neither branch counts.
    assert bo.workspace.store.forks()
    assert ana.workspace.store.forks()
    world.close()


def test_a_relay_that_stopped_half_way_through_a_file_goes_on_when_it_is_asked() -> None:
    world = World(1, frozenset(), lambda line: None)
    ana = world.found("ana")
    bo, relay = world.join("bo", ana), world.join("relay", ana, relay=True)
    world.isolate_all()
    world.run(5_000)
    data = bytes(150_000)
    ref, blocks = seal_bytes(data, bytes(32))
    ana.shelf.put(blocks)
    chunk, *_, root = blocks
    relay.shelf.put([chunk, root])  # It fetched so much, and was started anew.
    info = FileInfo(ref.root, ref.key, ref.plaintext_sha256, len(data), "cat.png", "image/png")
    general = ana.workspace.find_channel("general").hex()
    world.say(ana, lambda talking: talking.post(general, "a picture", None, (info,)))
    world.link(ana, relay)
    world.link(relay, bo)
    world.run(30_000)
    assert bo.texts() == ["a picture"]
    assert bo.shelf.read(info) == data
    world.close()
