"""The node: one profile at work in this process. A `Session` for the command line and the face.

Theory of operation. The node owns the profile (store, keys, blocks), and its parts do the work:
the engine and its turns (`team`), links and what passes on them (`meeting`, `lobby`), files
(`sharing`), notes (`notebook`); `parts` puts them together. Beside them stands the socket through
which other processes of the same user reach the node. Commands about the workspace are answered by
`answers`; those about the node itself here. Without the network it is the same node with no links:
everything works alone.
"""

import asyncio
import secrets
from contextlib import suppress
from typing import Any, Protocol

from chat import commands, model
from chat.config import Settings, parse_url
from chat.control import ControlServer
from chat.engine.founding import clean_nick, clean_title, found, furnish
from chat.errors import ChatError, NoPeer, NotFound, Stopping, TrustError, UsageError
from chat.events import Event, StatusChanged
from chat.hooks import Hooks, commands_of
from chat.hub import Hub, Listener
from chat.invitation import parse as parse_invite
from chat.node.copying import copy_store
from chat.node.locking import Locking
from chat.node.nearby import NodeNearby
from chat.node.parts import Parts
from chat.node.team import load_identity, now, save_identity
from chat.profile import OpenProfile, Profile
from chat.profile_key import no_workspace
from crdt.roster_ops import MODE_PUBLIC

LAST_ANSWERS_SECONDS = 1.0
"""How long the profile is still held for commands that are about to be answered."""
_ONE_WORKSPACE = (
    "This profile is in a workspace already; another one needs a folder of its own, with --home."
)

_WAITING = (
    "You are not in yet: your claim waits until a member sees it. Leave `clowder` or `clowder "
    "node` running, or come back later."
)


class Beside(Protocol):
    """Where a workspace that is not this one finds its place: `chat.node.household`."""

    async def add(self, command: commands.Create | commands.Join) -> model.Status:
        """Found or join it. Raises ChatError."""

    def lock_changed(self, locked: bool) -> None:
        """One of the profile's workspaces was locked or unlocked, and the others go with it."""

    async def survey(self) -> None:
        """Look at the profile's workspaces, for `name_of`."""

    def name_of(self, beginning: bytes) -> str | None:
        """What the workspace whose id begins so is called, if the profile is in it; else None."""


class Node:
    """One workspace of a profile, held by this process until `aclose`."""

    def __init__(
        self,
        opened: OpenProfile,
        settings: Settings,
        *,
        network: bool,
        listening: bool,
        household: Beside | None = None,
    ) -> None:
        # A command that works alone hears of nobody, and of its own messages from whoever runs it.
        hooks = commands_of(settings.hooks) if network else {}
        self._opened = opened
        self._network = network
        self._household = household
        self._hub = Hub()
        self._joined = asyncio.Event()
        self._parts = Parts(
            opened,
            self._hub,
            settings,
            networked=network,
            listening=listening,
            on_joining_changed=self._joined.set,
        )
        self._nearby = NodeNearby(
            settings.network,
            self._hub,
            self._carry_out,
            networked=network,
            survey=self._survey,
            is_in=lambda beginning: self._name_of(beginning) is not None,
        )
        self._locking = Locking(opened.profile.main.key_file, self._hub)
        home = opened.profile.main.home
        self._hooks = Hooks(hooks, home, self._hub, self._is_direct, workspace=self._workspace)
        self._control = ControlServer(self, opened.profile.control_path, network=network)
        self._closing: asyncio.Future[None] | None = None
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @classmethod
    async def open(
        cls,
        profile: Profile,
        settings: Settings,
        *,
        network: bool,
        create: bool,
        listening: bool = True,
        passphrase: str | None = None,
        household: Beside | None = None,
    ) -> "Node":
        """Hold a profile and begin to work.

        Args:
            network: link with peers; else work alone, for a moment.
            create: make the profile if there is none.
            listening: accept links; who is gone in a moment only dials, and nobody remembers it.
            passphrase: of the profile, if it takes one.
            household: takes wishes for another workspace; without it they are refused.

        Raises:
            ChatError: a sentence; nothing is held then.
        """
        opened = profile.open(secrets.token_bytes, create=create, passphrase=passphrase)
        try:
            node = cls(opened, settings, network=network, listening=listening, household=household)
        except BaseException:
            opened.close()
            raise
        try:
            await node._start()
        except BaseException:
            await node.aclose()
            raise
        return node

    async def _start(self) -> None:
        parts = self._parts
        parts.lobby.resume(self._name_of)
        identity = load_identity(self._opened)
        if identity is not None:
            parts.begin_work(identity.relay)
            parts.begin_team(identity)
        elif parts.lobby.keys is not None:
            parts.begin_work(parts.lobby.relay)
        if parts.is_in:
            parts.lobby.end()
        self._hooks.start()
        await parts.begin_links()
        await self._control.start()

    # Session ------------------------------------------------------------------------------------

    async def call(self, command: commands.Command) -> Any:
        """Carry out a command; its docstring names the type of the reply."""
        if self._closing is not None:
            raise Stopping("This Clowder is stopping.")
        self._under_way += 1
        self._idle.clear()
        try:
            self._locking.check(command)
            return await self._carry_out(command)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def _carry_out(self, command: commands.Command) -> Any:
        parts = self._parts
        nearby = self._nearby.find(command)
        if nearby is not None:
            return await nearby(command)
        match command:
            case commands.GetStatus():
                return parts.status()
            case commands.Lock():
                self._locking.lock()
                return self._lock_changed()
            case commands.Unlock():
                await self._locking.unlock(command.passphrase)
                return self._lock_changed()
            case commands.CopyStore():
                return await copy_store(parts, command.path)
            case commands.Create():
                return await self._create(command)
            case commands.Join():
                return await self._join(command)
            case commands.ListPeers():
                return [] if parts.meeting is None else parts.meeting.peers()
            case commands.LookAround():
                return parts.surroundings()
            case commands.Dial():
                return self._dial(command)
            case commands.Shutdown():
                self._hub.close()
                return None
        if parts.is_refused:
            raise TrustError(parts.lobby.refused)
        if parts.team is not None and parts.team.identity.relay:
            raise TrustError("This is a relay: it stores and forwards what it cannot read.")
        answer = None if parts.answers is None else parts.answers.find(command)
        if answer is None:
            raise no_workspace() if parts.lobby.nick is None else NotFound(_WAITING)
        if parts.team is not None and not parts.is_in and not parts.team.workspace.was_member:
            raise NotFound(_WAITING)
        return await answer(command)

    def events(self) -> Listener:
        """Events from now on."""
        return self._hub.listen()

    @property
    def is_closing(self) -> bool:
        """Whether it lets go of its workspace, or has."""
        return self._closing is not None

    @property
    def is_locked(self) -> bool:
        """Whether it shows nothing until the passphrase is given."""
        return self._locking.locked

    @property
    def status(self) -> model.Status:
        """The state now, also while it is locked."""
        return self._parts.status()

    @property
    def is_vacant(self) -> bool:
        """Whether there is no workspace here, and none that is waited for."""
        return self.status.phase == "none"

    def emit(self, event: Event) -> None:
        """Tell whoever listens."""
        self._hub.emit(event)

    async def aclose(self) -> None:
        """Finish writing, say goodbye to peers, and let go of the profile."""
        if self._closing is not None:
            await asyncio.shield(self._closing)
            return
        self._closing = asyncio.get_running_loop().create_future()
        try:
            await self._control.aclose()
            await self._hooks.aclose()
            await self._nearby.aclose()
            self._hub.close()
            await self._parts.aclose()
            with suppress(TimeoutError):  # What was written is read once more, for the answer.
                async with asyncio.timeout(LAST_ANSWERS_SECONDS):
                    await self._idle.wait()
        finally:
            self._opened.close()
            self._closing.set_result(None)

    def follow_lock(self, locked: bool) -> None:
        """Be locked or not, as another workspace of the profile is."""
        self._hub.hold(locked)
        self._hub.emit(StatusChanged(self._parts.status()))

    def _lock_changed(self) -> model.Status:
        if self._household is not None:
            self._household.lock_changed(self._locking.locked)
        status = self._parts.status()
        self._hub.emit(StatusChanged(status))
        return status

    def _workspace(self) -> str:
        return self._parts.status().workspace

    def _is_direct(self, channel: str) -> bool:
        """Whether a channel, by its id, is a private one of two members."""
        team = self._parts.team
        if team is None:
            return False
        workspace = team.workspace
        known = workspace.roster.state.channels.get(bytes.fromhex(channel))
        if known is None or known.mode == MODE_PUBLIC or known.scope == workspace.scope:
            return False
        return len(workspace.readers(known.id)) == 2

    # Coming in ----------------------------------------------------------------------------------

    async def _create(self, command: commands.Create) -> model.Status:
        parts = self._parts
        name, nick = clean_title(command.name), clean_nick(command.nick)
        if parts.is_refused:
            await parts.give_up()
        if parts.team is not None or parts.lobby.nick is not None:
            return await self._add(command)
        identity, genesis = found(self._opened.incarnation, now(), secrets.token_bytes)

        def begin() -> None:
            save_identity(self._opened, identity)
            self._opened.store.workspace(identity.workspace).add_op(genesis.id, genesis.wire)

        parts.begin_work(relay=False)
        try:
            # One commit holds all of it: a workspace is never there without its first channel.
            begin()
            team = parts.begin_team(identity)
            team.run(lambda at: furnish(team.engine, name, nick, at))
            await team.turns.durable()
        except ChatError:
            await parts.forget_team()
            self._opened.store.rollback()
            raise
        await parts.begin_links()
        return parts.status()

    async def _join(self, command: commands.Join) -> model.Status:
        """Claim an invite, or go on with its claim, and wait for the admission."""
        parts = self._parts
        invite = parse_invite(command.invite)
        if not self._network:
            raise UsageError("Joining needs the network.")
        left = parts.team is not None and parts.team.workspace.was_member
        kept = left or parts.lobby.waits_for_another(invite)
        if parts.is_in or (kept and self._household is not None):
            return await self._add(command)
        nick = "relay" if command.relay else clean_nick(command.nick)
        await self._survey()
        parts.lobby.begin(
            invite, nick, relay=command.relay, device=command.device, paper=command.paper
        )
        await parts.start_over()
        parts.begin_work(command.relay)
        await parts.begin_links()
        if parts.meeting is not None:
            if invite.hint:
                parts.meeting.links.dial(invite.hint, parts.lobby.door, persistent=False)
            parts.meeting.secrets_changed()
        with suppress(TimeoutError):
            async with asyncio.timeout(command.wait):
                while not (parts.is_in and parts.can_write):
                    parts.lobby.check()
                    self._joined.clear()
                    await self._joined.wait()
        return parts.status()

    async def _survey(self) -> None:
        if self._household is not None:
            await self._household.survey()

    def _name_of(self, beginning: bytes) -> str | None:
        """What another workspace of the profile is called, whose id begins so."""
        return None if self._household is None else self._household.name_of(beginning)

    async def _add(self, command: commands.Create | commands.Join) -> model.Status:
        """This one is taken: found or join another one beside it."""
        relay = self._parts.team is not None and self._parts.team.identity.relay
        if (
            self._household is None
            or relay
            or (isinstance(command, commands.Join) and command.relay)
        ):
            raise UsageError(_ONE_WORKSPACE)
        return await self._household.add(command)

    def _dial(self, command: commands.Dial) -> None:
        url = parse_url(command.url)
        if self._parts.meeting is None:
            raise NoPeer("This command works alone; a node that stays can keep links.")
        self._parts.meeting.links.dial(url)
