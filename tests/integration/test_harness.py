"""The tools of these tests, tried on programs that are not Clowder."""

import subprocess

import pytest

from tests.integration import screen
from tests.integration.lan import Lan
from tests.integration.machines import eventually
from tests.integration.screen import Modes, Screen


def test_waiting_ends_with_a_sentence() -> None:
    with pytest.raises(AssertionError, match=r"waited 0\.05 s for the cat; last: 0"):
        eventually(lambda: 0, 0.05, "the cat")


@pytest.mark.lan
def test_a_cable_can_be_cut_and_healed(lan: Lan) -> None:
    office = lan.switch("10.1.0")
    ana, bo = lan.host("ana"), lan.host("bo")
    address = lan.plug(ana, office)
    lan.plug(bo, office)

    def reaches() -> bool:
        # A datagram into the void fails at once when there is no neighbour to give it to.
        look = [*bo.prefix, "ip", "-4", "neighbour", "show", address]
        probe = f"import socket; socket.create_connection(('{address}', 9), 0.5)"
        tried = subprocess.run(
            [*bo.prefix, "python3", "-c", probe], capture_output=True, text=True, check=False
        )
        return "ConnectionRefused" in tried.stderr and bool(subprocess.check_output(look))

    eventually(reaches, 5, "the first packet")
    lan.cut(ana, office)
    assert not reaches()
    lan.heal(ana, office)
    eventually(reaches, 5, "a packet after healing")
    lan.limit(bo, office, mbit=10)
    assert reaches()


@pytest.mark.terminal
@pytest.mark.skipif(bool(screen.cannot()), reason=screen.cannot())
def test_a_terminal_shows_what_a_program_writes() -> None:
    terminal = Screen({})
    try:
        terminal.run(["printf", r"\033[31mr%s\033[0m \033[?1049h", "ed"])
        eventually(lambda: terminal.modes().alternate_screen, 5, "the alternate screen")
        terminal.run(["printf", r"\033[?1049l"])
        eventually(lambda: terminal.modes() == Modes(False, False, False), 5, "a clean terminal")
        terminal.resize(60, 10)
        terminal.run(["stty", "size"])
        terminal.wait_for("10 60")
        assert "\033[31mred" in terminal.read(colours=True)
    finally:
        terminal.close()
