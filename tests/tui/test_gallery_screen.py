"""The pictures of a channel: seen, gone through with keys, looked at, and found in the talk."""

from msgspec.structs import replace

from chat import commands
from chat.errors import Unavailable
from chat.model import FileView, SharedFile
from chat.pictures.errors import Invalid
from tests.tui.face import Face, open_face, story
from tests.tui.fake_session import FakeSession
from tests.tui.lively import InlineDecoder, Small, cat_picture, lively
from tests.tui.made import HOSTILE, message
from tui.config import UiConfig
from tui.inert import inert
from tui.limits import TILE_COLUMNS, TILE_ROWS
from tui.screens.gallery import GalleryScreen, pictures_of, where
from tui.screens.picture import PictureScreen
from tui.widgets.picture_grid import PictureGrid


def picture(number: int, **more: object) -> FileView:
    made = FileView(
        f"bafk{number}", f"cat {number}.png", 1000, "image/png", 1.0, 160, 100,
        cat_picture(96, 60), f"cat number {number}",
    )  # fmt: skip
    return replace(made, **more)


def album(count: int) -> FakeSession:
    """A channel with so many pictures, and talk between them."""
    world = lively()
    world.add_channel("album")
    for number in range(count):
        file = picture(number)
        world.bodies[file.id] = file.preview
        world.put(world.make("album", world.author("ana"), f"look {number}", files=(file,)))
        world.put(world.make("album", world.author("bo"), "nice"))
    return world


async def opened(face: Face, count: int) -> PictureGrid:
    await face.say("/join album")
    await face.until(lambda: face.workspace.channel_name == "album")
    await face.press("alt+g")
    await face.until(lambda: isinstance(face.app.screen, GalleryScreen))
    grid = face.app.screen.query_one(PictureGrid)
    await face.until(lambda: len(grid.files) == count)
    return grid


def chosen(grid: PictureGrid) -> str:
    assert grid.chosen is not None
    return grid.chosen.id


@story
async def test_previews_are_gone_through_with_keys() -> None:
    async with open_face(album(9), size=(100, 30), decoder=InlineDecoder()) as face:
        grid = await opened(face, 9)
        await face.shows("#album  9 pictures", "▸ cat 8.png", "cat number 8", "▀▀▀▀▀▀")
        await face.shows("here, also with ana, bo")
        across = grid.across
        assert across == 3
        for key, wanted in (
            ("right", 7), ("left", 8), ("left", 8), ("down", 5), ("j", 2), ("l", 1), ("l", 0),
            ("l", 0), ("k", 3), ("g", 8), ("G", 0), ("pageup", 6), ("pagedown", 0),
        ):  # fmt: skip
            await face.press(key)
            assert chosen(grid) == f"bafk{wanted}", key
        await face.shows("▸ cat 0.png")


@story
async def test_a_short_last_row_is_reached_from_above() -> None:
    async with open_face(album(4), size=(100, 30), decoder=InlineDecoder()) as face:
        grid = await opened(face, 4)
        await face.press("right", "down")
        assert chosen(grid) == "bafk0"
        await face.press("down")
        assert chosen(grid) == "bafk0"


@story
async def test_only_what_is_seen_is_decoded() -> None:
    class Counting(InlineDecoder):
        decoded = 0

        async def thumbnail(self, *args: object) -> Small:
            self.decoded += args[1:3] == (TILE_COLUMNS, TILE_ROWS * 2)
            return await super().thumbnail(*args)  # type: ignore[arg-type, return-value]

    decoder = Counting()
    config = UiConfig(previews=True)
    async with open_face(album(60), (100, 30), config, decoder) as face:
        await face.say("/join album")
        await face.until(lambda: face.workspace.channel_name == "album")
        grid = await opened(face, 60)
        await face.until(lambda: decoder.decoded >= grid.across * grid.page_rows)
        await face.pilot.pause()
        assert decoder.decoded <= grid.across * (grid.page_rows + 1)


@story
async def test_one_is_looked_at_saved_copied_and_found() -> None:
    async with open_face(album(3), size=(100, 30), decoder=InlineDecoder()) as face:
        await opened(face, 3)
        await face.press("right", "enter")
        await face.until(lambda: isinstance(face.app.screen, PictureScreen))
        await face.shows("cat 1.png", "shared by ana")
        await face.press("q")
        await face.until(lambda: isinstance(face.app.screen, GalleryScreen))
        await face.press("y")
        await face.until(lambda: face.app.clipboard == "clowder:file/bafk1")
        await face.press("m")
        await face.until(lambda: face.app.screen is face.workspace)
        timeline = face.workspace.timeline
        await face.until(lambda: timeline.selected and timeline.selected.text == "look 1")


@story
async def test_it_follows_what_is_posted_and_keeps_its_place() -> None:
    async with open_face(album(2), size=(100, 30), decoder=InlineDecoder()) as face:
        grid = await opened(face, 2)
        await face.press("right")
        posted = face.world.say("album", "bo", "one more", files=(picture(7),))
        await face.until(lambda: len(grid.files) == 3)
        assert chosen(grid) == "bafk0"
        face.world.change(posted, deleted=True, files=())
        await face.until(lambda: len(grid.files) == 2)


@story
async def test_without_drawing_pictures_are_told_in_words() -> None:
    world = album(2)
    async with open_face(world, (60, 24), UiConfig(ascii=True), InlineDecoder()) as face:
        await opened(face, 2)
        await face.shows("cat number 1", "cat 1.png")
        assert "▀" not in face.text


@story
async def test_damaged_hostile_and_missing_ones_are_no_trouble() -> None:
    class Broken(InlineDecoder):
        async def thumbnail(self, *_: object) -> Small:
            raise Invalid("this is no picture")

    nasty = "".join(HOSTILE[:9])[:80]
    world = album(0)
    world.put(
        world.make("album", world.author("bo"), "x", files=(picture(1, name=nasty, alt=nasty),))
    )
    async with open_face(world, (80, 24), decoder=Broken()) as face:
        await opened(face, 1)
        await face.shows("1 picture")
        for row in face.text.split("\n"):
            assert inert(row) == row
        await face.press("q")
        await face.until(lambda: face.app.screen is face.workspace)
        world.failures[commands.Search] = Unavailable("The node does not answer.")
        await face.press("alt+g")
        await face.shows("The node does not answer.", "No pictures here yet.")
        await face.press("enter", "s", "y", "m", "down", "G")
        assert isinstance(face.app.screen, GalleryScreen)


def test_each_picture_is_there_once_and_none_that_was_taken_back() -> None:
    newer = message(2, files=(picture(1), picture(2, width=0), picture(3)))
    older = message(1, files=(picture(1), picture(4)))
    gone = message(0, files=(picture(5),), deleted=True)
    found = pictures_of([newer, older, gone])
    assert [(file.id, said.id) for file, said in found.values()] == [
        ("bafk1", newer.id), ("bafk3", newer.id), ("bafk4", older.id),
    ]  # fmt: skip


def test_where_a_picture_is_stands_in_words() -> None:
    held = SharedFile("b", "n", 1, "image/png", "c", "m", 2, 3, True, ("ana", "relay"), 2)
    assert where(held) == "  2 of 3 blocks here, kept, also with ana, relay"
    assert where(replace(held, here=3, kept=False, holders=())) == "  here"
    assert where(None) == ""
