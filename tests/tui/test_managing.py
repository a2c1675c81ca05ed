"""Members, channels, invites, settings and keys: changed from the screen, and told when refused."""

import tomllib
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.widgets import Input, OptionList

from chat import commands
from chat.model import Author, Device, InviteState, Member
from tests.tui.face import Face, open_face, story
from tests.tui.fake_session import FakeSession
from tests.tui.lively import lively
from tests.tui.made import START_MS
from tui import keymap
from tui.config import UiConfig
from tui.screens.channel import ChannelScreen
from tui.screens.channel import answers as about
from tui.screens.choice import Choice
from tui.screens.invites import InvitesScreen
from tui.screens.line import Line
from tui.screens.members import MemberScreen, MembersScreen, answers, details
from tui.screens.settings import SettingsScreen


def led_by_mia(level: int = 0) -> FakeSession:
    """The lively workspace, in which this member may change who is in."""
    world = lively()
    mia = world.me
    role = "founder" if level == 0 else "admin"
    world.members[mia.member] = replace(mia, level=level, role=role)  # type: ignore[arg-type]
    return world


async def choose(face: Face, answer: str) -> None:
    """Take an answer of the question on screen."""
    await face.until(lambda: isinstance(face.app.screen, Choice) and face.app.screen.children)
    options = face.app.screen.query_one(OptionList)
    options.highlighted = options.get_option_index(answer)
    await face.press("enter")


async def pick(face: Face, kind: type, typed: str) -> None:
    """Choose the first row that fits what is typed."""
    await face.until(lambda: isinstance(face.app.screen, kind) and face.app.screen.children)
    await face.fill(typed)
    await face.press("enter")


@story
async def test_a_member_is_looked_at_promoted_removed_and_accepted() -> None:
    world = led_by_mia()
    async with open_face(world) as face:
        await face.press("alt+m")
        await face.shows("Members", "bo", "admin 50", "2 devices", "you, founder")
        await pick(face, MembersScreen, "ana")
        await face.shows("device 0101010101010101, linked", "device 0202020202020202, not linked")
        await face.shows("amber basil cedar delta", "compare these words")
        await choose(face, "verify")
        await face.shows("Did you hear these words from ana")
        await choose(face, "yes")
        await face.shows("ana is verified on this device.")
        await face.say("/members")
        await face.shows("✓ founder, 2 devices")
        await pick(face, MembersScreen, "jun")
        await face.until(lambda: isinstance(face.app.screen, MemberScreen))
        await choose(face, "admin")
        await face.shows("Make jun an admin?")
        await choose(face, "yes")
        await face.shows("jun is an admin now.")
        assert next(m for m in world.members.values() if m.nick == "jun").level == 10
        await face.say("/remove noor")
        await face.shows("Remove noor from the workspace?")
        await face.press("enter")  # the safe answer is first
        assert face.asked(commands.RemoveMember) == []
        await face.say("/remove noor")
        await choose(face, "yes")
        await face.until(lambda: world.former)
        await face.say("/members")
        await face.shows("removed, 2 void")
        await pick(face, MembersScreen, "noor")
        await face.shows("removed by mia")
        await choose(face, "accept")
        await choose(face, "yes")
        await face.shows("What noor wrote stands.")


@story
async def test_who_may_not_is_told_and_offered_nothing() -> None:
    world = lively()
    async with open_face(world) as face:
        await face.say("/promote bo reader")
        await face.shows("Only founders and admins can promote members.")
        await face.say("/remove nobody")
        await face.shows("There is no member nobody.")
        await face.say("/part")
        await face.shows("Everybody is in #general")
        assert face.app.screen is face.workspace
        await face.say("/promote bo emperor")
        await face.shows("Say admin, member or reader")
        face.workspace.box.composer.set_text("")
        await face.say("/kick")
        await face.shows("Whom? /kick ana")
    me = world.me
    for member in world.members.values():
        assert {what for what, _ in answers(member, me)} <= {"no", "name", "verify", "devices"}
    senior = replace(me, level=10)
    bo = next(m for m in world.members.values() if m.nick == "bo")
    assert [what for what, _ in answers(bo, senior)] == [
        "no",
        "name",
        "verify",
        "member",
        "reader",
        "remove",
    ]
    gone = replace(bo, state="removed", voided=1)
    assert "accept" in dict(answers(gone, senior))
    assert "remove" not in dict(answers(gone, senior))


@story
async def test_the_settings_of_a_channel() -> None:
    world = led_by_mia()
    world.add_private("plans", "ana")
    async with open_face(world) as face:
        await face.press("f5")
        await face.shows(
            "#general", "workspace: everybody in the workspace", "Rings for mentions of you"
        )
        await choose(face, "topic")
        await face.until(lambda: isinstance(face.app.screen, Line) and face.app.screen.children)
        line = face.app.screen.query_one(Input)
        line.value = "Naps [b]only[/b]"
        await face.press("enter")
        await face.shows("Naps [b]only[/b]")
        for typed, days in (("a while", 0), ("90", 90), ("90", 90), ("", 0)):
            await face.press("f5")
            await choose(face, "keep")
            await face.until(lambda: isinstance(face.app.screen, Line) and face.app.screen.children)
            line = face.app.screen.query_one(Input)
            assert line.value == str(world.channels["general"].keep_days or "")
            line.value = typed
            await face.press("enter")
            if typed == "a while":
                await face.shows("Write a number of days")
            await face.until(lambda days=days: world.channels["general"].keep_days == days)
        await face.say("/channel")
        await choose(face, "alerts")
        await face.shows("What may #general ring for")
        await choose(face, "all")
        await face.until(lambda: world.private.alerts == {world.channels["general"].id: "all"})
        await face.press("f5")
        await face.shows("Rings for everything")
        assert "Let somebody in" not in face.text
        await face.press("escape")
        await face.say("/join plans")
        await face.until(lambda: face.workspace.channel_name == "plans")
        await face.press("f5")
        await face.shows("private: 2 members", "in it: mia, ana")
        await choose(face, "add")
        await pick(face, MembersScreen, "jun")
        await face.shows("jun is in #plans now.")
        for words, opened in (("read what was", False), ("do not read what was", True)):
            await face.press("f5")
            await face.shows(f"Newcomers {words} said before")
            assert ("who comes in reads from there on" in face.text) == opened
            await choose(face, "history")
            await face.until(lambda opened=opened: world.channels["plans"].history == opened)
        await face.press("f5")
        await face.shows("in it: mia, ana, jun")
        await choose(face, "add")
        await face.until(lambda: isinstance(face.app.screen, MembersScreen))
        await face.shows("bo", "noor")
        assert not [row for row in face.text.split("\n") if "│" in row and "jun" in row]
        await face.press("escape")
        await face.press("f5")
        await choose(face, "kick")
        await pick(face, MembersScreen, "jun")
        await choose(face, "yes")
        await face.until(lambda: len(world.channels["plans"].members) == 2)
        await face.press("f5")
        await choose(face, "part")
        await choose(face, "yes")
        await face.until(lambda: face.asked(commands.LeaveChannel))
        await face.press("f5")
        await choose(face, "members")
        await face.until(lambda: isinstance(face.app.screen, MembersScreen))
        await face.press("escape")
        assert not isinstance(face.app.screen, ChannelScreen)


@story
async def test_what_people_outside_read_says_so_and_has_a_link() -> None:
    world = lively()
    async with open_face(world) as face:
        for name, kind in (("releases", "public: anyone reads"), ("reading", "hidden: who has")):
            await face.say(f"/join {name}")
            await face.shows(kind)
            await face.press("f5")
            await face.shows(kind, "Copy its link")
            await choose(face, "link")
            wanted = f"clowder-channel:{name}"
            await face.until(lambda wanted=wanted: face.app.clipboard == wanted)
    assert "link" not in dict(about(world.channels["general"], "all"))
    assert "keep" not in dict(about(world.channels["general"], "all"))
    assert "history" not in dict(about(world.channels["general"], "all", True))


@story
async def test_invites_are_listed_made_and_revoked() -> None:
    world = led_by_mia()
    mia = world.author("mia")
    world.invites = [
        InviteState("ab" * 16, mia, 100, START_MS + 10**9, "open", note="the new one"),
        InviteState("cd" * 16, mia, 100, START_MS, "used", used_by=Author("77" * 32, "jun")),
    ]
    async with open_face(world) as face:
        await face.say("/invites")
        await face.shows("the new one", "open until", "used by jun", "+ Invite one person")
        await pick(face, InvitesScreen, "jun")
        await face.shows("admits nobody any more")
        await face.say("/invites")
        await pick(face, InvitesScreen, "the new one")
        await choose(face, "yes")
        await face.until(lambda: world.invites[0].state == "revoked")
        await face.say("/invites")
        await pick(face, InvitesScreen, "")
        await face.shows("▀", "amber basil")


@story
async def test_settings_count_at_once_and_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('# mine\n[ui]\nbell = true  # loud\n[keys]\nsearch = "f12"\n')
    async with open_face(lively(), config_path=path) as face:
        await face.press("f9")
        await face.until(lambda: isinstance(face.app.screen, SettingsScreen))
        await face.shows("Colours", "dark", "Ring when somebody wants me")
        await face.press("enter")
        await face.until(lambda: face.app.theme == "clowder-light")
        await face.press("left", "left")
        await face.until(lambda: face.app.theme != "clowder-light")
        await face.press("down", "space")
        await face.until(lambda: "bell = false  # loud" in path.read_text())
        options = face.app.screen.query_one(OptionList)
        options.highlighted = options.get_option_index("ascii")
        await face.press("enter")
        await face.until(lambda: "ascii = true" in path.read_text())
        await face.until(face.text.isascii)
        options.highlighted = options.get_option_index("mouse")
        await face.press("right")
        await face.shows("from the next start on")
        text = path.read_text()
        assert text.startswith("# mine\n[ui]\n")
        assert tomllib.loads(text)["keys"] == {"search": "f12"}
        path.write_text("[ui\n")
        await face.press("right")
        await face.shows("config.toml is not right")
        await face.press("escape")
        path.write_text("")
        face.app.theme = "nord"
        await face.until(lambda: tomllib.loads(path.read_text()) == {"ui": {"theme": "nord"}})


@story
async def test_settings_without_a_file_stand_until_the_end() -> None:
    async with open_face(lively()) as face:
        await face.say("/settings")
        await face.until(lambda: isinstance(face.app.screen, SettingsScreen))
        await face.press("down", "enter")
        await face.shows("This stands until you leave")
        assert face.app.deciding.config.bell is False


@story
async def test_keys_from_the_settings_are_bound_and_shown() -> None:
    keys = {"search": "ctrl+k", "quick_switch": "ctrl+f", "reply": "x", "edit": "y", "help": "f12"}
    async with open_face(lively(), config=UiConfig(keys=keys), size=(100, 60)) as face:
        await face.shows("y would be “edit” and “copy” at once")
        await face.press("f12")
        await face.shows("F12", "Ctrl+F", "Go to a channel")
        rows = [row for row in face.text.split("\n") if "Go to a channel" in row]
        assert "Ctrl+F" in rows[0]
        assert "Ctrl+K" not in rows[0]
        await face.press("escape", "ctrl+f")
        await face.shows("some letters of a channel")
        await face.press("escape", "escape", "x")
        await face.until(lambda: face.workspace.box.mode is not None)
        await face.press("f1")
        assert len(face.app.screen_stack) == 2


@pytest.mark.parametrize(
    ("chosen", "kept", "said"),
    [
        ({"quick_switch": "ctrl+f"}, {}, "Ctrl+F would be “quick_switch” and “search” at once"),
        ({"quick_switch": "g"}, {}, "would be taken while you write"),
        ({"quick_switch": "ctrl+frob"}, {}, "is no key"),
        ({"search": "ctrl+p"}, {}, "Ctrl+P is needed for other things"),
        ({"reply": "ctrl+k"}, {}, "Ctrl+K would be “reply” and “quick_switch” at once"),
        ({"search": "ctrl+j"}, {}, "Ctrl+J would be “search” and “newline” at once"),
        ({"send": "x"}, {}, "There is no key named “send”"),
        ({"search": ""}, {}, "is no key"),
        ({"react": "+,x"}, {"react": "plus,x"}, ""),
        ({"search": " f12 "}, {"search": "f12"}, ""),
        (
            {"search": "ctrl+g", "notes": "ctrl+g"},
            {"search": "ctrl+g"},
            "Ctrl+G would be “notes” and “search” at once",
        ),
    ],
)
def test_keys_that_clash_keep_their_own(
    chosen: dict[str, str], kept: dict[str, str], said: str
) -> None:
    assert keymap.overrides(chosen) == kept
    problems = keymap.problems(chosen)
    assert len(problems) == bool(said)
    assert all(said in problem for problem in problems)


def test_devices_of_a_member_are_told_apart_by_their_names() -> None:
    mia = Member("44" * 16, "mia", 100, "member", 2)
    shown = details(mia, [Device("ab" * 32, this=True), Device("cd" * 32, name="phone")])
    assert "device abababababababab, this one\n" in shown
    assert "device cdcdcdcdcdcdcdcd, not linked, phone" in shown
