"""The line mode: stories in lines."""

import asyncio
import io
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from chat import commands
from chat.events import MessagesArrived, Warned
from chat.session import Workspaces
from tests.tui.face import story
from tests.tui.fake_session import FakeSession
from tests.tui.lively import lively
from tests.tui.made import HOSTILE, message
from tests.tui.test_managing import led_by_mia
from tests.tui.test_several_workspaces import Profile, team
from tui import plain_lines
from tui.plain import run_plain
from tui.text.moments import Calendar


async def printed(out: io.StringIO, text: str) -> None:
    """Wait until it was printed."""
    async with asyncio.timeout(10):
        while text not in out.getvalue():  # noqa: ASYNC110 - it prints, it tells nobody
            await asyncio.sleep(0.005)


async def told(world: FakeSession, *lines: str, workspaces: Workspaces | None = None) -> list[str]:
    """Type lines; what was printed."""
    out, typed = io.StringIO(), io.StringIO("".join(line + "\n" for line in lines))
    code = await run_plain(world, typed, out, workspaces)
    assert code == 0
    return out.getvalue().splitlines()


@story
async def test_a_member_reads_and_writes_by_numbers() -> None:
    world = lively()
    lines = await told(world, "hello", "/reply 11 sure", "/react 11 :cat:", "/members", "/quit")
    assert lines[0] == "Clowder Works, you are mia"
    assert "linked with relay kitchen, in sync, 1.2 ms" in lines
    assert "#cats, 2 new, 1 mention: Pictures first, questions later" in lines
    sent = next(line for line in lines if line.endswith("mia: hello"))
    assert sent.startswith("11  ")
    assert any(line.startswith("12  ") and line.endswith("(answering 11): sure") for line in lines)
    assert "11  🐈 from mia" in lines
    assert "ana, founder, here" in lines
    picture = (
        "    picture kitchen-cat.png, 1600 by 1000, 182 kB: A grey cat asleep on a small computer"
    )
    assert picture in lines


@story
async def test_questions_are_asked_in_lines_too() -> None:
    world = lively()
    lines = await told(
        world, "oops", "/edit", "fixed", "/delete", "no", "/delete 11", "yes", "/join cats",
        "/pictures", "/search whiskers", "/notes", "/nonsense", "/join general", "/pins", "/invite",
    )  # fmt: skip
    assert "Type the new text to 11." in lines
    assert "11  mia changed it: fixed" in lines
    assert "Nothing was done." in lines
    assert "11  mia deleted this message" in lines
    assert "Now in #cats: Pictures first, questions later" in lines
    assert any("Look at the whiskers @mia" in line for line in lines)
    assert any("Monday cat, as is tradition" in line for line in lines)
    assert "Notes of #cats are empty." in lines or "The notes of #cats are empty." in lines
    assert any(line.startswith("There is no command /nonsense.") for line in lines)
    assert any(line.startswith("or these words: amber basil") for line in lines)


@story
async def test_what_is_hidden_is_a_line_until_it_is_opened() -> None:
    world = lively()
    spam = world.say("general", "bo", "buy\nmy soap")
    lines = await told(world, "/hide 10 no ads", "/join cats", "/join general", "/open 10")
    assert world.find(spam.id).text == "buy\nmy soap"
    assert "10  hidden by mia: no ads" in lines
    folded = [at for at, line in enumerate(lines) if line.endswith("no ads; /open 10 shows it")]
    assert len(folded) == 1
    after = lines[folded[0] + 1 :]
    assert after[-3].startswith("10  ")
    assert after[-3].endswith("bo: buy")
    assert after[-2:] == ["    my soap", "    hidden by mia: no ads"]
    assert sum("my soap" in line for line in after) == 1
    assert any(line.endswith("bo: buy") for line in await told(world, "/hide 10", "/open 10"))
    assert world.find(spam.id).hidden is None


@story
async def test_names_are_looked_at_before_anything_is_asked() -> None:
    world = led_by_mia()
    lines = await told(world, "/remove nobody", "/part", "/remove noor", "yes", "/members")
    assert "There is no member nobody. /members lists who is in." in lines
    assert any(line.startswith("Everybody is in #general") for line in lines)
    assert [line for line in lines if line.endswith("Type yes or no.")] == [
        "Remove noor from the workspace? Type yes or no."
    ]
    assert "noor is removed; the keys are new ones." in lines
    assert [member.nick for member in world.former.values()] == ["noor"]


@story
async def test_who_is_offline_away_or_here_is_told_apart() -> None:
    world = lively()
    bo, jun = (next(m for m in world.members.values() if m.nick == n) for n in ("bo", "jun"))
    world.members[bo.member] = replace(bo, away=True, away_text="lunch")
    world.members[jun.member] = replace(jun, away=True)
    lines = await told(world, "/members")
    for said in ("ana, founder, here", "bo, admin, away, lunch", "jun, member, away",
                 "noor, member, offline", "mia, member, here, you"):  # fmt: skip
        assert said in lines


@story
async def test_who_is_called_something_has_both_names() -> None:
    world = lively()
    await world.call(commands.NameMember("bo", "Bo from sales"))
    lines = await told(world, "/members")
    assert "Bo from sales* (bo), admin, here" in lines
    assert "ana, founder, here" in lines


@story
async def test_a_workspace_is_added_line_by_line() -> None:
    cats, dogs = team("Cats", "c1", "anna", "cat"), team("Dogs", "d0", "ana", "dog")
    lines = await told(
        cats, "/workspace new", "", "anna", "/workspace new", "Mice", "anna", "to the mice",
        "/workspace join", "clowder:goodinvite", "anna", "to the mice too", "/workspace",
        workspaces=Profile(cats, dogs),
    )  # fmt: skip
    assert lines.index("Give a name for the workspace.") + 1 == lines.index("Nothing was added.")
    assert "Mice, you are anna" in lines
    assert any(line.endswith("anna: to the mice") for line in lines)
    assert "You are not admitted to cats yet." in lines
    assert any(line.endswith("anna: to the mice too") for line in lines)
    assert "3  Mice, here" in lines
    assert "4  cats, waits to be let in" in lines
    assert cats.timelines["general"] == []


@story
async def test_several_workspaces_are_reached_from_one_line_mode() -> None:
    cats, dogs = team("Cats", "c1", "anna", "cat"), team("Dogs", "d0", "ana", "dog")
    dogs.say("general", "dog", "hello dogs")
    profile = Profile(cats, dogs)
    profile.refuses = "Mice is damaged."
    lines = await told(
        cats, "to the cats", "/workspace", "/workspace mice", "/workspace dogs", "to the dogs",
        "/workspace 1", "again", workspaces=profile,
    )  # fmt: skip
    assert lines[0] == "Warning: Mice is damaged."
    assert "1  Cats, here" in lines
    assert "2  Dogs, 1 new" in lines
    assert "There is no workspace mice here. /workspace lists them." in lines
    assert lines.index("Dogs, you are ana") > lines.index("2  Dogs, 1 new")
    assert [message.text for message in cats.timelines["general"]] == ["to the cats", "again"]
    assert [m.text for m in dogs.timelines["general"]] == ["hello dogs", "to the dogs"]
    assert dogs.channels["general"].unread == 0


@story
async def test_a_workspace_behind_says_only_what_calls() -> None:
    cats, dogs = team("Cats", "c1", "anna", "cat"), team("Dogs", "d0", "ana", "dog")
    read_end, write_end = os.pipe()
    out = io.StringIO()
    with os.fdopen(read_end) as stdin, os.fdopen(write_end, "wb", buffering=0) as keyboard:
        running = asyncio.create_task(run_plain(cats, stdin, out, Profile(cats, dogs)))
        await printed(out, "Now in #general")
        dogs.say("general", "dog", "of no concern")
        dogs.say("plans", "dog", "@ana come", mentions_me=True)
        await printed(out, "dog in #plans, Dogs: @ana come")
        dogs.emit(Warned("The clock is wrong."))
        await printed(out, "Dogs, warning: The clock is wrong.")
        keyboard.write(b"/workspace dogs\n")
        await printed(out, "#plans, 1 new, 1 mention")
        cats.say("general", "cat", "@anna you?", mentions_me=True)
        await printed(out, "cat in #general, Cats: @anna you?")
        keyboard.write(b"/quit\n")
        assert await running == 0
    assert out.getvalue().count("of no concern") == 1, "when its workspace came to the front"


@story
async def test_a_file_is_saved_under_a_safe_name(tmp_path: Path) -> None:
    world = lively()
    lines = await told(world, "/join cats", f"/get {tmp_path}")
    assert (tmp_path / "monday.jpg").exists()
    assert any(line.startswith(f"Saved to {tmp_path}/monday.jpg, from ana 61%") for line in lines)


@story
async def test_a_workspace_is_made_line_by_line() -> None:
    lines = await told(FakeSession(), "what", "new", "Cats", "mia", "first words")
    assert lines[0].startswith("There is no workspace here yet.")
    assert "Type new, join or nearby." in lines
    assert lines[-1].endswith("mia: first words")
    lines = await told(FakeSession(), "join", "bad", "mia", "join", "clowder:goodinvite", "mia")
    assert "This is too short for an invite. Copy the whole link." in lines
    assert "Now in #general" in lines


@story
async def test_news_comes_between_the_lines_that_are_typed() -> None:
    world = lively()
    read_end, write_end = os.pipe()
    out = io.StringIO()

    with os.fdopen(read_end) as stdin, os.fdopen(write_end, "wb", buffering=0) as keyboard:
        running = asyncio.create_task(run_plain(world, stdin, out))
        await printed(out, "Now in #general")
        said = world.say("general", "bo", "are you there?")
        await printed(out, "bo: are you there?")
        world.change(said, text="are you there now?")
        await printed(out, "bo changed it: are you there now?")
        world.say("cats", "jun", "meow")
        await printed(out, "New in #cats, from jun")
        world.say("cats", "jun", "@mia meow", mentions_me=True)
        await printed(out, "#cats jun: @mia meow")
        for number in range(30):
            world.put(world.make("general", world.author("ana"), f"late {number}"))
        world.emit(MessagesArrived("general", 30))
        world.emit(Warned("The disk is nearly full."))
        await printed(out, "and 10 more messages")
        await printed(out, "Warning: The disk is nearly full.")
        world.change_status(links=())
        await printed(out, "Nobody is linked now.")
        keyboard.write("naïve öäü".encode()[:3])
        keyboard.write("naïve öäü".encode()[3:] + b"\r\n/quit\n")
        assert await running == 0
    assert "mia: naïve öäü" in out.getvalue()


@story
async def test_what_only_looks_different_has_not_arrived() -> None:
    world = lively()
    read_end, write_end = os.pipe()
    out = io.StringIO()
    with os.fdopen(read_end) as stdin, os.fdopen(write_end, "wb", buffering=0) as keyboard:
        running = asyncio.create_task(run_plain(world, stdin, out))
        await printed(out, "Now in #general")
        # Somebody got a petname: every channel is to be read anew, and nobody said anything.
        world.emit(MessagesArrived("general", 50))
        world.emit(MessagesArrived("cats", 50))
        world.emit(MessagesArrived("cats", 60, world.timelines["cats"][0].order))
        await printed(out, "60 messages arrived in #cats")
        keyboard.write(b"/quit\n")
        assert await running == 0
    assert "50 messages arrived" not in out.getvalue()
    assert "more message" not in out.getvalue()


@story
async def test_what_is_closed_is_said_where_it_is() -> None:
    world = lively()
    before, after = world.timelines["general"][-4:-2]
    world.channels["general"] = replace(
        world.channels["general"], earlier=True, gaps=(before.order,)
    )
    lines = await told(world, "/quit")
    mark = lines.index("what was said here is not for you")
    above = [at for at, line in enumerate(lines) if before.text.split("\n")[0] in line]
    below = [at for at, line in enumerate(lines) if after.text.split("\n")[0] in line]
    assert above[0] < mark < below[0]
    assert lines.count(lines[mark]) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_lines_are_inert(text: str) -> None:
    shown = message(1, text, files=())
    for line in plain_lines.message(shown, 1, Calendar(), answers="", channel=text):
        assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in line)
