"""Whom a member ignores: bytes and bounds, and that nobody else can tell."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import commands, people
from chat.cli.output import message_line
from chat.errors import NotFound, StoreError, UsageError
from chat.events import MessageChanged
from chat.hooks import names_of
from chat.model import Channel, Message
from chat.people import People
from tests.chat.node_team import Desk, nodes

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "people.json").read_text("utf-8"))
IDS = st.sampled_from(["00" * 16, "ab" * 16, "cd" * 16])


def test_vectors() -> None:
    for each in VECTORS["settings"]:
        data = bytes.fromhex(each["bytes"])
        assert people.encode(people.decode(data)) == data, each["about"]
        assert json.loads(data[1:]) == json.loads(each["json"])
    for each in VECTORS["refused"]:
        with pytest.raises(StoreError):
            people.decode(bytes.fromhex(each["bytes"]))


@given(st.lists(st.tuples(IDS, st.booleans()), max_size=12))
def test_the_last_decision_about_each_stands(decided: list[tuple[str, bool]]) -> None:
    kept = People()
    for member, on in decided:
        kept = people.with_ignored(kept, member, on)
    assert people.decode(people.encode(kept)) == kept
    assert set(kept.ignored) == {member for member, on in dict(decided).items() if on}
    assert len(set(kept.ignored)) == len(kept.ignored)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: b"\x01" + rest))
def test_any_bytes_are_a_value_or_one_error(data: bytes) -> None:
    try:
        value = people.decode(data)
    except StoreError:
        return
    assert people.decode(people.encode(value)) == value
    assert len(people.ids(value.ignored)) <= people.IGNORED_MAX


def test_nobody_is_forgotten_for_another() -> None:
    kept = People(tuple(f"{number:032x}" for number in range(people.IGNORED_MAX)))
    assert people.decode(people.encode(kept)) == kept
    assert people.with_ignored(kept, f"{0:032x}", True).ignored[-1] == f"{0:032x}"
    with pytest.raises(UsageError, match="already"):
        people.with_ignored(kept, "ff" * 16, True)


async def general(desk: Desk) -> Channel:
    found: list[Channel] = await desk.call(commands.ListChannels())
    return next(channel for channel in found if channel.name == "general")


async def said(desk: Desk, text: str) -> Message:
    """The one message that says so, once it is there."""
    await desk.until(lambda: text in desk.texts())
    (message,) = [each for each in await desk.history() if each.text == text]
    return message


def test_who_is_ignored_is_heard_by_nobody_here_and_knows_nothing() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo = await make("bo")
            await bo.join(ana)
            founder = ana.team.workspace.me
            await bo.until(lambda: bo.team.workspace.nick(founder) == "ana")
            await bo.post("first, @ana")
            first = await said(ana, "first, @ana")
            assert (first.folded, first.mentions_me) == ("", True)
            entries = (await ana.call(commands.GetStatus())).entries
            assert (await general(ana)).mentions == 1
            member = await ana.call(commands.Ignore("bo"))
            assert (member.nick, member.ignored) == ("bo", True)
            await ana.call(commands.Ignore("bo"))
            await bo.post("second, @ana")
            second = await said(ana, "second, @ana")
            assert second.folded == "message of bo, ignored"
            assert not second.mentions_me
            assert "second" not in message_line(second)
            assert "second" in message_line(second, opened=True)
            assert list(names_of(MessageChanged(second, True), lambda _: True)) == []
            known = await general(ana)
            assert (known.unread, known.mentions) == (0, 0)
            hits = await ana.call(commands.Search("second"))
            assert [hit.snippet for hit in hits] == ["message of bo, ignored"]
            # Nothing of it is an entry, and the other one sees what anybody sees.
            assert (await ana.call(commands.GetStatus())).entries == entries + 1
            theirs = await bo.call(commands.ListMembers())
            assert not any(each.ignored for each in theirs)
            await ana.stop()
            await ana.start()
            assert (await said(ana, "first, @ana")).folded == "message of bo, ignored"
            await ana.call(commands.Ignore("bo", False))
            assert (await said(ana, "second, @ana")).mentions_me
            assert (await general(ana)).mentions == 2
            with pytest.raises(UsageError, match="yourself"):
                await ana.call(commands.Ignore("ana"))
            with pytest.raises(NotFound):
                await ana.call(commands.Ignore("nobody"))

    asyncio.run(story())


def test_a_setting_of_a_newer_build_holds_nobody_up_and_stays() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana", network=False)
            await ana.create()
            store = ana.node._opened.store
            store.put(people.SETTING, b"\x02newer")
            store.commit()
            await ana.stop()
            await ana.start(network=False)
            assert (await ana.post("works")).folded == ""
            with pytest.raises(UsageError, match="yourself"):
                await ana.call(commands.Ignore("ana"))
            assert ana.node._opened.store.get(people.SETTING) == b"\x02newer"

    asyncio.run(story())
