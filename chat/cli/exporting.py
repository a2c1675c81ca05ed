"""`clowder export`: everything that is here, for reading without Clowder.

Messages are read page by page from the beginning and written as they come, so that any number of
them takes little memory. A file appears when it is complete: what is written is renamed at the end,
and what fails leaves nothing. Only files of which everything is here are put beside HTML pages;
nothing is fetched. What is written is readable by this user alone.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click
import msgspec

from chat import commands, model
from chat.cli.channels import closed_line
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.output import Output, message_fields, message_line
from chat.control_lines import PAGE_MESSAGES
from chat.errors import ChatError, UsageError
from chat.hub import before
from chat.session import Session

if TYPE_CHECKING:
    from chat.exports.html import Shown

FORMATS = ("text", "md", "html", "jsonl")
FILE_SECONDS = 60.0
"""A file that is here is written out without any progress for no longer."""
_FILE_ID = re.compile("[a-z0-9]{10,200}")


@click.command(cls=GlobalOptions)
@click.option("--channel", default="", help="Only this channel.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="By default text, or jsonl with --json."
)
@click.option(
    "-o",
    "--output",
    "target",
    metavar="PATH",
    help="A file, or for html a new folder; - is stdout.",
)
@click.option("--signed", is_flag=True, help="A file from which others can verify who wrote what.")
@click.option("--with-keys", is_flag=True, help="Who has the signed file reads what is in it.")
def export(
    channel: str, form: str | None, target: str | None, signed: bool, with_keys: bool
) -> None:
    """Write every message, oldest first."""

    async def work(invocation: Invocation) -> None:
        output = invocation.output
        if signed or with_keys:
            await _signed(invocation, channel, form, _place(target), signed, with_keys)
            return
        if output.as_json and form not in (None, "jsonl"):
            raise UsageError("--json is --format jsonl; give one of them.")
        chosen = form or ("jsonl" if output.as_json else "text")
        path = _place(target)
        if chosen == "html" and path is None:
            raise UsageError("HTML is a folder of pages and pictures; say where with -o FOLDER.")
        async with invocation.session() as session:
            if chosen == "html":
                assert path is not None
                with new_folder(path) as folder:
                    await _html(session, output, channel, folder)
            else:
                with _writer(output, path) as write:
                    await _lines(session, channel, chosen, write)
        if path is not None:
            output.note(f"written to {path}")

    run(work)


async def _signed(
    invocation: Invocation,
    channel: str,
    form: str | None,
    path: Path | None,
    signed: bool,
    with_keys: bool,
) -> None:
    """Let the node write a signed export."""
    if not signed:
        raise UsageError("--with-keys goes with --signed.")
    if form is not None or path is None:
        raise UsageError("A signed export is a file of its own form; say where with -o FILE.")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with _sentences(path):
        try:
            async with invocation.session() as session:
                made: model.Copied = await session.call(
                    commands.ExportSigned(str(part), channel, with_keys)
                )
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    if invocation.output.as_json:
        invocation.output.record("export", {"path": str(path), "size": made.size})
    invocation.output.note(f"written to {path}; `clowder verify {path}` checks it")


def _place(target: str | None) -> Path | None:
    """Where to write; None for stdout."""
    return None if target in (None, "-") else Path(str(target)).absolute()


async def pages(session: Session, channel: str) -> AsyncIterator[list[model.Message]]:
    """All messages of a channel, or of all channels for "", oldest first; without petnames."""
    after = before(0)
    while page := await session.call(commands.History(channel, PAGE_MESSAGES, after=after)):
        yield [message.public for message in page]
        after = page[-1].order


async def chosen_channels(session: Session, channel: str) -> list[model.Channel]:
    """One channel by name or id, or all of them. Raises NotFound."""
    known: list[model.Channel] = await session.call(commands.ListChannels())
    if not channel:
        return known
    wanted = channel.removeprefix("#")
    found = [each for each in known if wanted in (each.name, each.id)]
    if not found:  # The node has the sentence for it.
        await session.call(commands.History(channel, 1))
    return found


async def _lines(session: Session, channel: str, form: str, write: Callable[[str], object]) -> None:
    if form == "md":
        from chat.exports import markdown
        from chat.exports.times import day

        status: model.Status = await session.call(commands.GetStatus())
        for each in await chosen_channels(session, channel):
            write(markdown.head(status.name, each, closed_line(each)))
            last_day = ""
            async for page in pages(session, each.id):
                write("".join(markdown.messages(page, last_day)))
                last_day = day(page[-1].at)
        return
    if form == "text":
        closed = filter(None, map(closed_line, await chosen_channels(session, channel)))
        write("".join(f"{line}\n" for line in closed))
    show = _json_line if form == "jsonl" else partial(message_line, opened=True)
    async for page in pages(session, channel):
        write("".join(f"{show(message)}\n" for message in page))


def _json_line(message: model.Message) -> str:
    return msgspec.json.encode({"v": 1, "kind": "message", **message_fields(message)}).decode()


# HTML -------------------------------------------------------------------------------------------


async def _html(session: Session, output: Output, channel: str, folder: Path) -> None:
    from chat.exports import html
    from chat.exports.times import day

    status: model.Status = await session.call(commands.GetStatus())
    files = Files(session, output, folder / "files")
    counted: list[tuple[model.Channel, int]] = []
    for each in await chosen_channels(session, channel):
        count, last_day = 0, ""
        title = f"#{each.name}, {status.name}"
        with written(folder / html.page_name(each)) as stream:
            stream.write(html.head(title, each.topic, closed_line(each)))
            async for page in pages(session, each.id):
                await files.take(page)
                stream.write("".join(html.messages(page, files.find, last_day)))
                count, last_day = count + len(page), day(page[-1].at)
            stream.write(html.FOOT)
        counted.append((each, count))
    with written(folder / "index.html") as stream:
        stream.write(html.index(status.name, counted, int(time.time() * 1000)))


class Files:
    """The files beside the pages: each once, called by its id, with the ending of what it is.

    A picture is one by its bytes. Anything else ends in `.bin`, so that no browser opens it as a
    page of this folder, whatever it holds.
    """

    def __init__(self, session: Session, output: Output, folder: Path) -> None:
        self._session = session
        self._output = output
        self._folder = folder
        self._known: dict[str, Shown | None] = {}

    async def take(self, page: list[model.Message]) -> None:
        """Write the files of these messages that are here."""
        for message in page:
            for file in message.files:
                if file.id not in self._known and file.have >= 1.0 and _FILE_ID.fullmatch(file.id):
                    self._known[file.id] = await self._write(file)

    async def _write(self, file: model.FileView) -> Shown | None:
        from chat.exports.html import PICTURES, Shown
        from chat.pictures.formats import SNIFF_BYTES, media_type

        self._folder.mkdir(0o700, exist_ok=True)
        path = self._folder / file.id
        try:
            await self._session.call(commands.Get(file.id, str(path), FILE_SECONDS))
        except ChatError as error:
            self._output.note(f"{file.name}: {error}")
            return None
        path.chmod(0o600)
        with path.open("rb") as stream:
            ending = PICTURES.get(media_type(stream.read(SNIFF_BYTES)))
        named = path.rename(path.with_name(f"{file.id}.{ending or 'bin'}"))
        return Shown(named.name, ending is not None)

    def find(self, file: model.FileView) -> Shown | None:
        """Where a file lies, and whether it is a picture; None when it is not here."""
        return self._known.get(file.id)


# Places -----------------------------------------------------------------------------------------


@contextmanager
def _writer(output: Output, path: Path | None) -> Iterator[Callable[[str], object]]:
    """Writes to stdout, or to a file that appears at the end."""
    if path is None:
        yield output.text
        return
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with _sentences(path):
        try:
            with written(part) as stream:
                yield stream.write
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder that appears at the end, with what was put into it; nothing may be there yet.

    Raises:
        UsageError: something is. ChatError: it cannot be written.
    """
    if os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir())):
        raise UsageError(f"{path} is there already; give -o a folder that is not.")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with _sentences(path):
        try:
            part.mkdir(0o700)
            yield part
            part.replace(path)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """A new text file, for this user alone, durable at the end."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8", newline="\n") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ChatError(f"{path} cannot be written: {error.strerror or error}.") from None


COMMANDS = (export,)
