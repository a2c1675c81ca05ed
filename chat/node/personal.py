"""What a member keeps for themselves, in a running node: read once, written with each change.

It stands in the store as one setting (`chat.private`), committed with the turn it was changed in.
A change is told to every window of this profile as an event.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from chat import commands, effects, events, model, private
from chat.hub import Hub
from chat.node.others import Others
from chat.node.team import Team
from chat.workspace import Now


class Personal:
    """Answers commands about what is this member's alone.

    Args:
        team: the workspace.
        read, write: a setting, within the current turn.
    """

    def __init__(
        self,
        team: Team,
        hub: Hub,
        read: Callable[[str], bytes | None],
        write: Callable[[str, bytes], None],
    ) -> None:
        self._team = team
        self._hub = hub
        self._read = read
        self._write = write
        self.by_command: dict[type[commands.Command], Callable[[Any], Awaitable[Any]]] = {
            commands.GetPrivate: self._get,
            commands.KeepDraft: self._keep_draft,
            commands.SetAlerts: self._set_alerts,
            commands.Bookmark: self._bookmark,
            commands.ListBookmarks: self._bookmarks,
            commands.SetQuiet: self._set_quiet,
            **Others(team, read, write).by_command,
        }

    @property
    def kept(self) -> model.Private:
        """What stands in the store, with this turn's changes. Raises StoreError."""
        return private.decode(self._read(private.SETTING) or b"")

    async def _change(self, change: Callable[[model.Private], model.Private]) -> model.Private:
        """Change it, durably when this returns, and tell every window."""
        before = self.kept
        after = change(before)
        if after == before:
            return after

        def work(_: Now) -> tuple[effects.Effect, ...]:
            self._write(private.SETTING, private.encode(after))
            return ()

        self._team.run(work)
        await self._team.turns.durable()
        self._hub.emit(events.PrivateChanged(after))
        return after

    async def _get(self, _: commands.GetPrivate) -> model.Private:
        return self.kept

    async def _keep_draft(self, command: commands.KeepDraft) -> None:
        team = self._team
        channel = team.workspace.find_channel(command.channel).hex()
        reply_to = None
        if command.reply_to:
            reply_to = team.views.find_message(command.reply_to).hex()
        await self._change(lambda kept: private.with_draft(kept, channel, command.text, reply_to))

    async def _set_alerts(self, command: commands.SetAlerts) -> model.Private:
        channel = self._team.workspace.find_channel(command.channel).hex()
        return await self._change(lambda kept: private.with_alerts(kept, channel, command.level))

    async def _bookmark(self, command: commands.Bookmark) -> model.Private:
        message = self._team.views.find_message(command.message).hex()
        return await self._change(lambda kept: private.with_bookmark(kept, message, command.on))

    async def _bookmarks(self, _: commands.ListBookmarks) -> list[model.Message]:
        team = self._team
        found = (
            team.workspace.store.message(bytes.fromhex(each))
            for each in reversed(self.kept.bookmarks)
        )
        return [team.views.message(row) for row in found if row is not None]

    async def _set_quiet(self, command: commands.SetQuiet) -> model.Private:
        return await self._change(lambda kept: private.with_quiet(kept, command.until_ms))
