"""A Slack export is somebody else's bytes: posts of what it says, bounds on all of it, no paths."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.errors import ChatError, NotFound, UsageError
from chat.imports import archive, limits, slack
from chat.imports.archive import Archive
from chat.imports.journal import Journal

NAMES = {"U1": "ana", "U2": "bo"}
DAY = "general/2019-03-04.json"


def posts(*messages: object, names: dict[str, str] = NAMES) -> slack.Day:
    return slack.posts(json.dumps(messages).encode(), DAY, names)


def said(text: str, ts: str = "1551694500.000200", **fields: object) -> dict[str, object]:
    return {"type": "message", "user": "U1", "ts": ts, "text": text, **fields}


# Messages -------------------------------------------------------------------------------------


def test_a_message_names_its_author_and_time() -> None:
    found = posts(said("hi"), said("so", "1551694560.1", user=None, username="deploy"))
    assert [post.text for post in found.posts] == [
        "ana, 2019-03-04 10:15: hi",
        "deploy, 2019-03-04 10:16: so",
    ]
    assert [post.key for post in found.posts] == ["1551694500.000200", "1551694560.1"]


def test_messages_come_by_their_time_and_answer_their_thread() -> None:
    later = said("answer", "1551694509.2", thread_ts="1551694500.10")
    found = posts(later, said("root", "1551694500.10", thread_ts="1551694500.10"))
    assert [(post.text[-6:], post.parent) for post in found.posts] == [
        (": root", ""),
        ("answer", "1551694500.10"),
    ]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("hey <@U2>, <@U9|carl> and <@U8>", "hey ＠bo, ＠carl and ＠U8"),
        ("<#C1|cats> <#C2>", "#cats #C2"),
        ("<!here> <!subteam^S1|@team> <!date^1^x|today>", "＠here ＠team today"),
        (
            "<https://a.example|here> <https://b.example>",
            "here (https://a.example) https://b.example",
        ),
        ("1 &lt; 2 &amp;&amp; &quot;x&quot; &amp;lt;", "1 < 2 && &quot;x&quot; &lt;"),
        ("@ana mail a@b.example < > <", "＠ana mail a@b.example < > <"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example (mailto:a@b.example)"),
    ],
)
def test_slack_markup_is_written_as_people_write(given: str, shown: str) -> None:
    assert slack.plain(given, NAMES) == shown


def test_what_says_nothing_is_counted_and_passed_over() -> None:
    found = posts(
        said("<@U1> has joined", subtype="channel_join"),
        said(""),
        said("no time", "yesterday"),
        said("x", ts=7),
        "no message",
        None,
        said("x" * 200_001),
        said("", files=[{"title": "cat.jpg"}, {"name": None}]),
    )
    assert [post.text.partition(": ")[2] for post in found.posts] == [
        "[file cat.jpg]\n[file without a name]"
    ]
    assert found.skipped == 7


def test_a_long_text_comes_in_parts_that_fit() -> None:
    from crdt.limits import MESSAGE_TEXT_MAX_CHARS

    text = "".join(chr(97 + n % 26) for n in range(limits.PART_CHARS * 2 + 5))
    found = posts(said(text), names={"U1": "n" * 80}).posts
    assert [post.key for post in found] == [
        "1551694500.000200",
        "1551694500.000200/2",
        "1551694500.000200/3",
    ]
    assert "".join(post.text.partition("): ")[2] for post in found) == text
    assert all(len(post.text) <= MESSAGE_TEXT_MAX_CHARS for post in found)


def test_no_escape_sequence_and_no_call_comes_through() -> None:
    found = posts(said("\x1b[31mred\x1b[0m \u202e @bo"), names={"U1": "@bo\x1b]0;x\x07\nx"})
    (post,) = found.posts
    assert "\x1b" not in post.text
    assert "\u202e" not in post.text
    assert "@" not in post.text
    assert post.text.count("\n") == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["ts", "text", "user", "thread_ts", "files", "name", "id", "profile", "subtype"]
            )
            | st.text(max_size=3),
            inner | st.from_regex(r"\A\d{1,12}\.\d{1,9}\Z"),
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(data=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_values_or_a_sentence(data: bytes) -> None:
    for read in (
        slack.people,
        slack.channels,
        lambda given: slack.posts(given, DAY, NAMES),
    ):
        try:
            found = read(data)
        except UsageError as refused:
            sentence = str(refused)
        else:
            sentence = "in the export"
            if isinstance(found, slack.Day):
                assert all("\x1b" not in post.text and post.text for post in found.posts)
        assert "in the export" in sentence


def test_deep_nesting_is_a_sentence() -> None:
    with pytest.raises(UsageError):
        slack.posts(b"[" * 200_000, DAY, NAMES)


# Archives -------------------------------------------------------------------------------------


def packed(files: dict[str, bytes], path: Path, way: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", way) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


def test_days_are_those_of_the_channel_and_no_other_path(tmp_path: Path) -> None:
    names = frozenset(
        {
            "general/2019-03-05.json",
            DAY,
            "general/../../etc/2019-03-04.json",
            "../general/2019-03-04.json",
            "/general/2019-03-04.json",
            "general/2019-03-04.json/2019-03-04.json",
            "general/notes.json",
            "general2/2019-03-04.json",
        }
    )
    found = slack.days(names, slack.Channel("general"))
    assert found == [DAY, "general/2019-03-05.json"]
    assert slack.days(names, slack.Channel("..")) == []
    assert slack.days(names, slack.Channel("")) == []


def test_a_bomb_costs_no_more_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FILE_MAX_BYTES", 100_000)
    monkeypatch.setattr(limits, "TOTAL_MAX_BYTES", 250_000)
    path = packed(
        {"bomb": bytes(5_000_000), "a": bytes(100_000), "b": bytes(90_000)}, tmp_path / "z"
    )
    with Archive(path) as opened:
        with pytest.raises(UsageError, match="more than it may"):
            opened.read("bomb")
        assert len(opened.read("a")) == 100_000
        assert len(opened.read("b")) == 90_000
        with pytest.raises(UsageError, match="more than it may"):
            opened.read("b")
    monkeypatch.setattr(limits, "ENTRIES_MAX", 2)
    with pytest.raises(UsageError, match="more than 2 files"):
        Archive(path)
    monkeypatch.setattr(limits, "ARCHIVE_MAX_BYTES", 10)
    with pytest.raises(UsageError, match="larger"):
        Archive(path)


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ways_of_packing_that_need_much_memory_are_refused(tmp_path: Path, way: int) -> None:
    with Archive(packed({"a": b"x" * 1000}, tmp_path / "z", way)) as opened:
        with pytest.raises(UsageError, match="a way that is not read"):
            opened.read("a")


def test_what_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Archive(tmp_path / "missing.zip")
    with Archive(packed({"a": b"x"}, tmp_path / "z")) as opened, pytest.raises(NotFound):
        opened.read("users.json")
    (tmp_path / "text").write_text("no zip")
    with pytest.raises(UsageError, match="no zip"):
        Archive(tmp_path / "text")


WHOLE = io.BytesIO()
with zipfile.ZipFile(WHOLE, "w", zipfile.ZIP_DEFLATED) as _made:
    _made.writestr("users.json", json.dumps([{"id": "U1", "name": "ana"}] * 30))
    _made.writestr(DAY, json.dumps([{"ts": "1.2", "text": "x" * 500}]))


@settings(max_examples=400, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(WHOLE.getvalue()) - 1), st.integers(0, 255)), max_size=6
    ),
    end=st.integers(0, 60),
    tail=st.binary(max_size=20),
)
@example([(265, 0)], 0, b"")  # the name of an entry becomes empty
def test_a_damaged_zip_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    changes: list[tuple[int, int]],
    end: int,
    tail: bytes,
) -> None:
    data = bytearray(WHOLE.getvalue())
    for place, value in changes:
        data[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    path.write_bytes(bytes(data[: len(data) - end]) + tail)
    sentence = "."
    try:
        with Archive(path) as opened:
            for name in opened.names:
                assert len(opened.read(name)) <= archive.limits.FILE_MAX_BYTES
    except ChatError as refused:
        sentence = str(refused)
    assert sentence.endswith(".")


# Journals -------------------------------------------------------------------------------------


def test_a_journal_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    with Journal(tmp_path, "slack", "C1") as journal:
        journal.begin("a" * 32)
        journal.add({"1.1": "b" * 32, "1.2": "c" * 32})
        with pytest.raises(UsageError, match="Another import"):
            Journal(tmp_path, "slack", "C1")
    (path,) = tmp_path.glob("imports/*")
    assert path.name == "slack-C1.jsonl"
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole[:cut])
        with Journal(tmp_path, "slack", "C1") as journal:
            kept = whole[:cut].count(b"\n")
            assert len(journal.ids) == max(0, kept - 1)
            journal.add({"2.1": "d" * 32})
        with Journal(tmp_path, "slack", "C1") as journal:
            assert list(journal.ids)[-1] == "2.1"
            assert len(journal.ids) == max(0, kept - 1) + 1


@pytest.mark.parametrize("name", ["../../x", "", "a/b", "C" * 200, ".", "C\0"])
def test_no_name_of_a_channel_becomes_a_path(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with Journal(home, "slack", name) as journal:
        journal.begin("a" * 32)
    assert [path.parent for path in tmp_path.rglob("*.jsonl")] == [home / "imports"]
