"""What may call the user, how the terminal is told, and that nothing of a peer's gets out of it."""

import re
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chat import commands
from chat.config import Ui
from chat.model import Channel, Private
from tests.tui.face import open_face, story
from tests.tui.lively import lively
from tests.tui.made import HOSTILE, ME, START_MS, message
from tui import attention, escapes
from tui.config import UiConfig, from_settings
from tui.input import actions, slash
from tui.input.actions import Context
from tui.text.moments import Calendar

GENERAL = Channel("0f" * 16, "general", unread=3, mentions=1)
CATS = Channel("ab" * 16, "cats", unread=9)
OFF = Private(alerts={CATS.id: "off", GENERAL.id: "all"})


def test_a_channel_rings_for_what_it_may() -> None:
    plain, named = message(1), message(2, mentions_me=True)

    def rings(said: object, channel: Channel | None, private: Private, now: int = START_MS) -> bool:
        return attention.rings(said, channel, private, now)  # type: ignore[arg-type]

    assert not rings(plain, GENERAL, Private())
    assert rings(named, GENERAL, Private())
    assert rings(named, None, Private())
    assert rings(plain, GENERAL, OFF)
    assert not rings(named, CATS, OFF)
    assert not rings(named, GENERAL, replace(OFF, quiet_until=START_MS + 1))
    assert rings(named, GENERAL, replace(OFF, quiet_until=START_MS))
    assert not rings(replace(named, late=True), GENERAL, OFF)
    assert not rings(replace(named, ignored=True), GENERAL, OFF)
    assert not rings(message(3, author=ME, mine=True, mentions_me=True), GENERAL, OFF)


def test_the_title_counts_what_counts() -> None:
    assert attention.title("Works", [GENERAL, CATS], Private()) == "(@1 12) Works"
    assert attention.title("Works", [GENERAL, CATS], OFF) == "(@1 3) Works"
    assert attention.title("Works", [], OFF) == "Works"


def test_quiet_says_until_when() -> None:
    calendar = Calendar(UTC)
    assert attention.quiet_text(Private(), START_MS, calendar) == ""
    hour = Private(quiet_until=START_MS + 3_600_000)
    assert attention.quiet_text(hour, START_MS, calendar) == "quiet until 10:00"
    day = Private(quiet_until=START_MS + 86_400_000)
    assert attention.quiet_text(day, START_MS, calendar) == "quiet until 2026-11-25 09:00"
    forever = Private(quiet_until=attention.FOREVER_MS)
    assert attention.quiet_text(forever, START_MS, calendar) == "do not disturb"


def test_lines_become_settings() -> None:
    here = Context("general", ME.member, channels=("general", "cats"), now=START_MS)

    def asked(line: str) -> commands.Command:
        parsed = slash.parse(line)
        assert isinstance(parsed, slash.Asked)
        step = actions.plan(parsed, here)
        assert isinstance(step, actions.Ask)
        return step.command

    assert asked("/dnd") == commands.SetQuiet(attention.FOREVER_MS)
    assert asked("/dnd off") == commands.SetQuiet(0)
    assert asked("/quiet 2h") == commands.SetQuiet(START_MS + 7_200_000)
    assert asked("/dnd 45 m") == commands.SetQuiet(START_MS + 45 * 60_000)
    assert asked("/alerts all") == commands.SetAlerts("general", "all")
    assert asked("/alerts OFF #cats") == commands.SetAlerts("cats", "off")


NOTIFICATIONS = re.compile(
    "\x1b\\]9;[^\x00-\x1f\x7f-\x9f]*\x07"
    "|\x1b\\]777;notify;[^\x00-\x1f;\x7f-\x9f]*;[^\x00-\x1f;\x7f-\x9f]*\x1b\\\\"
    "|\x1b\\]99;i=clowder:d=0:p=title;[^\x00-\x1f;\x7f-\x9f]*\x1b\\\\"
    "\x1b\\]99;i=clowder:p=body;[^\x00-\x1f;\x7f-\x9f]*\x1b\\\\"
)


@given(
    st.sampled_from(["osc9", "osc777", "osc99"]),
    st.text(max_size=60) | st.sampled_from(HOSTILE),
    st.text(max_size=300) | st.sampled_from(HOSTILE),
)
def test_no_word_of_a_peer_ends_a_sequence(way: escapes.Way, title: str, body: str) -> None:
    made = escapes.notification(way, title, body)
    assert NOTIFICATIONS.fullmatch(made)
    wrapped = escapes.notification(way, title, body, tmux=True)
    assert wrapped.startswith("\x1bPtmux;")
    assert wrapped.endswith("\x1b\\")
    assert wrapped[7:-2].replace("\x1b\x1b", "\x1b") == made
    assert re.fullmatch("\x1b\\]2;[^\x00-\x1f\x7f-\x9f]*\x07", escapes.window_title(title + body))


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"TERM": "xterm-256color"}, "osc9"),
        ({"TERM": "xterm-kitty"}, "osc99"),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, "osc99"),
        ({"TERM": "foot"}, "osc777"),
        ({"TERM": "rxvt-unicode-256color"}, "osc777"),
        ({}, "osc9"),
    ],
)
def test_auto_goes_by_the_terminal(environment: dict[str, str], way: escapes.Way) -> None:
    assert escapes.way_for("auto", environment) == way
    assert escapes.way_for("off", environment) == "off"
    assert escapes.notification("off", "a", "b") == ""


def test_the_settings_reach_the_face() -> None:
    class Given:
        ui = Ui(bell=False, notify="osc777", title=False)
        keys: dict[str, str] = {}  # noqa: RUF012

    made = from_settings(Given())
    assert (made.bell, made.notify, made.title) == (False, "osc777", False)


@story
async def test_settings_of_a_channel_and_quiet_hold_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr("tui.app.tell", lambda app, sequence: told.append(sequence))
    async with open_face(lively(), config=UiConfig(notify="osc9"), size=(100, 30)) as face:
        rung: list[str] = []
        monkeypatch.setattr(face.app, "bell", lambda: rung.append("bell"))
        await face.until(lambda: any("(@1 14) Clowder Works" in each for each in told))
        await face.say("/alerts off cats")
        await face.until(lambda: any("(12) Clowder Works" in each for each in told))
        face.app.app_focus = False
        face.world.say("cats", "jun", "@mia look", mentions_me=True)
        await face.until(lambda: face.workspace.world.channel("cats").mentions == 2)  # type: ignore[union-attr]
        assert rung == []
        # A key brings the terminal to the front.
        await face.say("/alerts all general")
        face.app.app_focus = False
        face.world.say("general", "bo", "\x1b]0;owned\x07 hello; all")
        await face.until(lambda: rung)
        assert "\x1b]9;bo in #general: ]0,owned hello, all\x07" in told
        rung.clear()
        await face.say("/dnd 2h")
        await face.shows("quiet until")
        face.app.app_focus = False
        face.world.say("general", "bo", "@mia now", mentions_me=True)
        await face.shows("@mia now")
        assert rung == []
        # What rings for nothing is nothing to go to, either.
        for name in ("general", "releases"):
            face.world.change_channel(name, unread=0, mentions=0)
        await face.until(lambda: told[-1].endswith("]2;Clowder Works\x07"))
        await face.press("alt+a")
        await face.shows("Everything is read.")
    assert told[-1] == escapes.TITLE_POP
    assert told[0].startswith(escapes.TITLE_PUSH)
