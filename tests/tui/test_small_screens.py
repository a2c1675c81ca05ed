"""Every dialog in forty columns and fifteen rows: nothing of it is cut, all can be reached."""

from collections.abc import Awaitable, Callable

import pytest
from textual.widgets import OptionList, Static

from chat import commands
from chat.errors import UsageError
from tests.tui.face import Face, open_face, rows_of, story
from tests.tui.lively import InlineDecoder
from tests.tui.test_managing import choose, led_by_mia, pick
from tests.tui.test_own_devices import owner
from tui.screens.devices import DevicesScreen
from tui.screens.invite import InviteScreen
from tui.screens.members import MembersScreen

COLUMNS, ROWS = SIZE = (40, 15)
SCROLLS = 40
KEYS = (
    "f1", "f2", "f3", "f4", "f5", "f6", "f9", "alt+m", "ctrl+k", "alt+w", "ctrl+f", "alt+s",
    "ctrl+o",
)  # fmt: skip
LINES = (
    "/invite", "/invites", "/devices", "/devices add", "/delivery", "/remove bo", "/delete",
    "/promote jun admin",
)  # fmt: skip


async def scrolled(face: Face) -> str:
    """All that a dialog shows, from its first row to its last."""
    shown: list[str] = []
    for _ in range(SCROLLS):
        rows = rows_of(face.app)
        if shown and rows == shown[-len(rows) :]:
            return "\n".join(shown)
        shown += rows
        await face.press("pagedown")
    raise AssertionError("it never came to an end:\n" + "\n".join(shown))


def squeezed(row: str) -> str:
    """Its words, without where they were cut."""
    return " ".join(row.replace("…", " ").split())


async def look_through(face: Face, name: str) -> None:
    """The box is on the screen, its words are all there, and every row of its list comes by."""
    await face.until(lambda: face.app.screen is not face.workspace and face.app.screen.children)
    await face.pilot.pause()
    screen = face.app.screen
    box = screen.query_one(".dialog").region
    assert box.width == COLUMNS, f"{name} leaves remnants of what is behind"
    assert box.y >= 0, name
    assert box.bottom <= ROWS, f"{name} ends below the screen"
    for options in screen.query(OptionList):
        assert options.region.bottom <= box.bottom - 1, f"{name} cuts its list"
        for at in range(options.option_count):
            options.highlighted = at
            await face.pilot.pause()
            prompt = str(options.get_option_at_index(at).prompt).split("\n")[0]
            start = squeezed(prompt)[:10]
            assert any(start in squeezed(row) for row in rows_of(face.app)), (name, prompt)
    shown = await scrolled(face)
    for said in screen.query(Static):
        for word in str(said.visual).split():
            assert len(word) > COLUMNS - 6 or "…" in word or word in shown, (name, word)


async def close(face: Face) -> None:
    """Back to the workspace."""
    while face.app.screen is not face.workspace:
        face.app.pop_screen()
        await face.pilot.pause()
    face.app.clear_notifications()
    face.workspace.box.composer.focus()
    await face.pilot.pause()


@pytest.mark.long
@story
async def test_every_dialog_fits_and_can_be_gone_through() -> None:
    world = led_by_mia()
    world.devices = owner().devices
    async with open_face(world, size=SIZE, decoder=InlineDecoder()) as face:
        for key in KEYS:
            await face.press(key)
            await look_through(face, key)
            await close(face)
        for line in LINES:
            await face.say(line)
            await look_through(face, line)
            await close(face)


async def member(face: Face) -> None:
    """What is known of somebody, and what can be done."""
    await face.press("alt+m")
    await pick(face, MembersScreen, "bo")
    await face.shows("admin")


async def topic(face: Face) -> None:
    """A line to be typed."""
    await face.press("f5")
    await choose(face, "topic")


async def paper(face: Face) -> None:
    """A question with an explanation."""
    await face.say("/devices")
    await face.until(lambda: isinstance(face.app.screen, DevicesScreen))
    options = face.app.screen.query_one(OptionList)
    options.highlighted = options.get_option_index("paper")
    await face.press("enter")
    await face.shows("Show words")


async def reaction(face: Face) -> None:
    """The picker of emoji."""
    await face.press("escape", "+")


async def nearby(face: Face) -> None:
    """Somebody in the room."""
    await face.say("/invite")
    await face.shows("An invite to")
    await face.press("n")
    await face.until(lambda: not isinstance(face.app.screen, InviteScreen))


DEEPER: tuple[Callable[[Face], Awaitable[None]], ...] = (member, topic, paper, reaction, nearby)


@pytest.mark.long
@story
async def test_dialogs_behind_dialogs_fit_too() -> None:
    world = led_by_mia()
    async with open_face(world, size=SIZE, decoder=InlineDecoder()) as face:
        for steps in DEEPER:
            await steps(face)
            await look_through(face, steps.__name__)
            await close(face)
        # What is told is not cut either.
        world.failures[commands.SetTopic] = UsageError("This is a sentence that has many words.")
        await face.say("/topic Naps")
        await face.shows("This is a sentence", "words.")


@story
async def test_the_rows_of_a_list_are_what_a_terminal_of_24_rows_has_room_for() -> None:
    async with open_face(led_by_mia(), size=(80, 24), decoder=InlineDecoder()) as face:
        for key in ("ctrl+o", "f9", "alt+m"):
            await face.press(key)
            await face.until(lambda: face.app.screen is not face.workspace)
            await face.pilot.pause()
            box = face.app.screen.query_one(".dialog").region
            options = face.app.screen.query_one(OptionList)
            assert box.height < 24
            assert options.region.bottom < box.bottom
            await close(face)
