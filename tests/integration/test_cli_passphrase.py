"""Passphrases, locking, backups, as somebody at a shell or a script meets them."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.integration.asking import Terminal
from tests.integration.machines import Machine, Machines, Ran, eventually, same_history

PHRASE, OTHER = "correct horse", "battery staple"
pytestmark = [pytest.mark.processes, pytest.mark.long]


def written(folder: Path, name: str, text: str, mode: int = 0o600) -> str:
    """A file that holds a passphrase."""
    path = folder / name
    path.write_text(f"{text}\n")
    path.chmod(mode)
    return str(path)


@pytest.fixture
def ana(machines: Machines) -> Machine:
    """A member whose profile has a passphrase, which every command gets from a file."""
    ana = machines.machine("ana")
    ana.new("Cats", "ana")
    ana.send("general", "before")
    new = written(machines.folder, "phrase", PHRASE)
    assert ana.run("passphrase", "set", "--new-file", new).records[-1] == {
        "v": 1,
        "kind": "passphrase",
        "guard": "passphrase",
    }
    ana.environment["CLOWDER_PASSPHRASE_FILE"] = new
    return ana


def told(ran: Ran, *words: str) -> None:
    """One sentence, with these words, and no traceback."""
    assert ran.err.startswith("clowder: ")
    assert ran.err.count("\n") == 1
    assert not [word for word in words if word not in ran.err], ran.err
    assert ran.out == ""


def test_a_script_gives_the_passphrase_by_file_or_descriptor(
    ana: Machine, machines: Machines
) -> None:
    assert ana.texts() == ["before"]
    named = ana.environment.pop("CLOWDER_PASSPHRASE_FILE")
    told(ana.run("history", "general", exits=5), "locked", "CLOWDER_PASSPHRASE_FILE")
    with Path(named).open("rb") as file:
        ended = subprocess.run(
            ana.command("--passphrase-fd", str(file.fileno()), "history", "general"),
            env=ana.environment,
            pass_fds=(file.fileno(),),
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    assert "before" in ended.stdout
    ana.environment["CLOWDER_PASSPHRASE_FILE"] = written(machines.folder, "wrong", OTHER)
    told(ana.run("history", "general", exits=5), "does not open")
    ana.environment["CLOWDER_PASSPHRASE_FILE"] = str(machines.folder / "none")
    told(ana.run("history", "general", exits=2), "cannot be read")
    ana.environment["CLOWDER_PASSPHRASE_FILE"] = written(machines.folder, "open", PHRASE, 0o644)
    ran = ana.run("history", "general")
    assert "can be read by others" in ran.err


def test_it_is_changed_and_removed_under_a_running_node(ana: Machine, machines: Machines) -> None:
    ana.node()
    new = written(machines.folder, "other", OTHER)
    wrong = written(machines.folder, "wrong", "something else")
    # Who speaks to a running node gives no passphrase; what the disk says is another matter.
    assert ana.texts() == ["before"]
    good = ana.environment["CLOWDER_PASSPHRASE_FILE"]
    ana.environment["CLOWDER_PASSPHRASE_FILE"] = wrong
    told(ana.run("passphrase", "change", "--new-file", new, exits=5), "Nothing was changed")
    told(ana.run("passphrase", "remove", exits=5), "Nothing was changed")
    ana.environment["CLOWDER_PASSPHRASE_FILE"] = good
    told(ana.run("passphrase", "set", "--new-file", new, exits=2), "clowder passphrase change")
    ana.run("passphrase", "change", "--new-file", new)
    ana.send("general", "meanwhile")
    assert ana.programs[0].stop() == 0
    told(ana.run("history", "general", exits=5), "does not open")
    ana.environment["CLOWDER_PASSPHRASE_FILE"] = new
    assert ana.texts() == ["before", "meanwhile"]
    short = written(machines.folder, "short", "short")
    told(ana.run("passphrase", "change", "--new-file", short, exits=2), "at least 8")
    ana.run("passphrase", "remove")
    del ana.environment["CLOWDER_PASSPHRASE_FILE"]
    assert ana.texts() == ["before", "meanwhile"]
    told(ana.run("passphrase", "remove", exits=2), "clowder passphrase set")
    status = ana.run("passphrase", "status", json_lines=False)
    assert "who has its folder has your identity" in status.out


def test_without_a_keyring_a_sentence_says_what_to_do(ana: Machine, machines: Machines) -> None:
    stub = machines.folder / "stub"
    stub.mkdir()
    (stub / "keyring.py").write_text("raise ImportError('not here')\n")
    ana.environment["PYTHONPATH"] = f"{stub}:{ana.environment['PYTHONPATH']}"
    told(ana.run("passphrase", "keyring", exits=1), "clowder-chat[keyring]", "passphrase")
    assert ana.run("passphrase", "status").records[-1]["guard"] == "passphrase"


def test_a_locked_node_goes_on_and_shows_nothing(ana: Machine, machines: Machines) -> None:
    told(ana.run("lock", exits=3), "Nothing runs")
    node = ana.node()
    bo = machines.machine("bo")
    assert bo.join(ana.invite(), "bo", "--dial", ana.url) == "joined"
    assert ana.run("lock").records[-1]["locked"] is True
    bo.run("send", "general", "while it was locked", "--wait", "--dial", ana.url)
    told(ana.run("history", "general", exits=5), "clowder unlock")
    told(ana.run("send", "general", "as ana", exits=5), "locked")
    good = ana.environment["CLOWDER_PASSPHRASE_FILE"]
    ana.environment["CLOWDER_PASSPHRASE_FILE"] = written(machines.folder, "wrong", OTHER)
    told(ana.run("unlock", exits=5), "does not open")
    ana.environment["CLOWDER_PASSPHRASE_FILE"] = good
    assert ana.run("unlock").records[-1]["locked"] is False
    assert ana.texts() == ["before", "while it was locked"]
    assert node.stop() == 0
    open_to_all = machines.machine("open")
    open_to_all.new("Dogs", "cy")
    open_to_all.node()
    told(open_to_all.run("lock", exits=2), "no passphrase")


def test_a_terminal_is_asked_three_times_and_shows_nothing_of_it(ana: Machine) -> None:
    asked = Terminal(ana, "history", "general")
    asked.see(lambda text: "Passphrase of" in text)
    asked.type("a slip of the finger\n")
    asked.see(lambda text: "does not open" in text and "Passphrase of" in text)
    asked.type(f"{PHRASE}\n")
    assert asked.end() == 0
    assert "before" in asked.shown
    assert PHRASE not in asked.shown
    wrong = Terminal(ana, "history", "general")
    for _ in range(3):
        wrong.see(lambda text: "Passphrase of" in text)
        wrong.type("wrong\n")
    assert wrong.end() == 5
    interrupted = Terminal(ana, "history", "general")
    interrupted.see(lambda text: "Passphrase of" in text)
    interrupted.type("\x03")
    assert interrupted.end() == 130


def test_a_new_passphrase_is_typed_twice(ana: Machine) -> None:
    changed = Terminal(ana, "passphrase", "change")
    for answer in (PHRASE, OTHER, "not the same"):
        changed.see(lambda text: text.rstrip(" ").endswith(":"))
        changed.type(f"{answer}\n")
    assert changed.end() == 2
    assert "Nothing was changed" in changed.shown
    changed = Terminal(ana, "passphrase", "change")
    for answer in (PHRASE, OTHER, OTHER):
        changed.see(lambda text: text.rstrip(" ").endswith(":"))
        changed.type(f"{answer}\n")
    assert changed.end() == 0, changed.shown
    told(ana.run("history", "general", exits=5), "does not open")


def test_backup_and_restore_beside_a_running_team(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    ana.send("general", "before the backup", "--wait")
    picture = machines.folder / "notes.bin"
    picture.write_bytes(os.urandom(200_000))
    shared = ana.run("put", "general", str(picture)).records[-1]["files"][0]["id"]
    backup = machines.folder / "backup"
    made = ana.run("backup", str(backup)).records[-1]
    assert made["kind"] == "backup"
    assert made["path"] == str(backup)
    assert made["files"] > 0
    assert made["bytes"] > 200_000
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    told(ana.run("backup", str(backup), exits=2), "is there already")
    ana.send("general", "after the backup", "--wait")
    assert ana.programs[0].stop() == 0
    # The disk is lost; the same member goes on from the backup, alone at first.
    ana.home.rename(machines.folder / "lost")
    told(ana.run("restore", str(machines.folder / "lost"), exits=3), "no backup")
    assert ana.run("restore", str(backup)).records[-1]["path"] == str(ana.home)
    told(ana.run("restore", str(backup), exits=2), "is there already")
    ana.send("general", "from the backup")
    got = machines.folder / "got.bin"
    ana.run("get", shared, "-o", str(got))
    assert got.read_bytes() == picture.read_bytes()
    ana.node("--dial", bo.url)
    eventually(lambda: same_history([ana, bo]), what="the same history")
    texts = ["before the backup", "", "after the backup", "from the backup"]
    assert sorted(ana.texts()) == sorted(texts)
