"""The example bot, as a process of its own, among real nodes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.machines import ROOT, Machine, Machines, Record, eventually

pytestmark = pytest.mark.processes


@contextmanager
def bot(machine: Machine, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The echo bot, once it listens."""
    process = subprocess.Popen(
        [
            sys.executable,
            str(ROOT / "examples/echo_bot.py"),
            "--home",
            str(machine.home),
            *arguments,
        ],
        env=machine.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        assert process.stderr.readline() == "echo: I am bo\n"
        yield process
    finally:
        process.kill()
        process.wait(10)
        process.stderr.close()


def answers(machine: Machine, count: int) -> list[Record]:
    """What the bot said, once it is so much."""

    def look() -> list[Record]:
        said = [record for record in machine.history() if record["author"]["nick"] == "bo"]
        return said if len(said) >= count else []

    return eventually(look, what=f"{count} answers")


def test_the_echo_bot_answers_whoever_asks_and_nobody_else(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    ana.send("general", "!echo before the bot")
    eventually(lambda: "!echo before the bot" in bo.texts(), what="the first message")
    hostile = '$(touch pwned) `id` "; rm -rf / #\\ 猫 \u200d'
    with bot(bo, "general") as process:
        first = ana.send("general", "!echo hello")
        answers(ana, 1)
        ana.send("general", "no call")
        bo.send("general", "!echo myself")
        second = ana.send("general", f"!echo {hostile}", "--reply-to", first)
        said = answers(ana, 3)
        assert [record["text"] for record in said] == ["hello", "!echo myself", hostile.strip()]
        assert [record["reply_to"] for record in said] == [first, None, first]
        assert second in [record["id"] for record in ana.history()]
        # Many at once: each is answered, and once.
        ana.run("send", "general", "--lines", stdin="".join(f"!echo {n}\n" for n in range(120)))
        said = answers(ana, 123)
        assert sorted(int(record["text"]) for record in said[3:]) == list(range(120))
        # The bot ends with its node, with no error.
        bo.programs[0].stop()
        assert process.wait(20) == 0


def test_without_a_node_the_bot_says_what_to_do(machines: Machines) -> None:
    machine = machines.machine("bo")
    ended = subprocess.run(
        [sys.executable, str(ROOT / "examples/echo_bot.py"), "--home", str(machine.home)],
        env=machine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("echo: No Clowder answers")
    assert "Traceback" not in ended.stderr
