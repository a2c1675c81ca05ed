"""What a user shares: what it becomes, what is taken out, and what is refused in which words."""

import asyncio
import hashlib
import io
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from chat.blocks.errors import StoreFailure
from chat.blocks.sealing import FileReader
from chat.blocks.store_files import BlockStore
from chat.errors import ChatError, NotFound, StoreError, UsageError
from chat.files import user_files
from chat.files.files import ref_of
from chat.files.user_files import type_of
from chat.pictures import metadata
from chat.pictures.sample import cat_picture
from crdt.limits import PREVIEW_MAX_BYTES
from crdt.ops import FileInfo
from tests.chat.files_team import SECRET, Machine, Team, noise, tell, write

PLACE = "Katzenweg 7, Winterthur"


def geotagged(seed: int = 7) -> bytes:
    """A JPEG as a telephone makes it: turned, with a position and a street."""
    block = Image.Exif()
    block[0x010E] = PLACE
    block[0x0112] = 6
    gps = block.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (47.0, 22.0, 36.0), "E", (8.0, 32.0, 30.0)
    out = io.BytesIO()
    with Image.open(io.BytesIO(cat_picture(seed, 320, 240, "JPEG"))) as image:
        image.save(out, "JPEG", exif=block.tobytes(), quality=90)
    return out.getvalue()


def positions(data: bytes) -> dict[int, object]:
    with Image.open(io.BytesIO(data)) as image:
        return dict(image.getexif().get_ifd(0x8825))


def content(machine: Machine, info: FileInfo) -> bytes:
    return FileReader(ref_of(info), machine.store.get).read()


def test_a_picture_loses_its_place_and_reaches_the_other_whole(tmp_path: Path) -> None:
    original = geotagged()
    assert positions(original)
    assert PLACE.encode() in original

    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        team.link(ana, bo)
        prepared = await ana.prepare(write(tmp_path, "cat.jpg", original), alt="a cat")
        info = prepared.info
        assert (info.name, info.type, info.alt) == ("cat.jpg", "image/jpeg", "a cat")
        assert (info.width, info.height) == (240, 320), "upright"
        assert 0 < len(info.preview) <= PREVIEW_MAX_BYTES
        assert "EXIF" in prepared.removed
        assert not prepared.notes

        await bo.files.get(info, str(tmp_path / "got.jpg"), 10)
        got = (tmp_path / "got.jpg").read_bytes()
        assert got == metadata.remove(original, "image/jpeg").data
        assert hashlib.sha256(got).digest() == info.sha256
        assert not positions(got)
        for data in (got, info.preview):
            assert PLACE.encode() not in data
        assert (tmp_path / "cat.jpg").read_bytes() == original, "the user's own file is untouched"

    tell(story, tmp_path)


def test_metadata_is_kept_when_the_user_says_so(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        path = write(tmp_path, "cat.jpg", geotagged())
        prepared = await ana.prepare(path, keep_metadata=True)
        assert content(ana, prepared.info) == path.read_bytes()
        assert not prepared.removed
        assert prepared.info.preview

    tell(story, tmp_path)


def test_a_picture_that_cannot_be_cleaned_is_refused_with_a_way_out(tmp_path: Path) -> None:
    tiff = io.BytesIO()
    Image.new("RGB", (8, 8)).save(tiff, "TIFF")
    cut = geotagged()[:400]

    async def story(team: Team) -> None:
        ana = team.add("ana")
        for name, data in (("cat.tif", tiff.getvalue()), ("cut.jpg", cut)):
            path = write(tmp_path, name, data)
            with pytest.raises(UsageError, match=rf"“{name}”.*--keep-metadata.*\.$"):
                await ana.prepare(path)
            assert ana.store.count == 0
            kept = await ana.prepare(path, keep_metadata=True)
            assert content(ana, kept.info) == data
            ana.store.delete(kept.info.root)
        assert kept.info.preview == b""
        assert "no preview" in kept.notes[0], "a preview that fails is no reason not to share"

    tell(story, tmp_path)


def test_a_picture_too_large_to_clean_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_files, "PICTURE_MAX_BYTES", 1000)

    async def story(team: Team) -> None:
        with pytest.raises(UsageError, match="--keep-metadata"):
            await team.add("ana").prepare(write(tmp_path, "cat.jpg", geotagged()))

    tell(story, tmp_path)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("missing.png", NotFound, "missing.png"),
        ("file/below", NotFound, "below"),
        ("", UsageError, "folder"),
        ("pipe", UsageError, "plain file"),
        ("loop", UsageError, "loop"),
        ("huge", UsageError, "64 GiB"),
        ("x\0y", NotFound, "There is no file"),
        ("\x1b[31m", NotFound, "There is no file"),
        ("n" * 300, UsageError, "cannot be read"),
    ],
)
def test_what_cannot_be_shared_is_told_in_a_sentence(
    tmp_path: Path, name: str, error: type[ChatError], words: str
) -> None:
    write(tmp_path, "file", b"a file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate((64 << 30) + 1)

    async def story(team: Team) -> None:
        ana = team.add("ana")
        with pytest.raises(error, match=words) as caught:
            await ana.files.prepare(f"{tmp_path}/{name}", secret=SECRET, known=lambda sha256: None)
        text = str(caught.value)
        assert text[0] in "“T"
        assert text.endswith(".")
        assert text.isprintable()
        assert ana.store.count == 0

    tell(story, tmp_path)


def test_a_relative_path_is_not_guessed(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        with pytest.raises(UsageError, match="whole path"):
            await team.add("ana").prepare(Path("cat.jpg"))

    tell(story, tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        path = write(tmp_path, "locked", b"x")
        path.chmod(0)
        with pytest.raises(UsageError, match="permissions"):
            await team.add("ana").prepare(path)

    tell(story, tmp_path)


def test_a_file_that_changes_meanwhile_leaves_nothing_behind(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        path = write(tmp_path, "log.txt", noise(1, 300_000))

        def grow(sha256: bytes) -> None:
            """Called between hashing and sealing."""
            path.write_bytes(noise(2, 300_000))

        with pytest.raises(UsageError, match="changed while it was being shared"):
            await ana.prepare(path, known=grow)
        path.write_bytes(noise(1, 300_000))
        with pytest.raises(NotFound):
            await ana.prepare(path, known=lambda sha256: path.unlink())
        assert ana.store.count == 0

    tell(story, tmp_path)


def test_a_full_disk_is_told_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = BlockStore.put

    def put_some(self: BlockStore, cid: bytes, data: bytes) -> None:
        if self.count >= 3:
            raise StoreFailure("the disk is full; free some space and try again")
        put(self, cid, data)

    monkeypatch.setattr(BlockStore, "put", put_some)

    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        path = write(tmp_path, "film.bin", noise(1, 400_000))
        with pytest.raises(StoreError, match=r"^The disk is full; .*\.$"):
            await ana.prepare(path)
        assert ana.store.count == 0
        monkeypatch.setattr(BlockStore, "put", put)
        info = (await ana.prepare(path)).info
        chunks_and_root = ana.store.count

        monkeypatch.setattr(BlockStore, "put", put_some)
        team.link(ana, bo)
        with pytest.raises(StoreError, match="The disk is full"):
            await bo.files.fetch(info, 10)
        assert bo.last(info).state == "failed"
        assert bo.store.count < chunks_and_root
        bo = await team.restart(bo)
        monkeypatch.setattr(BlockStore, "put", put)
        team.link(ana, bo)
        assert (await bo.files.fetch(info, 10)).state == "done", "with room again, it goes on"

    tell(story, tmp_path)


def test_the_same_file_again_is_the_same_blocks_across_epochs(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        posted: dict[bytes, FileInfo] = {}
        first = (await ana.prepare(write(tmp_path, "cat.png", cat_picture(1)))).info
        posted[first.sha256] = first
        count = ana.store.count

        copy = write(tmp_path, "same cat.png", cat_picture(1))
        again = (await ana.prepare(copy, secret=bytes(32), known=posted.get)).info
        assert (again.root, again.key, again.preview) == (first.root, first.key, first.preview)
        assert again.name == "same cat.png"
        assert ana.store.count == count

        ana.store.delete(next(cid for cid in ana.store.cids() if cid != first.root))
        ana.files._shelf.count_anew()
        mended = (await ana.prepare(copy, secret=bytes(32), known=posted.get)).info
        assert mended.root == first.root
        assert (ana.store.count, ana.files.have(mended)) == (count, 1.0), "made from the file again"

        lie = FileInfo(first.root, first.key, first.sha256, first.size + 1, "x", "image/png")
        assert (await ana.prepare(copy, known=lambda sha256: lie)).info.size == first.size

    tell(story, tmp_path)


def test_a_message_that_lies_about_a_key_or_a_root_makes_no_blocks(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        path = write(tmp_path, "film.bin", noise(1, 300_000))
        honest = (await ana.prepare(path)).info
        other = (await ana.prepare(write(tmp_path, "other.bin", noise(2, 300_000)))).info
        for key, root in ((bytes(32), honest.root), (honest.key, other.root)):
            lie = FileInfo(root, key, honest.sha256, honest.size, "x", "y")
            info = (await bo.prepare(path, known=lambda sha256, lie=lie: lie)).info
            assert (info.root, info.key) == (honest.root, honest.key), "as if nothing was said"
            assert bo.store.count == 6
            assert content(bo, info) == path.read_bytes()

    tell(story, tmp_path)


def test_sharing_one_file_many_times_at_once_is_one_set_of_blocks(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        path = write(tmp_path, "film.bin", noise(3, 500_000))
        made = await asyncio.gather(*(ana.prepare(path) for _ in range(5)))
        assert len({each.info.root for each in made}) == 1
        assert content(ana, made[0].info) == path.read_bytes()

    tell(story, tmp_path)


def test_a_large_file_does_not_pass_through_memory(tmp_path: Path) -> None:
    size = 40 << 20

    async def story(team: Team) -> None:
        ana = team.add("ana")
        path = tmp_path / "film.bin"
        with path.open("wb") as file:
            file.truncate(size)
        tracemalloc.start()
        try:
            info = (await ana.prepare(path)).info
            await ana.files.save(info, str(tmp_path / "copy.bin"))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (tmp_path / "copy.bin").stat().st_size == size
        assert peak < 8 << 20

    tell(story, tmp_path)


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        team.link(ana, bo)
        info = (await ana.prepare(write(tmp_path, "empty", b""))).info
        await bo.files.get(info, str(tmp_path / "got"), 10)
        assert (tmp_path / "got").read_bytes() == b""

    tell(story, tmp_path)


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("cat.txt", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("cat.png", b"only text", "text/plain"),
        ("cat.png", b"\0\1\2", "application/octet-stream"),
        ("page.html", b"<p>", "text/html"),
        ("drawing.svg", b"<svg>", "image/svg+xml"),
        ("drawing.svg", b"\0\1", "application/octet-stream"),
        ("notes.csv", b"a,b", "text/csv"),
        ("notes.csv", b"\0\1", "application/octet-stream"),
        ("letter.docx", b"PK\x03\x04", None),
        ("old.tar.gz", b"\x1f\x8b", "application/gzip"),
        ("noname", b"", "application/octet-stream"),
    ],
)
def test_the_type_follows_the_content_then_the_name(
    name: str, head: bytes, expected: str | None
) -> None:
    kind = type_of(head, name)
    if expected is None:
        assert kind in ("application/zip", type_of(b"\0", name))
    else:
        assert kind == expected


def test_names_are_base_names_and_clean(tmp_path: Path) -> None:
    def names() -> Iterator[tuple[str, str]]:
        yield "a\u202egpj.exe", "agpj.exe"
        yield "two\nlines.txt", "two lines.txt"
        yield "back\\slash.txt", "slash.txt"

    async def story(team: Team) -> None:
        ana = team.add("ana")
        for given, expected in names():
            info = (await ana.prepare(write(tmp_path, given, given.encode()))).info
            assert info.name == expected

    tell(story, tmp_path)
