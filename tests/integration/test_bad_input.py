"""What goes wrong on a real machine: a sentence, the documented exit code, and nothing lost.

Exit codes: 1 error, 2 usage, 3 not found, 4 no peer, 5 trust.
"""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.machines import Machine, Machines, Ran, founder

pytestmark = pytest.mark.processes

needs_mounts = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="mounting a small disk needs root on Linux"
)


def told(ran: Ran, *words: str) -> None:
    """It told the user in one sentence, with these words, and showed no traceback."""
    (line,) = ran.err.strip().splitlines()
    assert re.fullmatch(r"clowder: \S.*[.!?]", line), line
    assert not [word for word in words if not re.search(word, line, re.IGNORECASE)], line


def said_two_things(machine: Machine) -> None:
    founder(machine)
    machine.send("general", "first")
    machine.send("general", "second")


@pytest.fixture
def ana(machines: Machines) -> Machine:
    """A founder who has said two things."""
    return machines.like("ana", said_two_things)


@pytest.mark.parametrize(
    ("arguments", "exits", "words"),
    [
        (("send", "cellar", "hi"), 3, ("cellar", "general")),
        (("history", "cellar"), 3, ("cellar",)),
        (("put", "general", "/no/such/cat.png"), 3, ("cat.png",)),
        (("put", "general", "/"), 2, ("folder|file",)),
        (("get", "bafkqabtimvwgy3yk", "-o", "out"), 3, ()),
        (("edit", "0123456789abcdef", "x"), 3, ("message",)),
        (("invite", "--expires", "soon"), 2, ("soon",)),
        (("notes", "general", "--set", "/no/such/notes.md"), 3, ("notes.md",)),
        (("join", "clowder:nonsense", "--nick", "x"), 2, ()),
        (("channel", "new", "general"), 2, ("general",)),
        (("channel", "new", ""), 2, ()),
        (("send", "general", ""), 2, ()),
        (("--listen", "nowhere", "node"), 2, ("nowhere", "HOST:PORT")),
        (("--dial", "http://x", "node"), 2, ("http://x", "ws://")),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_hint(
    ana: Machine, arguments: tuple[str, ...], exits: int, words: tuple[str, ...]
) -> None:
    told(ana.run(*arguments, exits=exits), *words)
    assert ana.texts() == ["first", "second"]


def test_click_says_what_it_expected(ana: Machine) -> None:
    for arguments in (("sned", "general", "hi"), ("send",), ("history", "general", "-n", "many")):
        ended = ana.run(*arguments, exits=2)
        assert "Usage:" in ended.err


def test_without_a_workspace_the_way_in_is_named(machines: Machines) -> None:
    told(machines.machine("new").run("send", "general", "hi", exits=3), "clowder new", "join")


def test_a_broken_config_is_named_with_its_place(ana: Machine) -> None:
    (ana.home / "config.toml").write_text("[network]\nlisten = 7\n", "utf-8")
    told(ana.run("history", "general", exits=2), "config.toml", "listen")
    (ana.home / "config.toml").unlink()
    assert ana.texts() == ["first", "second"]


def test_a_second_node_is_told_who_holds_the_profile(ana: Machine) -> None:
    ana.node()
    told(ana.run("node", exits=1), "another|already|in use")
    assert ana.texts() == ["first", "second"]


def test_a_file_nobody_has_is_waited_for_and_then_told(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    cat = machines.folder / "cat.bin"
    cat.write_bytes(bytes(50 * 1024 * 1024))
    bo.programs[-1].stop()
    file = ana.run("put", "general", str(cat)).records[0]["files"][0]["id"]
    ana.send("general", "you cannot have it")
    bo.node("--dial", ana.url)
    ana.programs[0].stop()
    ended = bo.run("get", file, "-o", str(machines.folder / "out"), "--timeout", "1", exits=None)
    # 3 when the message had not come yet, 4 when only its file is missing.
    assert ended.code in (3, 4)
    told(ended)
    assert not (machines.folder / "out").exists()


def test_a_damaged_database_is_neither_used_nor_thrown_away(ana: Machine) -> None:
    databases = [path for path in ana.home.rglob("*") if path.is_file() and path.suffix == ".db"]
    assert databases
    for path in databases:
        data = bytearray(path.read_bytes())
        data[:4096] = hashlib.shake_128(b"damage").digest(4096)
        path.write_bytes(data)
    before = {path: path.read_bytes() for path in databases}
    told(ana.run("history", "general", exits=1), "damaged|not a database|cannot be read")
    told(ana.run("send", "general", "third", exits=1))
    assert {path: path.read_bytes() for path in databases} == before


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    folder.mkdir()
    size = f"size={megabytes}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@needs_mounts
def test_a_full_disk_refuses_and_keeps_what_was_there(machines: Machines) -> None:
    disk = machines.folder / "disk"
    with small_disk(disk, 16):
        ana = machines.machine("disk/ana")
        ana.new("Cats", "ana")
        ana.send("general", "first")
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        big = machines.folder / "big.bin"
        big.write_bytes(bytes(1024 * 1024))
        told(ana.run("put", "general", str(big), exits=1), "disk|space")
        refused = None
        for number in range(50):
            refused = ana.run("send", "general", f"{number} " + "x" * 7000, exits=None)
            if refused.code:
                break
        assert refused is not None
        assert refused.code == 1
        told(refused, "disk|space")
        filler.unlink()
        ana.send("general", "there is room again")
        texts = [text.split(" ")[0] for text in ana.texts()]
        assert texts == ["first", *(str(n) for n in range(number)), "there"]


@needs_mounts
def test_a_read_only_folder_is_named(machines: Machines) -> None:
    disk = machines.folder / "disk"
    with small_disk(disk, 16):
        ana = machines.machine("disk/ana")
        ana.new("Cats", "ana")
        ana.send("general", "first")
        remount = ["mount", "-o", "remount,{}", str(disk)]
        subprocess.run([part.format("ro") for part in remount], check=True)
        told(ana.run("send", "general", "second", exits=1), "read-only|written", "ana")
        subprocess.run([part.format("rw") for part in remount], check=True)
        ana.send("general", "second")
        assert ana.texts() == ["first", "second"]


def test_a_profile_deep_in_the_tree_works(machines: Machines) -> None:
    # A Unix socket's name may have 107 bytes; a home folder's may have thousands.
    deep = machines.machine("/".join(["a folder with a long name"] * 8))
    deep.home.parent.mkdir(parents=True)
    deep.new("Cats", "ana")
    deep.node()
    deep.send("general", "from the depth")
    assert deep.texts() == ["from the depth"]
