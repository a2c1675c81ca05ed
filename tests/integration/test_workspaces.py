"""One profile in two teams, as real processes: one serves both, and dies for both."""

from pathlib import Path

import pytest

from chat import commands
from tests.integration.machines import Machine, Machines, Record, eventually

pytestmark = [pytest.mark.processes, pytest.mark.long]


def workspaces(machine: Machine) -> dict[str, Record]:
    """By name."""
    return {record["name"]: record for record in machine.run("workspaces").records}


def shown(machine: Machine, workspace: str) -> list[str]:
    """What a command shows of a workspace, whether or not somebody holds it."""
    found = machine.run("history", "general", "--workspace", workspace).records
    return [record["text"] for record in found]


def heard(running: Machine) -> list[str]:
    """What the node that runs has of a workspace."""
    return [message.text for message in running.ask(commands.History("general", 100))]


def test_one_process_serves_two_teams_and_its_end_harms_neither(machines: Machines) -> None:
    ana, bo = machines.machine("ana"), machines.machine("bo")
    ana.new("Cats", "ana")
    node = ana.node()
    bo.new("Dogs", "bo")
    theirs = bo.node()
    # The running node takes up what a command adds, and says where it listens for it.
    assert ana.join(bo.invite(), "anna") == "joined"
    dogs = bo.status().workspace
    added = node.wait_for(lambda record: record.get("workspace") == dogs)
    assert added["url"] not in ("", node.records[0]["url"])
    bo.ask(commands.Post("general", "for anna"))
    folder = next(Path(ana.home, "workspaces").iterdir())
    ana_there = Machine(folder)
    eventually(lambda: heard(ana_there) == ["for anna"], what="the message of the other team")
    known = workspaces(ana)
    assert [(each["first"], each["members"]) for each in known.values()] == [(True, 1), (False, 2)]
    assert [each["unread"] for each in known.values()] == [0, 1]
    assert [each["path"] for each in known.values()] == [str(ana.home), str(folder)]
    ana.ask(commands.Post("general", "for nobody else"))
    ana.send("general", "for bo", "--workspace", dogs[:8])
    eventually(lambda: heard(bo) == ["for anna", "for bo"], what="the answer")
    node.kill()
    bo.ask(commands.Post("general", "while anna was away"))
    assert shown(ana, "Dogs") == ["for anna", "for bo"]
    again = ana.node("--dial", bo.url)
    again.wait_for(lambda record: record.get("workspace") == dogs)
    eventually(lambda: heard(ana_there)[-1] == "while anna was away", what="both served again")
    assert heard(ana) == ["for nobody else"]
    # A backup that is made beside them has both.
    ana.run("backup", str(machines.folder / "backup"))
    again.stop()
    theirs.stop()
    restored = machines.machine("restored")
    restored.run("restore", str(machines.folder / "backup"))
    assert shown(restored, "dogs") == ["for anna", "for bo", "while anna was away"]
