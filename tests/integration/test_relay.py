"""What a relay is made of: no pictures, no notes, no face; and what it keeps over a restart."""

import pytest

from tests.integration.machines import Machines, eventually

NEVER = {"textual", "rich", "pycrdt", "PIL"}

pytestmark = pytest.mark.processes


def test_a_relay_at_work_loads_no_pictures_no_notes_and_no_face(machines: Machines) -> None:
    ana = machines.machine("ana")
    ana.new("Cats", "ana")
    ana.node()
    relay = machines.machine("relay", environment={"PYTHONPROFILEIMPORTTIME": "1"})
    running = relay.relay(ana.invite("--relay"), "--dial", ana.url)
    before = relay.status().entries
    ana.send("general", "through you")
    ana.run("notes", "general", "--set", "-", stdin="shared\n")
    eventually(lambda: relay.status().entries >= before + 2, what="message and notes")
    imported = {line.rpartition("|")[2].strip() for line in running.errors if "|" in line}
    assert "chat.node" in imported
    assert not imported & NEVER


def test_a_relay_keeps_over_a_restart_what_it_was_given(machines: Machines) -> None:
    ana, relay = machines.team("ana", relay=True)
    bo = machines.machine("bo")
    invite = ana.invite()
    for number in range(5):
        ana.send("general", f"message {number}")
    assert bo.join(invite, "bo") == "joined"
    eventually(lambda: relay.status().behind == 0, what="everything at the relay")
    ana.programs[-1].stop()
    relay.programs[-1].kill()
    relay.relay()
    bo.node("--dial", relay.url)
    eventually(lambda: len(bo.texts()) == 5, what="the history, from the relay alone")


def test_a_relay_says_that_it_is_one(machines: Machines) -> None:
    ana, relay = machines.team("ana", relay=True)
    ana.send("general", "not for you")
    refused = relay.run("history", "general", exits=5)
    assert "This is a relay" in refused.err
    ana.programs[-1].stop()
    member = ana.run("relay", exits=5)
    assert "a profile of its own" in member.err


def test_a_relay_whose_ticket_was_used_takes_another_one(machines: Machines) -> None:
    ana, box, relay = (machines.machine(name) for name in ("ana", "box", "relay"))
    ana.new("Cats", "ana")
    ana.node()
    used = ana.invite("--relay")
    box.relay(used, "--dial", ana.url)
    eventually(lambda: box.status().phase == "relay", what="the first relay to be let in")
    refused = relay.run("relay", "--ticket", used, "--dial", ana.url, exits=5)
    assert "used already" in refused.err
    assert relay.run("status").records[0]["phase"] == "none"
    relay.relay(ana.invite("--relay"), "--dial", ana.url)
    eventually(lambda: relay.status().phase == "relay", what="the second relay to be let in")


def test_a_relay_that_reaches_nobody_is_let_in_by_whoever_dials_it(machines: Machines) -> None:
    """The relay stands on the Internet, the founder at home: only one of them can dial."""
    ana, relay = machines.machine("ana"), machines.machine("relay")
    ana.new("Cats", "ana")
    for _ in range(3):
        ana.invite()
    relay.relay(ana.invite("--relay"))
    ana.node("--dial", relay.url)
    eventually(lambda: relay.status().phase == "relay", what="the relay to be let in")
    entries = ana.status().entries
    eventually(lambda: relay.status().entries == entries, what="everything at the relay")
    eventually(lambda: [link.relay for link in ana.links()] == [True], what="one lasting link")
