"""What the face knows, says and paints besides messages."""

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.color import Color

from chat.errors import Unavailable
from chat.events import ChannelChanged, Event, MembersChanged, StatusChanged, TypingShown, Warned
from chat.model import Author, Channel, InviteView, Member, Peer, SearchHit, Status, Transfer
from chat.pictures.errors import Invalid
from tests.tui.face import open_face, rows_of, story
from tests.tui.lively import Small, lively
from tests.tui.made import ANA, BO, HOSTILE, message
from tui import plain_lines, privacy, qr, themes
from tui.bridge import Bridge, EventsReady, Reconnected
from tui.inert import inert
from tui.pictures import Gallery, paint
from tui.screens import search, switcher
from tui.screens.network import status_text
from tui.screens.welcome import pending_text
from tui.text import hues, moments
from tui.text.moments import Calendar
from tui.timeline.pages import first_unread
from tui.widgets import channel_list, member_list, status_row
from tui.world import World, provenance

CHANNELS = [
    Channel("3", "zoo"), Channel("2", "cats", unread=2), Channel("1", "general"),
    Channel("5", "web", mode="public", unread=1, mentions=1), Channel("4", "naps", mode="hidden"),
]  # fmt: skip


def world() -> World:
    made = World()
    made.set_channels(CHANNELS)
    return made


def test_channels_are_listed_calmly() -> None:
    assert [c.name for c in world().listed] == ["general", "cats", "zoo", "naps", "web"]
    assert world().channel("#Cats") == CHANNELS[1]
    assert world().channel("nowhere") is None
    assert world().step("1", -1) == CHANNELS[3]
    assert World().step("1", 1) is None


def test_a_channel_is_shown_as_what_it_is() -> None:
    two = (ANA, BO)
    some = [
        Channel("1", "general", readers=7),
        Channel("2", "plans", limited=True, readers=3),
        Channel("3", "alone", limited=True, readers=1),
        Channel("4", "@bo", limited=True, readers=2, members=two, direct=True),
        Channel("5", "club", mode="hidden", limited=True, readers=2, members=two),
        Channel("6", "web", mode="public", readers=7),
    ]
    assert [f"{privacy.kind(c)}: {privacy.readers(c)}" for c in some] == [
        "workspace: everybody in the workspace",
        "private: 3 members",
        "private: 1 member",
        "direct: the two of you",
        "hidden: who has the link reads",
        "public: anyone reads",
    ]
    assert plain_lines.channels([some[0], some[1], some[4]]) == [
        "#general",
        "#plans, private",
        "#club, hidden",
    ]
    made = World()
    made.set_channels(some[::-1])
    assert [c.name for c in made.listed] == ["general", "alone", "plans", "club", "web", "@bo"]


def test_the_next_unread_is_a_mention_then_the_nearest_below() -> None:
    assert world().next_unread("1") == CHANNELS[3]
    made = world()
    made.apply(ChannelChanged(Channel("5", "web", mode="public", unread=1)), 0)
    assert made.next_unread("2") == Channel("5", "web", mode="public", unread=1)
    assert made.next_unread("5") == CHANNELS[1]
    assert World().next_unread("1") is None


def test_writers_are_forgotten_after_five_seconds() -> None:
    made = world()
    made.apply(TypingShown("cats", ANA), 10.0)
    made.apply(TypingShown("cats", BO), 12.0)
    made.apply(Warned("nothing"), 12.0)
    assert made.writers("cats", 14.0) == ["ana", "bo"]
    assert made.writers("general", 14.0) == []
    assert made.writers("cats", 15.5) == ["bo"]
    made.stop_writing("cats", BO.member)
    assert made.writers("cats", 15.5) == []
    assert status_row.writing(["ana"]) == "ana is writing…"
    assert status_row.writing(["ana", "bo"]) == "ana and bo are writing…"
    assert status_row.writing(["ana", "bo", "jun"]) == "3 people are writing…"


def test_members_keep_their_colours() -> None:
    made = world()
    made.apply(MembersChanged((Member("m", "mia", 0, "founder", me=True, colour="#0000ff"),)), 0)
    assert made.me == "m"
    dark, light = (hues.hue("m", is_dark, made.colour("m")) for is_dark in (True, False))
    assert hues.hue("m", True, "#0000ff") == dark != light
    assert hues.hue("someone", True) == hues.hue("someone", True, "not a colour")


@given(st.text(max_size=20), st.from_regex(r"#[0-9a-f]{6}", fullmatch=True), st.booleans())
def test_every_nick_can_be_read(member: str, chosen: str, dark: bool) -> None:
    theme = themes.DARK if dark else themes.LIGHT
    ground = Color.parse(theme.background or "")
    for colour in (hues.hue(member, dark), hues.hue(member, dark, chosen)):
        assert _contrast(Color.parse(colour), ground) >= 4.5


def test_secondary_text_can_be_read() -> None:
    for theme in themes.THEMES:
        assert theme.foreground is not None
        assert theme.background is not None
        quiet = themes.quiet_colours(theme.foreground, theme.background)
        ground = Color.parse(theme.background)
        assert _contrast(Color.parse(quiet["muted"]), ground) >= 4.5
        assert _contrast(Color.parse(quiet["faint"]), ground) >= 2.5
    assert themes.quiet_colours("ansi_default", "ansi_default")["muted"] == "ansi_bright_black"


def _contrast(one: Color, other: Color) -> float:
    high, low = sorted((hues.luminance(list(c.rgb)) for c in (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_status_row_says_how_far_in_sync() -> None:
    def said(status: Status) -> str:
        return "".join(p if isinstance(p, str) else p[0] for p in status_row.sync_state(status))

    linked = Peer("ws://a", "linked", nick="ana")
    relay = Peer("ws://r", "linked", relay=True)
    assert said(Status("live")) == "○ alone; what you write goes out later"
    assert said(Status("live", links=(Peer("ws://a", "dialling"),))) == "○ alone, dialling 1"
    assert said(Status("live", links=(linked,))) == "◌ comparing · 1 linked"
    assert said(Status("live", behind=12, links=(linked, relay))) == (
        "◌ 12 behind · 2 linked · relay"
    )
    assert said(Status("live", behind=0, links=(linked,), waiting=1)) == (
        "● in sync · 1 linked · 1 asking to join"
    )
    assert "not in this workspace any more" in said(Status("removed"))
    assert "ana" in status_text(Status("live", name="x", links=(linked,))).plain
    assert "Your claim is with ana" in pending_text(Status("pending", links=(linked,))).plain


def test_a_transfer_tells_where_it_comes_from() -> None:
    made = world()
    moving = Transfer("f", "cat.png", 61, 100, "moving", (("ana", 40), ("bo", 21)))
    made.transfers["f"] = moving
    progress = made.progress("f")
    assert progress is not None
    assert progress.text == "61% from ana, bo"
    assert made.progress("g") is None
    done = Transfer("f", "cat.png", 100, 100, "done", (("bo", 39), ("ana", 61)), 0.42, 3)
    assert provenance(done) == "from ana 61%, bo 39%, 0.4 s, 3 holders"
    assert provenance(Transfer("f", "c", 0, 1, "done")) == ""


def test_who_reads_can_be_mentioned() -> None:
    made = World()
    roles = ("founder", "member", "relay", "member")
    made.set_members(
        [
            Member(nick, nick, level, role, me=nick == "mia")
            for level, (nick, role) in enumerate(
                zip(("mia", "zoe", "box", "ana"), roles, strict=True)
            )
        ]
    )
    assert made.mentionable([]) == ["ana", "zoe"]
    assert made.mentionable([Author("mia", "mia"), Author("zoe", "zoe")]) == ["zoe", "ana"]


def test_relays_stand_below_the_people() -> None:
    ana, bo = Member("a", "ana", 0, "founder", online=True), Member("b", "bo", 100, "member")
    kitchen = Member("r", "kitchen", 250, "relay", online=True)
    found = member_list.groups([kitchen, bo, ana])
    assert found == [("here", [ana]), ("offline", [bo]), ("relays", [kitchen])]
    assert member_list.groups([ana]) == [("here", [ana])]
    assert member_list.row(kitchen, "#ffffff", 20).plain.rstrip() == "● kitchen"


def test_a_peer_with_two_links_is_named_once() -> None:
    relay = Peer("ws://relay:7311", "linked", relay=True)
    said = pending_text(Status("pending", links=(relay, relay))).plain
    assert "with ws://relay:7311. It waits" in said
    assert "relay (relay)" not in status_text(Status("live", links=(relay,))).plain


def test_the_unread_line_stands_above_what_others_said() -> None:
    said = [message(1), message(2, mine=True), message(3), message(4, deleted=True), message(5)]
    channel = Channel("1", "general", unread=2)
    assert first_unread(said, channel) == said[2].id
    assert first_unread(said, Channel("1", "general")) == ""
    assert first_unread(said, Channel("1", "general", unread=9)) == ""


def test_rows_fit_their_width() -> None:
    for width in (10, 20, 40):
        for channel in CHANNELS:
            assert channel_list.row(channel, False, width).cell_length == width
        member = Member("m", "a very long nick indeed", 0, "founder", online=True)
        assert member_list.row(member, "#ffffff", width).cell_length == width
    assert channel_list.count(12_345) == "999+"
    hit = SearchHit(message(1, "x"), "a \x02relay\x03 in the \x02kitchen\x03 and much more text")
    row = search.hit_row(hit, Calendar(), 60)
    assert row.cell_length <= 60
    assert "relay in" in row.plain
    far = "word " * 30 + "\x02needle\x03 here"
    assert "needle" in search.marked(far, 40).plain
    assert [c.name for c in switcher.by_need(CHANNELS, "1")][:2] == ["web", "cats"]


def test_sizes_and_spans_are_said_as_people_do() -> None:
    assert [moments.size(n) for n in (0, 999, 1000, 9_940, 182_340, 10**6, 5 * 10**12)] == [
        "0 B", "999 B", "1.0 kB", "9.9 kB", "182 kB", "1.0 MB", "5.0 TB",
    ]  # fmt: skip
    assert [moments.span(n) for n in (999, 59_000, 540_000, 7_200_000, 3 * 86_400_000)] == [
        "0 s", "59 s", "9 min", "2 h", "3 days",
    ]  # fmt: skip
    assert moments.plural(1, "reply", "replies") == "1 reply"
    assert moments.plural(1234, "message") == "1\u202f234 messages"


def test_an_invite_fits_a_small_terminal_as_a_qr_code() -> None:
    link = "clowder:j/" + base64.urlsafe_b64encode(bytes(range(61))).decode()
    assert len(link) >= 90
    lines = qr.lines(link)
    assert len(lines) <= 23
    assert len(set(map(len, lines))) == 1
    assert set("".join(lines)) <= set("█▀▄ ")


@pytest.mark.parametrize("text", HOSTILE)
def test_inert_text_holds_nothing_a_terminal_obeys(text: str) -> None:
    shown = inert(text)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in shown)
    assert len(shown) < 100
    assert inert(shown) == shown
    assert inert("naïve 漢字 👩‍🚀 e\u0301") == "naïve 漢字 👩‍🚀 e\u0301"


def test_half_blocks_join_equal_neighbours() -> None:
    red, blue = b"\xff\x00\x00", b"\x00\x00\xff"
    rows = paint(Small(4, 2, red * 4 + red * 2 + blue * 2), (0, 0, 0))
    assert [(segment.text, segment.style.color.name) for segment in rows[0]] == [  # type: ignore[union-attr]
        ("▀▀", "#ff0000"), ("▀▀", "#ff0000"),
    ]  # fmt: skip


@story
async def test_a_preview_that_cannot_be_decoded_is_asked_for_once() -> None:
    class Broken:
        asked = 0

        async def thumbnail(self, *_: object) -> Small:
            self.asked += 1
            raise Invalid("this is no picture")

    decoder = Broken()
    gallery = Gallery(decoder)  # type: ignore[arg-type]
    file = lively().timelines["cats"][0].files[0]
    assert gallery.is_wanted(file.id, 8, 4, (0, 0, 0))
    await gallery.decode(file, 8, 4, (0, 0, 0))
    assert gallery.painted(file.id, 8, 4, (0, 0, 0)) is None
    assert not gallery.is_wanted(file.id, 8, 4, (0, 0, 0))
    assert not Gallery(None).is_wanted(file.id, 8, 4, (0, 0, 0))


@story
async def test_a_broken_event_stream_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.bridge.EVENT_READ_RETRY_SECONDS", 0)
    posted: list[object] = []
    streams = 0

    class Breaking:
        async def events(self):  # type: ignore[no-untyped-def]
            nonlocal streams
            streams += 1
            yield StatusChanged(Status("live", behind=streams))
            if streams < 3:
                raise Unavailable("The node does not answer.")

    bridge = Bridge(Breaking(), posted.append)  # type: ignore[arg-type]
    await asyncio.wait_for(bridge.run(), 10)
    drained: list[Event] = bridge.drain()
    assert drained == [StatusChanged(Status("live", behind=3)), Warned("The node does not answer.")]
    assert sum(isinstance(one, Reconnected) for one in posted) == 2
    assert any(isinstance(one, EventsReady) for one in posted)


@story
async def test_nothing_hostile_is_painted_by_any_widget() -> None:
    """Names, topics, notes, notices and dialogs with every trick at once."""
    made = lively()
    nasty = "".join(HOSTILE[:9])[:60]
    channel = made.add_channel(nasty, topic=nasty)
    made.put(made.make(nasty, Author("e" * 64, nasty), nasty))
    made.members["x"] = Member("x", nasty, 100, "member", online=True)
    made.change_status(name=nasty, links=(Peer(nasty, "linked", nick=nasty),), warnings=(nasty,))
    made.write_notes(nasty, f"a line\n{nasty}\n")
    invite = InviteView(nasty, nasty, "1", 100, 0)
    async with open_face(made, size=(140, 40)) as face:
        made.emit(Warned(nasty))
        face.workspace.open_channel(channel)
        await face.until(lambda: len(face.workspace.timeline.sheet) == 1)
        _assert_inert(face.text)
        await face.press("ctrl+n")
        await face.shows("a line")
        _assert_inert(face.text)
        await face.press("escape")
        for line in ("/peers", "/help"):
            await face.say(line)
            await face.until(lambda: face.app.screen is not face.workspace)
            _assert_inert(face.text)
            await face.press("escape")
            await face.until(lambda: face.app.screen is face.workspace)
        from tui.screens.invite import InviteScreen

        await face.app.push_screen(InviteScreen(invite, nasty))
        await face.shows("Works once")
        _assert_inert(face.text)
        face.workspace.box.composer.insert_text("@\x1b]0")
        assert "\x1b" not in "".join(rows_of(face.app))


def _assert_inert(shown: str) -> None:
    for row in shown.split("\n"):
        assert inert(row) == row
