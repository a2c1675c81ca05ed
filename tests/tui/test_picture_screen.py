"""The viewer of one picture: it moves, grows, says where it came from, and gives it away safely."""

import io
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from chat import commands
from chat.errors import NoPeer
from chat.events import TransferChanged
from chat.model import FileView, Transfer
from chat.pictures.errors import Refused
from tests.tui.face import Face, open_face, story
from tests.tui.fake_session import FakeSession
from tests.tui.lively import DecodedAnimation, InlineDecoder, Small, cat_picture, lively
from tui import outside
from tui.config import UiConfig
from tui.errors import InputError
from tui.film import Film
from tui.limits import FILM_PAINTED_FRAMES
from tui.pictures import Thumbnail, box, part
from tui.screens.picture import PictureScreen

RED, BLUE = (255, 0, 0), (0, 0, 255)


def blinking(*colours: tuple[int, int, int], milliseconds: int = 60) -> bytes:
    """A GIF of one colour after the other."""
    frames = [Image.new("RGB", (64, 64), colour) for colour in colours]
    out = io.BytesIO()
    frames[0].save(
        out, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0
    )
    return out.getvalue()


def showing(body: bytes, kind: str, size: tuple[int, int] = (64, 64)) -> FakeSession:
    """The lively workspace; the newest message carries this picture."""
    world = lively()
    file = FileView("bafklook", "../../look.gif", len(body), kind, 1.0, *size, b"", "a blink")
    world.bodies[file.id] = body
    world.put(world.make("general", world.author("ana"), "look", files=(file,)))
    return world


async def opened(face: Face) -> PictureScreen:
    await face.press("escape")
    await face.press("o")
    await face.until(lambda: isinstance(face.app.screen, PictureScreen))
    screen = face.app.screen
    assert isinstance(screen, PictureScreen)
    return screen


def colours(screen: PictureScreen) -> set[tuple[int, int, int]]:
    """What is painted now."""
    return {
        tuple(segment.style.color.triplet)  # type: ignore[union-attr, arg-type]
        for row in screen._view._rows
        for segment in row
        if segment.style is not None
    }


@story
async def test_an_animation_plays_and_pauses() -> None:
    world = showing(blinking(RED, BLUE), "image/gif")
    async with open_face(world, size=(80, 24), decoder=InlineDecoder()) as face:
        screen = await opened(face)
        await face.shows("2 frames, space pauses", "hash ok")
        for colour in (RED, BLUE, RED):
            await face.until(lambda: colours(screen) == {colour})  # noqa: B023
        await face.press("space")
        await face.shows("space plays")
        assert screen._clock is None
        screen._next()
        assert screen._clock is None, "a frame that was on its way does not start it again"


@story
async def test_nothing_moves_where_nothing_may() -> None:
    world = showing(blinking(RED, BLUE), "image/gif")
    config = UiConfig(motion=False)
    async with open_face(world, (80, 24), config, InlineDecoder()) as face:
        screen = await opened(face)
        await face.shows("2 frames, space plays")
        assert screen._clock is None
        assert colours(screen) == {RED}
        await face.press("space")
        await face.until(lambda: colours(screen) == {BLUE})


@story
async def test_an_animation_that_is_too_large_stands_still_and_says_so() -> None:
    class Careful(InlineDecoder):
        async def animation(self, *_: object) -> DecodedAnimation:
            raise Refused("this animation is too large to play")

    world = showing(blinking(RED, BLUE), "image/gif")
    async with open_face(world, size=(80, 24), decoder=Careful()) as face:
        screen = await opened(face)
        await face.shows("This animation is too large to play.")
        assert colours(screen) == {RED}


@story
async def test_a_picture_grows_and_moves() -> None:
    world = showing(cat_picture(640, 480), "image/jpeg", (640, 480))
    async with open_face(world, size=(80, 24), decoder=InlineDecoder()) as face:
        screen = await opened(face)
        await face.shows("hash ok")
        view = screen._view
        await face.until(lambda: view._rows)
        assert not view.can_pan
        small = view._picture
        assert small is not None
        await face.press("plus")
        await face.until(lambda: view.can_pan)
        await face.shows("2×, arrows move it")
        assert view._picture.width == 2 * small.width  # type: ignore[union-attr]
        before = view._rows
        await face.press("up", "up", "up", "up", "left", "left", "left", "left")
        assert (view._left, view._top) == (0, 0)
        assert view._rows != before
        await face.press("plus", "plus", "plus", "plus", "plus", "plus")
        await face.until(lambda: view._picture.width == 640)  # type: ignore[union-attr]
        await face.press("0")
        await face.until(lambda: not view.can_pan)


@story
async def test_where_it_comes_from_is_told_while_it_comes() -> None:
    world = showing(cat_picture(64, 64), "image/png")
    world.failures[commands.Get] = NoPeer("Nobody who is linked has it.")
    async with open_face(world, size=(100, 24), decoder=InlineDecoder()) as face:
        screen = await opened(face)
        await face.shows("Nobody who is linked has it.")
        screen._problem = ""
        moving = Transfer("bafklook", "x", 30, 100, "moving", (("ana", 20), ("bo", 10)), 0.2, 2)
        world.emit(TransferChanged(moving))
        await face.shows("30%", "from ana 67%, bo 33%, 0.2 s, 2 holders")
        assert "hash ok" not in face.text
        await face.press("o")
        await face.shows("It is not here yet.")


@story
async def test_it_is_saved_copied_and_opened_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    given: list[Path] = []
    monkeypatch.setattr(outside, "show", given.append)
    world = showing(cat_picture(64, 64), "image/png")
    async with open_face(world, size=(100, 30), decoder=InlineDecoder()) as face:
        await opened(face)
        await face.shows("hash ok")
        await face.press("y")
        await face.until(lambda: face.app.clipboard == "clowder:file/bafklook")
        await face.press("s")
        await face.until(lambda: (tmp_path / "look.gif").exists())
        assert (tmp_path / "look.gif").read_bytes() == world.bodies["bafklook"]
        await face.press("o")
        await face.until(lambda: given)
        assert given[0].name == "picture"


def test_the_viewer_gets_known_pictures_under_a_name_of_ours(tmp_path: Path) -> None:
    source = tmp_path / "evil; rm -rf ~.desktop"
    source.write_bytes(cat_picture(8, 8))
    copy = outside.copied(source, tmp_path)
    assert copy.name.startswith("picture-")
    assert copy.suffix == ".png"
    assert copy.read_bytes() == source.read_bytes()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    for body in (b"#!/bin/sh\nreboot\n", b"[Desktop Entry]\nExec=reboot\n", b"%PDF-1.7", b""):
        source.write_bytes(body)
        with pytest.raises(InputError, match="no picture of a kind"):
            outside.copied(source, tmp_path)
    with pytest.raises(InputError, match="cannot be copied"):
        outside.copied(tmp_path / "gone", tmp_path)


def test_without_a_desktop_or_a_viewer_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no desktop"):
        outside.viewer("linux", {"PATH": str(tmp_path)})
    here = {"PATH": str(tmp_path), "DISPLAY": ":0"}
    with pytest.raises(InputError, match="no xdg-open"):
        outside.viewer("linux", here)
    with pytest.raises(InputError, match="no open"):
        outside.viewer("darwin", {"PATH": str(tmp_path)})
    command = tmp_path / "xdg-open"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    assert outside.viewer("linux", here) == str(command)


def test_a_film_keeps_few_painted_frames_and_a_bearable_pace() -> None:
    frames = tuple((wait, bytes([at]) * 12) for at, wait in enumerate((0, 10, 20, 500, *[90] * 40)))
    film = Film(DecodedAnimation(2, 2, frames), (0, 0, 0))
    waits = []
    for _ in range(len(film)):
        assert film.rows[0][0].style.color.triplet[0] == film.at  # type: ignore[union-attr, index]
        waits.append(film.seconds)
        film.step()
        assert len(film._painted) <= FILM_PAINTED_FRAMES
    assert film.at == 0
    assert waits[:5] == [0.1, 0.1, 0.05, 0.5, 0.09]


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.integers(1, 9000), st.integers(1, 9000))
def test_the_decoder_is_never_asked_for_more_than_it_gives(
    width: int, height: int, columns: int, rows: int
) -> None:
    asked = box((width, height), columns, rows)
    assert min(asked) > 0
    assert asked[0] * asked[1] <= 4_000_000


@given(st.data(), st.integers(1, 7), st.integers(1, 7))
def test_a_part_has_the_pixels_of_its_place(data: st.DataObject, width: int, height: int) -> None:
    rgb = bytes(range(width * height)) * 3
    pixels = b"".join(bytes([at]) * 3 for at in range(width * height))
    assert len(rgb) == len(pixels)
    picture: Thumbnail = Small(width, height, pixels)
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    seen = part(picture, left, top, 3, 3)
    assert (seen.width, seen.height) == (min(3, width - left), min(3, height - top))
    for row in range(seen.height):
        for column in range(seen.width):
            at = (row * seen.width + column) * 3
            assert seen.rgb[at] == (top + row) * width + left + column
