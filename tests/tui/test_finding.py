"""Finding again: filters and context, bookmarks, activity, pins, who has a message, the network."""

from collections.abc import Awaitable

from msgspec.structs import replace
from textual.widgets import Input, Static

from chat import commands
from chat.events import StatusChanged
from chat.model import Delivery, Holder, Peer, Sighting
from tests.tui.face import Face, open_face, story
from tests.tui.lively import crowd, lively
from tests.tui.made import HOSTILE, message
from tui import keymap
from tui.screens.delivery import DeliveryScreen, delivery_text
from tui.screens.network import NetworkScreen
from tui.screens.search import (
    ActivityScreen,
    BookmarksScreen,
    PinsScreen,
    SearchScreen,
    context_text,
)
from tui.text.moments import Calendar


def context_of(face: Face) -> str:
    return str(face.app.screen.query_one("#context", Static).content)


@story
async def test_a_hit_is_seen_among_what_was_said_around_it() -> None:
    async with open_face(crowd(500), size=(120, 40)) as face:
        timeline = face.world.timelines["general"]
        for at, text in ((99, "what came before"), (100, "the needle"), (101, "what followed")):
            timeline[at] = replace(timeline[at], text=text)
        await face.press("ctrl+f")
        await face.until(lambda: isinstance(face.app.screen, SearchScreen))
        await face.fill("needle")
        await face.shows("what came before", "what followed")
        assert context_of(face).count("\n") == 4
        line = face.app.screen.query_one(Input)
        line.value = "has:wings"
        await face.shows("There is no has:wings; there is has:picture.")
        assert not face.app._notifications
        line.value = "needle in:general"
        await face.shows("what followed")
        await face.press("enter")
        await face.until(lambda: face.workspace.timeline.selected is not None)
        assert face.workspace.timeline.selected.text == "the needle"  # type: ignore[union-attr]


@story
async def test_bookmarks_are_set_listed_and_taken_back() -> None:
    async with open_face(lively(), size=(110, 34)) as face:
        await face.press("f4")
        await face.shows("No bookmarks yet.")
        await face.press("escape", "escape", "k", "b")
        await face.shows("Bookmarked.")
        await face.until(lambda: len(face.workspace.world.private.bookmarks) == 1)
        marked = face.workspace.timeline.selected
        assert marked is not None
        assert face.workspace.world.private.bookmarks == (marked.id,)
        await face.press("f4")
        await face.until(lambda: isinstance(face.app.screen, BookmarksScreen))
        await face.shows("door code")
        await face.press("enter")
        await face.until(lambda: face.app.screen is face.workspace)
        assert face.workspace.timeline.selected == marked
        await face.press("b")
        await face.shows("No bookmark any more.")
        await face.until(lambda: face.world.private.bookmarks == ())


@story
async def test_activity_and_pins_are_one_key_away() -> None:
    async with open_face(lively(), size=(110, 34)) as face:
        await face.press("f2")
        await face.until(lambda: isinstance(face.app.screen, ActivityScreen))
        await face.shows("@ #general", "@ #cats", "Look at the whiskers")
        assert face.asked(commands.Search)[-1].query == "is:mention is:reply is:late"
        await face.fill("whiskers")
        await face.until(lambda: "@ #general" not in face.text)
        await face.press("enter")
        await face.until(lambda: face.workspace.channel_name == "cats")
        await face.press("f6")
        await face.until(lambda: isinstance(face.app.screen, PinsScreen))
        await face.shows("Nothing is pinned here.")


@story
async def test_a_message_tells_who_has_it() -> None:
    world = lively()
    world.add_member("kitchen", 250, online=True)
    relay = next(m for m in world.members.values() if m.nick == "kitchen")
    world.members[relay.member] = replace(relay, role="relay")
    async with open_face(world, size=(110, 36)) as face:
        await face.press("escape", "w")
        await face.until(lambda: isinstance(face.app.screen, DeliveryScreen))
        await face.shows("4 of 6 have it", "✓ ana", "· zoë", "Relays", "✓ kitchen")
        await face.press("escape")
        await face.press("i")
        await face.say("/delivery")
        await face.until(lambda: isinstance(face.app.screen, DeliveryScreen))


def test_delivery_says_what_is_known_and_no_more() -> None:
    calendar = Calendar()
    alone = delivery_text(message(1), Delivery("00" * 16), calendar).plain
    assert "nobody else" in alone
    lacking = Delivery("00" * 16, (Holder("aa", "bo", False, online=True),))
    text = delivery_text(message(1, late=True, ahead_ms=540_000), lacking, calendar).plain
    for part in ("Not known to have it yet", "bo  linked now", "No relay", "late", "9 min ahead"):
        assert part in text
    for hostile in HOSTILE:
        holders = (Holder("aa", hostile[:64], True), Holder("bb", hostile[:64], False, relay=True))
        shown = delivery_text(message(1, hostile), Delivery("00" * 16, holders), calendar).plain
        shown += context_text([message(1, hostile)], "0" * 32, calendar, 60).plain
        assert not any((ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 for c in shown)
        assert "\u202e" not in shown


@story
async def test_the_network_is_seen_live() -> None:
    world = lively()
    world.sightings = (Sighting(("ws://10.0.0.4:7311",), True), Sighting((), False))
    kitchen = world.status.links[-1]
    tried = Peer("ws://10.9.9.9:7311", "waiting", reason="Nobody answers there.")
    traffic = replace(
        kitchen, bytes_in=5000, sync_bytes_in=2000, bytes_out=900, sync_bytes_out=300, behind=None
    )
    world.status = replace(world.status, links=(*world.status.links[:-1], traffic, tried))
    async with open_face(world, size=(110, 44)) as face:
        await face.press("f3")
        await face.until(lambda: isinstance(face.app.screen, NetworkScreen))
        await face.shows(
            "kitchen (relay)", "comparing", "messages 2.0 kB in, 300 B out",
            "the rest 3.0 kB in, 600 B out", "Nobody answers there.", "of this workspace",
            "cannot read it",
        )  # fmt: skip
        world.status = replace(world.status, behind=7)
        world.emit(StatusChanged(world.status))
        await face.shows("7 entries behind")
        await face.press("f3")
        await face.until(lambda: face.app.screen is face.workspace)


@story
async def test_every_key_and_command_of_the_palette_runs() -> None:
    async with open_face(lively(), size=(110, 34)) as face:
        entries = {c.title: c for c in face.app.get_system_commands(face.workspace)}
        for key in keymap.scope("workspace"):
            if not key.id.startswith("channel_"):
                assert key.text in entries
        for title in (
            "Pin or unpin a message",
            "Show the invites there are, revoke one",
            "Do not disturb; nothing rings",
        ):
            assert title in entries
        opened = entries["Your bookmarks"].callback()
        assert isinstance(opened, Awaitable)
        await opened
        await face.until(lambda: isinstance(face.app.screen, BookmarksScreen))
        entries["Do not disturb; nothing rings"].callback()
        await face.until(lambda: face.world.private.quiet_until)
