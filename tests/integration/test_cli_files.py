"""Folders, streams and kept files on the command line, between real processes."""

import random
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.integration.machines import Machine, Machines, eventually

pytestmark = pytest.mark.processes

FILM = random.Random(1).randbytes(5_000_000)


@pytest.fixture
def pair(machines: Machines) -> Iterator[tuple[Machine, Machine]]:
    ana, bo = machines.team("ana", "bo")
    yield ana, bo
    for machine in (ana, bo):
        assert machine.programs[0].errors == []


def share(ana: Machine, bo: Machine) -> str:
    path = ana.home.parent / "film.bin"
    path.write_bytes(FILM)
    file = ana.run("put", "general", str(path)).records[0]["files"][0]["id"]
    eventually(bo.history, what="the message")
    return str(file)


def stdout_of(machine: Machine, line: str) -> subprocess.CompletedProcess[bytes]:
    """A line of shell in which "$@" is clowder."""
    return subprocess.run(
        ["sh", "-c", line, "sh", *machine.command()],
        env=machine.environment,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_a_file_streams_to_stdout(pair: tuple[Machine, Machine]) -> None:
    ana, bo = pair
    file = share(ana, bo)
    for machine in (bo, ana):
        streamed = stdout_of(machine, f'"$@" get --stream {file}')
        assert (streamed.returncode, streamed.stderr) == (0, b"")
        assert streamed.stdout == FILM
    left = stdout_of(bo, f'"$@" get --stream {file} | head -c 10; exit $?')
    assert (left.returncode, left.stdout, left.stderr) == (0, FILM[:10], b"")
    bo.run("get", file, exits=2)
    bo.run("get", file, "--stream", exits=2)
    bo.run("get", "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", "--stream",
           exits=3, json_lines=False)  # fmt: skip


def test_a_folder_is_put_and_got_and_kept(pair: tuple[Machine, Machine]) -> None:
    ana, bo = pair
    top = ana.home.parent / "Cats"
    (top / "old").mkdir(parents=True)
    (top / "tom.bin").write_bytes(FILM[:100_000])
    (top / "old" / "tim.txt").write_text("meow")
    file = ana.run("put", "general", str(top)).records[0]["files"][0]["id"]
    eventually(bo.history, what="the message")

    there = bo.home.parent / "for bo"
    told = bo.run("get", file, "-o", str(there), json_lines=False)
    assert told.out == f"{there}\n"
    assert re.fullmatch(r"100\.0 kB, from ana 100%, \d+\.\d s, 1 holder, hash ok\n", told.err)
    again = bo.home.parent / "again"
    got = bo.run("get", file, "-o", str(again)).records[0]
    assert (got["path"], got["size"]) == (str(again), 100_004)
    assert (there / "tom.bin").read_bytes() == FILM[:100_000]
    assert (there / "old" / "tim.txt").read_text() == "meow"
    assert bo.run("get", file, "-o", "-", exits=2, json_lines=False).out == ""

    kept = bo.run("keep", file).records[0]
    assert (kept["kind"], kept["name"], kept["kept"]) == ("picture", "Cats", True)
    assert (kept["here"], kept["blocks"], kept["copies"]) == (5, 5, 2)
    (listed,) = ana.run("pictures", "general").records
    assert (listed["id"], listed["holders"], listed["kept"]) == (file, ["bo"], False)
    assert " kept also ana #general Cats" in bo.run("pictures", json_lines=False).out
    assert bo.run("unkeep", file).records[0]["kept"] is False
    bo.run("keep", "ffffffff", exits=3)
