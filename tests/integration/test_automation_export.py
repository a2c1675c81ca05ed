"""`clowder export` by the real program: every format, whole or not at all, and as it was before."""

import json
import os
import re
import stat

import pytest
from PIL import Image

from tests.integration.machines import Machine, Machines, eventually

pytestmark = [pytest.mark.processes, pytest.mark.long]

PAGE = b"<html><script>alert(1)</script></html>"


@pytest.fixture
def ana(machines: Machines) -> Machine:
    machine = machines.machine("ana")
    machine.new("Cats <b>", "ana")
    machine.run("channel", "new", "cats")
    machine.run("send", "general", "--lines", stdin="".join(f"line {n}\n" for n in range(1_203)))
    machine.send("cats", "<script>alert(1)</script>\n# no heading")
    folder = machine.home.parent
    Image.new("RGB", (30, 20), (200, 20, 20)).save(folder / "red.png")
    (folder / "evil.png").write_bytes(PAGE)
    machine.run("put", "cats", str(folder / "red.png"), "--alt", '"><script>', "--text", "red")
    machine.run("put", "cats", str(folder / "evil.png"))
    machine.run("put", "cats", str(folder / "red.png"))
    return machine


@pytest.mark.parametrize("holder", [False, True], ids=["alone", "through a node"])
def test_lines_and_json_are_as_they_were_and_go_to_files(ana: Machine, holder: bool) -> None:
    if holder:
        ana.node()
    records = ana.run("export").records
    assert [r["text"] for r in records if r["channel"] == "general"] == [
        f"line {n}" for n in range(1_203)
    ]
    assert [r["order"] for r in records] == sorted(r["order"] for r in records)
    assert records == [*ana.history("general"), *ana.history("cats")]
    lines = ana.run("export", "--channel", "general", json_lines=False).out.splitlines()
    assert len(lines) == 1_203
    assert re.fullmatch(r"\d\d:\d\d [0-9a-f]{6} #general <ana> line 0", lines[0])
    path = ana.home.parent / "out.jsonl"
    path.write_text("old")
    ran = ana.run("export", "--format", "jsonl", "-o", str(path), json_lines=False)
    assert ran.out == ""
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == records
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    page = ana.run("export", "--format", "md", json_lines=False).out
    assert [line for line in page.splitlines() if line.startswith("# ")] == [
        r"# \#general, Cats \<b\>",
        r"# \#cats, Cats \<b\>",
    ]
    assert page.count("\n> line ") == 1_203
    assert "> \\<script\\>alert(1)\\</script\\>\\\n> \\# no heading\n" in page


def test_html_is_a_folder_with_pictures_and_nothing_that_runs(ana: Machine) -> None:
    folder = ana.home.parent / "out"
    ran = ana.run("export", "--format", "html", "-o", str(folder), json_lines=False)
    assert (ran.out, ran.err) == ("", f"written to {folder}\n")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    kinds = [re.sub(r"[0-9a-f]{8}(?=\.html)|bafk\w+", "_", name) for name in names]
    assert sorted(kinds) == [
        *("cats-_.html", "files", "files/_.bin", "files/_.png", "general-_.html", "index.html"),
    ]
    cats = next(folder.glob("cats-*.html")).read_text("utf-8")
    assert "<script" not in cats
    assert cats.count("<img ") == 2
    for target in re.findall(r'(?:src|href)="(files/[^"]+)"', cats):
        assert (folder / target).is_file()
    (picture,) = folder.glob("files/*.png")
    with Image.open(picture) as opened:
        assert opened.size == (30, 20)
    (other,) = folder.glob("files/*.bin")
    assert other.read_bytes() == PAGE
    index = (folder / "index.html").read_text("utf-8")
    assert [int(n) for n in re.findall(r"</a> (\d+)", index)] == [1_203, 4]
    for page in re.findall(r'href="([^"]+)"', index):
        assert (folder / page).is_file()
    for path in folder.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077
    again = ana.run("export", "--format", "html", "-o", str(folder), exits=2, json_lines=False)
    assert "is there already" in again.err


def test_a_picture_that_is_not_here_is_named(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    path = ana.home.parent / "data.bin"
    path.write_bytes(os.urandom(300_000))
    ana.run("put", "general", str(path))
    eventually(bo.history, what="the message")
    folder = bo.home.parent / "out"
    ana.programs[0].stop()
    ran = bo.run("export", "--format", "html", "-o", str(folder), json_lines=False)
    page = next(folder.glob("general-*.html")).read_text("utf-8")
    assert "data.bin, 300000 bytes, not on this machine" in page, ran.err
    assert not (folder / "files").exists()


WRONG = (
    (("--format", "html"), 2, "-o FOLDER"),
    (("--json", "--format", "md"), 2, "one of them"),
    (("--format", "pdf"), 2, "pdf"),
    (("--channel", "cellar", "--format", "md"), 3, "cellar"),
    (("--channel", "cellar", "--format", "html", "-o", "new"), 3, "cellar"),
    (("--format", "md", "-o", "no/such/file"), 1, "cannot be written"),
    (("--format", "html", "-o", "no/such/folder"), 1, "cannot be written"),
)


def test_what_fails_says_why_and_leaves_nothing(machines: Machines) -> None:
    ana = machines.machine("ana")
    ana.new("Cats", "ana")
    ana.node()
    before = set(ana.home.parent.iterdir())
    for arguments, exits, words in WRONG:
        ran = ana.run("export", *arguments, exits=exits, json_lines=False)
        assert words in ran.err
        assert "Traceback" not in ran.err
        assert set(ana.home.parent.iterdir()) == before
