"""Completion in a real shell, offline, and with names that would be commands; the manual page."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.integration.machines import CLOWDER, ROOT, Machine, Machines, founder

pytestmark = [pytest.mark.processes, pytest.mark.long]

HOSTILE = ("$(touch${IFS}pwned)", "`touch`", "x;touch", "--help", "*", "c,d", "e\\")


def named_strangely(machine: Machine) -> None:
    founder(machine)
    machine.run("channel", "new", "gardens")
    for name in HOSTILE:
        machine.run("channel", "new", "--", name, json_lines=False)


@pytest.fixture
def ana(machines: Machines) -> Iterator[Machine]:
    """A founder of some channels, and a `clowder` in the path."""
    machine = machines.like("ana", named_strangely)
    program = machines.folder / "clowder"
    program.write_text(f'#!/bin/sh\nexec {" ".join(CLOWDER)} "$@"\n')
    program.chmod(0o755)
    path = f"{machines.folder}:{machine.environment['PATH']}"
    machine.environment |= {"PATH": path, "CLOWDER_HOME": str(machine.home)}
    yield machine
    assert not list(machines.folder.rglob("pwned"))


def completed(machine: Machine, *words: str) -> list[str]:
    """What bash offers in place of the last word."""
    ended = subprocess.run(
        [
            "bash",
            "--norc",
            "-c",
            'eval "$(clowder completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
            '_clowder_completion clowder; printf "%s\\n" "${COMPREPLY[@]}"',
            "bash",
            *words,
        ],
        env=machine.environment,
        cwd=machine.home.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stderr == ""
    return sorted(line for line in ended.stdout.splitlines() if line)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_options_and_channels(ana: Machine, machines: Machines) -> None:
    assert completed(ana, "clowder", "exp") == ["export"]
    assert "--reply-to" in completed(ana, "clowder", "send", "--re")
    assert completed(ana, "clowder", "send", "g") == ["gardens", "general"]
    assert completed(ana, "clowder", "search", "cat", "--channel", "ga") == ["gardens"]
    assert completed(ana, "clowder", "notes", "ge") == ["general"]
    assert completed(ana, "clowder", "channel", "topic", "ga") == ["gardens"]
    assert completed(ana, "clowder", "channel", "new", "g") == []
    # None of the others is a plain word, so none is offered.
    assert completed(ana, "clowder", "send", "") == ["gardens", "general"]
    node = ana.node()
    assert completed(ana, "clowder", "send", "ge") == ["general"]
    node.stop()
    empty = machines.machine("empty")
    assert completed(ana, "clowder", "--home", str(empty.home), "send", "g") == []
    assert not empty.home.exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_what_it_reads(machines: Machines, shell: str) -> None:
    machine = machines.machine("ana")
    out = machine.run("completion", shell, json_lines=False).out
    assert f"_CLOWDER_COMPLETE={shell}_complete" in out
    if shutil.which(shell) is not None:
        assert machine.execute([shell, "-n"], out).code == 0
    assert machine.run("completion", "csh", exits=2, json_lines=False).out == ""


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_the_manual_page_is_read_without_a_complaint() -> None:
    ended = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", str(ROOT / "docs/clowder.1")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
