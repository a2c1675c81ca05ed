"""`clowder import slack` by the real program: everything once, however often it runs."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.integration.machines import Machine, Machines, founder

pytestmark = [pytest.mark.processes, pytest.mark.long]

START = 1_551_694_500
MANY = 1_203


def message(number: int, text: str, **fields: object) -> dict[str, object]:
    ts = f"{START + number}.000{number % 10}00"
    return {"type": "message", "user": "U1", "ts": ts, "text": text, **fields}


def export(path: Path, *, more: bool = False) -> Path:
    root = message(0, "who feeds the <#C2|cats>?")
    answers = [message(n, f"answer {n}", thread_ts=root["ts"], user="U2") for n in (1, 3)]
    general = [root, answers[0], message(2, "<@U1> &amp; <@U2>"), answers[1]]
    cats = [message(n, f"cat {n}") for n in range(MANY)]
    files: dict[str, object] = {
        "users.json": [{"id": "U1", "name": "ana"}, {"id": "U2", "name": "bo"}],
        "channels.json": [{"id": "C1", "name": "general"}, {"id": "C2", "name": "cats"}],
        "groups.json": [{"id": "G1", "name": "secret"}],
        "secret/2019-03-04.json": [message(0, "a secret")],
        "general/2019-03-04.json": general,
        "cats/2019-03-04.json": cats[:700],
        "cats/2019-03-05.json": cats[700:],
        "../../evil/2019-03-04.json": [message(0, "evil")],
    }
    if more:
        files["general/2019-03-06.json"] = [
            message(90_000, "later", thread_ts=root["ts"]),
            message(90_001, "<@U2> has left", subtype="channel_leave"),
        ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, rows in files.items():
            made.writestr(name, json.dumps(rows))
    return path


@pytest.fixture
def ana(machines: Machines) -> Machine:
    return machines.like("ana", founder)


def counts(machine: Machine, path: Path, *arguments: str) -> dict[str, tuple[int, int, int]]:
    ran = machine.run("import", "slack", str(path), *arguments)
    return {r["name"]: (r["posted"], r["known"], r["skipped"]) for r in ran.records}


def test_an_export_is_posted_once_and_goes_on_later(ana: Machine) -> None:
    folder = ana.home.parent
    path = export(folder / "export.zip")
    assert counts(ana, path, "--channel", "#general") == {"general": (4, 0, 0)}
    said = ana.history()
    assert [each["text"] for each in said] == [
        "ana, 2019-03-04 10:15: who feeds the #cats?",
        "bo, 2019-03-04 10:15: answer 1",
        "ana, 2019-03-04 10:15: ＠ana & ＠bo",
        "bo, 2019-03-04 10:15: answer 3",
    ]
    root = said[0]["id"]
    assert [each["reply_to"] for each in said] == [None, root, None, root]
    ran = ana.run("import", "slack", str(path), json_lines=False)
    assert ran.out.splitlines() == [
        "#general: 0 posted, 4 there already, 0 passed over",
        f"#cats: {MANY} posted, 0 there already, 0 passed over",
    ]
    assert ran.err == "#cats: 1020 messages\n"
    assert ana.texts("cats")[-1].endswith(f": cat {MANY - 1}")
    assert len(ana.history("cats")) == MANY
    # Edited and taken back since: they stay so.
    ana.run("delete", said[1]["id"])
    later = export(folder / "later.zip", more=True)
    assert counts(ana, later) == {"general": (1, 4, 1), "cats": (0, MANY, 0)}
    assert ana.history()[-1]["reply_to"] == root
    names = [r["name"] for r in ana.run("channels").records]
    assert names == ["general", "cats"]
    assert not list(folder.rglob("*evil*"))


@pytest.mark.parametrize("holder", [False, True], ids=["alone", "through a node"])
def test_a_run_that_was_cut_off_posts_nothing_twice(ana: Machine, holder: bool) -> None:
    path = export(ana.home.parent / "export.zip")
    if holder:
        ana.node()
    assert counts(ana, path)["cats"] == (MANY, 0, 0)
    for lines, name in ((1, "C1"), (0, "C1"), (500, "C2")):
        # As if the machine had stopped between a post and its line in the journal.
        journal = ana.home / "imports" / f"slack-{name}.jsonl"
        kept = journal.read_bytes().splitlines(keepends=True)[: lines + 1]
        journal.write_bytes(b"".join(kept) + b'["15516945')
        found = counts(ana, path)
        assert {posted for posted, _, _ in found.values()} == {0}
    assert len(ana.history("cats")) == MANY
    assert len(ana.history()) == 4


def test_what_cannot_be_imported_is_a_sentence(ana: Machine) -> None:
    folder = ana.home.parent
    path = export(folder / "export.zip")
    (folder / "text.zip").write_text("no zip")
    with zipfile.ZipFile(folder / "empty.zip", "w"):
        pass
    for arguments, exits, words in (
        ((str(path), "--channel", "secret"), 3, "no channel secret"),
        ((str(folder / "missing.zip"),), 3, "cannot be read"),
        ((str(folder / "text.zip"),), 2, "no zip"),
        ((str(folder / "empty.zip"),), 3, "holds no users.json"),
    ):
        ran = ana.run("import", "slack", *arguments, exits=exits)
        assert words in ran.err
        assert "Traceback" not in ran.err
    assert ana.texts() == []
