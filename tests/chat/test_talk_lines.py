"""`clowder search`, `history` and `export`: what they ask and print, without a machine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chat import commands, model
from chat.cli import exporting, talk
from chat.cli.output import Output


class Answering:
    """In place of an invocation and its session: replies by the kinds of commands."""

    def __init__(self, replies: dict[type[commands.Command], Any]) -> None:
        self.output = Output(as_json=False)
        self.asked: list[commands.Command] = []
        self._replies = replies

    @asynccontextmanager
    async def session(self) -> AsyncIterator["Answering"]:
        yield self

    async def call(self, command: commands.Command) -> Any:
        self.asked.append(command)
        return self._replies.get(type(command), [])


def ran(
    monkeypatch: pytest.MonkeyPatch,
    *arguments: str,
    replies: dict[type[commands.Command], Any] | None = None,
) -> tuple[list[commands.Command], str, str]:
    """What was asked and printed."""
    invocation = Answering(replies or {})

    def run(work: Callable[[Any], Awaitable[None]]) -> None:
        asyncio.run(work(invocation))

    for module in (talk, exporting):
        monkeypatch.setattr(module, "run", run)
    known = {"search": talk.search, "history": talk.history, "export": exporting.export}
    done = CliRunner().invoke(known[arguments[0]], arguments[1:])
    if done.exception is not None:
        raise done.exception
    return invocation.asked, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "query"),
    [
        (("has:picture", "from:ana"), "has:picture from:ana"),
        (("has:picture from:ana",), "has:picture from:ana"),
        (('from:"ana b"', "cat", "tree"), 'from:"ana b" cat tree'),
    ],
)
def test_all_words_are_the_query(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], query: str
) -> None:
    asked, _, _ = ran(monkeypatch, "search", *words, "-n", "3")
    assert asked == [commands.Search(query, "", 3)]


def said(at: int) -> model.Message:
    return model.Message(
        f"{at:032x}", "gap", model.Author("a", "ana"), at, str(at), f"{at:016x}{'0' * 32}"
    )


CLOSED = "What was said in #gap while you were not in it is not for you.\n"
GAP = f"{2:016x}{'f' * 32}"
CHANNELS = [model.Channel("c" * 32, "gap", earlier=True, gaps=(GAP,)), model.Channel("d", "cats")]


@pytest.mark.parametrize(
    ("arguments", "shown", "told"),
    [
        (("gap",), (1, 3), True),
        (("gap", "-n", "2"), (1, 3), True),
        (("c" * 32, "-n", "2"), (1, 3), True),
        (("gap",), (3, 4), True),
        (("gap", "-n", "2"), (3, 4), False),
        (("gap", "--pinned"), (1, 3), False),
        (("cats",), (1, 3), False),
    ],
)
def test_history_says_what_of_it_is_closed(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], shown: tuple[int, ...], told: bool
) -> None:
    replies = {commands.History: list(map(said, shown)), commands.ListChannels: CHANNELS}
    _, printed, noted = ran(monkeypatch, "history", *arguments, replies=replies)
    assert len(printed.splitlines()) == len(shown)
    assert noted == (CLOSED if told else "")


def test_exports_say_what_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    status = model.Status("live", name="Works")
    replies = {commands.ListChannels: CHANNELS, commands.GetStatus: status}
    assert ran(monkeypatch, "export", replies=replies)[1] == CLOSED
    _, printed, _ = ran(monkeypatch, "export", "--format", "md", replies=replies)
    assert printed.split("\n\n")[:3] == ["# \\#gap, Works", CLOSED.strip(), "# \\#cats, Works"]
    folder = tmp_path / "pages"
    ran(monkeypatch, "export", "--format", "html", "-o", str(folder), replies=replies)
    (gap,), (cats,) = folder.glob("gap-*"), folder.glob("cats-*")
    assert CLOSED.strip() in gap.read_text("utf-8")
    assert "is not for you" not in cats.read_text("utf-8")
