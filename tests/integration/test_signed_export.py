"""Signed exports by the real program: whoever gets a file checks it without a workspace."""

import stat
from pathlib import Path

import pytest

from tests.integration.machines import Machine, Machines

pytestmark = [pytest.mark.processes, pytest.mark.long]


@pytest.fixture
def ana(machines: Machines) -> Machine:
    machine = machines.machine("ana")
    machine.new("Cats", "ana")
    machine.run("channel", "new", "news", "--public")
    machine.send("general", "for us")
    machine.send("news", "for all")
    return machine


@pytest.mark.parametrize("holder", [False, True], ids=["alone", "through a node"])
def test_a_stranger_reads_public_channels_and_others_with_keys(
    ana: Machine, machines: Machines, holder: bool
) -> None:
    if holder:
        ana.node()
    stranger = machines.machine("stranger")
    file = ana.home.parent / "cats.clowder"
    (made,) = ana.run("export", "--signed", "-o", str(file)).records
    assert (made["path"], made["size"]) == (str(file), file.stat().st_size)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"for us" not in file.read_bytes()
    (proof,) = stranger.run("verify", str(file)).records
    assert proof["workspace"] == ana.run("status").records[0]["workspace"]
    assert [(c["name"], c["mode"], c["messages"]) for c in proof["channels"]] == [
        ("general", "private", 0),
        ("news", "public", 1),
    ]
    (author,) = proof["authors"]
    (own,) = ana.run("verify").records
    assert (author["nick"], author["words"]) == ("ana", own["words"])
    assert [m["text"] for m in stranger.run("read", str(file)).records] == ["for all"]
    ana.run("export", "--signed", "--with-keys", "-o", str(file))
    shown = stranger.run("read", str(file)).records
    assert [(m["channel"], m["text"]) for m in shown] == [
        ("general", "for us"),
        ("news", "for all"),
    ]
    shown = stranger.run("read", str(file), "--channel", "#news").records
    assert [m["text"] for m in shown] == ["for all"]
    assert "<ana> for us" in stranger.run("read", str(file), json_lines=False).out
    assert not stranger.home.exists()


def test_what_does_not_verify_exits_with_5_and_says_what(ana: Machine) -> None:
    file = ana.home.parent / "cats.clowder"
    ana.run("export", "--signed", "-o", str(file))
    whole = file.read_bytes()
    workspace = ana.run("status").records[0]["workspace"]
    ana.run("verify", str(file), "--workspace", workspace[:16])
    ran = ana.run("verify", str(file), "--workspace", "0" * 64, exits=5, json_lines=False)
    assert "of another workspace" in ran.err
    assert ana.run("verify", str(file), "--workspace", "abc", exits=2, json_lines=False).err
    file.write_bytes(whole[:-1])
    for command in ("verify", "read"):
        ran = ana.run(command, str(file), exits=5, json_lines=False)
        assert "does not verify: the file ends in the middle" in ran.err
    file.write_bytes(b"something else\n")
    ran = ana.run("verify", str(file), exits=5, json_lines=False)
    assert "is no signed export" in ran.err
    ran = ana.run("verify", str(file.with_name("none.clowder")), exits=3, json_lines=False)
    assert "cannot be read" in ran.err
    assert ana.run("verify", str(file), "--confirm", exits=2, json_lines=False).err


def test_where_it_goes_and_what_it_is_made_of_is_said_first(ana: Machine, tmp_path: Path) -> None:
    for wrong in (
        ("--signed",),
        ("--with-keys", "-o", "x"),
        ("--signed", "--format", "md", "-o", "x"),
    ):
        assert ana.run("export", *wrong, exits=2, json_lines=False).err
    ran = ana.run("export", "--signed", "--channel", "no", "-o", str(tmp_path / "x"), exits=3)
    assert "There is no channel" in ran.err
    assert list(tmp_path.iterdir()) == []
