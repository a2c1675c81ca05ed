"""The face, driven without a terminal."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from chat import commands
from chat.session import Workspaces
from tests.tui.fake_session import FakeSession
from tui.app import ClowderApp
from tui.config import UiConfig
from tui.pictures import PictureDecoder
from tui.screens.workspace import WorkspaceScreen

Arguments = ParamSpec("Arguments")
TRIES = 1000
NAMES = {
    " ": "space", "/": "slash", "@": "at", "#": "number_sign", ":": "colon", "+": "plus",
    ".": "full_stop", "-": "minus", "!": "exclamation_mark", "?": "question_mark",
}  # fmt: skip


def story(test: Callable[Arguments, Awaitable[None]]) -> Callable[Arguments, None]:
    """A test that is a coroutine."""

    @functools.wraps(test)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 60))  # type: ignore[arg-type]

    return run


def rows_of(app: App[Any]) -> list[str]:
    """What is on the screen."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


async def until(pilot: Pilot[Any], holds: Callable[[], object]) -> None:
    """Let the face work until something holds."""
    for _ in range(TRIES):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never held; on the screen:\n" + "\n".join(rows_of(pilot.app)))


class Face:
    """The running face and its keyboard."""

    def __init__(self, app: ClowderApp, pilot: Pilot[int], world: FakeSession) -> None:
        self.app = app
        self.pilot = pilot
        self.world = world

    @property
    def workspace(self) -> WorkspaceScreen:
        screen = self.app.screen_stack[1]
        assert isinstance(screen, WorkspaceScreen)
        return screen

    @property
    def text(self) -> str:
        """The screen as text."""
        return "\n".join(rows_of(self.app))

    async def until(self, holds: Callable[[], object]) -> None:
        await until(self.pilot, holds)

    async def shows(self, *texts: str) -> None:
        """Wait until all texts are on the screen."""
        await self.until(lambda: all(text in self.text for text in texts))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def write(self, text: str) -> None:
        """Type key by key; each costs 60 ms."""
        await self.pilot.press(*(NAMES.get(letter, letter) for letter in text))

    async def fill(self, text: str) -> None:
        """Type into the focused line at once."""
        await self.until(lambda: isinstance(self.app.focused, Input | TextArea))
        line = self.app.focused
        assert isinstance(line, Input | TextArea)
        if isinstance(line, Input):
            line.insert_text_at_cursor(text)
        else:
            line.insert(text)
        await self.pilot.pause()

    async def say(self, text: str) -> None:
        """Put a line into the composer at once and send it."""
        self.workspace.box.composer.insert_text(text)
        await self.pilot.press("enter")
        await self.pilot.pause()

    def asked(self, kind: type[commands.Command]) -> list[Any]:
        """The commands of one kind that the face has called."""
        return [command for command in self.world.asked if isinstance(command, kind)]


@asynccontextmanager
async def open_face(
    world: FakeSession,
    size: tuple[int, int] = (100, 30),
    config: UiConfig | None = None,
    decoder: PictureDecoder | None = None,
    config_path: Path | None = None,
    workspaces: Workspaces | None = None,
) -> AsyncIterator[Face]:
    """The face over a session, with its first screen shown."""
    app = ClowderApp(world, config or UiConfig(), decoder, config_path, workspaces)
    async with app.run_test(size=size, notifications=True) as pilot:
        face = Face(app, pilot, world)
        await face.until(lambda: len(app.screen_stack) > 1 and app.screen.is_mounted)
        if world.status.phase == "live":
            await face.until(
                lambda: (
                    face.workspace.reading.channel is not None
                    and face.workspace.reading._meanwhile is None
                )
            )
        yield face
