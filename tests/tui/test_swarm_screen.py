"""Who gives what to whom is drawn, and drawn anew while it moves."""

from chat import commands
from chat.errors import Unavailable
from chat.events import TransferChanged
from chat.model import Swarm, SwarmPeer, Transfer
from tests.tui.face import open_face, story
from tests.tui.lively import lively
from tests.tui.made import HOSTILE
from tui import plain_lines
from tui.inert import inert
from tui.screens.swarm import SwarmScreen, page, peer_row

MIB = 1_000_000


def swarm(have: float, *peers: SwarmPeer, name: str = "film.gif", size: int = 4 * MIB) -> Swarm:
    return Swarm("bafkfilm", name, size, have, peers)


@story
async def test_it_is_drawn_while_it_moves() -> None:
    world = lively()
    async with open_face(world, size=(100, 30)) as face:
        await face.press("alt+s")
        await face.shows("Nothing moves.")
        world.swarms = [
            swarm(0.5, SwarmPeer("ana", 2 * MIB, 0, 1.0, 200), SwarmPeer("jun", 0, 0, 0.25))
        ]
        await face.shows("film.gif", "you", "50%", "→→ 2.0 MB to you", "100%", "has some", " 25%")
        world.swarms = [
            swarm(1.0, SwarmPeer("ana", 4 * MIB, 0, 1.0, 60_000), SwarmPeer("jun", 0, MIB, 0.5, 0))
        ]
        world.emit(TransferChanged(Transfer("bafkfilm", "film.gif", 4, 4, "done")))
        await face.shows(" → 4.0 MB to you", "←← 1.0 MB from you", "0.25 copies given")
        world.failures[commands.ListSwarms] = Unavailable("The node does not answer.")
        asked = len(face.asked(commands.ListSwarms))
        await face.until(lambda: len(face.asked(commands.ListSwarms)) > asked + 1)
        assert isinstance(face.app.screen, SwarmScreen)
        assert "film.gif" in face.text
        await face.press("q")
        await face.until(lambda: face.app.screen is face.workspace)


def test_arrows_are_bright_only_while_blocks_pass() -> None:
    rows = {
        quiet: peer_row(SwarmPeer("ana", MIB, 0, 1.0, quiet)).plain for quiet in (0, 1500, 1501)
    }
    assert "→→" in rows[0]
    assert "→→" in rows[1500]
    assert "→→" not in rows[1501]
    assert "holds it" in peer_row(SwarmPeer("ana", share=1.0)).plain


def test_hostile_names_are_only_names() -> None:
    for nasty in HOSTILE:
        shown = page([swarm(0.1, SwarmPeer(nasty, 1, 1, 0.1, 0), name=nasty)]).plain
        assert all(inert(line) == line for line in shown.split("\n"))
        for line in plain_lines.swarm(swarm(0.1, SwarmPeer(nasty, 1, 1, 0.1, 0), name=nasty)):
            assert inert(line) == line


def test_the_line_mode_says_it_in_words() -> None:
    told = swarm(0.5, SwarmPeer("ana", MIB, 0, 1.0, 5), SwarmPeer("jun", 0, MIB, 0.25, 5))
    assert plain_lines.swarm(told) == [
        "film.gif, 4.0 MB, 50% here",
        "    ana has 100%, gave 1.0 MB",
        "    jun has 25%, took 1.0 MB",
    ]
