"""Stories of real processes: members are removed, promoted, accepted, and leave."""

from functools import partial

import pytest

from tests.integration.asking import Terminal
from tests.integration.machines import Machine, Machines, Record, eventually

pytestmark = [pytest.mark.processes, pytest.mark.long]


def member(machine: Machine, nick: str) -> Record:
    """What a machine says of a member, who may be in no more."""
    (found,) = [known for known in machine.run("members").records if known["nick"] == nick]
    return found


def test_who_is_removed_reads_nothing_new_and_is_told_so(machines: Machines) -> None:
    ana, bo, cid, relay = machines.team("ana", "bo", "cid", relay=True)
    ana.send("general", "before")
    eventually(lambda: bo.texts() == cid.texts() == ["before"], what="the first message")
    ran = cid.run("remove", "bo", exits=5, json_lines=False)
    assert ran.err == "clowder: Only founders and admins can remove members.\n"
    ran = ana.run("remove", "nobody", exits=3, json_lines=False)
    assert ran.err == "clowder: There is no member nobody here.\n"
    assert ana.run("remove", "ana", exits=2, json_lines=False).err.startswith("clowder: That is")
    (gone,) = ana.run("remove", "bo").records
    assert (gone["nick"], gone["state"], gone["by"]["nick"]) == ("bo", "removed", "ana")
    eventually(lambda: bo.status().phase == "removed", what="that bo is told")
    epoch = ana.status().epoch
    eventually(lambda: cid.status().epoch == epoch, what="the new key")
    send = partial(cid.run, "send", "general", "without bo", exits=None, json_lines=False)
    eventually(lambda: send().code == 0, what="the seal of the new key")
    eventually(lambda: ana.texts() == ["before", "without bo"], what="the second message")
    eventually(lambda: len(relay.links()) == 2, what="that the relay let bo go")
    assert bo.texts() == ["before"]
    ran = bo.run("send", "general", "hello?", exits=5, json_lines=False)
    assert "may not write" in ran.err
    assert ana.run("promote", "ana", exits=5, json_lines=False).err.startswith("clowder: Nobody")
    assert member(cid, "bo")["state"] == "removed"
    assert "removed by ana" in cid.run("members", json_lines=False).out


def test_what_was_written_beside_a_removal_is_void_until_it_is_accepted(
    machines: Machines,
) -> None:
    ana, bo, cid = machines.team("ana", "bo", "cid")
    bo.send("general", "early")
    eventually(lambda: ana.texts() == cid.texts() == ["early"], what="the first message")
    ana.programs[-1].stop()
    bo.send("general", "late but honest")
    eventually(lambda: len(cid.texts()) == 2, what="the second message")
    bo.programs[-1].stop()
    ana.run("remove", "bo")  # Nobody else is there: it works alone.
    ana.node("--dial", cid.url)
    eventually(lambda: ana.run("history", "general", "--void").records[1:], what="cid's copy")
    for machine in (ana, cid):
        eventually(partial(_shows, machine, "early"), what="what stands")
        shown = machine.run("history", "general", "--void").records
        assert [(m["text"], m["state"]) for m in shown] == [
            ("early", "ok"),
            ("late but honest", "void"),
        ]
        assert "(void) late" in machine.run("history", "general", "--void", json_lines=False).out
        assert member(machine, "bo")["voided"] == 1
    assert cid.run("accept", "bo", exits=5, json_lines=False).err.startswith("clowder: Only ana")
    (accepted,) = ana.run("accept", shown[1]["id"][:8]).records
    assert (accepted["member"]["nick"], accepted["entries"]) == ("bo", 1)
    for machine in (ana, cid):
        eventually(partial(_shows, machine, "early", "late but honest"), what="what was accepted")


def test_a_promoted_member_removes_and_one_who_was_removed_comes_back(machines: Machines) -> None:
    ana, bo, cid = machines.team("ana", "bo", "cid")
    (now,) = ana.run("promote", "bo", "--admin").records
    assert (now["role"], now["level"]) == ("admin", 10)
    eventually(lambda: bo.status().level == 10, what="the level")
    assert bo.run("promote", "cid", "--level", "10", exits=5, json_lines=False).err
    assert bo.run("promote", "cid", "--level", "5", "--admin", exits=2, json_lines=False).err
    bo.run("remove", "cid")
    eventually(lambda: cid.status().phase == "removed", what="that cid is told")
    ana.run("promote", "cid", "--member")
    cid.programs[-1].stop()
    cid.node("--dial", ana.url)
    eventually(lambda: cid.status().phase == "live", what="that cid is back")
    cid.send("general", "back again")
    eventually(partial(_reads, bo, "back again"), what="a message of who came back")


def _shows(machine: Machine, *texts: str) -> bool:
    return machine.texts() == list(texts)


def _reads(machine: Machine, text: str) -> bool:
    return text in machine.texts()


def test_a_revoked_invite_lets_nobody_in(machines: Machines) -> None:
    ana, bo = machines.machine("ana"), machines.machine("bo")
    ana.new("Cats", "ana")
    ana.node()
    link = ana.invite("--note", "for bo")
    (known,) = ana.run("invite", "--list").records
    assert (known["state"], known["note"], known["author"]["nick"]) == ("open", "for bo", "ana")
    assert ana.run("invite", "--revoke", "beef", exits=3, json_lines=False).err.endswith("them.\n")
    (known,) = ana.run("invite", "--revoke", known["id"][:6]).records
    assert known["state"] == "revoked"
    ran = bo.run("join", link, "--nick", "bo", "--wait", "10", exits=5, json_lines=False)
    assert "taken back" in ran.err
    assert [known["nick"] for known in ana.run("members").records] == ["ana"]


def test_a_private_channel_is_entered_and_left(machines: Machines) -> None:
    ana, bo, cid = machines.team("ana", "bo", "cid")
    bo.run("channel", "new", "plans", "--members", "ana")
    bo.send("plans", "first")
    eventually(lambda: "plans" in _channels(ana), what="the channel")
    assert cid.run("channel", "leave", "plans", exits=3, json_lines=False).err
    ran = ana.run("channel", "add", "general", "cid", exits=2, json_lines=False)
    assert "Everybody is in #general" in ran.err
    bo.run("channel", "add", "plans", "cid")
    eventually(
        lambda: "plans" in _channels(cid) and cid.texts("plans") == ["first"], what="cid inside"
    )
    assert cid.run("channel", "kick", "plans", "bo", exits=5, json_lines=False).err
    bo.run("channel", "kick", "plans", "cid")
    eventually(lambda: "plans" not in _channels(cid), what="cid outside")
    bo.send("plans", "without cid")
    eventually(lambda: ana.texts("plans") == ["first", "without cid"], what="the message")
    ana.run("channel", "leave", "plans")
    eventually(lambda: "plans" not in _channels(ana), what="ana outside")


def _channels(machine: Machine) -> list[str]:
    return [channel["name"] for channel in machine.run("channels").records]


def test_who_leaves_keeps_the_past_and_the_last_admin_is_asked_twice(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    ana.send("general", "before")
    eventually(lambda: bo.texts() == ["before"], what="the message")
    ran = ana.run("leave", exits=5, json_lines=False)
    assert "--anyway" in ran.err
    asked = Terminal(bo, "leave")
    asked.see(lambda text: "Leave “Cats”?" in text)
    asked.type("n\n")
    assert asked.end() == 130
    assert bo.status().phase == "live"
    assert bo.run("leave").records[-1]["state"] == "left"
    eventually(lambda: member(ana, "bo")["state"] == "left", what="that bo left")
    assert bo.status().phase == "removed"
    ana.send("general", "without bo")
    assert bo.texts() == ["before"]
    (device,) = ana.run("device", "list").records
    assert (device["this"], device["device"]) == (True, ana.status().device)
