"""The workspaces of one profile that this process holds: a node each, on one event loop.

Each node has its own links, listener and announcement, under its own name and port, so nothing
that leaves this machine says that one person is in both. They share this process, the settings and
what opens the profile. A port that the settings name is the first workspace's; the others take a
free one of the same address.

A node that is in a workspace already hands a wish for another one on to here (`add`): a folder and
a node more, and every node tells that there is one. What comes to nothing leaves nothing.
"""

import asyncio
import secrets
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from chat import commands, model
from chat.config import Settings, on_a_free_port
from chat.errors import ChatError, UsageError
from chat.events import WorkspacesChanged
from chat.invitation import parse as parse_invite
from chat.node.node import Node
from chat.profile import Profile
from chat.profile_workspaces import discard, new_workspace, workspace_of_invite, workspaces_of


class Household:
    """Opens and adds workspaces of a profile.

    Args:
        main: the profile.
        network, listening: as `Node.open` has them, for all of them.
    """

    def __init__(
        self, main: Profile, settings: Settings, *, network: bool, listening: bool
    ) -> None:
        self._main = main
        self._settings = settings
        self._network = network
        self._listening = listening
        self._nodes: dict[Path, Node] = {}
        self._adding = asyncio.Lock()
        self._beginning: set[Path] = set()
        """Those that are being founded or joined, which may come to nothing."""
        self._seen: dict[Path, model.Status] = {}
        """What each was when `survey` looked last."""

    def held(self, profile: Profile) -> Node | None:
        """The node of a workspace, if it is held here and not only about to be one."""
        return None if profile.home in self._beginning else self._held().get(profile.home)

    async def open(
        self, profile: Profile, *, create: bool = False, passphrase: str | None = None
    ) -> Node:
        """The node of a workspace: the one that was added here, or one that is opened now.

        Whoever is given it closes it.

        Raises:
            ChatError: as `Node.open`.
        """
        known = self.held(profile)
        if known is not None:
            return known
        locked = any(each.is_locked for each in self._held().values())
        node = await Node.open(
            profile,
            self._settings if profile.is_main else _on_a_free_port(self._settings),
            network=self._network,
            create=create,
            listening=self._listening,
            passphrase=passphrase,
            household=self,
        )
        self._nodes[profile.home] = node
        if locked:
            node.follow_lock(True)
        return node

    async def add(self, command: commands.Create | commands.Join) -> model.Status:
        """Found or join one more. A claim that waits already goes on.

        Raises:
            UsageError: this profile is in that workspace, or in too many.
            ChatError: as the command does.
        """
        async with self._adding:
            profile = await self._place(command)
            node = await self.open(profile, create=True)
        self._beginning.add(profile.home)
        try:
            status: model.Status = await node.call(command)
        except BaseException:
            if node.is_vacant:
                await self._give_up(profile, node)
            raise
        finally:
            self._beginning.discard(profile.home)
        for held in self._held().values():
            held.emit(WorkspacesChanged())
        return status

    async def survey(self) -> None:
        """Look at the workspaces that are not held here, too, for `name_of`."""
        seen = {each.home: await self._status(each) for each in workspaces_of(self._main)}
        self._seen = seen

    def name_of(self, beginning: bytes) -> str | None:
        """What the workspace whose id begins so is called, if this profile is in it; else None."""
        held = {home: node.status for home, node in self._held().items()}
        for status in {**self._seen, **held}.values():
            if status.phase == "live" and status.workspace.startswith(beginning.hex()):
                return status.name or "that workspace"
        return None

    def lock_changed(self, locked: bool) -> None:
        """Who locks one workspace means all that is shown; so with unlocking."""
        for node in self._held().values():
            node.follow_lock(locked)

    async def aclose(self) -> None:
        """Close what was added and taken up by nobody, and what else is open."""
        for node in self._held().values():
            await node.aclose()

    def _held(self) -> dict[Path, Node]:
        return {home: node for home, node in self._nodes.items() if not node.is_closing}

    async def _place(self, command: commands.Create | commands.Join) -> Profile:
        if isinstance(command, commands.Create):
            return new_workspace(self._main, secrets.token_bytes)
        invite = parse_invite(command.invite)
        profile = workspace_of_invite(self._main, invite.secret)
        await self.survey()
        # Words do not say whose they are; that is seen when the invite's rest is read.
        name = self.name_of(invite.workspace) if invite.workspace else None
        there = self._seen.get(profile.home, model.Status("none"))
        if name is None and there.phase in ("live", "removed"):
            name = there.name or "that workspace"
        if name is not None:
            raise UsageError(f"This profile is in {name} already.")
        return profile

    async def _status(self, profile: Profile) -> model.Status:
        """What a workspace is; of one that is not held here, as it is on disk."""
        held = self.held(profile)
        if held is not None:
            status: model.Status = await held.call(commands.GetStatus())
            return status
        with suppress(ChatError):  # What another process holds cannot be asked from here.
            node = await Node.open(profile, self._settings, network=False, create=False)
            try:
                status = await node.call(commands.GetStatus())
            finally:
                await node.aclose()
            return status
        return model.Status("none")

    async def _give_up(self, profile: Profile, node: Node) -> None:
        await node.aclose()
        del self._nodes[profile.home]
        discard(profile)


def _on_a_free_port(settings: Settings) -> Settings:
    """As the settings say, but for the port: one workspace alone can have that."""
    return replace(settings, network=on_a_free_port(settings.network))
