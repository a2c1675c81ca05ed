"""`clowder import`: messages of another program, posted by whoever imports them.

Messages that answer nothing go in batches, which are posted whole or not at all, a reply by itself.
After each the journal is written. What was posted and not written, because the run was cut off in
between, is found by its text among the importer's own messages behind the last one in the journal.
"""

from pathlib import Path

import click

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.output import Output
from chat.control_lines import PAGE_MESSAGES
from chat.errors import NotFound
from chat.hub import before
from chat.imports import slack
from chat.imports.archive import Archive
from chat.imports.journal import Journal
from chat.session import Session
from crdt.limits import CHANNEL_NAME_MAX_CHARS

POSTS_TOGETHER = 64
"""Messages in one request; they share a commit, a signature and a line of the journal."""
TOLD_EVERY = 1_000
"""Messages between two words about how far it is."""


@click.group("import")
def import_() -> None:
    """Take over messages of another program."""


@import_.command("slack", cls=GlobalOptions)
@click.argument("export", metavar="EXPORT.zip", type=click.Path(path_type=Path))
@click.option("--channel", "wanted", multiple=True, help="Only this one; may be repeated.")
def import_slack(export: Path, wanted: tuple[str, ...]) -> None:
    """Post the messages of a Slack export, each with its author and time."""

    async def work(invocation: Invocation) -> None:
        with Archive(export) as archive:
            names = slack.people(archive.read("users.json"))
            known = slack.channels(archive.read("channels.json"))
            chosen = {name.removeprefix("#") for name in wanted}
            missing = sorted(chosen - {channel.name for channel in known})
            if missing:
                raise NotFound(f"The export has no channel {missing[0]} that was open to all.")
            home = (await invocation.profile()).home
            async with invocation.session() as session:
                await session.call(commands.GetStatus())
                for channel in known:
                    if not chosen or channel.name in chosen:
                        name = channel.id or channel.name
                        with Journal(home, "slack", name) as journal:
                            importing = Importing(session, invocation.output, journal)
                            await importing.channel(archive, channel, names)

    run(work)


class Importing:
    """One channel on its way."""

    def __init__(self, session: Session, output: Output, journal: Journal) -> None:
        self._session = session
        self._output = output
        self._journal = journal
        self._unwritten: dict[str, list[str]] = {}
        """Ids by text of own messages behind the last one in the journal."""
        self._posted = 0

    async def channel(
        self, archive: Archive, channel: slack.Channel, names: dict[str, str]
    ) -> None:
        """Post what is not posted yet. Raises ChatError."""
        where = await self._find(channel)
        await self._look_back(where)
        known = skipped = 0
        for name in slack.days(archive.names, channel):
            found = slack.posts(archive.read(name), name, names)
            fresh = [post for post in found.posts if post.key not in self._journal.ids]
            known += len(found.posts) - len(fresh)
            skipped += found.skipped
            await self._post(where, fresh, channel.name)
        if self._output.as_json:
            fields = {"posted": self._posted, "known": known, "skipped": skipped}
            self._output.record("import", {"channel": where, "name": channel.name, **fields})
        else:
            self._output.line(
                f"#{channel.name}: {self._posted} posted, {known} there already, "
                f"{skipped} passed over"
            )

    async def _find(self, channel: slack.Channel) -> str:
        """The id of our channel: the one of the run before, one of the name, or a new one."""
        known: list[model.Channel] = await self._session.call(commands.ListChannels())
        if self._journal.channel in {each.id for each in known}:
            return self._journal.channel
        name = channel.name[:CHANNEL_NAME_MAX_CHARS]
        found = next((each for each in known if each.name == name), None)
        if found is None:
            found = await self._session.call(commands.CreateChannel(name))
        assert found is not None
        self._journal.begin(found.id)
        return found.id

    async def _look_back(self, where: str) -> None:
        after = before(0)
        if self._journal.ids:
            last = next(reversed(self._journal.ids.values()))
            message: model.Message = await self._session.call(commands.GetMessage(last))
            after = message.order
        while page := await self._session.call(commands.History(where, PAGE_MESSAGES, after=after)):
            for message in page:
                if message.mine:
                    self._unwritten.setdefault(message.text, []).append(message.id)
            after = page[-1].order

    async def _post(self, where: str, posts: list[slack.Post], name: str) -> None:
        batch: dict[str, slack.Post] = {}
        for post in posts:
            if post.key in self._journal.ids or post.key in batch:  # Twice in one file.
                continue
            if there := self._unwritten.get(post.text):
                self._journal.add({post.key: there.pop(0)})
                continue
            if post.parent in batch:
                await self._send(where, batch, name)
            parent = self._journal.ids.get(post.parent)
            if parent is None:  # It answers nothing, or nothing that the export holds.
                batch[post.key] = post
                if len(batch) == POSTS_TOGETHER:
                    await self._send(where, batch, name)
                continue
            await self._send(where, batch, name)
            said: model.Message = await self._session.call(commands.Post(where, post.text, parent))
            self._write({post.key: said.id}, name)
        await self._send(where, batch, name)

    async def _send(self, where: str, batch: dict[str, slack.Post], name: str) -> None:
        if batch:
            texts = tuple(post.text for post in batch.values())
            ids: list[str] = await self._session.call(commands.PostLines(where, texts))
            self._write(dict(zip(batch, ids, strict=True)), name)
            batch.clear()

    def _write(self, posted: dict[str, str], name: str) -> None:
        self._journal.add(posted)
        before_this, self._posted = self._posted, self._posted + len(posted)
        if self._posted // TOLD_EVERY > before_this // TOLD_EVERY:
            self._output.note(f"#{name}: {self._posted} messages")


COMMANDS = (import_,)
