"""Streams that are closed, full or no text, and input of any size: sentences, no traceback."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.machines import CLOWDER, ROOT, Machine, Machines, founder

pytestmark = pytest.mark.processes

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.fixture
def ana(machines: Machines) -> Iterator[Machine]:
    """A founder whose node answers, so that a command costs no more than its own start."""
    machine = machines.like("ana", founder)
    machine.node()
    yield machine
    assert machine.programs[0].errors == []


def shell(ana: Machine, line: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell in which "$@" is clowder."""
    return subprocess.run(
        ["sh", "-c", line, "sh", *ana.command()],
        env=ana.environment,
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )


def told(ended: subprocess.CompletedProcess[bytes], exits: int, words: str) -> None:
    assert ended.returncode == exits, ended.stderr
    (line,) = ended.stderr.decode().strip().splitlines()[-1:]
    assert words in line
    assert b"Traceback" not in ended.stderr
    assert b"never retrieved" not in ended.stderr


def test_what_is_no_text_on_stdin_becomes_a_sign_for_it(ana: Machine) -> None:
    assert shell(ana, '"$@" send general -', b"bad \xff\n").returncode == 0
    assert shell(ana, '"$@" send general --lines', b"a \xc3\nb\n\x01\n").returncode == 0
    assert ana.texts() == ["bad \ufffd", "a \ufffd", "b"]


@pytest.mark.parametrize(
    "arguments",
    [
        'send general "$(printf "x\\377")"',
        'new "$(printf "\\377")" --nick x',
        'search "$(printf "\\377")"',
    ],
)
def test_what_is_no_text_in_an_argument_is_refused(ana: Machine, arguments: str) -> None:
    told(shell(ana, f'"$@" {arguments}'), 2, "not text in UTF-8")
    assert ana.texts() == []


def test_closed_streams_are_empty_or_refuse(ana: Machine) -> None:
    told(shell(ana, '"$@" send general - <&-'), 2, "says nothing")
    assert shell(ana, '"$@" send general --lines <&-').returncode == 0
    told(shell(ana, '"$@" send general hi >&-'), 1, "stdout cannot be written")
    assert ana.texts() == ["hi"]
    ended = shell(ana, '"$@" history general --json <&- 2>&-')
    assert (ended.returncode, b'"hi"' in ended.stdout) == (0, True)
    assert shell(ana, '"$@" send general "" <&- >&- 2>&-').returncode == 2


@needs_full
@pytest.mark.parametrize(
    "arguments", ["export", "export --json", "status", "--version", "send --help"]
)
def test_a_full_disk_behind_stdout_is_told(ana: Machine, arguments: str) -> None:
    ana.send("general", "hi")
    told(shell(ana, f'"$@" {arguments} >/dev/full'), 1, "No space left on device")


def test_a_reader_that_leaves_is_no_error(ana: Machine) -> None:
    shell(ana, '"$@" send general --lines >/dev/null', b"a long line of text\n" * 5000)
    ended = shell(ana, '"$@" export | head -n 1')
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_lines_before_one_that_is_too_long_are_posted_and_printed(ana: Machine) -> None:
    lines = [*(f"line {number}" for number in range(100)), "", "x" * 8000, "y" * 8001, "behind"]
    ended = shell(ana, '"$@" send general --lines', "\n".join(lines).encode())
    told(ended, 2, "Line 103 is longer than the 8000 characters")
    assert len(ended.stdout.split()) == 101
    assert ana.texts() == [*lines[:100], "x" * 8000]


@pytest.mark.parametrize("lines", ["", "--lines"])
def test_thirty_megabytes_are_no_message(ana: Machine, lines: str) -> None:
    ended = shell(ana, f'"$@" send general {lines or "-"}', b"x" * 30_000_000)
    told(ended, 2, "8000 characters")
    assert ana.texts() == []


def test_a_file_goes_to_stdout_byte_by_byte(ana: Machine) -> None:
    data = bytes(range(256)) * 2000
    path = ana.home.parent / "bytes.bin"
    path.write_bytes(data)
    message = ana.run("put", "general", str(path), json_lines=False).out.strip()
    assert shell(ana, f'"$@" get {message} -o -').stdout == data
    told(shell(ana, f'"$@" get {message} -o - --json'), 2, "either the file or JSON")


def test_a_checkout_that_is_not_installed_has_a_version() -> None:
    hidden = (
        "import sys, importlib.metadata as m\n"
        "def version(name): raise m.PackageNotFoundError(name)\n"
        "m.version = version\n"
        "from chat.cli import main\n"
        "sys.argv = ['clowder', '--version']\n"
        "sys.exit(main())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", hidden], cwd=ROOT, capture_output=True, text=True, check=True
    )
    shown = subprocess.run(
        [*CLOWDER, "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout == shown.stdout
