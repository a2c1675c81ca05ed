"""What `clowder send` takes from stdin: one text, or every line as a message of its own.

Lines are read by a thread, because their writer may be slow, and posted in batches, several of
them under way at once. A batch is posted whole or not at all, so a line that no message can be
is found before its batch is made: what stands before it is posted, and it ends the command.
"""

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import NamedTuple, TextIO

from chat import commands
from chat.cli.output import Output
from chat.errors import ChatError, UsageError
from chat.session import Session
from crdt.limits import MESSAGE_TEXT_MAX_CHARS
from crdt.text import clean_text

LINES_TOGETHER = 64
"""Lines of `send --lines` in one request; they share a commit, a signature and a way."""
POSTS_IN_FLIGHT = 8
"""Such requests under way at once, so that neither end waits for the other."""
LINES_WAITING_MAX = 4096
"""Lines read ahead of what is posted."""
TEXT_READ_MAX_CHARS = 1024 * 1024
"""Enough to tell how much too long a text is, without reading a stream that never ends."""


def read_text(stream: TextIO) -> str:
    """One text, without the line ends behind it.

    Raises:
        UsageError: it goes on and on.
    """
    text = stream.read(TEXT_READ_MAX_CHARS + 1)
    if len(text) > TEXT_READ_MAX_CHARS:
        raise UsageError(
            f"A message has at most {MESSAGE_TEXT_MAX_CHARS} characters, this one more than "
            f"{TEXT_READ_MAX_CHARS}; share it as a file with `clowder put`."
        )
    return text.rstrip("\n")


async def send_lines(session: Session, output: Output, channel: str, stream: TextIO) -> None:
    """Post line by line, in order: what is there already together, the rest as it comes.

    Raises:
        ChatError: of the first line or batch that does not work, when all others are settled.
    """
    lines = Lines(stream)
    under_way: deque[asyncio.Task[list[str]]] = deque()
    faults: list[ChatError] = []
    refused: UsageError | None = None
    while not faults and refused is None and (taken := await lines.take(LINES_TOGETHER)):
        texts: list[str] = []
        for line in taken:
            if len(line.text) > MESSAGE_TEXT_MAX_CHARS:
                refused = _too_long(line)
                break
            texts.append(line.text)
        if texts:
            command = commands.PostLines(channel, tuple(texts))
            under_way.append(asyncio.create_task(session.call(command)))
        while under_way and (under_way[0].done() or len(under_way) >= POSTS_IN_FLIGHT):
            await _settle(session, output, under_way.popleft(), faults)
    for task in under_way:
        await _settle(session, output, task, faults)
    if faults:
        raise faults[0]
    if refused is not None:
        raise refused


def _too_long(line: "Line") -> UsageError:
    return UsageError(
        f"Line {line.number} is longer than the {MESSAGE_TEXT_MAX_CHARS} characters of a message; "
        "what stands before it is posted."
    )


async def _settle(
    session: Session, output: Output, task: "asyncio.Task[list[str]]", faults: list[ChatError]
) -> None:
    """Print the ids of a batch when it is posted; keep its error when it is not."""
    try:
        ids = await task
        if not output.as_json:
            output.line("\n".join(ids))
            return
        for message in ids:
            output.message(await session.call(commands.GetMessage(message)))
    except ChatError as error:
        faults.append(error)


class Line(NamedTuple):
    """A line and its number in the stream, from 1."""

    number: int
    text: str


class Lines:
    """The lines of a stream that may be slow, read by a thread, without those that say nothing.

    Of a line that no message can hold, enough is kept to see that.
    """

    def __init__(self, stream: TextIO) -> None:
        self._ready: deque[Line] = deque()
        self._news = asyncio.Event()
        self._room = threading.Semaphore(LINES_WAITING_MAX)
        self._ended = False
        loop = asyncio.get_running_loop()
        reader = threading.Thread(target=self._read, args=(stream, loop), daemon=True)
        reader.start()

    def _read(self, stream: TextIO, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # The loop is closed: nobody wants more lines.
            number = 0
            # A line break may be two characters, which do not count.
            while line := stream.readline(MESSAGE_TEXT_MAX_CHARS + 2):
                number += 1
                text = line.rstrip("\r\n")
                if says_something(text):
                    self._room.acquire()
                    loop.call_soon_threadsafe(self._took, Line(number, text))
            loop.call_soon_threadsafe(self._took, None)

    def _took(self, line: Line | None) -> None:
        if line is None:
            self._ended = True
        else:
            self._ready.append(line)
        self._news.set()

    async def take(self, most: int) -> list[Line]:
        """What is there, at least one line and at most so many; empty at the end."""
        while not self._ready and not self._ended:
            self._news.clear()
            await self._news.wait()
        taken = [self._ready.popleft() for _ in range(min(most, len(self._ready)))]
        for _ in taken:
            self._room.release()
        return taken


def says_something(text: str) -> bool:
    """Whether anything of a line is left when it is cleaned."""
    if text.isprintable():
        return bool(text.strip())
    return bool(clean_text(text, MESSAGE_TEXT_MAX_CHARS).strip())
