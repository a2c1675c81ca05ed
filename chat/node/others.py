"""What a member decided about others, in a running node: read at the start, written with changes.

Whom they ignore, what they call whom, and what they call devices stands in the store as one setting
(`chat.people`), committed with the turn it was changed in. With most of it messages look otherwise,
so all channels are told of as made anew.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from chat import commands, effects, model, people
from chat.errors import StoreError, UsageError
from chat.node.membership import Membership
from chat.node.team import Team
from chat.people import People
from chat.workspace import Now
from crdt.text import look


class Others:
    """Answers the commands, and keeps what the team shows at what stands in the store.

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
            commands.NameMember: self._name_member,
            commands.NameDevice: self._name_device,
        }
        try:
            self._take(self._kept)
        except StoreError:
            # Of a newer build, or damaged: the command says so, and nobody is held up by it.
            self._take(People())

    @property
    def _kept(self) -> People:
        return people.decode(self._read(people.SETTING) or b"")

    def _take(self, kept: People) -> None:
        team = self._team
        team.ignored = people.ids(kept.ignored)
        team.device_names = people.device_names(kept)
        team.call(people.petnames(kept))

    async def _change(self, after: People) -> None:
        """Keep this, durably when this returns, and show everything as it looks now."""
        before, team = self._kept, self._team
        if after == before:
            return

        def work(_: Now) -> tuple[effects.Effect, ...]:
            self._write(people.SETTING, people.encode(after))
            self._take(after)
            remade = map(effects.ChannelRemade, team.workspace.channel_names())
            views = (effects.ViewChanged(what) for what in ("channels", "members", "status"))
            return (*remade, *views)

        try:
            team.run(work)
            await team.turns.durable()
        except StoreError:
            self._take(before)
            raise

    async def _ignore(self, command: commands.Ignore) -> model.Member:
        member = self._membership.find(command.member, former=True)
        if member == self._team.workspace.me:
            raise UsageError("You cannot ignore yourself.")
        await self._change(people.with_ignored(self._kept, member.hex(), command.on))
        return self._membership.view(member)

    async def _name_member(self, command: commands.NameMember) -> model.Member:
        workspace = self._team.workspace
        member = self._membership.find(command.member, former=True)
        if member == workspace.me:
            raise UsageError("That is you; `/nick` changes what everybody calls you.")
        after = people.with_name(self._kept, member.hex(), command.name)
        if look(after.names.get(member.hex(), "")) == look(workspace.nick(workspace.me)):
            raise UsageError("That is your own name; give them another one.")
        await self._change(after)
        return self._membership.view(member)

    async def _name_device(self, command: commands.NameDevice) -> model.Device:
        devices = self._membership.devices
        device = devices.find(command.device)
        await self._change(people.with_device(self._kept, device.hex(), command.name))
        return devices.view(device)
