"""Who reads which channel: everybody what is public, those who were named what is private."""

import pytest

from tests.integration.machines import Machine, Machines, eventually

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
