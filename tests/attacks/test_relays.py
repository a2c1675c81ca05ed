"""Attacks by and on relays: 36 and 37. A relay can withhold; it cannot lie, and it cannot read."""

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from chat.profile import Profile
from crdt.errors import NotReadable
from crdt.roster_ops import Grant, Remove, Share
from crdt.sync_messages import RosterHave, RosterOps
from tests.attacks.mallory import complaints, greet, mutations, say
from tests.chat.engine_team import Desk, Team
from tests.integration.conftest import machines
from tests.integration.machines import ROOT, Machines, eventually

__all__ = ["machines"]
SECRET = "the-treats-are-behind-the-blue-door"


def team_with_relay(seed: int) -> tuple[Team, Desk, Desk, Desk]:
    team = Team(seed)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    relay = team.join("relay", ana, relay=True)
    team.mesh()
    team.run()
    team.isolate_all()
    return team, ana, bo, relay


def test_36_a_forged_roster_is_refused() -> None:
    """Any changed byte of an op, sent by a relay that everybody knows."""
    team, ana, bo, relay = team_with_relay(36)
    team.publish(ana, Grant(bo.workspace.me, 50))
    (op_id,) = ana.workspace.roster.heads
    wire_bytes = ana.workspace.roster.wire(op_id)
    before = bo.workspace.roster.state
    for bad in list(mutations(wire_bytes))[::9]:
        wire = greet(team, relay, bo)
        say(team, wire, relay, RosterOps((bad,), True))
        team.cut(wire)
        assert bo.workspace.roster.state == before
    assert complaints(bo)
    wire = greet(team, relay, bo)
    say(team, wire, relay, RosterOps((wire_bytes,), True))
    assert bo.workspace.level == 50


def test_36_an_old_roster_takes_nobody_back() -> None:
    """The relay shows heads of long ago, and sends the old ops once more."""
    team, ana, bo, relay = team_with_relay(37)
    cid = team.join("cid", ana)
    team.mesh(ana, bo)
    team.run()
    old = list(map(ana.workspace.roster.wire, ana.workspace.roster.missing_from(())))
    heads = ana.workspace.roster.heads
    team.publish(ana, Remove(cid.workspace.me))
    team.run()
    team.isolate_all()
    before = bo.workspace.roster.state
    assert cid.workspace.me not in before.members
    wire = greet(team, relay, bo)
    say(team, wire, relay, RosterHave(heads), RosterOps(tuple(old), True))
    assert bo.workspace.roster.state == before


def test_36_what_is_said_under_a_withheld_roster_waits_and_is_not_lost() -> None:
    """Who hands on entries but not the ops that they rest on is seen to be behind."""
    team, ana, bo, relay = team_with_relay(38)
    link = team.link(ana, relay)
    team.publish(ana, Grant(bo.workspace.me, 50))
    team.post(ana, "upon a newer roster")
    team.run()
    team.cut(link)
    withheld = set(ana.workspace.roster.heads)
    relay.workspace.roster.missing_from = lambda heads: []  # type: ignore[method-assign]
    wire = team.link(relay, bo)
    team.run(3_000)
    assert bo.texts() == []
    assert not withheld & set(bo.workspace.roster.heads)
    assert bo.engine.behind(), "it knows that there is something"
    team.cut(wire)
    team.link(ana, bo)
    team.run()
    assert bo.texts() == ["upon a newer roster"]


def test_36_a_roster_of_another_workspace_is_refused_by_a_newcomer() -> None:
    team, ana, bo, relay = team_with_relay(39)
    other = Team(seed=1).found("zoe")
    foreign = tuple(map(other.workspace.roster.wire, other.workspace.roster.missing_from(())))
    new = team.claim("new", ana)
    wire = greet(team, relay, new)
    say(team, wire, relay, RosterOps(foreign, True))
    assert complaints(new)
    assert new.workspace.roster.heads == ()
    team.link(ana, bo)
    team.run()
    team.link(new, bo)
    team.run()
    assert new.workspace.level is not None


def test_37_a_relay_has_no_way_to_a_key_even_when_a_member_seals_one_for_it() -> None:
    """And such a key is not sent under, since an outsider's device holds it."""
    team, ana, bo, relay = team_with_relay(40)
    epoch = bo.workspace.epochs.current(bo.workspace.scope)
    assert epoch is not None
    news = bo.workspace.epochs.share(
        bo.engine.people._place(team.now(bo)), epoch, relay.workspace.device
    )
    assert isinstance(news.args, Share)
    team.publish(bo, news.args)
    team.mesh()
    team.run()
    assert relay.workspace.store.epoch_keys() == {}
    for state in relay.workspace.roster.state.rekeys:
        with pytest.raises(NotReadable):
            relay.workspace.epochs.key(state.id)
    fresh = ana.workspace.epochs.current(ana.workspace.scope)
    assert fresh not in (None, epoch)
    team.post(ana, "under another key")
    team.run()
    assert bo.texts() == ["under another key"]
    assert relay.messages() == 0


def test_37_a_relay_loads_nothing_that_reads_or_draws() -> None:
    """In a process of its own: what a relay's command imports holds no reader of content."""
    program = (
        "import sys, chat.node, chat.cli.serve\n"
        "bad = [m for m in ('pycrdt', 'PIL', 'textual') if m in sys.modules]\n"
        "print(','.join(bad))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == ""


@pytest.mark.processes
def test_37_nothing_readable_is_in_what_a_relay_keeps(machines: Machines) -> None:
    """A real relay's whole profile, opened with its own key, and searched."""
    ana, bo, relay = machines.team("ana", "bo", relay=True)
    ana.send("general", SECRET)
    eventually(lambda: SECRET in bo.texts(), what="the message")
    eventually(lambda: relay.status().entries == ana.status().entries, what="the relay")
    for machine in (ana, relay):
        for program in machine.programs:
            program.stop()
    keys = contents(ana.home)[1]
    assert keys
    held, none = contents(relay.home)
    assert none == []
    for readable in (SECRET.encode(), b"Cats", b"general", *keys):
        assert readable not in held
    assert all(SECRET.encode() not in path.read_bytes() for path in files(relay.home))


def files(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()]


def contents(home: Path) -> tuple[bytes, list[bytes]]:
    """Everything replicated in a profile as one string, and the content keys it has."""
    with Profile(home).open(secrets.token_bytes, create=False) as opened:
        (workspace,) = opened.store.workspaces()
        store = opened.store.workspace(workspace)
        parts = [*store.ops(), *store.seals().values()]
        parts += [entry.ciphertext or b"" for _, entry in store.since(0, 100_000)]
        return b"".join(parts), list(store.epoch_keys().values())
