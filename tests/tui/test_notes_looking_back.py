"""Notes in the pane: tasks at a key, by whom each line is, and going back to what was before."""

from hypothesis import given
from hypothesis import strategies as st

from chat import commands
from chat.model import NotesAside, NotesPast, NotesVersion
from tests.tui.face import Face, open_face, story
from tests.tui.fake_session import START_MS, FakeSession
from tests.tui.lively import lively
from tui.notes.area import NotesArea
from tui.notes.tasks import toggled
from tui.screens.notes_past import NotesAtScreen, NotesPastScreen


def area(face: Face) -> NotesArea:
    return face.workspace.query_one(NotesArea)


async def open_notes(face: Face) -> None:
    await face.press("ctrl+n")
    await face.until(lambda: area(face).text and area(face).has_focus)


def pressed(line: str) -> str:
    start, end, text = toggled(line)
    return line[:start] + text + line[end:]


def test_what_the_key_makes_of_a_line() -> None:
    for before, after in {
        "- [ ] tent": "- [x] tent",
        "  * [X] tent": "  * [ ] tent",
        "12. [x]": "12. [ ]",
        "- tent": "- [ ] tent",
        "3) tent": "3) [ ] tent",
        "  tent": "  - [ ] tent",
        "": "- [ ] ",
        "- [x](https://cats.example)": "- [ ] [x](https://cats.example)",
        "-- no list": "- [ ] -- no list",
    }.items():
        assert pressed(before) == after


@given(st.text(alphabet="-*+1. \t[]xX)añ", max_size=12))
def test_after_one_press_a_line_is_a_task_and_two_more_change_nothing(line: str) -> None:
    task = pressed(line)
    assert {task, pressed(task)} == {pressed(pressed(pressed(task))), pressed(pressed(task))}
    assert len(pressed(task)) == len(task)
    start, end, _ = toggled(line)
    assert line[:start] + line[end:] in (line, line[:start] + line[start + 1 :])


@story
async def test_a_task_is_ticked_at_a_key_and_unticked_by_undo() -> None:
    world = lively()
    world.write_notes("general", "# Trip\n- [ ] tent\n- stove\n")
    async with open_face(world, size=(120, 30)) as face:
        await open_notes(face)
        area(face).move_cursor((1, 6))
        await face.press("alt+t")
        await face.until(lambda: world.notes["general"].text == "# Trip\n- [x] tent\n- stove\n")
        assert area(face).cursor_location == (1, 6)
        (sent,) = face.asked(commands.SpliceNotes)
        assert sent.splices == ((10, 1, "x"),), "a small change, which merges"
        await face.press("ctrl+z")
        await face.until(lambda: "- [ ] tent" in world.notes["general"].text)
        await face.press("down", "alt+t")
        await face.until(lambda: world.notes["general"].text.endswith("- [ ] stove\n"))


@story
async def test_lines_have_their_authors_beside_them() -> None:
    world = lively()
    text = "# Trip\n" + "a long way to the lake " * 12 + "\n- tent\n"
    lake = text.index("\n- tent")
    world.write_notes(
        "general", text, authors=((0, 7, "ana"), (7, lake - 7, "bo"), (lake, 8, "ana"))
    )
    async with open_face(world, size=(120, 30)) as face:
        await open_notes(face)

        def beside(words: str) -> bool:
            return any(
                words in row and row.rstrip().endswith("ana") for row in face.text.splitlines()
            )

        assert not beside("# Trip")
        await face.press("alt+b")
        await face.until(lambda: beside("# Trip") and beside("- tent"))
        area(face).move_cursor((1, 0))
        await face.shows("this line: bo")
        # What somebody types above moves the names along.
        area(face).move_cursor((0, 0))
        await face.press("enter")
        await face.until(lambda: beside("# Trip") and beside("- tent"))
        await face.press("alt+b")
        await face.until(lambda: not beside("# Trip") and "this line" not in face.text)


def vandalised() -> FakeSession:
    world = lively()
    ana, bo = world.author("ana"), world.author("bo")
    world.pasts["general"] = NotesPast(
        "general",
        (
            NotesVersion("12" * 32, bo, START_MS, 1, 11, 40),
            NotesVersion("34" * 32, ana, START_MS - 60_000, 9, 44, 3),
        ),
        (NotesAside("56" * 32, bo, START_MS, "note update is empty"),),
    )
    world.states["34" * 32] = "# Trip\n- [ ] tent\n"
    world.write_notes("general", "Cats rule.\n", quarantined=1)
    return world


@story
async def test_what_was_before_is_looked_at_and_restored() -> None:
    world = vandalised()
    async with open_face(world, size=(120, 30)) as face:
        await open_notes(face)
        await face.press("alt+v")
        await face.until(lambda: isinstance(face.app.screen, NotesPastScreen))
        await face.shows("bo", "+11 -40", "ana", "+44 -3", "set aside: note update is empty")
        await face.write("aside")
        await face.press("enter")  # There is nothing to be done with what is set aside.
        assert isinstance(face.app.screen, NotesPastScreen)
        await face.press("ctrl+u")
        await face.write("ana")
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, NotesAtScreen))
        await face.shows("- [ ] tent")
        await face.press("escape")
        await face.until(lambda: face.app.screen is face.workspace)
        assert not face.asked(commands.RestoreNotes), "looking changes nothing"

        await face.press("alt+v")
        await face.until(lambda: isinstance(face.app.screen, NotesPastScreen))
        await face.press("down", "enter")
        await face.until(lambda: isinstance(face.app.screen, NotesAtScreen))
        await face.press("r")
        await face.until(lambda: area(face).text == "# Trip\n- [ ] tent\n")
        assert face.asked(commands.RestoreNotes) == [commands.RestoreNotes("general", "34" * 32)]
        assert area(face).has_focus
