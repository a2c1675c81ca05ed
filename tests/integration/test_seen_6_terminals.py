"""Two people at two terminals: text and a picture cross, and leaving is clean."""

import os
import re
import signal
from collections.abc import Iterator

import pytest

from chat.pictures.sample import cat_picture
from tests.integration import screen
from tests.integration.machines import Machine, Machines, eventually
from tests.integration.screen import Modes, Screen

pytestmark = [
    pytest.mark.processes,
    pytest.mark.terminal,
    pytest.mark.skipif(bool(screen.cannot()), reason=screen.cannot()),
]


@pytest.fixture
def workspace(machines: Machines) -> tuple[Machine, Machine]:
    """Two members whose nodes are stopped; their terminals come next."""
    ana, bo = machines.team("ana", "bo")
    for machine in (ana, bo):
        machine.programs[-1].stop()
    return ana, bo


@pytest.fixture
def terminals(workspace: tuple[Machine, Machine]) -> Iterator[tuple[Screen, Screen]]:
    """The workspace on two screens."""
    ana, bo = workspace
    opened = [Screen(machine.environment) for machine in workspace]
    try:
        address = ana.url.removeprefix("ws://").rstrip("/")
        opened[0].run(ana.command("--listen", address))
        opened[1].run(bo.command("--dial", ana.url))
        for terminal in opened:
            terminal.wait_for("general", 30)
        yield opened[0], opened[1]
    finally:
        for terminal in opened:
            terminal.close()


def half_blocks(terminal: Screen) -> int:
    """Cells of two true colours at once."""
    shown = terminal.read(colours=True)
    return len(re.findall(r"▀", shown)) if "38;2;" in shown and "48;2;" in shown else 0


def test_text_and_a_picture_cross_from_one_screen_to_the_other(
    machines: Machines,
    workspace: tuple[Machine, Machine],
    terminals: tuple[Screen, Screen],
) -> None:
    ana, bo = terminals
    ana.type("hello bo, look at this")
    ana.press("Enter")
    bo.wait_for("hello bo, look at this")
    ana.wait_for("hello bo, look at this")

    picture = machines.folder / "cat.png"
    picture.write_bytes(cat_picture(3))
    before = half_blocks(bo)
    ana.type(f"/put {picture}")
    ana.press("Enter")
    bo.wait_for("cat.png")
    eventually(lambda: half_blocks(bo) > before + 50, what="the picture on the other screen")
    bo.type("what a cat!")
    bo.press("Enter")
    ana.wait_for("what a cat!")


def leave(terminal: Screen, how: str) -> None:
    """End the program that is on the screen."""
    if how.startswith("SIG"):
        os.kill(terminal.child(), signal.Signals[how])
    elif how == "/quit":
        terminal.type(how)
        terminal.press("Enter")
    else:
        terminal.press(how)


WAYS = {"SIGTERM": 143, "SIGHUP": 129, "/quit": 0, "C-q": 0}
"""How to leave, and the exit code that follows."""


def test_the_terminal_is_clean_afterwards(
    workspace: tuple[Machine, Machine], terminals: tuple[Screen, Screen]
) -> None:
    _, terminal = terminals
    for how, code in WAYS.items():
        assert terminal.modes().alternate_screen
        leave(terminal, how)
        eventually(
            lambda: terminal.modes() == Modes(False, False, False), what="everything switched off"
        )
        terminal.type("echo ended with $?")
        terminal.press("Enter")
        terminal.wait_for(f"ended with {code}\nready$")
        terminal.run(["clear"])
        terminal.run(workspace[1].command())
        terminal.wait_for("Message #general", 30)
