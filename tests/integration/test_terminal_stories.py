"""What people do at real terminals, over real nodes: the first run, windows, notes, being away."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration import screen
from tests.integration.machines import Machine, Machines, eventually
from tests.integration.screen import Modes, Screen

pytestmark = [
    pytest.mark.processes,
    pytest.mark.long,
    pytest.mark.terminal,
    pytest.mark.skipif(bool(screen.cannot()), reason=screen.cannot()),
]

Opening = Callable[[Machine], Screen]


@pytest.fixture
def terminal_of() -> Iterator[Opening]:
    """Opens a terminal for a machine."""
    opened: list[Screen] = []

    def open_terminal(machine: Machine) -> Screen:
        opened.append(Screen(machine.environment))
        return opened[-1]

    try:
        yield open_terminal
    finally:
        for terminal in opened:
            terminal.close()


def address(machine: Machine) -> str:
    """Where the machine listened before, to listen there again."""
    return machine.url.removeprefix("ws://").rstrip("/")


def row_with(terminal: Screen, text: str) -> str:
    """The row of the screen with this text."""
    return next((row for row in terminal.read().splitlines() if text in row), "")


def test_the_first_run_makes_a_workspace_and_another_joins_it(
    machines: Machines, terminal_of: Opening
) -> None:
    ana, bo = machines.machine("ana"), machines.machine("bo")
    left, right = terminal_of(ana), terminal_of(bo)
    left.run(ana.command())
    left.wait_for("Make a new workspace")
    left.press("Enter")
    left.wait_for("Name of the workspace")
    left.type("Cats")
    left.press("Enter")
    left.wait_for("Enter makes the workspace")
    left.type("ana")
    left.press("Enter")
    left.wait_for("Nothing here yet")

    right.run(bo.command())
    right.wait_for("Join one, with an invite")
    right.press("Down", "Enter")
    right.wait_for("paste the link or the 12 words")
    right.paste(ana.invite())
    right.wait_for("clowder:a")
    right.press("Enter")
    right.wait_for("Enter asks to be let in")
    right.type("bo")
    right.press("Enter")
    right.wait_for("in sync", 30)

    # Alt+Enter is a new line, not the end of the message.
    right.type("two lines")
    right.press("M-Enter")
    right.type("of one message")
    right.press("Enter")
    left.wait_for("of one message")
    eventually(lambda: "✓" in row_with(right, "two lines"), what="the mark of delivery")
    assert len(ana.texts()) == 1


def test_a_window_goes_on_when_the_one_with_the_node_closes(
    machines: Machines, terminal_of: Opening
) -> None:
    ana, bo = machines.team("ana", "bo")
    ana.programs[-1].stop()
    first, second = terminal_of(ana), terminal_of(ana)
    first.run(ana.command("--listen", address(ana)))
    first.wait_for("1 linked")
    second.run(ana.command("--listen", address(ana)))
    second.wait_for("1 linked")
    second.type("from the second window")
    second.press("Enter")
    first.wait_for("from the second window")

    first.press("C-q")
    eventually(lambda: first.modes() == Modes(False, False, False), what="a clean first window")
    second.wait_for("other window closed")
    bo.send("general", "are you still there?")
    second.wait_for("are you still there?", 30)
    second.type("still here")
    second.press("Enter")
    eventually(lambda: "still here" in bo.texts(), 30, "the answer")


def test_two_write_the_same_notes_and_see_each_other(
    machines: Machines, terminal_of: Opening
) -> None:
    ana, bo = machines.team("ana", "bo")
    windows = []
    for machine in (ana, bo):
        # Each window speaks to the node that runs already.
        windows.append(terminal_of(machine))
        windows[-1].run(machine.command())
        windows[-1].wait_for("1 linked")
        windows[-1].press("C-n")
        windows[-1].wait_for("notes · #general")
    left, right = windows
    left.type("milk")
    right.wait_for("milk")
    right.wait_for("▌ana")
    right.type("tuna, ")
    left.wait_for("▌bo")
    for number in range(5):
        left.type(f"-a{number}")
        right.type(f"b{number}-")

    def notes(machine: Machine) -> str:
        return str(machine.run("notes", "general", json_lines=False).out.rstrip("\n"))

    wanted = sorted("milktuna, " + "".join(f"-a{n}b{n}-" for n in range(5)))
    eventually(lambda: sorted(notes(ana)) == wanted, what="everything in the notes")
    eventually(lambda: notes(ana) == notes(bo), what="the same notes")
    shown = notes(ana)
    for window in windows:
        eventually(lambda window=window: shown in "".join(pane(window)), what="them on the screen")  # type: ignore[misc]


def pane(terminal: Screen) -> list[str]:
    """The rows of the pane at the right, without what is left of it."""
    return [row.partition("│ ")[2].strip(" │") for row in terminal.read().splitlines()]


def test_a_message_tells_how_far_it_came(machines: Machines, terminal_of: Opening) -> None:
    ana, bo, cleo = machines.team("ana", "bo", "cleo")
    for machine in (ana, bo):
        machine.programs[-1].stop()
    terminal = terminal_of(ana)
    terminal.run(ana.command("--listen", address(ana), "--dial", cleo.url))
    terminal.wait_for("1 linked")
    terminal.type("who is here?")
    terminal.press("Enter")
    eventually(lambda: "1 of 2" in row_with(terminal, "who is here?"), what="one of two")
    bo.node("--dial", ana.url)
    eventually(lambda: "✓" in row_with(terminal, "who is here?"), 30, "all of them")


def test_a_window_that_is_closed_takes_the_program_with_it(machines: Machines) -> None:
    """It cannot write its farewell any more; it must not wait until it can."""
    (ana,) = machines.team("ana")
    ana.programs[-1].stop()
    terminal = Screen(ana.environment)
    terminal.run(["exec", *ana.command()])
    terminal.wait_for("Message #general", 30)
    program = terminal.leader()
    terminal.close()
    eventually(lambda: not Path(f"/proc/{program}").exists(), 30, "the end of the program")
