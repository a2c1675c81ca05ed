"""The line mode: an invite for somebody in the same room, on both sides."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hypothesis import given
from hypothesis import strategies as st

from chat import commands
from chat.errors import NoPeer
from chat.model import Nearby
from tests.tui.face import story
from tests.tui.fake_session import FakeSession
from tests.tui.lively import lively
from tests.tui.test_nearby_screen import INVITE
from tests.tui.test_plain_mode import printed
from tui.plain import run_plain
from tui.plain_nearby import NearbyLines


class Terminal:
    """A line mode that runs, and its keyboard."""

    def __init__(self, world: FakeSession, out: io.StringIO, keyboard: int) -> None:
        self.world = world
        self.out = out
        self._keyboard = keyboard

    def types(self, *lines: str) -> None:
        os.write(self._keyboard, "".join(f"{line}\n" for line in lines).encode())

    async def says(self, *texts: str) -> None:
        for text in texts:
            await printed(self.out, text)

    def asked(self, kind: type[commands.Command]) -> list[commands.Command]:
        return [command for command in self.world.asked if isinstance(command, kind)]


@asynccontextmanager
async def line_mode(world: FakeSession) -> AsyncIterator[Terminal]:
    read_end, write_end = os.pipe()
    out = io.StringIO()
    with os.fdopen(read_end) as stdin:
        running = asyncio.create_task(run_plain(world, stdin, out))
        yield Terminal(world, out, write_end)
        os.close(write_end)
        assert await running == 0


@story
async def test_ana_shows_a_label_and_types_the_digits_of_the_other_screen() -> None:
    async with line_mode(lively()) as ana:
        ana.types("/invite nearby", "048153", "no", "meanwhile")
        await ana.says("Your label: ocean-tiger.", "clowder join --nearby ocean-tiger", "mia: no")
        await ana.says("mia: meanwhile")
        assert ana.asked(commands.CompareNearby) == [], "there is nothing to compare yet"
        ana.world.change_nearby(state="code", code="048153")
        await ana.says("The code here is 048 153.")
        ana.types("yes", "look here")
        await ana.says("Type the six digits that the other screen shows, or no.\n")
        await ana.says("mia: look here")
        assert ana.asked(commands.CompareNearby) == [], "yes alone is no answer"
        ana.types("048-153")
        await ana.says("Waiting for the other side")
        assert ana.asked(commands.CompareNearby) == [commands.CompareNearby(True)]
        ana.world.change_nearby(state="done")
        await ana.says("They have the invite, and come in now.")
        ana.types("no", "/invite nearby")
        await ana.says("mia: no\nYour label")
    assert len(ana.asked(commands.EndNearby)) == 1, "whoever leaves gives up what is under way"


@story
async def test_other_digits_are_a_no_and_what_began_elsewhere_is_not_told() -> None:
    async with line_mode(lively()) as ana:
        await ana.says("Now in #general")
        ana.world.change_nearby(role="inviter", state="code", code="048153")
        ana.types("048153")
        await ana.says("mia: 048153")
        assert "The code here" not in ana.out.getvalue()
        ana.types("/invite nearby")
        await ana.says("Your label")
        ana.world.change_nearby(state="code", code="048153")
        await ana.says("The code here")
        ana.types("048154")
        await ana.says("The codes differ.")
        assert ana.asked(commands.CompareNearby) == [commands.CompareNearby(False)]


@story
async def test_bo_picks_a_label_at_the_first_start_and_is_in() -> None:
    async with line_mode(FakeSession()) as bo:
        bo.types("nearby", "bo")
        await bo.says("What is your name?", "Type the label that the other screen shows")
        bo.world.change_nearby(labels=("zoo-zoo",))
        await bo.says("1  zoo-zoo\n")
        # A label that comes later takes no other's number, wherever it is listed.
        bo.world.change_nearby(labels=("ensure-special", "zoo-zoo"))
        await bo.says("2  ensure-special\n")
        bo.types("1")
        await bo.says("The code here is 048 153.")
        assert bo.asked(commands.PickNearby) == [commands.PickNearby("zoo-zoo")]
        bo.types("what?")
        await bo.says("Type the six digits that the other screen shows, or no.\n")
        bo.types("048153")
        await bo.says("Waiting for the other side")
        bo.world.change_nearby(state="done", link=INVITE)
        await bo.says("Now in #general")
        assert bo.asked(commands.Join) == [commands.Join(INVITE, "bo")]
        assert INVITE not in bo.out.getvalue()


@story
async def test_bo_gives_up_and_finds_the_ways_in_again() -> None:
    world = FakeSession()
    async with line_mode(world) as bo:
        bo.types("nearby", "bo", "no")
        await bo.says("Given up.\nType new, join or nearby.")
        world.failures[commands.LookNearby] = NoPeer("Labels are switched off here.")
        bo.types("nearby", "bo")
        await bo.says("Labels are switched off here.\nType new, join or nearby.")
        del world.failures[commands.LookNearby]
        bo.types("nearby", "bo", "zoo-zoo")
        await bo.says("The code here is 048 153.")
        bo.types("no")
        await bo.says("The codes differ.\nType new, join or nearby.")
        bo.types("new", "Cats", "bo")
        await bo.says("Now in #general")
    assert len(bo.asked(commands.EndNearby)) == 1


@given(st.text(max_size=12))
def test_only_the_digits_say_yes_and_only_while_they_are_shown(typed: str) -> None:
    async def tries(shown: Nearby) -> list[commands.Command]:
        world = FakeSession()
        lines = NearbyLines(world, lambda *_: None)
        await lines.offer()
        lines.take(shown)
        await lines.answer(typed)
        await lines.answer(shown.code)
        return [each for each in world.asked if isinstance(each, commands.CompareNearby)]

    code = Nearby("inviter", "code", "ocean-tiger", code="048153")
    said = asyncio.run(tries(code))
    assert said[-1] == commands.CompareNearby(True)
    for answer in said[:-1]:
        digits = [letter for letter in typed if letter.isdigit()]
        assert answer == commands.CompareNearby(digits == list("048153"))
    for state in ("open", "waiting"):
        assert asyncio.run(tries(Nearby("inviter", state, code="048153"))) == []  # type: ignore[arg-type]
