"""Away and back, a screen that is locked, direct channels that ring, and undo of sending."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chat import commands
from chat.model import Author, Channel, Member, Private
from tests.tui import made
from tests.tui.face import Face, open_face, story
from tests.tui.lively import lively
from tui import attention
from tui.bridge import FRAME_SECONDS
from tui.config import UiConfig
from tui.idle import Idle
from tui.limits import TYPING_FRAME_SECONDS
from tui.screens.lock import LockScreen
from tui.screens.workspace import WorkspaceScreen
from tui.widgets import channel_list, member_list
from tui.world import World

MINUTE = 60.0


# Pure ------------------------------------------------------------------------------------------


def test_who_touches_nothing_is_away_once_and_back_with_a_key() -> None:
    idle = Idle(0.0)

    def look(now: float, *, is_away: bool = False) -> str:
        return idle.look(now, away_after=10 * MINUTE, lock_after=15 * MINUTE, is_away=is_away)

    assert [look(now * MINUTE) for now in (1, 9.9, 10, 11)] == ["", "", "away", ""]
    assert [look(now * MINUTE, is_away=True) for now in (14, 15, 16)] == ["", "lock", ""]
    assert idle.touch(17 * MINUTE) == "back"
    assert idle.touch(18 * MINUTE) == ""
    assert look(27 * MINUTE) == ""
    assert look(28 * MINUTE, is_away=True) == "", "who said so by themselves has said it"
    assert idle.touch(29 * MINUTE) == "", "and comes back by writing, not by any key"


@given(st.lists(st.tuples(st.floats(0, 600), st.booleans()), max_size=60))
def test_never_means_never(steps: list[tuple[float, bool]]) -> None:
    idle, now = Idle(0.0), 0.0
    for passed, touched in steps:
        now += passed
        if touched:
            assert idle.touch(now) == ""
        assert idle.look(now, away_after=0, lock_after=0, is_away=False) == ""


def direct(**more: Any) -> Channel:
    """A private channel of mia and bo."""
    me, bo = Author("c" * 64, "mia"), Author("b" * 64, "bo")
    return Channel("d" * 32, "plans", members=(me, bo), direct=True, limited=True, **more)


def test_a_direct_channel_rings_unless_the_user_wants_otherwise() -> None:
    message = made.message(text="lunch?", author=made.BO, channel="plans")
    channel, private = direct(), Private()
    assert attention.rings(message, channel, private, 0)
    assert not attention.rings(message, replace(channel, direct=False), private, 0)
    only = Private(alerts={channel.id: "mentions"})
    assert not attention.rings(message, channel, only, 0)
    assert attention.rings(replace(message, mentions_me=True), channel, only, 0)
    assert not attention.rings(replace(message, mine=True), channel, private, 0)
    assert not attention.rings(message, channel, Private(quiet_until=1), 0)
    assert attention.title("Cats", [direct(unread=3)], private) == "(@3 3) Cats"
    assert attention.title("Cats", [direct(unread=3)], Private(alerts={"d" * 32: "off"})) == "Cats"


def test_direct_channels_stand_last_by_who_is_in_them_with_their_presence() -> None:
    world = World()
    zoo, plans = Channel("e" * 32, "zoo", mode="public"), direct(unread=2)
    world.set_channels([plans, zoo, Channel("f" * 32, "general")])
    assert [channel.name for channel in world.listed] == ["general", "zoo", "plans"]
    assert world.next_unread("f" * 32) == plans
    bo = Member("b" * 64, "bo", 100, "member", online=True)
    rows = {
        away: channel_list.row(plans, False, 24, None, member).plain
        for away, member in (("", None), ("no", bo), ("yes", replace(bo, away=True)))
    }
    assert rows[""].startswith("○ bo · plans")
    assert rows["no"].startswith("● bo · plans")
    assert rows["yes"].startswith("◐ bo · plans")
    assert all(row.endswith(" @2") and len(row) == 24 for row in rows.values())
    assert channel_list.title(replace(plans, name="@Bo")) == "bo"


def test_the_members_list_says_who_is_away_and_why() -> None:
    bo = Member("b" * 64, "bo", 100, "member", online=True, away=True, away_text="lunch [b]\x1b[2J")
    ana = Member("a" * 64, "ana", 0, "founder")
    assert member_list.groups([bo, ana]) == [("away", [bo]), ("offline", [ana])]
    shown = member_list.row(bo, "red", 24).plain
    assert shown.startswith("◐ bo")
    assert "lunch [b]" in shown
    assert "\x1b" not in shown


# On the screen ---------------------------------------------------------------------------------


def away(face: Face) -> list[tuple[bool, str]]:
    """What the face said of being away, in order."""
    return [(command.away, command.text) for command in face.asked(commands.SetAway)]


@story
async def test_away_by_idleness_and_by_word() -> None:
    world = lively()
    async with open_face(world) as face:
        later = time.monotonic() + 9 * MINUTE
        face.app.look_at_idle(later)
        assert away(face) == []
        face.app.look_at_idle(later + 2 * MINUTE)
        await face.until(lambda: face.app.is_away)
        await face.shows("you are away")
        await face.press("escape")
        await face.until(lambda: not face.app.is_away)
        assert away(face) == [(True, ""), (False, "")]
        await face.press("i")
        await face.say("/away gone fishing")
        await face.shows("you are away", "until you write")
        await face.press("escape", "k", "i")
        assert face.app.is_away, "reading is not writing"
        await face.write("he")
        await face.until(lambda: not face.app.is_away)
        assert away(face)[2:] == [(True, "gone fishing"), (False, "")]
        await face.press("ctrl+u")
        await face.say(f"/away {'x' * 81}")
        await face.shows("at most 80")


@story
async def test_a_locked_screen_shows_nothing_and_opens_with_the_passphrase() -> None:
    world = lively()
    async with open_face(world, config=UiConfig(lock_after=5)) as face:
        face.app.look_at_idle(time.monotonic() + 6 * MINUTE)
        await face.shows("The screen is not locked", "no passphrase")
        world.passphrase = "nine lives"
        await face.press("ctrl+f")
        await face.until(lambda: not isinstance(face.app.screen, WorkspaceScreen))
        await face.press("escape")
        await face.until(lambda: isinstance(face.app.screen, WorkspaceScreen))
        await face.fill("half a thought")
        face.app.look_at_idle(time.monotonic() + 6 * MINUTE)
        await face.until(lambda: isinstance(face.app.screen, LockScreen))
        assert [draft.text for draft in face.asked(commands.KeepDraft)] == ["half a thought"]
        assert face.app._titled == "Clowder"
        for secret in ("Clowder Works", "general", "mia", "ana", "half", "lock"):
            assert secret not in face.text.replace("Locked", "")
        await face.press("ctrl+k", "f1", "escape", "ctrl+n", "alt+1")
        assert isinstance(face.app.screen, LockScreen)
        await face.fill("eight lives")
        await face.press("enter")
        await face.shows("That is not the passphrase.")
        assert "eight" not in face.text
        await face.fill("nine lives")
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, WorkspaceScreen))
        await face.shows("Clowder Works", "half a thought")
        # From another window: it covers what stands open, and opens again by itself.
        await face.press("f1")
        world.change_status(locked=True)
        await face.until(lambda: isinstance(face.app.screen, LockScreen))
        world.change_status(locked=False)
        await face.until(lambda: not isinstance(face.app.screen, LockScreen))


@story
async def test_who_opens_a_locked_workspace_is_asked_first() -> None:
    world = lively()
    world.passphrase, world.status = "nine lives", replace(world.status, locked=True)
    app = face_of(world)
    async with app.run_test(size=(80, 24)) as pilot:
        face = Face(app, pilot, world)
        await face.until(lambda: isinstance(app.screen, LockScreen) and app.focused)
        await face.fill("nine lives")
        await face.press("enter")
        await face.shows("Clowder Works", "#general")


# Undo of sending -------------------------------------------------------------------------------


@story
async def test_what_waits_is_not_sent_and_comes_back() -> None:
    world = lively()
    async with open_face(world, config=UiConfig(undo_seconds=60)) as face:
        composer = face.workspace.box.composer
        await face.say("to be or")
        await face.shows("sent in 60 s", "Ctrl+Z takes it back")
        assert face.asked(commands.Post) == []
        await face.until(lambda: [d.text for d in face.asked(commands.KeepDraft)] == ["to be or"])
        await face.press("ctrl+z")
        await face.shows("It was not sent.")
        assert composer.text == "to be or"
        assert "sent in" not in face.text
        await face.press("enter")
        await face.say("not to be")  # The one before goes.
        await face.until(lambda: [p.text for p in face.asked(commands.Post)] == ["to be or"])
        await face.press("alt+2")  # So it does with the channel.
        await face.until(lambda: len(face.asked(commands.Post)) == 2)
        await face.until(lambda: face.workspace.channel_name == "cats")
        assert {post.channel for post in face.asked(commands.Post)} == {"general"}
        await face.say("that is the question")
    assert [post.text for post in face.asked(commands.Post)][2:] == ["that is the question"]
    assert face.asked(commands.KeepDraft)[-1] == commands.KeepDraft(world.channels["cats"].id, "")


@story
async def test_what_never_left_is_taken_back_and_the_rest_is_asked_about() -> None:
    world = lively()
    async with open_face(world) as face:
        composer = face.workspace.box.composer
        await face.say("my password is cat")
        await face.until(lambda: len(face.asked(commands.Post)) == 1)
        await face.until(lambda: face.workspace.timeline.sheet[-1].text == "my password is cat")
        mine = face.workspace.timeline.sheet[-1]
        world.unsent = {mine.id}
        await face.press("ctrl+z")
        await face.shows("it never left this machine")
        assert composer.text == "my password is cat"
        assert world.find(mine.id).deleted
        await face.press("ctrl+u")
        await face.say("hello all")
        await face.until(lambda: face.workspace.timeline.sheet[-1].text == "hello all")
        await face.press("ctrl+z")
        await face.shows("It may have left this machine")
        assert face.asked(commands.Delete) == []
        await face.press("down", "enter")
        await face.until(lambda: len(face.asked(commands.Delete)) == 1)
        await face.until(lambda: composer.text == "hello all")


@story
async def test_undo_of_typing_stays_what_it_is() -> None:
    async with open_face(lively()) as face:
        await face.write("abc")
        await face.press("ctrl+z")
        assert face.asked(commands.TakeBack) == []
        assert face.workspace.box.composer.text != "abc"


def face_of(world: Any) -> Any:
    """The application over a session, not started."""
    from tui.app import ClowderApp

    return ClowderApp(world, UiConfig())


@pytest.mark.parametrize("argument", ["off", "BACK"])
def test_words_that_end_being_away(argument: str) -> None:
    from tui.input import being

    assert being.away(argument)[0] == commands.SetAway(False)


@story
async def test_while_somebody_types_events_are_painted_less_often() -> None:
    async with open_face(lively()) as face:
        face.app._idle.touch(time.monotonic() - 1.0)
        assert face.app.pause() == FRAME_SECONDS
        await face.press("h")
        assert face.app.pause() == TYPING_FRAME_SECONDS
