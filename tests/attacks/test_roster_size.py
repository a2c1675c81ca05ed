"""Attack 20: a roster as large and as deep as members can make it."""

import time

import pytest

from crdt import keys
from crdt.roster import Roster
from crdt.roster_ops import Invite
from tests.attacks.histories import HISTORIES
from tests.crdt.roster_people import Team, bytes_of, public

SEARCHING = HISTORIES >= 10_000
DEEP = 50_000 if SEARCHING else 4_000
WIDE = 2_000


@pytest.mark.timeout(600)
def test_20_a_deep_chain_needs_no_deep_stack() -> None:
    team = Team.new()
    args = Invite(bytes(32), 100, 0, bytes(32), b"rest")
    for _ in range(DEEP):
        team.write("ana", args, team.roster.heads, 0)
    wires = [node.op.wire for node in team.roster.history.nodes]
    other = Roster(team.roster.workspace)
    for wire in wires:
        other.add(wire)
    assert len(other.state.invites) == DEEP
    assert other.heads == team.roster.heads
    backwards = Roster(team.roster.workspace)
    for wire in reversed(wires[:4_000]):
        backwards.add(wire)
    assert len(backwards.history.nodes) == min(4_000, len(wires))


def test_20_many_ops_beside_each_other_are_read_as_fast_as_their_signatures() -> None:
    """A member writes 2,000 ops upon one place; reading them costs a few times verifying them."""
    team = Team.new()
    team.bring("ana", "mal")
    before = team.roster.heads
    args = Invite(bytes_of("key"), 101, 10**12, bytes_of("door"), b"rest")
    wires = [team.draft("mal", args, on=before, level=100).wire for _ in range(WIDE)]
    start = time.process_time()
    for wire in wires:
        covered = keys.digest(b"x1.roster", wire[:-64])
        keys.verify(public("mal").sign, keys.SIGN_ROSTER, covered, wire[-64:])
    floor = time.process_time() - start
    start = time.process_time()
    for wire in wires:
        team.roster.add(wire)
    assert len(team.roster.state.invites) == 1 + WIDE
    assert time.process_time() - start < 20 * floor
    assert len(team.roster.heads) == WIDE
