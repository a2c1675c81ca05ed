"""What the face does when the session under it changes: another holder, or none."""

from typing import Any

from chat import commands
from chat.errors import Unavailable
from chat.events import MessageChanged
from chat.model import Notes, Peer, Status
from tests.tui.face import open_face, story
from tests.tui.fake_session import FakeSession
from tests.tui.lively import lively
from tests.tui.made import message
from tui.bridge import Reconnected
from tui.catching_up import CatchingUp
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


@story
async def test_what_was_missed_is_shown_from_its_beginning() -> None:
    world = lively()
    world.change_status(links=())
    async with open_face(world, size=(100, 20)) as face:
        await face.until(lambda: face.workspace.reading.channel is not None)
        linked = Peer("ws://x", "linked", nick="ana")
        world.change_status(links=(linked,), behind=40)
        for number in range(40):
            world.say("general", "jun", f"missed {number}")
        await face.shows("missed 39")
        assert world.channels["general"].unread == 40
        world.change_status(links=(linked,), behind=0)
        await face.shows("─ new ─", "missed 0", "in sync")
        assert face.workspace.timeline.sheet.last is not None
        assert not face.workspace.timeline.follows
        # What is said from now on is read as it comes.
        await face.press("alt+end")
        await face.until(lambda: world.channels["general"].unread == 0)
        world.say("general", "jun", "said now")
        await face.shows("said now")
        await face.until(lambda: world.channels["general"].unread == 0)


def test_catching_up_is_over_with_the_first_link_in_sync() -> None:
    heard = MessageChanged(message(1, "hello"), True)
    linked = Peer("ws://x", "linked")
    catching = CatchingUp()
    assert not catching.take(Status("live"), [])
    assert not catching.going
    # The message is told before the link it came over.
    assert not catching.take(Status("live"), [heard])
    assert catching.going
    assert not catching.take(Status("live", links=(linked,), behind=3), [heard])
    assert catching.take(Status("live", links=(linked,), behind=0), [])
    assert not catching.going
    assert not catching.take(Status("live", links=(linked,), behind=1), [heard])
    assert not catching.going
    assert not catching.take(Status("live"), [])
    assert not catching.take(Status("live", links=(linked,)), [])
    assert catching.going
