"""Who reads which channel: everybody what is public, those who were named what is private."""

import pytest

from tests.integration.machines import Machine, Machines, Record, eventually

pytestmark = pytest.mark.processes


def names(machine: Machine) -> list[str]:
    return [record["name"] for record in machine.run("channels").records]


def test_everybody_reads_and_writes_in_a_public_channel(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    ana.run("channel", "new", "open", "--public")
    ana.send("open", "all are welcome")
    eventually(lambda: names(bo) == ["general", "open"], what="the channel at bo's")
    eventually(lambda: bo.texts("open") == ["all are welcome"], what="ana's message")
    bo.send("open", "thank you", "--wait")
    answer = eventually(lambda: ana.history("open")[1:], what="bo's answer")
    assert answer[0]["reached"] == [1, 1]


def test_only_members_of_a_private_channel_know_its_name(machines: Machines) -> None:
    ana, bo, cleo = machines.team("ana", "bo", "cleo")
    ana.run("channel", "new", "secret", "--members", "bo")
    ana.send("secret", "for the two of us", "--wait")
    eventually(lambda: bo.texts("secret") == ["for the two of us"], what="the message at bo's")
    assert ana.history("secret")[0]["reached"] == [1, 1]
    ana.send("general", "for all")
    eventually(lambda: cleo.texts() == ["for all"], what="what comes after it, at cleo's")
    assert names(cleo) == ["general"]
    cleo.run("history", "secret", exits=3)


def test_each_channel_is_listed_with_who_can_read_it(machines: Machines) -> None:
    ana, bo, cleo = machines.team("ana", "bo", "cleo")
    ana.run("channel", "new", "open", "--public")
    ana.run("channel", "new", "plans", "--members", "bo")
    eventually(lambda: names(bo) == ["general", "open", "plans"], what="the channels at bo's")
    for machine in (ana, bo):
        known = {c["name"]: (c["mode"], c["limited"], c["readers"]) for c in listed(machine)}
        assert known == {
            "general": ("private", False, 3),
            "open": ("public", False, 3),
            "plans": ("private", True, 2),
        }
        lines = machine.run("channels", json_lines=False).out.splitlines()
        assert [line.split("  ")[:2] for line in lines] == [
            ["#general", "workspace"],
            ["#open", "public"],
            ["#plans", "direct"],
        ]
    ana.run("channel", "kick", "plans", "bo")
    (plans,) = [channel for channel in listed(ana) if channel["name"] == "plans"]
    assert plans["readers"] == 1
    ana.run("channel", "new", "diary", "--private")
    (diary,) = [channel for channel in listed(ana) if channel["name"] == "diary"]
    assert diary["readers"] == 1
    ran = ana.run("channel", "new", "both", "--private", "--public", exits=2, json_lines=False)
    assert "one of --private, --hidden and --public" in ran.err
    eventually(lambda: names(cleo) == ["general", "open"], what="the channels at cleo's")


def listed(machine: Machine) -> list[Record]:
    return machine.run("channels").records
