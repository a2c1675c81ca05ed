"""An answer that comes when nobody waits for it any more."""

import asyncio
from typing import Any

from chat import commands
from tests.tui.face import open_face, story
from tests.tui.lively import lively
from tui.screens.search import ActivityScreen
from tui.screens.workspace import WorkspaceScreen


@story
async def test_a_list_that_was_closed_takes_no_rows() -> None:
    world = lively()
    answer, asked, may = world.call, asyncio.Event(), asyncio.Event()

    async def call(command: commands.Command) -> Any:
        if isinstance(command, commands.Search):
            asked.set()
            await may.wait()
        return await answer(command)

    world.call = call  # type: ignore[method-assign]
    async with open_face(world) as face:
        await face.press("f2")
        await asked.wait()
        screen = face.app.screen
        assert isinstance(screen, ActivityScreen)
        # The screen goes on until its children are gone, and hears the answer in between.
        await screen.query("*").remove()
        hits = await answer(commands.Search("is:mention"))
        screen.show(hits, "Nothing.")
        may.set()
        await face.press("escape")
        await face.until(lambda: isinstance(face.app.screen, WorkspaceScreen))
        assert face.app.is_running
