"""A story of real processes: one member on three machines, two of which are lost again."""

from functools import partial

import pytest

from tests.integration.machines import Machine, Machines, eventually

pytestmark = [pytest.mark.processes, pytest.mark.long]


def shows(machine: Machine, *texts: str) -> bool:
    return machine.texts() == list(texts)


def test_a_member_has_several_machines_and_comes_back_by_the_paper(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    bo.send("general", "from the desk")
    (code,) = bo.run("device", "add", "--wait", "0").records
    assert len(code["words"].split()) == 12
    phone = machines.machine("phone")
    ran = phone.run("join", code["link"], "--nick", "x", "--wait", "20", exits=5, json_lines=False)
    assert "clowder device join" in ran.err
    (joined,) = phone.run("device", "join", code["link"], "--name", "phone").records
    assert joined["state"] == "joined"
    phone.node("--dial", ana.url)
    eventually(partial(shows, phone, "from the desk"), what="the history")
    phone.send("general", "from the phone")
    eventually(lambda: len(ana.texts()) == 2, what="the phone's message")
    assert {message["author"]["nick"] for message in ana.history()} == {"bo"}
    named = {known["name"]: known for known in bo.run("device", "list").records}
    assert set(named) == {"", "phone"}
    (paper,) = bo.run("paper").records
    # Both machines are lost.
    phone.programs[-1].stop()
    bo.programs[-1].stop()
    laptop = machines.machine("laptop")
    ran = laptop.run("recover", "--name", "laptop", "--dial", ana.url, stdin=f"{paper['words']}\n")
    assert ran.records[0]["state"] == "joined"
    kept = b"".join(file.read_bytes() for file in laptop.home.rglob("*") if file.is_file())
    for word in (paper["words"], paper["link"]):
        assert word.encode() not in kept
    laptop.node("--dial", ana.url)
    eventually(partial(shows, laptop, "from the desk", "from the phone"), what="the history")
    laptop.run("device", "remove", named["phone"]["device"][:12])
    phone.node("--dial", ana.url)
    eventually(lambda: phone.status().phase == "removed", what="that the phone is told")
    eventually(lambda: ana.status().epoch == laptop.status().epoch, what="the new key")
    laptop.send("general", "back")
    eventually(lambda: ana.texts()[2:] == ["back"], what="the laptop's message")
    assert len(phone.texts()) == 2
    left = laptop.run("device", "list").records
    assert [known["name"] for known in left if not known["paper"]].count("laptop") == 1
    assert sum(known["paper"] for known in left) == 1
    assert len(left) == 3
