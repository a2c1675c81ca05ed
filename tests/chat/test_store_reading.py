"""Pages, threads, pins, search and unread counts are what a naive reader of everything finds."""

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.store import WorkspaceStore
from chat.store.finding import Wanted
from chat.store.limits import LATE_AFTER_MS, UNREAD_COUNTED_MAX
from chat.store.rows import MessageRow
from chat.store.words import MARK_BEGIN, MARK_END
from crdt import ops
from crdt.clock import milliseconds
from tests.chat.store_authors import (
    GENERAL,
    IDS,
    ME,
    NOW_MS,
    RANDOM,
    WORKSPACE,
    Author,
    Written,
    in_memory,
    named,
    project,
    scripts,
    store_entries,
    take,
)


def fresh() -> WorkspaceStore:
    return in_memory().workspace(WORKSPACE)


def places(rows: list[MessageRow]) -> list[tuple[int, bytes]]:
    return [(row.hlc, row.mid) for row in rows]


@given(scripts(40), st.data())
@settings(max_examples=80)
def test_every_page_is_a_slice_of_the_whole(script: list[Written], data: st.DataObject) -> None:
    store = fresh()
    project(store, store_entries(store, script), script)
    for channel in (GENERAL, RANDOM, None):
        whole = store.messages(channel, limit=1000)
        assert places(whole) == sorted(places(whole))
        assert all(channel in (None, row.channel) for row in whole)
        ends = [*places(whole), *places(whole), (0, b""), (2**62, b"")]
        limit = data.draw(st.integers(0, 8))
        before = data.draw(st.none() | st.sampled_from(ends))
        after = data.draw(st.none() | st.sampled_from(ends))
        thread = data.draw(st.none() | st.sampled_from(IDS[:4]))
        pinned = data.draw(st.booleans())
        expected = [
            row
            for row in whole
            if (before is None or (row.hlc, row.mid) < before)
            and (after is None or (row.hlc, row.mid) > after)
            and (thread is None or thread in (row.mid, row.reply_to))
            and (row.pinned or not pinned)
        ]
        surplus = max(0, len(expected) - limit)
        expected = expected[:limit] if after is not None else expected[surplus:]
        found = store.messages(
            channel, limit=limit, before=before, after=after, thread=thread, pinned=pinned
        )
        assert found == expected
        for row in whole:
            same = [r for r in whole if r.channel == row.channel]
            answers = [r for r in same if r.reply_to == row.mid and not r.deleted]
            assert row.replies == len(answers)
            key = f"pin/{row.mid.hex()}"
            assert row.pinned == (store.register(row.channel, key) == "1" and not row.deleted)


@given(scripts(), st.text("0123456789abcdef", max_size=34))
def test_ids_are_found_by_any_beginning(script: list[Written], digits: str) -> None:
    store = fresh()
    project(store, store_entries(store, script), script)
    everything = {row.mid for row in store.messages(limit=1000)}
    for prefix in (digits, *(mid.hex()[:5] for mid in everything), "a", "9F"):
        wanted = {mid for mid in everything if mid.hex().startswith(prefix.lower())}
        found = store.find_message(prefix)
        assert set(found) == wanted
        assert len(found) == len(wanted)
    assert store.find_message("xyz") == store.find_message("é") == []


# Search ---------------------------------------------------------------------------------------

WORDS = ("cat", "cats", "catalogue", "server", "Straße", "down", "2026")
TEXTS = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)


def naive(query: str, text: str) -> bool:
    words = re.findall(r"[^\W_]+", text.lower())
    asked = query.lower().split()
    return all(word in words for word in asked[:-1]) and any(
        word.startswith(asked[-1]) for word in words
    )


SAID = st.lists(st.tuples(TEXTS, st.booleans()), min_size=4, max_size=12)


@given(SAID, st.lists(st.sampled_from(WORDS), min_size=1, max_size=2), st.integers(1, 5))
@settings(max_examples=100)
def test_search_finds_what_a_look_at_every_message_finds(
    said: list[tuple[str, bool]], words: list[str], limit: int
) -> None:
    query = " ".join(words)
    ana, store = Author("ana"), fresh()
    for number, (text, general) in enumerate(said):
        ana.now_ms = NOW_MS + number
        take(store, ana, [ana.post(text, GENERAL if general else RANDOM)])
    for channel in (GENERAL, None):
        rows = store.messages(channel, limit=100)
        expected = [row for row in reversed(rows) if naive(query, row.text)]
        assert [hit.row for hit in store.search(query, channel, limit)] == expected[:limit]


@given(st.text(max_size=40) | st.text(string.printable, max_size=20))
@settings(max_examples=300)
def test_no_query_is_syntax(query: str) -> None:
    """Any text can be searched for; it finds itself or nothing, and never an error."""
    store, ana = fresh(), Author("ana")
    take(store, ana, [ana.post(f"first {query[:500]}"), ana.post("AND OR NOT NEAR words:x")])
    for hit in store.search(query):
        assert hit.row.text.startswith(("first", "AND"))
        bare = hit.snippet.replace(MARK_BEGIN, "").replace(MARK_END, "")
        assert MARK_BEGIN not in bare
        assert hit.snippet.count(MARK_BEGIN) == hit.snippet.count(MARK_END)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Café à côté", "cafe a"),
        ("cafe\u0301 re\u0301sume\u0301 twice", "résumé"),
        ("résumé twice", "re\u0301sume\u0301"),
        ("黒い猫が好きです", "猫が"),
        ("がんばれ", "か\u3099ん"),
        ("สวัสดีชาวโลก", "ชาว"),
        ("the server-room is hot", "server-r"),
        ("see /etc/hosts", "etc/ho"),
        ("ΜΕΓΑΛΗ ΓΑΤΑ", "γατ"),
    ],
)
def test_search_reads_scripts_as_people_do(text: str, query: str) -> None:
    store, ana = fresh(), Author("ana")
    take(store, ana, [ana.post("something else"), ana.post(text)])
    assert [hit.row.text for hit in store.search(query)] == [text]


def test_a_snippet_marks_the_words_found() -> None:
    store, ana = fresh(), Author("ana")
    take(
        store, ana, [ana.post("x" * 30 + " filler" * 40 + "\nThe Cat sat. Concatenate catalogues")]
    )
    (hit,) = store.search("the cat")
    assert f"{MARK_BEGIN}The{MARK_END} {MARK_BEGIN}Cat{MARK_END} sat. Concatenate" in hit.snippet
    assert f"{MARK_BEGIN}catalogues{MARK_END}" in hit.snippet
    assert hit.snippet.startswith("…")
    assert "\n" not in hit.snippet
    take(store, ana, [ana.post("abc黒猫")])
    (hit,) = store.search("猫")
    assert hit.snippet == f"abc黒{MARK_BEGIN}猫{MARK_END}"


def test_search_forgets_what_was_edited_away_or_taken_back() -> None:
    store, ana = fresh(), Author("ana")
    salt, other = named("a", 16), named("b", 16)
    for op in (
        ops.Post(salt, "old words"),
        ops.Post(other, "secret words"),
        ops.Edit(salt, "new words"),
        ops.Delete(other),
    ):
        take(store, ana, [ana.write(op)])
    assert [hit.row.text for hit in store.search("words")] == ["new words"]
    assert store.search("old") == store.search("secret") == []
    assert [row.deleted for row in store.messages(GENERAL, limit=9)] == [False, True]


# Unread ---------------------------------------------------------------------------------------

MINUTE_MS = 60_000
ACTION = st.one_of(
    st.tuples(st.just("post"), st.integers(0, 2), st.integers(-5, 7), st.booleans()),
    st.tuples(st.just("post"), st.integers(0, 1), st.integers(-5, 7), st.booleans()),
    st.tuples(st.just("delete"), st.integers(0, 30), st.just(0), st.just(False)),
    st.tuples(st.just("edit"), st.integers(0, 30), st.just(0), st.booleans()),
    st.tuples(st.just("read"), st.integers(0, 30), st.just(0), st.booleans()),
)
ACTIONS = st.integers(0, 25).flatmap(lambda size: st.lists(ACTION, min_size=size, max_size=size))


class NaiveReader:
    """Remembers of every message whether it was seen; no markers."""

    def __init__(self, first_ms: int) -> None:
        self.first_ms = first_ms
        self.unseen: dict[bytes, bool] = {}
        self.late: set[bytes] = set()
        self.newest_seen = (0, b"")

    def see(self, store: WorkspaceStore, place: tuple[int, bytes]) -> None:
        self.newest_seen = max(self.newest_seen, place)
        for row in store.messages(GENERAL, limit=1000):
            if (row.hlc, row.mid) <= place:
                self.unseen[row.mid] = False

    def arrive(self, store: WorkspaceStore, row: MessageRow) -> None:
        place, written_ms = (row.hlc, row.mid), milliseconds(row.hlc)
        merged = place <= self.newest_seen
        self.unseen[row.mid] = not row.mine and (not merged or written_ms >= self.first_ms)
        seen_ms = min(milliseconds(self.newest_seen[0]), NOW_MS)
        if merged and self.unseen[row.mid] and seen_ms - written_ms > LATE_AFTER_MS:
            self.late.add(row.mid)
        if row.mine and not merged:
            self.see(store, place)

    def counts(self, store: WorkspaceStore) -> tuple[int, int]:
        rows = [row for row in store.messages(GENERAL, limit=1000) if not row.deleted]
        unread = [row for row in rows if self.unseen[row.mid]]
        return len(unread), sum(ME in row.mentions for row in unread)


@given(ACTIONS)
@settings(max_examples=150)
def test_unread_counts_are_those_of_a_reader_who_remembers(
    actions: list[tuple[str, int, int, bool]],
) -> None:
    store = fresh()
    authors = [Author(name) for name in ("ana", "bo", "cid")]
    said: list[tuple[Author, bytes]] = []
    reader = NaiveReader(NOW_MS)
    for what, number, minutes, flag in actions:
        if what == "post":
            author, salt = authors[number], named(f"said {len(said)}", 16)
            said.append((author, salt))
            op = ops.Post(salt, "words", None, (ME,) if flag else ())
            entry = author.write(op, at_ms=NOW_MS + minutes * MINUTE_MS)
            (mid,) = take(store, author, [entry], me=ME)
            row = store.message(mid)
            assert row is not None
            reader.arrive(store, row)
        elif what == "read" and (flag or not said):
            store.mark_read(GENERAL)
            rows = store.messages(GENERAL, limit=1)
            reader.see(store, (rows[0].hlc, rows[0].mid) if rows else (0, b""))
        elif said:
            author, salt = said[number % len(said)]
            mid = ops.message_id(author.member, salt)
            if what == "read":
                store.mark_read(GENERAL, mid)
                row = store.message(mid)
                assert row is not None
                reader.see(store, (row.hlc, mid))
            elif what == "delete":
                take(store, author, [author.write(ops.Delete(salt))], me=ME)
            else:
                op = ops.Edit(salt, "edited", (ME,) if flag else ())
                take(store, author, [author.write(op)], me=ME)
        assert store.unread(GENERAL) == reader.counts(store)
        assert {r.mid for r in store.messages(limit=1000) if r.late} == reader.late
    assert store.unread(RANDOM) == (0, 0)


def test_after_a_cut_what_others_wrote_meanwhile_is_unread_and_late() -> None:
    store, ana, bo, me = fresh(), Author("ana"), Author("bo"), Author("cid")
    take(store, ana, [ana.post("before the cut")], me=ME)
    store.mark_read(GENERAL)
    me.now_ms = NOW_MS + 30 * MINUTE_MS
    take(store, me, [me.post("alone here?")], me=ME, now_ms=me.now_ms)
    assert store.unread(GENERAL) == (0, 0)
    bo.now_ms = NOW_MS + 10 * MINUTE_MS
    meanwhile = [bo.write(ops.Post(bo.salt(), "lunch?", None, (ME,))), bo.post("gone")]
    take(store, bo, meanwhile, me=ME, now_ms=me.now_ms + MINUTE_MS)
    assert store.unread(GENERAL) == store.unread(GENERAL, {ana.member}) == (2, 1)
    assert store.unread(GENERAL, {bo.member}) == (0, 0)
    rows = store.messages(GENERAL, limit=9)
    assert [(row.text, row.late) for row in rows] == [
        ("before the cut", False),
        ("lunch?", True),
        ("gone", True),
        ("alone here?", False),
    ]
    late, missed = (Wanted(marks=frozenset({mark})) for mark in ("late", "missed"))
    assert [hit.row.text for hit in store.find(missed, limit=9)] == ["gone", "lunch?"]
    store.mark_read(GENERAL)
    assert store.unread(GENERAL) == (0, 0)
    assert store.find(missed, limit=9) == []
    assert len(store.find(late, limit=9)) == 2
    assert [row.late for row in store.messages(GENERAL, limit=9)] == [False, True, True, False]


def test_an_own_post_reads_what_stands_above_it_only_where_it_is_the_newest() -> None:
    store, ana, me = fresh(), Author("ana"), Author("cid")
    at = {minute: NOW_MS + minute * MINUTE_MS for minute in range(9)}
    take(store, ana, [ana.post("newest", at_ms=at[8])], me=ME)
    store.mark_read(GENERAL)
    take(store, ana, [ana.post("cut off", at_ms=at[1])], me=ME)
    take(store, me, [me.post("from my other device, cut off too", at_ms=at[2])], me=ME)
    assert store.unread(GENERAL) == (1, 0)
    take(store, me, [me.post("now here", at_ms=at[8] + 1)], me=ME)
    assert store.unread(GENERAL) == (0, 0)


def test_pages_part_messages_of_one_millisecond() -> None:
    store, ana = fresh(), Author("ana")
    take(store, ana, [ana.post(f"at once {n}", at_ms=NOW_MS) for n in range(9)])
    whole = store.messages(GENERAL, limit=99)
    found: list[MessageRow] = []
    place = (2**62, b"")
    while page := store.messages(GENERAL, limit=2, before=place):
        found, place = page + found, places(page)[0]
    assert found == whole
    found, place = [], (0, b"")
    while page := store.messages(GENERAL, limit=2, after=place):
        found, place = found + page, places(page)[-1]
    assert found == whole


def test_what_was_taken_back_is_pinned_no_longer() -> None:
    store, ana = fresh(), Author("ana")
    salt = named("a", 16)
    take(store, ana, [ana.write(ops.Post(salt, "keep this"))])
    (row,) = store.messages(GENERAL, limit=9)
    take(store, ana, [ana.write(ops.Pin(row.mid, True))])
    assert [r.mid for r in store.messages(GENERAL, limit=9, pinned=True)] == [row.mid]
    take(store, ana, [ana.write(ops.Delete(salt))])
    assert store.messages(GENERAL, limit=9, pinned=True) == []
    (row,) = store.messages(GENERAL, limit=9)
    assert (row.deleted, row.pinned, row.text) == (True, False, "")


def test_a_newcomers_history_is_not_late() -> None:
    store, ana = fresh(), Author("ana")
    ana.now_ms = NOW_MS - 600 * MINUTE_MS
    old, newest = ana.posts(5), ana.post("now", at_ms=NOW_MS)
    arrival = store.append([newest])
    item = (newest, arrival, ana.operations[newest.id], ana.member, False)
    store.project_many([item], now_ms=NOW_MS + MINUTE_MS, me=ME)
    store.mark_read(GENERAL)
    arrival = store.prepend(old)
    items = [(e, n, ana.operations[e.id], ana.member, False) for n, e in enumerate(old, arrival)]
    store.project_many(items, now_ms=NOW_MS + MINUTE_MS, me=ME)
    assert store.unread(GENERAL) == (0, 0)
    assert not any(row.late for row in store.messages(limit=9))


def test_counting_stops_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert UNREAD_COUNTED_MAX >= 1_000
    monkeypatch.setattr("chat.store.unread.UNREAD_COUNTED_MAX", 7)
    store, ana = fresh(), Author("ana")
    take(store, ana, ana.posts(12), me=ME)
    assert store.unread(GENERAL) == (7, 0)
