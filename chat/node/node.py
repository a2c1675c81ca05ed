"""The node: one profile at work in this process. A `Session` for the command line and the face.

Theory of operation. The node owns the profile (store, keys, blocks) and puts the machines
together: the engine and its turns (`team`), links and what passes on them (`meeting`, `lobby`),
files (`chat.files`), notes (`notebook`), and the socket through which other processes of the same
user reach it. Commands about the workspace are answered by `answers`; those about the node itself
here. Without the network it is the same node with no links: everything works alone.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chat import commands, model
from chat import events as happenings
from chat.config import Settings, parse_url
from chat.control import ControlServer
from chat.engine import ephemeral
from chat.engine.founding import clean_nick, clean_title, found, furnish
from chat.errors import ChatError, NoPeer, TrustError, UsageError
from chat.hub import Hub
from chat.invitation import parse as parse_invite
from chat.node.answers import Answers
from chat.node.lobby import NodeLobby
from chat.node.sharing import Sharing
from chat.node.status import status
from chat.node.team import Team, load_identity, now, save_identity
from chat.profile import OpenProfile, Profile
from chat.profile_key import no_workspace
from chat.workspace import Identity
from crdt.keys import DeviceKeys
from crdt.ops import FileInfo

if TYPE_CHECKING:
    from chat.node.meeting import Meeting
    from chat.node.notebook import Notebook

_LISTENED = "listening"
_ONE_WORKSPACE = (
    "This profile is in a workspace already; another one needs a folder of its own, with --home."
)


class Node:
    """One profile, held by this process until `aclose`."""

    def __init__(self, opened: OpenProfile, settings: Settings, *, network: bool) -> None:
        self._opened = opened
        self._settings = settings
        self._network = network
        self._hub = Hub()
        self._team: Team | None = None
        self._sharing: Sharing | None = None
        self._notebook: Notebook | None = None
        self._answers: Answers | None = None
        self._meeting: Meeting | None = None
        self._lobby = NodeLobby(self)
        self._control = ControlServer(self, opened.profile.control_path)
        self._joined = asyncio.Event()
        self._present: set[bytes] = set()
        self._closing = False

    @classmethod
    async def open(
        cls, profile: Profile, settings: Settings, *, network: bool, create: bool
    ) -> "Node":
        """Hold a profile and begin to work.

        Args:
            network: link with peers; else work alone, for a moment.
            create: make the profile if there is none.

        Raises:
            ChatError: a sentence; nothing is held then.
        """
        opened = profile.open(secrets.token_bytes, create=create)
        try:
            node = cls(opened, settings, network=network)
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
        identity = load_identity(self._opened)
        if identity is not None:
            self._begin_work(identity.relay)
            self._begin_team(Team(self._opened, identity, self._hub, self._have, self))
        self._lobby.resume(self._opened)
        if self._lobby.keys is not None:
            self._begin_work(self._lobby.relay)
        await self._begin_links()
        await self._control.start()

    # Session ------------------------------------------------------------------------------------

    async def call(self, command: commands.Command) -> Any:
        """Carry out a command; its docstring names the type of the reply."""
        match command:
            case commands.GetStatus():
                return self.status()
            case commands.Create():
                return await self._create(command)
            case commands.Join():
                return await self._join(command)
            case commands.ListPeers():
                return [] if self._meeting is None else self._meeting.peers()
            case commands.Dial():
                return self._dial(command)
            case commands.Shutdown():
                self._hub.close()
                return None
        if self._team is not None and self._team.identity.relay:
            raise TrustError("This is a relay: it stores and forwards what it cannot read.")
        answer = None if self._answers is None else self._answers.find(command)
        if answer is None:
            raise no_workspace()
        return await answer(command)

    def events(self) -> AsyncIterator[happenings.Event]:
        """Events from now on."""
        return self._hub.listen()

    async def aclose(self) -> None:
        """Say goodbye to peers, finish writing, and let go of the profile."""
        if self._closing:
            return
        self._closing = True
        await self._control.aclose()
        self._hub.close()
        if self._meeting is not None:
            await self._meeting.links.aclose()
        if self._sharing is not None:
            await self._sharing.files.aclose()
        if self._notebook is not None:
            await self._notebook.aclose()
        if self._team is not None:
            self._team.close()
        self._opened.close()

    def status(self) -> model.Status:
        """The state now."""
        blocks = (0, 0)
        if self._sharing is not None:
            stats = self._sharing.files.stats()
            blocks = (stats.blocks, stats.block_bytes)
        warning = "" if self._meeting is None else self._meeting.links.warning
        warnings = (warning,) if warning else ()
        return status(self._team, self._meeting, blocks, self._lobby.nick, warnings)

    # Beginning ----------------------------------------------------------------------------------

    def _begin_work(self, relay: bool) -> None:
        """Open the blocks."""
        if self._sharing is None:
            self._sharing = Sharing(
                self._opened.profile,
                relay=relay,
                fetch_up_to_mb=self._settings.pictures.fetch_up_to_mb,
                send=self._send_block,
                unsent=self._unsent,
            )

    def _begin_team(self, team: Team) -> None:
        """The workspace is known: take up the work in it."""
        assert self._sharing is not None
        self._team = team
        team.run(team.engine.awaken)
        if team.identity.relay:
            return
        self._sharing.begin(team, fetching=self._network)
        self._answers = Answers(team, self._sharing, self._notes_of_team, self._tell_members)

    def _notes_of_team(self) -> "Notebook":
        """The shared notes; most runs never look at them, and load nothing for them."""
        if self._notebook is None:
            from chat.node.notebook import Notebook

            assert self._team is not None
            self._notebook = Notebook(self._team, self._hub)
        return self._notebook

    async def _begin_links(self) -> None:
        """Listen and dial, once there are keys to do it with; who works alone loads no network."""
        keys = self._keys
        if not self._network or self._meeting is not None or keys is None:
            return
        from chat.node.meeting import Meeting

        assert self._sharing is not None
        self._meeting = Meeting(
            keys,
            self._settings.network,
            team=lambda: self._team,
            files=self._sharing.files,
            lobby=self._lobby,
            relay=self._lobby.relay if self._team is None else self._team.identity.relay,
            listening=True,
            on_ephemeral=self._took_ephemeral,
            on_changed=self._links_changed,
        )
        await self._meeting.links.start()
        self._opened.store.put(_LISTENED, " ".join(self._meeting.links.urls).encode())
        self._opened.store.commit()

    @property
    def _keys(self) -> DeviceKeys | None:
        return self._lobby.keys if self._team is None else self._team.identity.keys

    async def _create(self, command: commands.Create) -> model.Status:
        if self._team is not None or self._lobby.nick is not None:
            raise UsageError(_ONE_WORKSPACE)
        name, nick = clean_title(command.name), clean_nick(command.nick)
        identity, genesis = found(self._opened.incarnation, now(), secrets.token_bytes)
        try:
            save_identity(self._opened, identity)
            self._opened.store.workspace(identity.workspace).add_op(genesis.id, genesis.wire)
            self._begin_work(relay=False)
            team = Team(self._opened, identity, self._hub, self._have, self)
            self._begin_team(team)
            team.run(lambda at: furnish(team.engine, name, nick, at))
            await team.turns.durable()
        except ChatError:
            self._opened.store.rollback()
            self._team = self._answers = None
            raise
        await self._begin_links()
        return self.status()

    async def _join(self, command: commands.Join) -> model.Status:
        """Claim an invite, or go on with its claim, and wait for the admission."""
        invite = parse_invite(command.invite)
        if self._is_in:
            raise UsageError(_ONE_WORKSPACE)
        nick = "relay" if command.relay else clean_nick(command.nick)
        self._lobby.begin(invite, nick, relay=command.relay)
        self._begin_work(command.relay)
        if not self._network:
            raise UsageError("Joining needs the network.")
        await self._begin_links()
        assert self._meeting is not None
        if invite.hint:
            self._meeting.links.dial(invite.hint, self._lobby.door, persistent=False)
        self._meeting.secrets_changed()
        with suppress(TimeoutError):
            async with asyncio.timeout(command.wait):
                while not (self._is_in and self._can_write):
                    self._lobby.check()
                    self._joined.clear()
                    await self._joined.wait()
        return self.status()

    @property
    def _is_in(self) -> bool:
        return self._team is not None and self._team.workspace.level is not None

    @property
    def _can_write(self) -> bool:
        """Whether the keys are here, so that what is said next goes out (relays say nothing)."""
        assert self._team is not None
        workspace = self._team.workspace
        return workspace.relay or workspace.has_key

    def _dial(self, command: commands.Dial) -> None:
        url = parse_url(command.url)
        if self._meeting is None:
            raise NoPeer("This command works alone; a node that stays can keep links.")
        self._meeting.links.dial(url)

    # What the lobby asks for --------------------------------------------------------------------

    @property
    def team(self) -> Team | None:
        """The workspace, once it is known."""
        return self._team

    def workspace_known(self, identity: Identity) -> None:
        """The invite's rest was read: this is the workspace, and who we will be in it."""
        save_identity(self._opened, identity)
        self._begin_team(Team(self._opened, identity, self._hub, self._have, self))

    def dial(self, url: str) -> None:
        """Link to this address with the workspace's key."""
        if self._meeting is not None:
            self._meeting.links.dial(url, self._meeting.secrets()[0], persistent=False)

    def secrets_changed(self) -> None:
        """Other doors are answered now."""
        if self._meeting is not None:
            self._meeting.secrets_changed()

    def joining_changed(self) -> None:
        """It stands differently with the join."""
        self._joined.set()
        self._hub.emit(happenings.StatusChanged(self.status()))

    # What the team asks for ---------------------------------------------------------------------

    def send(self, link: int, kind: int, priority: int, payload: bytes) -> None:
        """Give a payload to a link."""
        if self._meeting is not None:
            self._meeting.send(link, kind, priority, payload)

    def grant(self, link: int, size: int) -> None:
        """Let a link send more."""
        if self._meeting is not None:
            self._meeting.grant(link, size)

    def close_link(self, link: int, reason: str) -> None:
        """End a link of a peer that broke a rule."""
        if self._meeting is not None:
            self._meeting.close_link(link, reason)

    def roster_grew(self) -> None:
        """Links and doors are to be looked at again; perhaps this device is in now."""
        if self._is_in and self._lobby.nick is not None:
            self._lobby.end()
            assert self._team is not None
            self._team.run(lambda _: ())
        self._lobby.roster_grew()
        if self._meeting is not None:
            self._meeting.roster_grew()
        self._joined.set()

    def links_are_void(self) -> None:
        """Replication begins anew: end every link."""
        if self._meeting is not None:
            self._meeting.close_all()
        if self._notebook is not None:
            self._notebook.forget()

    def notes_arrived(self, channel: bytes) -> None:
        """A channel's notes log grew."""
        if self._notebook is not None:
            self._notebook.arrived(channel)

    def files_named(self, files: tuple[FileInfo, ...]) -> None:
        """A message that came in carries files."""
        if self._sharing is not None and self._network:
            self._sharing.named(files)

    @property
    def listening(self) -> tuple[str, ...]:
        """Where this node can be dialled, or could when it last listened."""
        if self._meeting is not None:
            return tuple(self._meeting.links.urls)
        stored = self._opened.store.get(_LISTENED)
        return tuple(stored.decode().split()) if stored else ()

    def status_events(self) -> list[happenings.Event]:
        """The status as it is now."""
        return [happenings.StatusChanged(self.status())]

    def transfer_events(self) -> list[happenings.Event]:
        """Transfers as they are now."""
        return [] if self._sharing is None else self._sharing.transfer_events()

    # What files, links and notes tell -----------------------------------------------------------

    def _have(self, info: FileInfo) -> float:
        return 0.0 if self._sharing is None else self._sharing.files.have(info)

    def _send_block(self, device: bytes, priority: int, payload: bytes) -> None:
        if self._meeting is not None:
            self._meeting.send_block(device, priority, payload)

    def _unsent(self, device: bytes, priority: int) -> int:
        return 0 if self._meeting is None else self._meeting.unsent(device, priority)

    def _tell_members(self, message: ephemeral.AnyEphemeral) -> None:
        if self._meeting is not None:
            self._meeting.tell_members(message)

    def _took_ephemeral(self, member: bytes, message: ephemeral.AnyEphemeral) -> None:
        team = self._team
        if team is None:
            return
        if isinstance(message, ephemeral.CursorAt):
            if self._notebook is not None:
                self._notebook.cursor_moved(member, message)
            return
        name = team.workspace.channel_names()[message.channel]
        self._hub.emit(happenings.TypingShown(name, team.views.author(member)))

    def _links_changed(self) -> None:
        team = self._team
        if team is None:
            return
        present = team.engine.present()
        if self._notebook is not None:
            for member in self._present - present:
                self._notebook.member_left(member)
        self._present = present
