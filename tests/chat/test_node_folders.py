"""Folders between nodes: what goes in comes out, and what a listing says stays below its place."""

import zlib
from pathlib import Path

import msgspec
import pytest

from chat import commands, model
from chat.blocks import folder
from chat.blocks.folder import FOLDER_TYPE, FolderFile
from chat.blocks.limits import FOLDER_FILES_MAX
from chat.blocks.sealing import FileRef
from chat.errors import ChatError, NotFound, UsageError
from chat.pictures.sample import cat_picture
from tests.chat.node_team import Desk
from tests.chat.test_node_files import Wire, blocks, listed, tell

FILES = {
    "read me.txt": b"cats",
    "pictures/tom.bin": bytes(200_000),
    "pictures/old/tom.bin": b"older",
    ".hidden": b"is a file too",
    "empty": b"",
}


def make_folder(desk: Desk, files: dict[str, bytes], name: str = "Cats") -> Path:
    top = desk.home.parent / desk.name / name
    for below, data in files.items():
        path = top / below
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return top


def contents(top: Path) -> dict[str, bytes]:
    return {str(p.relative_to(top)): p.read_bytes() for p in top.rglob("*") if p.is_file()}


async def put(desk: Desk, path: Path) -> model.FileView:
    message: model.Message = await desk.call(commands.Put("general", str(path)))
    return message.files[0]


def test_a_folder_goes_in_and_comes_out() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        shared = await put(ana, make_folder(ana, FILES))
        assert (shared.name, shared.type) == ("Cats", FOLDER_TYPE)
        await bo.until(lambda: blocks(bo) == 1)
        assert blocks(ana) == 1 + 4 + 5, "the listing, small files, and four chunks under one root"

        top = bo.home.parent / "for bo"
        done: model.Transfer = await bo.call(commands.Get(shared.id, str(top)))
        expected = {name.replace(".hidden", "_hidden"): data for name, data in FILES.items()}
        assert contents(top) == expected
        assert done.total == sum(map(len, FILES.values()))
        assert dict(done.sources)["ana"] > done.total
        (view,) = await listed(bo)
        assert (view.here, view.blocks, view.size) == (10, 10, done.total)
        assert view.holders == ("ana",)

        with pytest.raises(UsageError, match="is there already"):
            await bo.call(commands.Get(shared.id, str(top)))
        with pytest.raises(NotFound, match="no folder"):
            await bo.call(commands.Get(shared.id, str(top / "no" / "where")))

    tell(story)


def test_pictures_in_a_folder_lose_their_metadata() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        picture = cat_picture(1)
        text = b"tEXtComment\0home"
        comment = b"\0\0\0\x0c" + text + zlib.crc32(text).to_bytes(4, "big")
        end = picture.index(b"\0\0\0\0IEND")
        top = make_folder(ana, {"cat.png": picture[:end] + comment + picture[end:]})
        shared = await put(ana, top)
        back = ana.home.parent / "back"
        await ana.call(commands.Get(shared.id, str(back)))
        assert b"Comment" not in (back / "cat.png").read_bytes()

    tell(story)


def test_what_is_no_folder_of_files_is_not_shared(tmp_path: Path) -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "linked").mkdir()
        (tmp_path / "linked" / "passwd").symlink_to("/etc/passwd")
        (tmp_path / "deep" / "/".join("abcdefgh")).mkdir(parents=True)
        (tmp_path / "many").mkdir()
        for number in range(FOLDER_FILES_MAX + 1):
            (tmp_path / "many" / str(number)).touch()
        for name, words in {
            "empty": "no files",
            "linked": "no plain file",
            "deep": "too deep",
            "many": "more than 1000",
        }.items():
            with pytest.raises(UsageError, match=words):
                await put(ana, tmp_path / name)
        assert blocks(ana) == 0

    tell(story)


async def post_listing(desk: Desk, paths: list[tuple[str, ...]]) -> str:
    """A message with a listing that no honest program makes."""
    sharing = desk.node._parts.sharing
    assert sharing is not None
    path = desk.home.parent / "inner"
    path.write_bytes(b"owned")
    prepared = await sharing.files.prepare(str(path), secret=bytes(32), known=lambda _: None)
    info = prepared.info
    ref = FileRef(info.root, info.key, info.sha256, info.size)
    files = tuple(FolderFile(each, ref, "text/plain") for each in paths)
    listing = await sharing.files.prepare_folder("x", files, secret=bytes(32))
    said = desk.team.talking.post("general", "", None, (listing,))
    desk.team.write(said.channel, said.op)
    await desk.team.turns.durable()
    assert folder.decode(folder.encode(files))
    return said.message.hex()


def test_no_name_leads_out_of_the_folder() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        evil = [("..", "..", "up"), ("/etc/passwd",), ("..\\up",), (".ssh", "keys"), ("\x1b[2J",)]
        message = await post_listing(ana, sorted(evil))
        await bo.until(lambda: bo.texts())
        inside = bo.home.parent / "below"
        inside.mkdir()
        before = {path for path in bo.home.parent.rglob("*") if path.is_file()}
        await bo.call(commands.Get(message, str(inside / "it")))
        after = {path for path in bo.home.parent.rglob("*") if path.is_file()}
        new = {path for path in after - before if "blocks" not in path.parts}
        new = {path for path in new if bo.home not in path.parents}
        assert {str(path.relative_to(inside / "it")) for path in new} == {
            "_/_/up",
            "_etc_passwd",
            "_._up",
            "_ssh/keys",
            "[2J",
        }

    tell(story)


def test_a_folder_that_is_no_folder_is_told() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        sharing = ana.node._parts.sharing
        assert sharing is not None
        path = ana.home.parent / "film.bin"
        path.write_bytes(b"no listing")
        prepared = await sharing.files.prepare(str(path), secret=bytes(32), known=lambda _: None)
        lie = msgspec.structs.replace(prepared.info, type=FOLDER_TYPE)
        said = ana.team.talking.post("general", "", None, (lie,))
        ana.team.write(said.channel, said.op)
        await ana.team.turns.durable()
        await bo.until(lambda: blocks(bo) == 1)
        with pytest.raises(ChatError, match="cannot be opened"):
            await bo.call(commands.Get(said.message.hex(), str(bo.home.parent / "out")))
        assert not (bo.home.parent / "out").exists()
        (view,) = await listed(bo)
        assert view.blocks == 1

    tell(story)


def test_what_a_folder_lists_is_not_taken_for_what_nobody_names() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        shared = await put(ana, make_folder(ana, {"a": b"a", "b": b"b"}))
        sharing = ana.node._parts.sharing
        assert sharing is not None
        room = sharing.files.room
        room._quota = 0
        room._may_go = lambda file: True  # type: ignore[method-assign]
        await room._list_and_shed()
        assert blocks(ana) == 3, "nobody else has them"
        await ana.call(commands.Delete((await ana.history())[0].id))
        await room._list_and_shed()
        assert blocks(ana) == 0, "no message names the folder any more"
        assert shared.name == "Cats"

    tell(story)


def test_a_folder_is_kept_with_what_is_in_it() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        shared = await put(ana, make_folder(ana, {"a": b"a", "b": b"b"}))
        await bo.until(lambda: bo.texts())
        kept: model.SharedFile = await bo.call(commands.KeepFile(shared.id))
        assert kept.kept
        await bo.until(lambda: blocks(bo) == 3)
        sharing = bo.node._parts.sharing
        assert sharing is not None
        assert len(sharing.files.room._kept._roots) == 3

    tell(story)
