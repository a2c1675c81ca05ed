"""What is written and not sent: drafts over restarts, the editor's chord, and late arrivals."""

import pytest
from msgspec.structs import replace

from chat import commands
from chat.errors import StoreError
from chat.events import MessagesArrived
from chat.model import Draft
from tests.tui.face import open_face, story
from tests.tui.lively import crowd, lively
from tests.tui.made import message
from tui.app import ClowderApp
from tui.timeline.late import LateArrivals


@story
async def test_drafts_outlast_the_program() -> None:
    world = lively()
    async with open_face(world) as face:
        await face.press("escape", "k", "r")
        await face.shows("answering pavel")
        await face.fill("half an ans")
        answered = face.workspace.box.mode.message  # type: ignore[union-attr]
        await face.press("alt+2")
        await face.until(lambda: face.workspace.channel_name == "cats")
        await face.fill("a cat th")
        # The program ends before the pause after the last key is over.
    general, cats = world.channels["general"].id, world.channels["cats"].id
    assert world.private.drafts == {
        general: Draft("half an ans", answered.id),
        cats: Draft("a cat th"),
    }
    async with open_face(world) as face:
        assert face.workspace.box.composer.text == "half an ans"
        await face.shows("answering pavel")
        await face.press("enter")
        await face.until(lambda: face.asked(commands.Post))
        assert face.asked(commands.Post)[-1].reply_to == answered.id
        await face.until(lambda: general not in world.private.drafts)
        await face.press("alt+2")
        await face.until(lambda: face.workspace.box.composer.text == "a cat th")


@story
async def test_a_draft_is_kept_when_typing_pauses_and_once() -> None:
    async with open_face(lively()) as face:
        await face.fill("one two")
        await face.until(lambda: face.asked(commands.KeepDraft))
        assert [c.text for c in face.asked(commands.KeepDraft)] == ["one two"]
        assert len(face.asked(commands.Typing)) == 1
        face.workspace.box.composer.set_text("/topic x")
        face.workspace.box.composer.set_text("one two")
        await face.pilot.pause(1.0)
        assert len(face.asked(commands.KeepDraft)) == 1


@story
async def test_what_cannot_be_kept_disturbs_nobody() -> None:
    world = lively()
    world.failures[commands.KeepDraft] = StoreError("The disk is full.")
    world.failures[commands.GetPrivate] = StoreError("Written by a newer Clowder.")
    async with open_face(world) as face:
        await face.shows("Written by a newer Clowder.")
        await face.fill("still here")
        await face.until(lambda: face.asked(commands.KeepDraft))
        assert "The disk is full." not in face.text
        await face.press("enter")
        await face.until(lambda: world.timelines["general"][-1].text == "still here")


@story
async def test_ctrl_x_e_opens_the_editor_and_ctrl_x_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[str] = []
    monkeypatch.setattr(ClowderApp, "write_in_editor", lambda _, text, __: wanted.append(text))
    async with open_face(lively()) as face:
        composer = face.workspace.box.composer
        await face.fill("draft")
        await face.press("ctrl+x", "e")
        await face.until(lambda: wanted == ["draft"])
        assert composer.text == "draft"
        await face.press("ctrl+x", "a", "e")
        assert composer.text == "draftae"
        assert wanted == ["draft"]
        composer.select_all()
        await face.press("ctrl+x")
        assert composer.text == ""
        await face.press("e")
        assert composer.text == "e"


@story
async def test_one_key_changes_the_last_message() -> None:
    async with open_face(lively()) as face:
        await face.fill("kept")
        await face.press("ctrl+up")
        await face.shows("changing your message")
        await face.press("escape")
        assert face.workspace.box.composer.text == "kept"


@story
async def test_late_arrivals_are_counted_until_they_were_seen() -> None:
    async with open_face(crowd(400), size=(100, 30)) as face:
        world, timeline = face.world, face.workspace.timeline
        early = world.timelines["general"][250]
        late = world.make("general", world.author("bo"), "was cut off", at=early.at + 1, late=True)
        world.put(late)
        world.emit(MessagesArrived("general", 1))
        await face.shows("↑ 1 late above")
        second = world.say("general", "ana", "me too", at=early.at + 2, late=True)
        await face.shows("↑ 2 late above")
        assert timeline.follows
        await face.press("alt+l")
        await face.shows("~ me too", "↑ 1 late above")
        assert timeline.selected == second
        await face.press("alt+l")
        await face.shows("~ was cut off")
        assert timeline.selected == late
        await face.until(lambda: "late above" not in face.text)


@story
async def test_the_first_unread_is_one_key_away() -> None:
    world = crowd(100)
    world.channels["general"] = replace(world.channels["general"], unread=40)
    async with open_face(world) as face:
        timeline = face.workspace.timeline
        first = timeline.frame.unread_from
        await face.press("alt+end", "alt+u")
        assert timeline.selected is not None
        assert timeline.selected.id == first
        await face.press("alt+2", "alt+3")
        await face.until(lambda: face.workspace.channel_name == "relay-box")
        await face.press("alt+u")
        await face.shows("Nothing here was new when you came.")


def test_late_arrivals_are_counted_until_they_were_in_view() -> None:
    late = LateArrivals()
    late.turn_to("general")
    late.take([message(1, late=True), message(2), message(3, late=True, mine=True)])
    late.take([message(9, late=True), message(5, late=True, channel="cats")])
    assert len(late) == 2
    assert late.lowest == message(9, late=True)
    late.turn_to("cats")
    assert len(late) == 1
    late.turn_to("general")
    late.seen([message(9).id, message(2).id])
    late.take([message(9, late=True)])
    assert late.lowest == message(1, late=True), "what was seen once is not counted again"
    late.seen([message(1).id])
    assert late.lowest is None


@story
async def test_what_came_late_above_the_first_page_is_counted_and_reached() -> None:
    world = crowd(400)
    old = world.timelines["general"]
    late = [
        world.put(world.make("general", world.author("ana"), f"from the train {n}", late=True,
                             at=old[at].at + 1))
        for n, at in enumerate((30, 200))
    ]  # fmt: skip
    world.missed = {message.id for message in late}
    for n in range(3):
        world.put(world.make("general", world.author("bo"), f"new {n}"))
    world.change_channel("general", unread=5)
    async with open_face(world) as face:
        await face.shows("2 late above, Alt+L", "new 2")
        first = face.workspace.timeline.frame.unread_from
        assert world.find(first).text == "new 0", "those above do not move the line"
        # They are counted also after the channel was left.
        await face.until(lambda: not world.missed)
        await face.press("alt+2")
        await face.until(lambda: face.workspace.channel_name == "cats")
        await face.press("alt+1")
        await face.shows("2 late above, Alt+L")
        await face.press("alt+l")
        await face.shows("from the train 1", "1 late above, Alt+L")
        await face.press("alt+l")
        await face.shows("from the train 0")
        await face.until(lambda: "late above" not in face.text)
        await face.press("alt+end")
        await face.shows("new 2")
        assert "late above" not in face.text
