"""An answer that comes when nobody waits for it any more."""

from chat import commands
from tests.tui.face import open_face, story
from tests.tui.lively import lively
from tui.screens.search import ActivityScreen
from tui.screens.workspace import WorkspaceScreen


@story
async def test_a_list_that_was_closed_takes_no_rows() -> None:
    world = lively()
    hits = await world.call(commands.Search("is:mention"))
    async with open_face(world) as face:
        await face.press("f2")
        await face.until(lambda: isinstance(face.app.screen, ActivityScreen))
        screen = face.app.screen
        assert isinstance(screen, ActivityScreen)
        await face.until(lambda: screen.found)
        # A screen that closes goes on until its children are gone, and hears an answer in between.
        await screen.query("*").remove()
        screen.show(hits, "Nothing.")
        await face.press("escape")
        await face.until(lambda: isinstance(face.app.screen, WorkspaceScreen))
        assert face.app.is_running
