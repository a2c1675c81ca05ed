"""`clowder search` and `history`: what they ask and what they print, without a machine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from click.testing import CliRunner

from chat import commands
from chat.cli import talk
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

    monkeypatch.setattr(talk, "run", run)
    command = {"search": talk.search, "history": talk.history}[arguments[0]]
    done = CliRunner().invoke(command, arguments[1:])
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
