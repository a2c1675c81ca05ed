"""Every key and every command that the help shows is pressed or typed, and does what it says.

The tables below name an effect for each; one without an effect, or an effect without one, fails.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual.screen import Screen

from chat import commands
from chat.model import Hidden
from tests.tui.face import Face, open_face, story
from tests.tui.fake_session import FakeSession
from tests.tui.lively import InlineDecoder
from tests.tui.test_managing import led_by_mia
from tui import keymap
from tui.input import slash
from tui.screens.channel import ChannelScreen
from tui.screens.choice import Choice
from tui.screens.delivery import DeliveryScreen
from tui.screens.devices import DevicesScreen
from tui.screens.file_picker import FilePicker
from tui.screens.gallery import GalleryScreen
from tui.screens.help import HelpScreen
from tui.screens.invite import InviteScreen
from tui.screens.invites import InvitesScreen
from tui.screens.members import MembersScreen
from tui.screens.network import NetworkScreen
from tui.screens.notes_past import NotesPastScreen
from tui.screens.picture import PictureScreen
from tui.screens.react import ReactPicker
from tui.screens.search import ActivityScreen, BookmarksScreen, PinsScreen, SearchScreen
from tui.screens.settings import SettingsScreen
from tui.screens.swarm import SwarmScreen
from tui.screens.switcher import Switcher
from tui.screens.workspaces import WorkspacePicker

Holds = Callable[[], object]
Effect = Callable[[Face], Holds]
"""Prepares, and gives what must hold after the key."""


def opens(kind: type[Screen[Any]]) -> Effect:
    return lambda face: lambda: isinstance(face.app.screen, kind)


def asks(kind: type[commands.Command], **wanted: object) -> Effect:
    def prepare(face: Face) -> Holds:
        before = len(face.asked(kind))
        return lambda: any(
            all(getattr(command, name) == value for name, value in wanted.items())
            for command in face.asked(kind)[before:]
        )

    return prepare


def goes(by: int) -> Effect:
    """To the channel so many places below."""

    def prepare(face: Face) -> Holds:
        listed = face.workspace.world.listed
        face.workspace.open_channel(listed[3])
        return lambda: face.workspace.channel_name == listed[3 + by].name

    return prepare


def place(number: int) -> Effect:
    def prepare(face: Face) -> Holds:
        listed = face.workspace.world.listed
        face.workspace.open_channel(listed[number % len(listed)])
        return lambda: face.workspace.channel_name == listed[number - 1].name

    return prepare


def next_unread(face: Face) -> Holds:
    face.world.change_channel("cats", unread=2, mentions=1)
    face.workspace.world.channels[face.world.channels["cats"].id] = face.world.channels["cats"]
    return lambda: face.workspace.channel_name == "cats"


def selects(wanted: Callable[[Any], object], start: int = 0) -> Effect:
    """A message that is so gets selected; the one at `start` was before."""

    def prepare(face: Face) -> Holds:
        timeline = face.workspace.timeline
        sheet = timeline.sheet
        timeline._selected = sheet[start % len(sheet)].id
        begun = timeline._selected
        return lambda: (
            timeline.selected is not None
            and timeline.selected.id != begun
            and wanted(timeline.selected)
        )

    return prepare


def says(text: str) -> Effect:
    return lambda face: lambda: text in face.text


def scrolls(by: int) -> Effect:
    def prepare(face: Face) -> Holds:
        timeline = face.workspace.timeline
        end = timeline.max_scroll_y
        timeline.scroll_to(y=end // 2, animate=False, immediate=True)
        row = timeline.scroll_y
        return lambda: timeline.scroll_y < row if by < 0 else timeline.scroll_y > row

    return prepare


def newest(face: Face) -> Holds:
    timeline = face.workspace.timeline
    timeline.scroll_to(y=0, animate=False, immediate=True)
    return lambda: timeline.scroll_y == timeline.max_scroll_y


def toggles(selector: str) -> Effect:
    def prepare(face: Face) -> Holds:
        before = face.workspace.query_one(selector).display
        return lambda: face.workspace.query_one(selector).display is not before

    return prepare


def edits(face: Face) -> Holds:
    face.app.write_in_editor = (  # type: ignore[method-assign]
        lambda text, done: done("from the editor")
    )
    return lambda: face.workspace.box.composer.text == "from the editor"


def mode(kind: str) -> Effect:
    return lambda face: (
        lambda: face.workspace.box.mode is not None and face.workspace.box.mode.kind == kind
    )


def focuses(what: Callable[[Face], Any]) -> Effect:
    return lambda face: lambda: what(face).has_focus


def leaves(face: Face) -> Holds:
    return lambda: face.app._exit


def types(text: str, wanted: str) -> Effect:
    """With this in the composer, that stands there afterwards."""

    def prepare(face: Face) -> Holds:
        face.workspace.box.composer.set_text(text)
        return lambda: face.workspace.box.composer.text == wanted

    return prepare


def sends(face: Face) -> Holds:
    face.workspace.box.composer.set_text("good night")
    return asks(commands.Post, text="good night")(face)


def goes_back(face: Face) -> Holds:
    face.workspace.box.composer.history_of_lines.add("said before")
    return lambda: face.workspace.box.composer.text == "said before"


def of(wanted: Callable[[Any], object], effect: Effect) -> Effect:
    """On the newest message that is so."""

    def prepare(face: Face) -> Holds:
        timeline = face.workspace.timeline
        sheet = timeline.sheet
        newest_first = [sheet[at] for at in range(len(sheet) - 1, -1, -1)]
        timeline._selected = next(message.id for message in newest_first if wanted(message))
        return effect(face)

    return prepare


def unfolds(face: Face) -> Holds:
    timeline = face.workspace.timeline
    timeline._selected = ""
    spam = timeline.sheet[len(timeline.sheet) - 2]
    timeline.merge([replace(spam, hidden=Hidden(spam.author, "ads"))])
    return lambda: spam.id in timeline.frame.opened


def any_message(_: object) -> bool:
    return True


KEYS: dict[str, Effect] = {
    "help": opens(HelpScreen),
    "activity": opens(ActivityScreen),
    "network": opens(NetworkScreen),
    "bookmarks": opens(BookmarksScreen),
    "pins": opens(PinsScreen),
    "this_channel": opens(ChannelScreen),
    "settings": opens(SettingsScreen),
    "people": opens(MembersScreen),
    "quick_switch": opens(Switcher),
    "next_unread": next_unread,
    "previous_channel": goes(-1),
    "next_channel": goes(1),
    **{f"channel_{number}": place(number) for number in range(1, 10)},
    "previous_mention": selects(lambda message: message.mentions_me, -1),
    "next_mention": selects(lambda message: message.mentions_me, 0),
    "unread_line": says("Nothing here was new when you came."),
    "late": selects(lambda message: message.late, -1),
    "page_up": scrolls(-1),
    "page_down": scrolls(1),
    "newest": newest,
    "search": opens(SearchScreen),
    "notes": toggles("#notes"),
    "gallery": opens(GalleryScreen),
    "swarm": opens(SwarmScreen),
    "workspaces": opens(WorkspacePicker),
    "put": opens(FilePicker),
    "channels": toggles("#channels"),
    "members": toggles("#members"),
    "editor": edits,
    "edit_last": mode("edit"),
    "quit": leaves,
    "leave": focuses(lambda face: face.workspace.box.composer),
    "next": selects(any_message, 0),
    "previous": selects(any_message, -1),
    "oldest": selects(any_message, -1),
    "newest_here": selects(any_message, 0),
    "reply": of(any_message, mode("reply")),
    "open": of(lambda message: message.files, opens(PictureScreen)),
    "thread": of(any_message, toggles("#thread")),
    "react": of(any_message, opens(ReactPicker)),
    "copy": of(any_message, lambda face: lambda: face.app.clipboard),
    "pin": of(any_message, asks(commands.Pin)),
    "bookmark": of(any_message, asks(commands.Bookmark)),
    "delivery": of(any_message, opens(DeliveryScreen)),
    "edit": of(lambda message: message.mine, mode("edit")),
    "delete": of(lambda message: message.mine, opens(Choice)),
    "save": of(lambda message: message.files, asks(commands.Get)),
    "send": sends,
    "undo": asks(commands.TakeBack),
    "newline": types("a", "a\n"),
    "editor_too": edits,
    "complete": types("/hel", "/help "),
    "history": goes_back,
    "notes_task": asks(commands.SpliceNotes),
    "notes_authors": lambda face: lambda: face.workspace.notes.shows_authors,
    "notes_past": opens(NotesPastScreen),
    "to_timeline": focuses(lambda face: face.workspace.timeline),
}

LINES: dict[str, tuple[str, Effect]] = {
    "join": (" cats", lambda face: lambda: face.workspace.channel_name == "cats"),
    "new": (" walks public", asks(commands.CreateChannel, name="walks", mode="public")),
    "topic": (" Naps", asks(commands.SetTopic, topic="Naps")),
    "put": (" /etc/hosts Look", asks(commands.Put, path="/etc/hosts", text="Look")),
    "get": ("", asks(commands.Get)),
    "reply": ("", mode("reply")),
    "edit": ("", mode("edit")),
    "delete": ("", opens(Choice)),
    "undo": ("", asks(commands.TakeBack)),
    "react": (" :cat:", asks(commands.React, emoji="🐈")),
    "pin": ("", asks(commands.Pin)),
    "hide": (" ads", asks(commands.Hide, on=True, reason="ads")),
    "open": ("", unfolds),
    "thread": ("", toggles("#thread")),
    "bookmark": ("", asks(commands.Bookmark)),
    "delivery": ("", opens(DeliveryScreen)),
    "notes": ("", toggles("#notes")),
    "pins": ("", opens(PinsScreen)),
    "pictures": ("", opens(GalleryScreen)),
    "swarm": ("", opens(SwarmScreen)),
    "workspace": ("", opens(WorkspacePicker)),
    "bookmarks": ("", opens(BookmarksScreen)),
    "activity": ("", opens(ActivityScreen)),
    "alerts": (" all", asks(commands.SetAlerts, level="all")),
    "dnd": (" off", asks(commands.SetQuiet, until_ms=0)),
    "name": (" bo Bo from sales", asks(commands.NameMember, member="bo", name="Bo from sales")),
    "ignore": (" bo", asks(commands.Ignore, member="bo", on=True)),
    "away": (" lunch", asks(commands.SetAway, away=True, text="lunch")),
    "back": ("", asks(commands.SetAway, away=False)),
    "lock": ("", asks(commands.Lock)),
    "invite": ("", opens(InviteScreen)),
    "invites": ("", opens(InvitesScreen)),
    "members": ("", opens(MembersScreen)),
    "devices": ("", opens(DevicesScreen)),
    "promote": (" bo reader", opens(Choice)),
    "remove": (" bo", opens(Choice)),
    "channel": ("", opens(ChannelScreen)),
    "add": (" bo plans", asks(commands.AddToChannel, channel="plans")),
    "kick": (" ana plans", opens(Choice)),
    "part": (" plans", opens(Choice)),
    "settings": ("", opens(SettingsScreen)),
    "network": ("", opens(NetworkScreen)),
    "search": (" cat", opens(SearchScreen)),
    "me": (" waves", asks(commands.Post, text="*waves*")),
    "nick": (" mia", asks(commands.SetProfile, nick="mia")),
    "help": ("", opens(HelpScreen)),
    "quit": ("", leaves),
}


def long_morning() -> FakeSession:
    """The lively workspace with nine channels, a late arrival and more than a page of talk."""
    world = led_by_mia()
    world.add_private("plans", "ana")
    for name in ("six", "seven", "eight", "nine"):
        world.add_channel(name)
    talk = [world.make("general", world.author("bo"), f"line {n}") for n in range(30)]
    world.put(world.make("general", world.author("ana"), "from the train", late=True))
    for message in [*talk, world.make("general", world.author("mia"), "and so to bed")]:
        world.put(message)
    return world


async def reset(face: Face, *, timeline: bool) -> None:
    """Back to the open channel with nothing open, chosen or written."""
    workspace = face.workspace
    while face.app.screen is not workspace:
        face.app.pop_screen()
        await face.pilot.pause()
    workspace.side.close_thread()
    if workspace.notes.display:
        workspace.side.toggle_notes(workspace.channel_name)
    workspace.box.set_mode(None)
    workspace.box.composer.set_text("")
    if workspace.channel_name != "general":
        workspace.open_channel(face.world.channels["general"])
    workspace.timeline.jump_end()
    await face.until(
        lambda: (
            workspace.reading._meanwhile is None
            and len(workspace.timeline.sheet) > 30
            and workspace.timeline.max_scroll_y > 0
        )
    )
    workspace.timeline.unselect()
    (workspace.timeline if timeline else workspace.box.composer).focus()
    await face.pilot.pause()


def test_the_walk_leaves_nothing_out() -> None:
    assert set(KEYS) == {key.id for key in keymap.KEYS}
    assert set(LINES) == {command.name for command in slash.COMMANDS}
    for command in slash.COMMANDS:
        for name in (command.name, *command.aliases):
            assert slash.parse(f"/{name.upper()} x") == slash.Asked(command, "x")


@pytest.mark.parametrize("scope", ["workspace", "timeline", "composer", "notes"])
def test_every_key_of_the_help_works(
    scope: keymap.Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    @story
    async def walk() -> None:
        async with open_face(long_morning(), size=(110, 30), decoder=InlineDecoder()) as face:
            for key in sorted(keymap.scope(scope), key=lambda key: key.id == "quit"):
                for pressed in key.keys.split(","):
                    await reset(face, timeline=scope == "timeline")
                    if scope == "notes":
                        await face.press("ctrl+n")
                        await face.until(lambda: face.workspace.notes._draft is not None)
                    holds = KEYS[key.id](face)
                    await face.pilot.pause()
                    assert not holds(), f"{key.id} before it is pressed"
                    if key.id == "quit":
                        # The pilot would wait for widgets that are gone by then.
                        face.app.simulate_key(pressed)
                    else:
                        await face.press(*pressed.split(" "))
                    try:
                        await face.until(holds)
                    except AssertionError as error:
                        raise AssertionError(f"{pressed} is no {key.id}: {error}") from None

    walk()


@pytest.mark.parametrize("half", [0, 1])
def test_every_command_of_the_help_works(
    half: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    @story
    async def walk() -> None:
        async with open_face(long_morning(), size=(110, 30), decoder=InlineDecoder()) as face:
            for command in slash.COMMANDS[half::2]:
                await reset(face, timeline=False)
                argument, effect = LINES[command.name]
                holds = effect(face)
                assert not holds(), f"/{command.name} before it is typed"
                if command.name == "quit":
                    face.workspace.box.composer.set_text(f"/{command.name}")
                    face.app.simulate_key("enter")
                else:
                    await face.say(f"/{command.name}{argument}")
                try:
                    await face.until(holds)
                except AssertionError as error:
                    raise AssertionError(f"/{command.name}: {error}") from None

    walk()
