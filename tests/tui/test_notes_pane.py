"""Notes beside the timeline: typed here and elsewhere at once."""

from chat import commands
from chat.errors import StoreError
from chat.model import Cursor
from tests.tui.face import Face, open_face, story
from tests.tui.lively import lively
from tui.notes.area import NotesArea


def area(face: Face) -> NotesArea:
    return face.workspace.query_one(NotesArea)


async def open_notes(face: Face) -> None:
    await face.press("ctrl+n")
    await face.until(lambda: area(face).text.startswith("# Friday") and area(face).has_focus)


@story
async def test_edits_go_out_in_batches_and_others_come_in_around_the_cursor() -> None:
    async with open_face(lively(), size=(120, 30)) as face:
        world = face.world
        await open_notes(face)
        area(face).move_cursor(area(face).document.end)
        await face.write("ok")
        await face.until(lambda: world.notes["general"].text.endswith("cable?\nok"))
        assert len(face.asked(commands.SpliceNotes)) <= 2
        at = area(face).cursor_location
        world.write_notes("general", "Plan\n" + world.notes["general"].text)
        await face.until(lambda: area(face).text.startswith("Plan\n# Friday"))
        assert area(face).cursor_location == (at[0] + 1, at[1])
        await face.press("ctrl+z")
        await face.until(lambda: world.notes["general"].text.endswith("cable?\n"))
        assert world.notes["general"].text.startswith("Plan\n")
        await face.press("ctrl+y")
        await face.until(lambda: world.notes["general"].text.endswith("cable?\nok"))
        ana = world.author("ana")
        world.write_notes(
            "general", world.notes["general"].text, cursors=(Cursor(ana, 2),), quarantined=1
        )
        await face.shows("▌ana", "1 set aside")
        await face.until(lambda: any(c.index is not None for c in face.asked(commands.MoveCursor)))


@story
async def test_what_was_typed_last_is_sent_when_the_pane_closes() -> None:
    async with open_face(lively(), size=(120, 30)) as face:
        await open_notes(face)
        await face.write("now")
        await face.press("escape")
        await face.until(lambda: face.world.notes["general"].text.startswith("now"))
        assert face.asked(commands.MoveCursor)[-1].index is None
        assert face.workspace.box.composer.has_focus
        await face.press("ctrl+n")
        await face.until(lambda: area(face).has_focus and area(face).text.startswith("now"))
        await face.write("!")
    assert face.world.notes["general"].text.startswith("!now")


@story
async def test_refused_edits_stay_on_the_screen() -> None:
    world = lively()
    async with open_face(world, size=(120, 30)) as face:
        await open_notes(face)
        world.failures[commands.SpliceNotes] = StoreError("The disk is full.")
        await face.write("x")
        await face.shows("The disk is full.")
        tries = len(face.asked(commands.SpliceNotes))
        world.write_notes("general", world.notes["general"].text + "theirs\n")
        await face.until(lambda: area(face).text.endswith("theirs\n"))
        assert area(face).text.startswith("x#")
        assert len(face.asked(commands.SpliceNotes)) == tries
        del world.failures[commands.SpliceNotes]
        await face.write("y")
        await face.until(lambda: world.notes["general"].text.startswith("xy#"))
