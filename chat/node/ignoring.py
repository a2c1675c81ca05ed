"""Whom a member ignores, in a running node: read at the start, written with each change.

It stands in the store as one setting (`chat.people`), committed with the turn it was changed in.
With it every message of theirs looks otherwise, so all channels are told of as made anew.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from chat import commands, effects, model, people
from chat.errors import StoreError, UsageError
from chat.node.membership import Membership
from chat.node.team import Team
from chat.workspace import Now


class Ignoring:
    """Answers the command, and keeps `Team.ignored` at what stands in the store.

    Args:
        team: the workspace.
        read, write: a setting, within the current turn.
    """

    def __init__(
        self,
        team: Team,
        read: Callable[[str], bytes | None],
        write: Callable[[str, bytes], None],
    ) -> None:
        self._team = team
        self._membership = Membership(team)
        self._read = read
        self._write = write
        self.by_command: dict[type[commands.Command], Callable[[Any], Awaitable[Any]]] = {
            commands.Ignore: self._ignore,
        }
        try:
            team.ignored = people.ids(self._kept.ignored)
        except StoreError:
            # Of a newer build, or damaged: the command says so, and nobody is held up by it.
            team.ignored = frozenset()

    @property
    def _kept(self) -> people.People:
        return people.decode(self._read(people.SETTING) or b"")

    async def _ignore(self, command: commands.Ignore) -> model.Member:
        team = self._team
        member = self._membership.find(command.member, former=True)
        if member == team.workspace.me:
            raise UsageError("You cannot ignore yourself.")
        before = self._kept
        after = people.with_ignored(before, member.hex(), command.on)

        def work(_: Now) -> tuple[effects.Effect, ...]:
            self._write(people.SETTING, people.encode(after))
            team.ignored = people.ids(after.ignored)
            remade = map(effects.ChannelRemade, team.workspace.channel_names())
            views = (effects.ViewChanged("channels"), effects.ViewChanged("members"))
            return (*remade, *views)

        try:
            team.run(work)
            await team.turns.durable()
        except StoreError:
            team.ignored = people.ids(before.ignored)
            raise
        return self._membership.view(member)
