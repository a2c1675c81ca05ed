"""The command line's contract: what scripts may rely on, field by field."""

import json
import re

import pytest
from PIL import Image

from chat import commands
from tests.integration.machines import CLOWDER, Machine, Machines, Record, eventually, founder

MESSAGE = {
    "v": int,
    "kind": str,
    "id": str,
    "channel": str,
    "author": dict,
    "at": str,
    "text": str,
    "reply_to": (str, type(None)),
    "edited": bool,
    "deleted": bool,
    "reactions": dict,
    "files": list,
    "reached": list,
}
FILE = {"id": str, "name": str, "size": int, "type": str, "have": float}
AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

pytestmark = pytest.mark.processes


@pytest.fixture(params=["alone", "attached"])
def ana(machines: Machines, request: pytest.FixtureRequest) -> Machine:
    """A founder, once with a node that holds the profile and once without."""
    machine = machines.like("ana", founder)
    if request.param == "attached":
        machine.node()
    return machine


def assert_message(record: Record) -> None:
    assert record["v"] == 1
    assert record["kind"] == "message"
    for name, kind in MESSAGE.items():
        assert isinstance(record[name], kind), name  # type: ignore[arg-type]
    assert re.fullmatch(r"[0-9a-f]{32}", record["id"])
    assert set(record["author"]) >= {"member", "nick"}
    assert AT.fullmatch(record["at"])
    reached, others = record["reached"]
    assert 0 <= reached <= others
    for file in record["files"]:
        for name, kind in FILE.items():
            assert isinstance(file[name], kind), name  # type: ignore[arg-type]
        assert file["id"].startswith(("bafy", "bafk"))


def test_founding_prints_the_id_of_the_workspace(machines: Machines) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", machines.machine("ana").new("Cats", "ana"))


def test_a_message_from_first_word_to_deletion(ana: Machine) -> None:
    parent = ana.send("general", "who took the last treat?")
    answer = ana.send("general", "not me", "--reply-to", parent)
    first, second = ana.history()
    for record in (first, second):
        assert_message(record)
    assert first["channel"] == "general"
    assert first["author"]["nick"] == "ana"
    assert (first["reply_to"], second["reply_to"]) == (None, parent)

    ana.run("react", parent, "😼")
    ana.run("edit", answer, "not me!")
    first, second = ana.history()
    assert [*first["reactions"]] == ["😼"]
    assert (second["text"], second["edited"]) == ("not me!", True)
    assert [r["id"] for r in ana.run("search", "treat").records] == [parent]

    ana.run("react", parent, "😼", "--off")
    ana.run("delete", answer)
    first, second = ana.history()
    assert first["reactions"] == {}
    assert second["deleted"]
    assert "not me" not in second["text"]
    assert [r["id"] for r in ana.run("export").records] == [parent, answer]


def test_data_is_on_stdout_and_ids_are_alone_there(ana: Machine) -> None:
    sent = ana.run("send", "general", "-", stdin="from a pipe\n", json_lines=False)
    assert re.fullmatch(r"[0-9a-f]{32}\n", sent.out)
    picture = ana.home.parent / "note.txt"
    picture.write_text("not a picture", "utf-8")
    put = ana.run("put", "general", str(picture), json_lines=False)
    assert re.fullmatch(r"[0-9a-f]{32}\n", put.out)
    record = ana.history()[-1]
    assert_message(record)
    assert record["files"][0]["name"] == "note.txt"
    assert record["files"][0]["have"] == 1.0
    invited = ana.run("invite", "--qr", json_lines=False)
    assert len(invited.out.split()) == 1
    assert "█" in invited.err or "▀" in invited.err
    words = ana.run("invite", "--words", json_lines=False)
    assert len(words.out.split()) == 12


def test_channels_topics_and_notes(ana: Machine) -> None:
    assert [c["name"] for c in ana.run("channels").records] == ["general"]
    ana.run("channel", "new", "treats")
    ana.run("channel", "topic", "treats", "salmon or tuna")
    listed = {c["name"]: c for c in ana.run("channels").records}
    assert list(listed) == ["general", "treats"]
    assert listed["treats"]["topic"] == "salmon or tuna"
    ana.send("treats", "tuna")
    assert ana.texts("general") == []
    assert ana.texts("treats") == ["tuna"]
    ana.run("notes", "treats", "--set", "-", stdin="# Shopping\n- tuna\n", json_lines=False)
    shown = ana.run("notes", "treats", json_lines=False)
    assert shown.out == "# Shopping\n- tuna\n"


def test_global_options_go_before_and_after(ana: Machine) -> None:
    ana.send("general", "hello")
    home = str(ana.home)
    for arguments in (
        ("history", "general", "--home", home, "--json"),
        ("--json", "--home", home, "history", "general"),
        ("--home", "/nowhere", "history", "general", "--json", "--home", home),
    ):
        ended = ana.execute([*CLOWDER, *arguments])
        assert ended.code == 0, ended.err
        assert json.loads(ended.out)["text"] == "hello"


def test_following_shows_what_comes_and_what_changes(ana: Machine) -> None:
    first = ana.send("general", "one")
    if not ana.programs:
        ana.node()
    following = ana.start("tail", "general", "-f")
    following.wait_for(lambda line: line["text"] == "one")
    second = ana.send("general", "two")
    following.wait_for(lambda line: line["id"] == second)
    ana.run("edit", first, "one, really")
    following.wait_for(lambda line: line["id"] == first and line["text"] == "one, really")
    following.stop()
    assert [line["id"] for line in following.records].count(second) == 1


def test_sending_with_wait_tells_whether_anybody_has_it(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    waited = ana.run("send", "general", "for you", "--wait").records[-1]
    assert waited["reached"] == [1, 1]
    assert bo.texts() == ["for you"]
    # A picture comes by itself, and is waited for; any other file stays until somebody gets it.
    Image.new("RGB", (30, 20), (200, 20, 20)).save(machines.folder / "red.png")
    (machines.folder / "log.bin").write_bytes(bytes(range(256)) * 300)
    ana.run("put", "general", str(machines.folder / "red.png"), "--wait")
    assert [file["have"] for file in bo.history()[-1]["files"]] == [1.0]
    log = (str(machines.folder / "log.bin"), "--wait", "--timeout", "0.5")
    assert "nobody all of the file" in ana.run("put", "general", *log, exits=4).err
    # So are others told who is away, and why: by the node that runs.
    (me,) = ana.run("away", "lunch").records
    assert (me["away"], me["away_text"]) == (True, "lunch")

    def heard() -> list[str]:
        return [m.away_text for m in bo.ask(commands.ListMembers()) if m.away]

    eventually(lambda: heard() == ["lunch"], what="bo to hear of it")
    assert not ana.run("back").records[0]["away"]
    eventually(lambda: heard() == [], what="bo to hear that ana is back")
    bo.programs[-1].stop()
    eventually(lambda: not ana.links(), what="the link to go")
    alone = ana.run("send", "general", "anybody?", "--wait", "--timeout", "0.5", exits=4)
    assert "\n" not in alone.err.strip()
    (told,) = alone.records
    kept = ana.ask(commands.History("general", 1))[-1]
    assert kept.text == "anybody?", "it is sent all the same"
    assert (told["id"], told["reached"]) == (kept.id, [0, 1]), "a script knows what it sent"
    ana.programs[-1].stop()
    assert "offline" in ana.run("away", exits=4, json_lines=False).err


def test_a_picture_crosses_and_says_where_it_came_from(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    original = machines.folder / "photo.bin"
    original.write_bytes(bytes(range(256)) * 3000)
    message = ana.run("put", "general", str(original)).records[0]
    eventually(lambda: bo.history(), what="the message")
    got = bo.run("get", message["files"][0]["id"], "-o", str(machines.folder / "copy.bin"))
    (record,) = got.records
    assert record["kind"] == "file"
    assert record["size"] == original.stat().st_size
    assert (machines.folder / "copy.bin").read_bytes() == original.read_bytes()
    assert bo.history()[0]["files"][0]["have"] == 1.0
