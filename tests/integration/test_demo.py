"""`clowder demo`: a living workspace, shown to arrive everywhere, and gone afterwards."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import screen
from tests.integration.machines import Machine, Machines, Program, Record, eventually
from tests.integration.screen import Modes, Screen

pytestmark = pytest.mark.processes


@pytest.fixture
def stage(machines: Machines) -> Machine:
    """Where the demo runs; its folders are made under the test's own."""
    temporary = {"CLOWDER_LISTEN": None, "TMPDIR": str(machines.folder)}
    return machines.machine("demo", environment=temporary, options=())


def left_over(machines: Machines) -> list[Path]:
    """Folders of demos that are not gone."""
    return list(machines.folder.glob("clowder-demo-*"))


def is_player(record: Record) -> bool:
    return bool(record["kind"] == "player")


def running(demo: Program) -> list[int]:
    """The processes of a demo that have not ended."""
    pids = [record["pid"] for record in demo.records if is_player(record)]
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_the_demo_delivers_everything_and_says_so(machines: Machines, stage: Machine) -> None:
    told = stage.run("demo", "--headless", seconds=100)
    assert all(record["v"] == 1 for record in told.records)
    messages = [record for record in told.records if record["kind"] == "message"]
    assert {message["author"]["nick"] for message in messages} == {"mia", "tom", "you"}
    assert all(message["reached"] == [2, 2] for message in messages)
    shared = {file["id"] for message in messages for file in message["files"]}
    seen = {(r["at"], r["id"]) for r in told.records if r["kind"] == "picture"}
    assert seen == {(nick, file) for nick in ("mia", "tom", "you") for file in shared}
    assert shared
    last = told.records[-1]
    assert (last["kind"], last["ok"], last["machines"]) == ("demo", True, 4)
    assert left_over(machines) == []


def test_a_member_that_dies_makes_the_demo_fail(machines: Machines, stage: Machine) -> None:
    demo = stage.start("demo", "--headless")
    tom = demo.wait_for(lambda r: is_player(r) and r["name"] == "tom", 30, "tom on the stage")
    os.kill(tom["pid"], signal.SIGKILL)
    assert demo.wait() == 1
    assert demo.records[-1]["kind"] == "demo"
    assert not demo.records[-1]["ok"]
    assert demo.records[-1]["problems"]
    assert running(demo) == []
    assert left_over(machines) == []


def test_a_stopped_demo_leaves_nothing(machines: Machines, stage: Machine) -> None:
    demo = stage.start("demo", "--headless")
    demo.wait_for(is_player, 30, "somebody on the stage")
    assert left_over(machines)
    assert demo.stop() == 128 + signal.SIGTERM
    assert running(demo) == []
    assert left_over(machines) == []


@pytest.fixture
def terminal(stage: Machine) -> Iterator[Screen]:
    opened = Screen(stage.environment)
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.terminal
@pytest.mark.skipif(bool(screen.cannot()), reason=screen.cannot())
def test_the_demo_answers_whoever_sits_there(
    machines: Machines, stage: Machine, terminal: Screen
) -> None:
    terminal.run(stage.command("demo"))
    terminal.wait_for("Biscuit", 30)
    terminal.type("I see you")
    terminal.press("Enter")
    terminal.wait_for("I can see that!")
    terminal.press("C-q")
    eventually(lambda: terminal.modes() == Modes(False, False, False), what="a clean screen")
    eventually(lambda: not left_over(machines), what="the folder to go away")
