"""What a search means, and that it finds what a reader of everything finds."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import search_filter
from chat.errors import UsageError
from chat.search_filter import LAST_MS, Filter, named, parse
from chat.store import WorkspaceStore, finding
from chat.store.finding import Wanted, _carries
from chat.store.rows import MessageRow
from crdt.clock import READING_MAX
from tests.chat.store_authors import (
    GENERAL,
    ME,
    NOW_MS,
    RANDOM,
    WORKSPACE,
    Written,
    in_memory,
    project,
    scripts,
    store_entries,
)

T = TypeVar("T", bytes, str)
NOW = int(datetime(2026, 11, 24, 9, 30, tzinfo=UTC).timestamp() * 1000)


def ms(*moment: int, zone: timezone = UTC) -> int:
    return int(datetime(*moment, tzinfo=zone).timestamp() * 1000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "means"),
    [
        ("release notes", Filter("release notes")),
        ("from:ana notes", Filter("notes", senders=("ana",))),
        ("FROM:@ana in:#cats", Filter(senders=("ana",), channels=("cats",))),
        ('from:"ana b" x', Filter("x", senders=("ana b",))),
        ('from:"ana b', Filter(senders=("ana b",))),
        ("has:pic has:link", Filter(has=frozenset({"picture", "link"}))),
        ("is:mention is:late", Filter(marks=frozenset({"mention", "late"}))),
        ("before:2026-11-24", Filter(until_ms=ms(2026, 11, 24))),
        ("after:2026-11-24", Filter(since_ms=ms(2026, 11, 25))),
        ("on:2026-2", Filter(since_ms=ms(2026, 2, 1), until_ms=ms(2026, 3, 1))),
        ("on:yesterday", Filter(since_ms=ms(2026, 11, 23), until_ms=ms(2026, 11, 24))),
        ("after:2025 before:today", Filter(since_ms=ms(2026, 1, 1), until_ms=ms(2026, 11, 24))),
        ("after:2h", Filter(since_ms=NOW - 7_200_000)),
        ("before:2w", Filter(until_ms=NOW - 14 * 86_400_000)),
        ("from: has: before:", Filter()),
        ("see http://a.example from", Filter("see http://a.example from")),
        ("10:30 tomorrow:never", Filter("10:30 tomorrow:never")),
        ("unfrom:ana", Filter("unfrom:ana")),
    ],
)
def test_words_and_filters_are_told_apart(query: str, means: Filter) -> None:
    assert parse(query, NOW, UTC) == means


def test_days_are_those_of_the_place() -> None:
    zone = timezone(timedelta(hours=9))
    assert parse("on:today", NOW, zone).since_ms == ms(2026, 11, 24, zone=zone)
    assert parse("on:today", NOW + 6 * 3_600_000, zone).since_ms == ms(2026, 11, 25, zone=zone)


@pytest.mark.parametrize(
    "query",
    ["has:x", "is:p is:unread", "before:soon", "on:2026-13", "after:2026-02-30", "on:7d",
     "before:0000", "on:9999", "before:99999999d"],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_a_sentence(query: str) -> None:
    with pytest.raises(UsageError, match=r"\.$"):
        parse(query, NOW, UTC)


PIECES = ('"', " ", "ana", "2026", "-1", "pic", "late", "9d", "٣", "\x00", "today")
PIECED = st.lists(
    st.sampled_from([*(f"{key}:" for key in search_filter.KEYS), *PIECES]), max_size=10
).map("".join)


@given(st.text(max_size=80) | PIECED)
def test_any_query_is_a_filter_or_a_sentence(query: str) -> None:
    try:
        found = parse(query, NOW, UTC)
    except UsageError:
        return
    assert 0 <= found.since_ms
    assert found.until_ms <= LAST_MS
    assert found.narrows or found == Filter(found.words)


def test_a_name_is_meant_whole_before_it_is_a_beginning() -> None:
    assert named("ana", ["ana", "Anabel", "bo"]) == ["ana"]
    assert named("AN", ["ana", "Anabel", "bo"]) == ["ana", "Anabel"]
    assert named("x", ["ana"]) == []


def _fits(row: MessageRow, wanted: Wanted, mine: set[bytes]) -> bool:
    marks = {
        "mention": ME in row.mentions and not row.mine,
        "reply": row.reply_to in mine and not row.mine,
        "late": row.late,
        "pinned": row.pinned,
    }
    return (
        not row.deleted
        and (wanted.channels is None or row.channel in wanted.channels)
        and (wanted.members is None or row.member in wanted.members)
        and wanted.since <= row.hlc < wanted.until
        and (not wanted.marks or any(marks[mark] for mark in wanted.marks))
        and _carries(row, wanted.carries)
    )


def numbers(store: WorkspaceStore) -> dict[tuple[bytes, bytes], int]:
    """The numbers of messages: they grow with the time, but for who posts one message twice."""
    rows = store._database.read(
        "SELECT m.mid, c.id, m.number FROM message m JOIN channel c ON c.number = m.channel"
    )
    return {(mid, channel): number for mid, channel, number in rows}


def some(values: Collection[T]) -> st.SearchStrategy[frozenset[T]]:
    """None of them as often as some."""
    return st.just(frozenset()) | st.sets(st.sampled_from(sorted(values))).map(frozenset)


@given(scripts(40), st.data())
@settings(max_examples=60)
def test_what_is_found_is_what_a_reader_of_everything_finds(
    script: list[Written], data: st.DataObject
) -> None:
    draw = data.draw
    store = in_memory().workspace(WORKSPACE)
    arrivals = store_entries(store, script)
    # What comes in long after the first part was written may be late.
    early = draw(st.integers(0, len(script)))
    project(store, arrivals, script[:early], now_ms=NOW_MS - 300_000)
    for channel in (GENERAL, RANDOM):
        store.mark_read(channel)
    project(store, arrivals, script[early:], now_ms=NOW_MS + 300_000)
    whole = store.messages(limit=1000)
    hlcs = [row.hlc for row in whole] or [0]
    authors = {row.member for row in whole} | {ME}
    wanted = Wanted(
        channels=draw(st.none() | some({GENERAL, RANDOM})),
        members=draw(st.none() | some(authors)),
        marks=draw(some({"mention", "reply", "late", "pinned"})),
        carries=draw(some({"file", "picture", "link"})),
        since=draw(st.sampled_from([0, *hlcs])),
        until=draw(st.sampled_from([READING_MAX, *hlcs])),
    )
    mine = {row.mid for row in whole if row.mine}
    expected = [row for row in reversed(whole) if _fits(row, wanted, mine)]
    limit = draw(st.integers(0, 12))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finding, "FOUND_AT_ONCE", draw(st.integers(1, 5)))
        found = [hit.row for hit in store.find(wanted, limit)]
    number = numbers(store)
    expected.sort(key=lambda row: number[row.mid, row.channel], reverse=True)
    newest = sorted(expected[:limit], key=lambda row: (row.hlc, row.mid), reverse=True)
    assert [row.mid for row in found] == [row.mid for row in newest]
    late = store.find(Wanted(marks=frozenset({"late"})), 1000)
    assert {hit.row.mid for hit in late} == {r.mid for r in whole if r.late and not r.deleted}


@given(scripts(30), st.sampled_from(["", "a", "cat", "the"]))
@settings(max_examples=40)
def test_words_alone_find_what_the_search_without_filters_finds(
    script: list[Written], query: str
) -> None:
    store = in_memory().workspace(WORKSPACE)
    project(store, store_entries(store, script), script)
    if query:
        words = {hit.row.mid for hit in store.search(query, limit=1000)}
        assert {hit.row.mid for hit in store.find(Wanted(query), 1000)} == words
