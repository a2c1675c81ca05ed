"""Two real processes in one room: a label, digits that go from screen to screen, an invite."""

from typing import Any

import pytest

from tests.integration.machines import Machine, Machines, Program

pytestmark = pytest.mark.processes
HERE = {"CLOWDER_INTERFACE": "127.0.0.1"}


def pair(machines: Machines) -> tuple[Machine, Machine]:
    ana, bo = (machines.machine(name, environment=HERE, options=()) for name in ("ana", "bo"))
    ana.new("Cats", "ana")
    return ana, bo


def at(state: str) -> Any:
    return lambda record: record["kind"] == "nearby" and record["state"] == state


def coded(ana: Machine, bo: Machine) -> tuple[Program, Program, str]:
    """Both show digits; bo typed the label."""
    inviting = ana.start("invite", "--nearby")
    label = inviting.wait_for(at("open"))["label"]
    coming = bo.start("join", "--nearby", label, "--nick", "bo")
    code = coming.wait_for(at("code"))["code"]
    assert inviting.wait_for(at("code"))["code"] == code
    return inviting, coming, code


def test_a_newcomer_finds_the_label_and_comes_in_when_both_gave_the_others_digits(
    machines: Machines,
) -> None:
    ana, bo = pair(machines)
    inviting, coming, code = coded(ana, bo)
    coming.write("yes\n")  # Of a script that counts for nothing: it has looked at nothing.
    inviting.write(f"{code[:3]} {code[3:]}\n")
    coming.write(f"{code}\n")
    joined = coming.wait_for(lambda record: record["kind"] == "join")
    assert joined["state"] == "joined"
    used = inviting.wait_for(lambda record: record["kind"] == "nearby_joined")
    assert used["nick"] == "bo"
    assert (inviting.wait(), coming.wait()) == (0, 0)
    assert any("digits" in line for line in coming.errors), "it was asked once more"
    said = "".join(map(str, [*inviting.records, *coming.records]))
    assert "clowder:" not in said


@pytest.mark.long
def test_other_digits_or_nobody_to_compare_end_it_without_an_invite(machines: Machines) -> None:
    ana, bo = pair(machines)
    ana.node()  # The commands of ana's speak to it.
    inviting, coming, code = coded(ana, bo)
    inviting.write(f"{code}\n")
    coming.write(f"{(int(code) + 1) % 1_000_000:06}\n")
    assert (inviting.wait(), coming.wait()) == (5, 5)
    assert ana.run("invite", "--list").records == []
    # Without anybody at stdin there is no yes, and none is taken for granted.
    inviting = ana.start("invite", "--nearby")
    label = inviting.wait_for(at("open"))["label"]
    bo.run("join", "--nearby", label, "--nick", "bo", exits=2)
    assert inviting.wait() == 4
    assert ana.run("invite", "--list").records == []
