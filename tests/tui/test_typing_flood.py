"""Typing while a flood arrives: every letter is there, in order, long before it is over."""

import asyncio
import itertools
import time

from textual.events import Key

from chat import commands
from tests.tui.face import open_face, story
from tests.tui.lively import crowd
from tui.widgets.composer import Composer

MESSAGES, BURST = 5_000, 20
BURST_SECONDS = 0.02
"""A thousand messages a second."""
TEXT = "typing goes on whatever comes in"
KEY_SECONDS = 0.04
"""Between two keys of a fast typist there is twice as much."""
ECHO_SECONDS = 0.5
"""A person would call this a hang; usual is a hundredth of it, but tests share their machine."""


async def echoed(composer: Composer, text: str) -> None:
    """Let the face work until the text stands in the composer."""
    for _ in range(60_000):
        if composer.text == text:
            return
        await asyncio.sleep(0.001)
    raise AssertionError(f"“{text}” never appeared")


@story
async def test_letters_are_echoed_while_thousands_of_messages_arrive() -> None:
    async with open_face(crowd(3_000), size=(100, 30)) as face:
        world, composer = face.world, face.workspace.box.composer
        # What comes first after a start is what was missed, and is shown from its beginning.
        world.say("general", "ana", "good morning")
        await face.shows("good morning")
        arrived = 0

        async def flood() -> None:
            nonlocal arrived
            while arrived < MESSAGES:
                for _ in range(BURST):
                    arrived += 1
                    world.say("general", ("ana", "bo", "jun")[arrived % 3], f"flood {arrived}")
                await asyncio.sleep(BURST_SECONDS)

        before = len(face.asked(commands.History))
        flooding = asyncio.create_task(flood())
        echoes: list[float] = []
        written = ""
        for letter in itertools.cycle(TEXT):
            written += letter
            began = time.perf_counter()
            composer.post_message(Key("space" if letter == " " else letter, letter))
            await echoed(composer, written)
            echoes.append(time.perf_counter() - began)
            if flooding.done():
                break
            await asyncio.sleep(KEY_SECONDS)
        assert len(echoes) > len(TEXT)
        assert sorted(echoes)[len(echoes) * 95 // 100] < ECHO_SECONDS
        await flooding
        await face.shows(f"flood {MESSAGES}")
        assert composer.text == written
        assert len(face.asked(commands.History)) - before <= 60
