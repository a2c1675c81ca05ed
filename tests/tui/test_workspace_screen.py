"""Stories of one member at the screen."""

from pathlib import Path

import pytest
from textual.events import AppFocus, Paste
from textual.widgets import OptionList

from chat import commands
from chat.errors import NotFound, StoreError
from chat.events import MessagesArrived, TransferChanged, TypingShown, Warned
from chat.model import Transfer
from tests.tui.face import open_face, story
from tests.tui.fake_session import FakeSession
from tests.tui.lively import InlineDecoder, crowd, lively
from tui import editor
from tui.config import UiConfig
from tui.errors import InputError
from tui.limits import FIRST_PAGE_MESSAGES, HISTORY_PAGE_MESSAGES
from tui.screens.choice import Choice
from tui.screens.help import HelpScreen
from tui.screens.invite import InviteScreen
from tui.screens.picture import PictureScreen
from tui.screens.search import SearchScreen
from tui.screens.switcher import Switcher
from tui.timeline.pages import Pages
from tui.widgets.composer_box import Mode


@story
async def test_a_member_reads_and_writes() -> None:
    async with open_face(lively()) as face:
        await face.shows("Clowder Works", "# general", "aloud in the lift.", "in sync · 3 linked")
        await face.write("hello @")
        await face.shows("@ana", "@bo")
        await face.press("tab", "enter")
        await face.shows("hello @", "0 of 6")
        sent = face.asked(commands.Post)[-1]
        assert sent.text.startswith("hello @")
        mine = face.world.timelines["general"][-1]
        face.world.change(mine, reached=(6, 6))
        await face.shows("✓")
        face.world.say("general", "bo", "welcome back")
        await face.shows("welcome back")
        assert face.asked(commands.MarkRead)[-1].channel == "general"


@story
async def test_channels_are_switched_and_drafts_wait() -> None:
    async with open_face(lively()) as face:
        await face.fill("half a thou")
        await face.press("alt+2")
        await face.shows("# cats", "Look at the whiskers", " new ")
        assert face.workspace.box.composer.text == ""
        await face.until(lambda: face.world.channels["cats"].unread == 0)
        await face.press("alt+a")
        await face.until(lambda: face.workspace.channel_name == "releases")
        await face.press("alt+down")
        await face.until(lambda: face.workspace.channel_name == "general")
        assert face.workspace.box.composer.text == "half a thou"
        await face.press("ctrl+k")
        await face.until(lambda: isinstance(face.app.screen, Switcher))
        await face.fill("rb")
        await face.press("enter")
        await face.until(lambda: face.workspace.channel_name == "relay-box")
        assert face.app.screen is face.workspace


@story
async def test_commands_are_done_and_mistakes_stay_in_the_line() -> None:
    async with open_face(lively()) as face:
        await face.say("/serch secret")
        await face.shows("There is no command /serch.")
        assert face.workspace.box.composer.text == "/serch secret"
        assert face.asked(commands.Post) == []
        face.workspace.box.composer.set_text("")
        await face.say("/topic Naps and [b]bold[/b] plans")
        await face.shows("Naps and [b]bold[/b] plans")
        await face.say("/new naps")
        await face.until(lambda: face.workspace.channel_name == "naps")
        await face.shows("This is the beginning of #naps.")
        await face.say("//etc/hosts it is")
        await face.shows("/etc/hosts it is")
        await face.say("/invite")
        await face.until(lambda: isinstance(face.app.screen, InviteScreen))
        await face.shows("▀", "amber basil", "Works once")
        await face.press("escape")
        await face.say("/help")
        await face.until(lambda: isinstance(face.app.screen, HelpScreen))
        await face.press("escape")
        await face.say("/peers")
        await face.shows("kitchen (relay)", "held here")
        await face.press("escape")
        await face.say("/quit")
    assert face.app.return_value == 0


@story
async def test_keys_act_on_the_selected_message() -> None:
    async with open_face(lively()) as face:
        timeline = face.workspace.timeline
        await face.press("escape", "e")
        await face.until(lambda: face.workspace.box.mode is not None)
        await face.shows("changing your message")
        face.workspace.box.composer.set_text("Done.")
        await face.press("enter")
        await face.shows("Done. (edited)")
        assert face.workspace.box.composer.text == ""
        await face.press("escape", "k", "e")
        await face.shows("Only pavel can change that message.")
        await face.press("r")
        await face.shows("answering pavel")
        await face.say("on it")
        assert face.asked(commands.Post)[-1].reply_to is not None
        await face.shows("╭ pavel")
        await face.press("escape", "p")
        await face.shows("Pinned.", "pinned")
        await face.press("plus")
        await face.shows("React")
        await face.fill("cat")
        await face.press("enter")
        await face.shows("🐈 1")
        await face.press("y")
        assert face.app.clipboard == "on it"
        await face.press("d")
        await face.until(lambda: isinstance(face.app.screen, Choice))
        await face.press("enter")
        assert face.asked(commands.Delete) == []
        await face.press("d")
        await face.until(lambda: isinstance(face.app.screen, Choice))
        await face.press("down", "enter")
        await face.shows("message deleted")
        await face.press("i")
        assert face.workspace.box.composer.has_focus
        assert timeline.selected is None


@story
async def test_what_could_not_be_sent_comes_back() -> None:
    world = lively()
    world.failures[commands.Post] = StoreError("The disk is full. Free some space and send again.")
    async with open_face(world) as face:
        await face.say("precious words")
        await face.shows("The disk is full.")
        await face.until(lambda: face.workspace.box.composer.text == "precious words")
        del world.failures[commands.Post]
        await face.press("enter")
        await face.until(lambda: world.timelines["general"][-1].text == "precious words")
        await face.press("up")
        assert face.workspace.box.composer.text == "precious words"


@story
async def test_the_view_is_not_yanked_and_tells_what_is_below() -> None:
    async with open_face(crowd(1000)) as face:
        timeline = face.workspace.timeline
        assert len(timeline.sheet) == FIRST_PAGE_MESSAGES
        await face.press("pageup", "pageup")
        face.world.say("general", "bo", "did you see this")
        await face.shows("↓ 1 new below")
        assert "did you see this" not in face.text
        await face.press("alt+end")
        await face.shows("did you see this")
        timeline.scroll_to(y=20, animate=False, immediate=True)
        await face.until(lambda: len(timeline.sheet) > FIRST_PAGE_MESSAGES + 1)
        assert len(timeline.sheet) == FIRST_PAGE_MESSAGES + 1 + HISTORY_PAGE_MESSAGES


@pytest.mark.parametrize(("unread", "read"), [(0, 80), (79, 80), (120, 121), (500, 200)])
@story
async def test_what_is_unread_is_read_at_once_up_to_a_page(unread: int, read: int) -> None:
    world = crowd(300)
    stretch = await Pages(world, "general").newest(unread + 1)
    assert (len(stretch.messages), stretch.has_older) == (read, True)
    assert stretch.messages[-1] == world.timelines["general"][-1]


@story
async def test_a_flood_is_read_as_one_page() -> None:
    async with open_face(crowd(300)) as face:
        world = face.world
        for number in range(500):
            world.put(world.make("general", world.author("bo"), f"late news {number}"))
        before = len(face.asked(commands.History))
        for _ in range(50):
            world.emit(MessagesArrived("general", 10))
        await face.shows("late news 499")
        assert len(face.asked(commands.History)) - before <= 3
        assert len(face.workspace.timeline.sheet) == HISTORY_PAGE_MESSAGES
        await face.press("pageup", "pageup")
        for number in range(500, 1000):
            world.put(world.make("general", world.author("bo"), f"late news {number}"))
        world.emit(MessagesArrived("general", 500))
        await face.shows("↓ 500 new below")
        await face.press("alt+end")
        await face.shows("late news 999")


@story
async def test_pastes_never_become_many_messages(tmp_path: Path) -> None:
    cat = tmp_path / "a cat.png"
    cat.write_bytes(b"x")
    async with open_face(lively()) as face:
        composer = face.workspace.box.composer

        def paste(text: str) -> None:
            composer.post_message(Paste(text))

        paste("one\r\ntwo\nthree")
        await face.until(lambda: composer.text == "one\ntwo\nthree")
        await face.press("enter")
        await face.until(lambda: [c.text for c in face.asked(commands.Post)] == ["one\ntwo\nthree"])
        paste("\n".join(str(n) for n in range(30)))
        await face.shows("A paste of 30 lines")
        await face.press("down", "enter")
        await face.until(lambda: face.asked(commands.Put))
        assert face.asked(commands.Put)[0].path.endswith("paste.txt")
        await face.shows("paste.txt")
        paste(f"'{cat}'")
        await face.shows("Share a cat.png in #general?")
        await face.press("enter")
        await face.until(lambda: len(face.asked(commands.Put)) == 2)
        assert face.asked(commands.Put)[1].path == str(cat)
        composer.insert_text(f"/put {tmp_path}/a")
        await face.shows("a cat.png")
        await face.press("ctrl+o")
        await face.shows("Share a file")
        await face.press("escape")
        assert face.app.screen is face.workspace


@story
async def test_a_thread_is_read_and_answered_beside_the_timeline() -> None:
    async with open_face(lively(), size=(120, 40)) as face:
        await face.press("escape")
        timeline = face.workspace.timeline
        timeline.step_to(lambda message: message.replies > 0, -1)
        await face.press("t")
        await face.shows("thread · 2 replies", "in the thread of ana")
        await face.say("and now it blinks")
        await face.shows("thread · 3 replies")
        assert (
            face.asked(commands.Post)[-1].reply_to
            == timeline.sheet.get(face.workspace.thread.root).id
        )  # type: ignore[union-attr]
        assert face.workspace.box.mode is not None
        await face.press("escape")
        await face.until(lambda: not face.workspace.thread.display)
        assert face.workspace.box.mode is None


@story
async def test_search_jumps_to_where_it_was_said() -> None:
    async with open_face(crowd(2000)) as face:
        found = face.world.timelines["general"][300]
        face.world.put(found.__class__(**{**_fields(found), "text": "the needle"}))
        await face.press("ctrl+f")
        await face.until(lambda: isinstance(face.app.screen, SearchScreen))
        await face.fill("needle")
        options = face.app.screen.query_one(OptionList)
        await face.until(lambda: options.option_count and options.get_option_at_index(0).id)
        await face.press("enter")
        await face.shows("the needle")
        timeline = face.workspace.timeline
        assert timeline.selected is not None
        assert timeline.selected.text == "the needle"
        assert timeline.has_newer
        assert timeline.has_older
        await face.press("alt+end")
        await face.until(lambda: timeline.follows)
        assert timeline.sheet.last == face.world.timelines["general"][-1]


def _fields(message: object) -> dict[str, object]:
    return {name: getattr(message, name) for name in message.__struct_fields__}  # type: ignore[attr-defined]


@story
async def test_a_picture_is_seen_whole_with_its_provenance() -> None:
    world = lively()
    cat = next(f for m in world.timelines["general"] for f in m.files if f.have >= 1)
    came = Transfer(cat.id, cat.name, 100, 100, "done", (("ana", 61), ("bo", 39)), 0.4, 3)
    world.transfers[cat.id] = came
    async with open_face(world, size=(100, 40), decoder=InlineDecoder()) as face:
        await face.shows("▀▀▀")
        await face.press("escape")
        face.workspace.timeline.step_to(lambda message: bool(message.files), -1)
        await face.press("o")
        await face.until(lambda: isinstance(face.app.screen, PictureScreen))
        await face.shows("kitchen-cat.png", "from ana 61%, bo 39%, 0.4 s, 3 holders", "▀▀▀▀▀▀")
        folder = Path(face.asked(commands.Get)[0].path).parent
        assert folder.exists()
        await face.press("escape")
        await face.until(lambda: not folder.exists())


@story
async def test_a_file_shows_its_progress() -> None:
    async with open_face(lively(), size=(120, 30)) as face:
        world = face.world
        await face.press("alt+2")
        await face.shows("━━━━━╌╌╌ 61%")
        moving = Transfer("bafkcat", "monday.jpg", 90, 100, "moving", (("bo", 90),))
        world.emit(TransferChanged(moving))
        await face.shows("90% from bo")
        world.failures[commands.Get] = NotFound("Nobody who has it is linked.")
        await face.press("escape", "k", "s")
        await face.shows("Nobody who has it is linked.")


@story
async def test_a_mention_rings_only_when_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_face(lively(), config=UiConfig(bell=True)) as face:
        rung: list[str] = []
        monkeypatch.setattr(face.app, "bell", lambda: rung.append("bell"))
        face.world.say("cats", "jun", "@mia look", mentions_me=True)
        await face.shows("@2")
        assert rung == []
        face.app.app_focus = False
        face.world.say("cats", "jun", "@mia again", mentions_me=True)
        await face.until(lambda: rung)
        face.world.emit(TypingShown("general", face.world.author("ana")))
        face.world.emit(Warned("The clock of this machine is wrong."))
        await face.shows("ana is writing…", "The clock of this machine is wrong.")


@story
async def test_panes_give_way_on_a_narrow_screen() -> None:
    async with open_face(lively(), size=(140, 40)) as face:
        await face.shows("here 5", "founder", "channels")
        await face.pilot.resize_terminal(100, 40)
        await face.until(lambda: "here 5" not in face.text)
        await face.press("f8")
        await face.shows("here 5")
        await face.pilot.resize_terminal(60, 24)
        await face.until(lambda: "channels" not in face.text)
        await face.press("f7")
        await face.shows("# releases")
        assert not any(len(row) > 60 for row in face.text.split("\n"))


@story
async def test_a_new_member_makes_a_workspace() -> None:
    async with open_face(FakeSession(), size=(80, 24)) as face:
        await face.shows("Make a new workspace", "Join one, with an invite")
        await face.press("enter")
        await face.shows("Name of the workspace")
        await face.fill("Cats")
        await face.press("enter", "enter")
        await face.shows("Give a name for yourself.")
        await face.fill("mia")
        await face.press("enter")
        await face.shows("Nothing here yet · /invite lets people in", "alone")
        assert face.asked(commands.Create) == [commands.Create("Cats", "mia")]


@story
async def test_a_join_waits_until_somebody_lets_the_member_in() -> None:
    world = FakeSession()
    world.admit_at_once = False
    async with open_face(world, size=(80, 24)) as face:
        await face.press("down", "enter")
        await face.fill("bad invite")
        await face.press("enter")
        await face.fill("mia")
        await face.press("enter")
        await face.shows("An invite has 12 words; these are 2.")
        screen = face.app.screen
        screen.query_one("#first").value = "clowder:bad-invite"  # type: ignore[attr-defined]
        await face.press("enter")
        await face.shows("This invite has expired.")
        screen.query_one("#first").value = "clowder:good-invite"  # type: ignore[attr-defined]
        await face.press("enter")
        await face.shows("Asking to be let in to cats as mia", "Nobody is linked yet.")
        world.add_member("ana", 0)
        world.add_member("mia", me=True)
        world.add_channel("general")
        world.change_status(phase="live")
        await face.shows("Message #general")


@story
async def test_unknown_keys_and_themes_do_no_harm() -> None:
    config = UiConfig(theme="no-such", keys={"quick_switch": "ctrl+g", "nonsense": "x"})
    async with open_face(lively(), config=config) as face:
        await face.shows("There is no key named “nonsense”")
        await face.press("ctrl+g")
        await face.until(lambda: isinstance(face.app.screen, Switcher))
        await face.press("escape")
        face.app.theme = "clowder-light"
        await face.shows("aloud in the lift.")
        face.workspace.box.set_mode(Mode("reply", face.world.timelines["general"][0]))
        await face.shows("answering noor")


@story
async def test_what_came_behind_the_readers_back_is_read_when_the_terminal_is_in_front() -> None:
    async with open_face(lively()) as face:
        face.app.app_focus = False
        face.world.say("general", "bo", "nobody looks")
        await face.shows("nobody looks")
        assert face.world.channels["general"].unread == 1
        face.app.post_message(AppFocus())
        await face.until(lambda: face.world.channels["general"].unread == 0)


@story
async def test_messages_are_written_in_an_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "sed -i s/cat/dog/")
    assert editor.write("a cat") == "a dog"
    monkeypatch.setenv("EDITOR", "no-such-editor-here")
    with pytest.raises(InputError, match="no-such-editor-here, does not work"):
        editor.write("a cat")
    async with open_face(lively()) as face:
        face.workspace.box.composer.insert_text("kept")
        await face.press("alt+e")
        await face.until(lambda: not face.app._batch_count)
        assert face.workspace.box.composer.text == "kept"
        names = [c.title for c in face.app.get_system_commands(face.workspace)]
        assert "Notes of this channel" in names
        assert "Theme" in names
