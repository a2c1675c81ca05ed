"""What a member keeps for themselves: bytes, bounds, and that it lasts and stays here."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import commands, events, model, private
from chat.errors import NotFound, StoreError, UsageError
from chat.model import Draft, Private
from tests.chat.node_team import nodes

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "private.json").read_text("utf-8"))
IDS = st.sampled_from(["00" * 16, "ab" * 16, "cd" * 16])
CHANGES = st.one_of(
    st.tuples(st.just(private.with_draft), IDS, st.text(max_size=40), st.none() | IDS),
    st.tuples(st.just(private.with_alerts), IDS, st.sampled_from(["off", "mentions", "all"])),
    st.tuples(st.just(private.with_bookmark), IDS, st.booleans()),
    st.tuples(st.just(private.with_quiet), st.integers(0, private.FOREVER_MS)),
)


def test_vectors() -> None:
    for each in VECTORS["settings"]:
        data = bytes.fromhex(each["bytes"])
        value = private.decode(data)
        assert private.encode(value) == data, each["about"]
        assert json.loads(data[1:]) == json.loads(each["json"])
    for each in VECTORS["refused"]:
        with pytest.raises(StoreError):
            private.decode(bytes.fromhex(each["bytes"]))


@given(st.lists(CHANGES, max_size=12))
def test_every_sequence_of_changes_is_kept_whole(changes: list[tuple[object, ...]]) -> None:
    kept = Private()
    for change, *arguments in changes:
        kept = change(kept, *arguments)  # type: ignore[operator]
        assert private.decode(private.encode(kept)) == kept
    for draft in kept.drafts.values():
        assert draft.text or draft.reply_to
    assert "mentions" not in kept.alerts.values()
    assert len(set(kept.bookmarks)) == len(kept.bookmarks)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: b"\x01" + rest))
def test_any_bytes_are_a_value_or_one_error(data: bytes) -> None:
    try:
        value = private.decode(data)
    except StoreError:
        return
    assert private.decode(private.encode(value)) == value


def test_an_answer_without_words_is_a_draft() -> None:
    kept = private.with_draft(Private(), "00" * 16, "", "ab" * 16)
    assert kept.drafts == {"00" * 16: Draft("", "ab" * 16)}
    assert private.with_draft(kept, "00" * 16, "", None) == Private()


def test_the_oldest_makes_room() -> None:
    kept = Private()
    for number in range(private.DRAFTS_MAX + 2):
        kept = private.with_draft(kept, f"{number:032x}", "text", None)
    kept = private.with_draft(kept, f"{2:032x}", "again", None)
    kept = private.with_draft(kept, "ff" * 16, "one more", None)
    assert len(kept.drafts) == private.DRAFTS_MAX
    assert f"{2:032x}" in kept.drafts
    assert f"{3:032x}" not in kept.drafts
    for number in range(private.BOOKMARKS_MAX + 1):
        kept = private.with_bookmark(kept, f"{number:032x}", True)
    assert kept.bookmarks[0] == f"{1:032x}"
    assert private.decode(private.encode(kept)) == kept
    with pytest.raises(UsageError):
        private.with_draft(kept, "00" * 16, "x" * (private.DRAFT_MAX_CHARS + 1), None)
    with pytest.raises(UsageError):
        private.with_quiet(kept, -1)


def test_it_outlasts_a_restart_and_is_seen_in_every_window() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana", network=False)
            await ana.create()
            first = await ana.post("keep this")
            second = await ana.post("and this")
            await ana.call(commands.KeepDraft("general", "half a thou", first.id[:8]))
            await ana.call(commands.SetAlerts("general", "off"))
            for message in (first, second):
                await ana.call(commands.Bookmark(message.id))
            kept: model.Private = await ana.call(commands.SetQuiet(private.FOREVER_MS))
            await ana.until(lambda: ana.heard[-1:] == [events.PrivateChanged(kept)])
            entries = (await ana.call(commands.GetStatus())).entries
            await ana.stop()
            await ana.start(network=False)
            assert await ana.call(commands.GetPrivate()) == kept
            (channel,) = kept.drafts
            assert kept.drafts[channel] == Draft("half a thou", first.id)
            assert kept.alerts == {channel: "off"}
            marked = await ana.call(commands.ListBookmarks())
            assert [each.text for each in marked] == ["and this", "keep this"]
            await ana.call(commands.KeepDraft("general", ""))
            assert (await ana.call(commands.GetPrivate())).drafts == {}
            assert (await ana.call(commands.GetStatus())).entries == entries
            with pytest.raises(NotFound):
                await ana.call(commands.Bookmark("beef" * 8))

    asyncio.run(story())


def test_a_setting_of_a_newer_build_holds_nobody_up_and_stays() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana", network=False)
            await ana.create()
            store = ana.node._opened.store
            store.put(private.SETTING, b"\x02newer")
            store.commit()
            await ana.stop()
            await ana.start(network=False)
            assert (await ana.post("works")).text == "works"
            with pytest.raises(StoreError, match="newer Clowder"):
                await ana.call(commands.KeepDraft("general", "text"))
            assert ana.node._opened.store.get(private.SETTING) == b"\x02newer"

    asyncio.run(story())


def test_a_message_tells_who_holds_it() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            box = await make("box")
            await box.join(ana, relay=True)
            bo = await make("bo")
            await bo.join(ana)
            await bo.stop()
            message = await ana.post("who has this?")

            async def holders() -> dict[str, tuple[bool, bool, bool]]:
                seen: model.Delivery = await ana.call(commands.GetDelivery(message.id))
                return {each.nick: (each.holds, each.online, each.relay) for each in seen.holders}

            def receipts() -> int:
                row = ana.team.workspace.store.message(bytes.fromhex(message.id))
                assert row is not None
                held = ana.team.workspace.store.receipts(row.log)
                return sum(seq >= row.seq for seq in held.values())

            await ana.until(lambda: receipts() == 1)
            await ana.until(lambda: ana.linked() == 1)
            relay = next(nick for nick, (*_, is_relay) in (await holders()).items() if is_relay)
            assert await holders() == {"bo": (False, False, False), relay: (True, True, True)}
            await bo.start(ana.url)
            await ana.until(lambda: receipts() == 2)
            assert await holders() == {"bo": (True, True, False), relay: (True, True, True)}

    asyncio.run(story())


def test_filters_name_people_and_channels_as_they_are_shown() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo = await make("bo")
            await bo.join(ana)
            await bo.call(commands.CreateChannel("cats"))
            first = await ana.post("a cat")
            await bo.until(lambda: bo.texts() == ["a cat"])
            await bo.post("another cat, @ana", "cats")
            await bo.call(commands.Post("general", "a dog https://a.example", first.id))
            await bo.call(commands.Pin(first.id))
            await ana.until(lambda: len(ana.texts()) == 2)
            pinned = ana.team.workspace.store
            await ana.until(lambda: pinned.messages(limit=9, pinned=True))
            await ana.until(lambda: "cats" in ana.team.workspace.channel_names().values())
            await ana.until(lambda: len(ana.texts("cats")) == 1)

            async def search(query: str, channel: str = "") -> list[str]:
                hits = await ana.call(commands.Search(query, channel))
                return [hit.message.text for hit in hits]

            assert await search("cat from:me") == ["a cat"]
            assert await search("from:b cat") == ["another cat, @ana"]
            assert await search("from:bo") == ["a dog https://a.example", "another cat, @ana"]
            assert await search("in:ca") == ["another cat, @ana"]
            assert await search("from:bo", "cats") == ["another cat, @ana"]
            assert await search("in:general", "cats") == []
            assert await search("is:mention") == ["another cat, @ana"]
            assert await search("is:reply") == ["a dog https://a.example"]
            assert await search("is:mention is:reply is:pinned before:2001") == []
            assert len(await search("is:mention is:reply is:pinned after:1d")) == 3
            assert await search("has:link") == ["a dog https://a.example"]
            await ana.call(commands.Ignore("bo"))
            assert await search("is:mention") == [], "whom she ignores mentions nobody"
            assert await search("is:mention is:reply") == ["a dog https://a.example"]
            assert await search("cat from:bo") == ["another cat, @ana"]
            await ana.call(commands.Ignore("bo", False))
            assert await search("is:mention") == ["another cat, @ana"]
            with pytest.raises(NotFound, match="nobody called zoe"):
                await search("from:zoe")
            with pytest.raises(UsageError):
                await search("has:wings")

    asyncio.run(story())
