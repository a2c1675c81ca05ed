"""Two hundred engines on the overlay, in virtual time: one message reaches all of them.

Letting two hundred in one by one is another story, and takes minutes. Here the founder lets them
in, and all of them read its roster, which nobody changes while the story lasts.
"""

from chat.engine import Engine
from chat.engine.talking import Talking
from chat.views import Views
from chat.workspace import Workspace
from crdt.epochs import Epochs
from tests.chat.engine_team import Desk, Team
from transport.proto.overlay import Overlay

PEERS = 100
LAST_MS = 50
SECOND = 1_000


def seated(team: Team, count: int) -> list[Desk]:
    """So many desks of one workspace, none linked."""
    founder = team.found("p0")
    desks = [founder]
    for number in range(1, count):
        desk = team.claim(f"p{number}", founder)
        (claim,) = desk.workspace.store.claims()
        team.do(founder, lambda now, wire=claim.wire: founder.engine.claim_left(wire, now))  # type: ignore[misc]
        desks.append(desk)
    roster, seals = founder.workspace.roster, founder.workspace.store.seals()
    for desk in desks[1:]:
        epochs = Epochs(roster, desk.identity.keys, {}, seals)
        desk.workspace = Workspace(
            desk.identity, desk.workspace.store, roster, epochs, desk.entropy, desk.incarnation
        )
        desk.engine = Engine(desk.workspace, desk.random.randrange)
        desk.views = Views(desk.workspace, lambda info: 0.0, desk.engine.present)
        desk.talking = Talking(desk.workspace, desk.views)
        desk.wake_at = None
        team.do(desk, desk.engine.awaken)
    return desks


def arrivals(team: Team, desks: list[Desk], text: str) -> list[int]:
    """How many milliseconds after now each of the desks reads the text."""
    begun, waiting, found = team.mono, list(desks), []
    while waiting:
        team.run(1)
        assert team.mono - begun <= 10 * LAST_MS, f"{len(waiting)} wait in vain"
        for desk in [desk for desk in waiting if text in desk.texts()]:
            waiting.remove(desk)
            found.append(team.mono - begun)
    return found


def test_a_message_reaches_a_hundred_within_fifty_ms_also_when_a_third_is_gone() -> None:
    team = Team(seed=1, delay_ms=(1, 2))
    desks = seated(team, PEERS)
    overlay = Overlay(desk.workspace.device for desk in desks)
    for index, desk in enumerate(desks):
        wanted = overlay.neighbours(desk.workspace.device)
        for other in desks[index + 1 :]:
            if other.workspace.device in wanted:
                team.link(desk, other)
    team.run(30 * SECOND, steps=1_000_000)
    degrees = [sum(desk in wire.ends for wire in team.wires.values()) for desk in desks]
    assert max(degrees) <= 32

    sent = sum(len(wire.sent) for wire in team.wires.values())
    team.post(desks[5], "hello")
    times = arrivals(team, desks, "hello")
    assert max(times) - min(times) < LAST_MS
    # Each hands it to those neighbours who have not handed it on themselves.
    copies = sum(len(wire.sent) for wire in team.wires.values()) - sent
    assert copies <= 2 * len(team.wires)

    # A third vanishes, and the next message is on its way before anybody has a new link.
    for desk in desks[: PEERS // 3]:
        team.isolate(desk)
    team.post(desks[70], "are you there")
    times = arrivals(team, desks[PEERS // 3 :], "are you there")
    assert max(times) - min(times) < LAST_MS
