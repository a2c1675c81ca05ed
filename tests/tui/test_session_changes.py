"""What the face does when the session under it changes: another holder, or none."""

from typing import Any

from chat import commands
from chat.errors import Unavailable
from chat.model import Notes, Peer
from tests.tui.face import open_face, story
from tests.tui.fake_session import FakeSession
from tests.tui.lively import lively
from tui.bridge import Reconnected
from tui.notes.draft import NotesDraft


def linking(world: FakeSession) -> None:
    """A link comes up right after the status was first read."""
    call = world.call

    async def then_link(command: commands.Command) -> Any:
        reply = await call(command)
        if isinstance(command, commands.GetStatus):
            world.change_status(links=(Peer("ws://x", "linked", nick="ana", behind=0),), behind=0)
        return reply

    world.call = then_link  # type: ignore[method-assign]


@story
async def test_nothing_is_missed_between_reading_and_listening() -> None:
    world = lively()
    world.change_status(links=())
    linking(world)
    async with open_face(world) as face:
        await face.shows("in sync · 1 linked")


@story
async def test_who_takes_over_shows_what_came_meanwhile() -> None:
    async with open_face(lively(), size=(120, 40)) as face:
        world = face.world
        await face.press("escape")
        face.workspace.timeline.step_to(lambda message: message.replies > 0, -1)
        await face.press("t")
        await face.shows("thread · 2 replies")
        root = face.workspace.thread.root
        # None of this is told: it happened while nobody held the profile.
        silent, world.emit = world.emit, lambda event: None  # type: ignore[method-assign]
        world.say("general", "jun", "said in between", reply_to=root)
        world.emit = silent  # type: ignore[method-assign]
        face.app.post_message(Reconnected())
        await face.shows("thread · 3 replies", "said in between")


@story
async def test_notes_go_on_with_another_holder() -> None:
    async with open_face(lively(), size=(120, 40)) as face:
        world = face.world
        await face.press("ctrl+n")
        await face.shows("# Friday")
        area = face.workspace.notes.query_one("#notes-area")
        world.failures[commands.SpliceNotes] = Unavailable("The node has stopped.")
        await face.write("mine ")
        await face.shows("The node has stopped.")
        del world.failures[commands.SpliceNotes]
        theirs = world.notes["general"].text + "theirs"
        world.notes["general"] = Notes("general", theirs, version=1)
        face.app.post_message(Reconnected())
        await face.shows("theirs")
        await face.until(lambda: world.notes["general"].text == f"mine {theirs}")
        assert area.text == world.notes["general"].text  # type: ignore[attr-defined]


def test_a_draft_survives_a_node_that_counts_anew() -> None:
    draft = NotesDraft(Notes("general", "milk", version=7))
    draft.edit((4, "!"))
    assert draft.batch() is not None
    draft.failed()
    draft.restart(Notes("general", "oat milk", version=1))
    assert draft.text == "oat milk!"
    assert draft.batch() == (((8, 0, "!"),), 1)


@story
async def test_a_workspace_that_was_closed_from_elsewhere_closes_the_face() -> None:
    async with open_face(lively()) as face:
        face.world.emit(None)
        await face.until(lambda: face.app.return_code == 0)
