"""One file for many: receivers in network namespaces with shaped lines, counted at the cards.

Few receivers and wide bounds: what is asked here is whether the real program does on real lines
what the simulated network holds it to, and a machine that stalls for a second has some chunks
given twice. Copies and times of twenty are in `python -m bench swarm`.
"""

import pytest

from chat.blocks.limits import OUTSTANDING_PER_HOLDER
from tests.integration.lan import Lan
from tests.integration.machines import Machines
from tests.integration.swarm_team import Fetched, Swarm

FILE_BYTES = 2_000_000
MANIFEST_BYTES = 2_000

pytestmark = [
    pytest.mark.lan,
    pytest.mark.processes,
    pytest.mark.long,
    pytest.mark.timeout(180),
]


def wrong(fetched: list[Fetched]) -> list[str]:
    """Who does not hold the right bytes."""
    return [each.machine.home.name for each in fetched if not each.right]


def test_two_die_half_way_and_the_rest_and_a_late_one_complete(
    machines: Machines, lan: Lan
) -> None:
    swarm = Swarm(lan, machines, receivers=5, upload_mbit=20, late=1)
    swarm.put(FILE_BYTES)
    victims, rest = swarm.receivers[:2], swarm.receivers[2:]

    def kill() -> None:
        for victim in victims:
            victim.programs[-1].kill()

    swarm.start_fetching(victims)
    with swarm.counted() as count:
        fetched = swarm.fetch(rest, half_way=kill)
    assert wrong(fetched) == []
    assert not any(victim.programs[-1].running for victim in victims)
    # A web server would have sent three and what the dead had; what they had was given once more.
    assert 0.5 < count.copies < 2.5
    transfers = [each.transfer for each in fetched if each.transfer is not None]
    assert len(transfers) == len(rest)
    for transfer in transfers:
        assert sum(dict(transfer.sources).values()) >= FILE_BYTES, "where all of it came from"
    givers = {nick for transfer in transfers for nick, _ in transfer.sources}
    assert givers - {"origin"}, "some of it came from another receiver"

    (joiner,) = swarm.late
    swarm.receivers = rest
    swarm.start([joiner])
    swarm.knows(joiner)
    with swarm.counted() as count:
        (late,) = swarm.fetch([joiner])
    assert late.right
    assert count.copies < 0.6, "most came from those who had fetched it"


def test_behind_a_relay_one_copy_crosses_the_wan_though_somebody_lies(
    machines: Machines, lan: Lan
) -> None:
    """One receiver is a changed program: it takes what is right, and gives wrong chunks."""
    swarm = Swarm(lan, machines, receivers=3, wan_mbit=20, liar=True)
    liar, honest = swarm.receivers[0], swarm.receivers[1:]
    with swarm.counted() as count:
        swarm.put(FILE_BYTES)
        assert wrong(swarm.fetch([liar])) == []
        fetched = swarm.fetch(honest)
    assert wrong(fetched) == []
    assert 1.0 < count.copies < 2.0
    for each in fetched:
        assert each.transfer is not None
        given = dict(each.transfer.sources).get(liar.home.name, 0)
        assert given < MANIFEST_BYTES, "at most the manifest, which it had left as it was"
    assert swarm.wrong_blocks(liar) > 0, "it was asked"
    most = 2 * OUTSTANDING_PER_HOLDER * len(honest)
    assert swarm.wrong_blocks(liar) <= most, "and by each only until the first was looked at"
