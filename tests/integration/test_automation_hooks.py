"""Hooks of a real node: for each event its command, and only of what others said."""

import json
from pathlib import Path

import pytest

from tests.integration.machines import Machines, Record, eventually

pytestmark = [pytest.mark.processes, pytest.mark.long]


def heard(folder: Path, name: str) -> list[Record]:
    """What a hook was told, each run's in a file of its own that appears at its end."""
    return [json.loads(path.read_text("utf-8")) for path in folder.glob(f"{name}.*.done")]


def texts(folder: Path, name: str) -> set[str]:
    return {event["message"]["text"] for event in heard(folder, name)}


def test_hooks_run_in_the_node_that_holds_the_profile(machines: Machines) -> None:
    ana, bo, carl = machines.machine("ana"), machines.machine("bo"), machines.machine("carl")
    ana.new("Cats", "ana")
    ana.node()
    assert bo.join(ana.invite(), "bo") == "joined"
    assert carl.join(ana.invite(), "carl") == "joined"
    out = machines.folder / "out"
    out.mkdir()
    script = 'f="$1/$CLOWDER_HOOK.$$"; cat > "$f"; mv "$f" "$f.done"'
    argv = json.dumps(["sh", "-c", script, "sh", str(out)])
    (bo.home / "config.toml").write_text(
        f"[hooks]\nmessage = {argv}\nmention = {argv}\ndirect = {argv}\n", "utf-8"
    )
    bo.node("--dial", ana.url)
    eventually(lambda: bo.linked(1), what="a link")
    ana.run("channel", "new", "two", "--members", "bo")
    ana.run("channel", "new", "three", "--members", "bo,carl")
    ana.send("general", "for all")
    ana.send("general", "hey @bo")
    ana.send("two", "for you $(touch pwned)")
    ana.send("three", "for us")
    bo.send("general", "from bo @bo")
    everything = {"for all", "hey @bo", "for you $(touch pwned)", "for us"}
    eventually(lambda: texts(out, "message") == everything, what="every message")
    eventually(lambda: heard(out, "direct"), what="the direct one")
    ana.send("general", "the end")
    eventually(lambda: "the end" in texts(out, "message"), what="the end")
    assert texts(out, "message") == everything | {"the end"}
    assert texts(out, "mention") == {"hey @bo"}
    assert texts(out, "direct") == {"for you $(touch pwned)"}
    assert bo.programs[0].errors == []
    assert not list(machines.folder.rglob("pwned"))


def test_a_hook_answers_through_the_node_that_started_it(machines: Machines) -> None:
    from tests.integration.machines import CLOWDER

    ana, bo = machines.machine("ana"), machines.machine("bo")
    ana.new("Cats", "ana")
    ana.node()
    assert bo.join(ana.invite(), "bo") == "joined"
    answer = json.dumps([*CLOWDER, "send", "general", "I am away"])
    (bo.home / "config.toml").write_text(f"[hooks]\nmention = {answer}\n", "utf-8")
    bo.node("--dial", ana.url)
    eventually(lambda: bo.linked(1), what="a link")
    ana.send("general", "hey @bo")
    eventually(lambda: ana.texts() == ["hey @bo", "I am away"], what="the answer")


def test_a_hook_that_is_no_command_is_a_sentence(machines: Machines) -> None:
    ana = machines.machine("ana")
    ana.new("Cats", "ana")
    (ana.home / "config.toml").write_text("[hooks]\nmessage = 'say \"hi'\n", "utf-8")
    ran = ana.run("node", exits=2)
    assert "hook “message” in config.toml is no command" in ran.err
    assert "Traceback" not in ran.err
    assert ana.send("general", "commands that work alone have no hooks")
