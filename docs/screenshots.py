"""Draw the pictures of README.md and docs/screens.md: `python docs/screenshots.py [NAME...]`.

The workspace is the lively one of the tests, shown by the real face, driven by its own keys, and
saved as SVG. Each picture waits for the words that it is about.
"""

import asyncio
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from msgspec.structs import replace  # noqa: E402
from textual.widgets import Input  # noqa: E402

from chat.model import Author, Device, InviteState  # noqa: E402
from tests.tui.face import Face, open_face  # noqa: E402
from tests.tui.fake_session import FakeSession  # noqa: E402
from tests.tui.lively import InlineDecoder, lively  # noqa: E402
from tests.tui.test_several_workspaces import Profile, team  # noqa: E402
from tui.config import UiConfig  # noqa: E402

WIDE = (128, 37)
"""Columns and rows: wide enough for the members, and what a reader sees without scrolling."""
USUAL, NARROW = (96, 30), (40, 30)
NOT_YET = ("reading",)
"""Channels of the lively workspace that nobody can make yet."""
Steps = Callable[[Face], Awaitable[None]]


def keys(*pressed: str, shows: str) -> Steps:
    """Press keys, and wait for words."""

    async def work(face: Face) -> None:
        await face.press(*pressed)
        await face.shows(shows)

    return work


def line(typed: str, shows: str) -> Steps:
    """Send a line, and wait for words."""

    async def work(face: Face) -> None:
        await face.say(typed)
        await face.shows(shows)

    return work


def types(key: str, typed: str, shows: str) -> Steps:
    """Press a key, type into what opens, and wait for words."""

    async def work(face: Face) -> None:
        workspace = face.app.screen
        await face.press(key)
        await face.until(lambda: face.app.screen is not workspace and face.app.focused)
        await face.fill(typed)
        await face.shows(shows)

    return work


async def lock(face: Face) -> None:
    """The screen that asks for the passphrase."""
    await face.say("/lock")
    await face.until(lambda: isinstance(face.app.focused, Input))
    await face.shows("Ctrl+Q leaves")


async def look_at_bo(face: Face) -> None:
    """One member."""
    await types("alt+m", "bo", "● bo")(face)
    await face.press("enter")
    await face.shows("member id")


async def show_a_label(face: Face) -> None:
    """A label for somebody in the room, as its two minutes run."""
    await face.say("/invite nearby")
    await face.shows("ocean-tiger")
    face.world.change_nearby(until=time.time_ns() // 1_000_000 + 103_900)
    await face.shows("1:43 left")


async def compare(face: Face) -> None:
    """The six digits that both screens show."""
    await show_a_label(face)
    until = time.time_ns() // 1_000_000 + 52_900
    face.world.change_nearby(state="code", code="048153", until=until)
    await face.shows("0 4 8", "0:52 left")


async def look_at_the_cat(face: Face) -> None:
    """A picture, as large as the terminal."""
    timeline = face.workspace.timeline
    sheet = timeline.sheet
    timeline._selected = next(sheet[at].id for at in range(len(sheet)) if sheet[at].files)
    timeline.focus()
    await face.press("o")
    await face.shows("kitchen-cat.png")
    await face.until(lambda: face.text.count("▀") > 500)


@dataclass(frozen=True)
class Shot:
    """A picture; `pictures` shows previews, which make it large."""

    name: str
    steps: Steps
    size: tuple[int, int] = USUAL
    theme: str = "clowder"
    pictures: bool = False
    ascii: bool = False
    empty: bool = False


FIRST = keys(shows="pavel")
SHOTS = (
    Shot("workspace", FIRST, WIDE, pictures=True),
    Shot("workspace-light", FIRST, WIDE, "clowder-light", pictures=True),
    Shot("welcome", keys(shows="Clowder"), empty=True),
    Shot("choosing", keys("escape", "k", "k", shows="MESSAGES"), WIDE),
    Shot("thread", keys("escape", "g", "j", "j", "j", "t", shows="thread"), WIDE),
    Shot("notes", keys("ctrl+n", shows="landlord"), WIDE),
    Shot("picture", look_at_the_cat, pictures=True),
    Shot("search", types("ctrl+f", "kitchen", "moved to the")),
    Shot("switch", keys("ctrl+k", shows="Go to")),
    Shot("activity", keys("f2", shows="Monday cat")),
    Shot("network", keys("f3", shows="kitchen (relay)")),
    Shot("delivery", line("/delivery", shows="noor")),
    Shot("members", keys("alt+m", shows="admin 50")),
    Shot("member", look_at_bo),
    Shot("channel", keys("f5", shows="Rings for")),
    Shot("invite", line("/invite", shows="Works once")),
    Shot("nearby", show_a_label),
    Shot("nearby-code", compare),
    Shot("invites", line("/invites", shows="open until")),
    Shot("devices", line("/devices", shows="Words on paper")),
    Shot("device", line("/devices add", shows="clowder device join")),
    Shot("workspaces", keys("alt+w", shows="Make a new workspace")),
    Shot("lock", lock),
    Shot("settings", keys("f9", shows="Desktop")),
    Shot("help", keys("f1", shows="Everywhere")),
    Shot("terminal-colours", FIRST, theme="ansi-dark"),
    Shot("narrow", FIRST, NARROW),
    Shot("ascii", FIRST, ascii=True),
)


def workspace() -> FakeSession:
    """The lively workspace, led by mia, with some invites."""
    world = lively()
    for channel in NOT_YET:
        del world.channels[channel]
    mia = world.me
    world.members[mia.member] = replace(mia, level=10, role="admin")
    author = world.author("mia")
    week = 7 * 24 * 3600 * 1000
    world.invites = [
        InviteState("ab" * 16, author, 100, world.now + week, "open", note="the new colleague"),
        InviteState("cd" * 16, author, 250, world.now + week, "open", relay=True),
        InviteState("ef" * 16, author, 100, world.now, "used", used_by=Author("77" * 32, "jun")),
        InviteState("01" * 16, author, 100, world.now, "revoked", note="a mistake"),
    ]
    laptop, phone = Device("b5" * 32, linked=True, name="laptop"), Device("c7" * 32, name="phone")
    world.devices = {
        each.device: each
        for each in (Device("d1" * 32, this=True), laptop, phone, Device("e9" * 32, paper=True))
    }
    world.passphrase = "nine lives"  # noqa: S105 - of a workspace in memory
    return world


def beside(world: FakeSession) -> Profile:
    """The workspaces of this member: this one, and a club where something waits."""
    club = team("Sailing club", "5a", "mia", "skipper")
    club.say("general", "skipper", "Who is on the boat on Friday?")
    club.say("plans", "skipper", "@mia the mast is yours", mentions_me=True)
    return Profile(world, club)


async def draw(shot: Shot) -> str:
    """A picture, as SVG."""
    world = FakeSession() if shot.empty else workspace()
    config = UiConfig(theme=shot.theme, ascii=shot.ascii, previews=shot.pictures, motion=False)
    others = beside(world) if shot.name == "workspaces" else None
    async with open_face(world, shot.size, config, InlineDecoder(), workspaces=others) as face:
        await shot.steps(face)
        if shot.pictures:
            await face.until(lambda: "▀▀▀" in face.text)
        await face.pilot.pause()
        drawn = face.app.export_screenshot(title="clowder", simplify=True)
    # The font of the picture would be fetched from elsewhere; every reader has a fixed one. A name
    # that is the same every time keeps pictures that did not change as they are.
    drawn = re.sub(r"@font-face {.*?}\s*", "", drawn, flags=re.S)
    return re.sub(r"terminal-\d+", f"terminal-{shot.name}", drawn)


def main(wanted: list[str]) -> None:
    """All pictures, or those that are named."""
    # As in a terminal of many colours and in one place of the world, wherever this runs.
    os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", TZ="UTC")
    os.environ.pop("NO_COLOR", None)
    time.tzset()
    images = ROOT / "docs" / "images"
    images.mkdir(exist_ok=True)
    for shot in SHOTS:
        if not wanted or shot.name in wanted:
            (images / f"{shot.name}.svg").write_text(asyncio.run(draw(shot)), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
