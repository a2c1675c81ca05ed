"""Many messages at once: the screen is read anew, at its own pace, and nothing is forgotten."""

import asyncio
from typing import Any

import pytest

from chat import commands
from chat.events import MessagesArrived
from tests.tui.face import Face, open_face, story
from tests.tui.lively import lively
from tui.limits import HISTORY_PAGE_MESSAGES


def flood(face: Face, last: str) -> None:
    """Messages come, of which only the number is told."""
    face.world.put(face.world.make("general", face.world.author("bo"), last))
    face.world.emit(MessagesArrived("general", 60))


def readings(face: Face) -> int:
    """How often a whole page was read."""
    return sum(each.limit == HISTORY_PAGE_MESSAGES for each in face.asked(commands.History))


@pytest.mark.parametrize(("pause_seconds", "most"), [(3600.0, 1), (0.0, 4)])
@story
async def test_a_flood_is_read_at_once_and_what_follows_it_later(
    pause_seconds: float, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.reading.FLOOD_READ_SECONDS", pause_seconds)
    async with open_face(lively()) as face:
        await face.shows("aloud in the lift.")
        before = readings(face)
        flood(face, "the first wave")
        await face.shows("the first wave")
        for wave in ("second", "third", "fourth"):
            flood(face, f"the {wave} wave")
            await face.pilot.pause()
        if not pause_seconds:
            await face.shows("the fourth wave")
        assert 1 <= readings(face) - before <= most


@story
async def test_a_flood_while_a_channel_opens_is_shown_when_it_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_face(lively()) as face:
        await face.shows("aloud in the lift.")
        await face.press("alt+2")
        await face.shows("Look at the whiskers")
        read, answered = asyncio.Event(), asyncio.Event()
        answer = face.world.call

        async def call(command: commands.Command) -> Any:
            reply = await answer(command)
            if isinstance(command, commands.History) and not read.is_set():
                read.set()
                await answered.wait()
            return reply

        monkeypatch.setattr(face.world, "call", call)
        await face.press("alt+1")
        await read.wait()
        flood(face, "what came meanwhile")
        await face.pilot.pause()
        answered.set()
        await face.shows("what came meanwhile")
