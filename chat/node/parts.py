"""The parts of a node that run, each None until it is begun, and what passes between them.

The team tells what its effects ask for; links, files and notes tell what they see. Each knows the
others only through here, so each may begin later than the others, or never.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chat import effects, events, model
from chat.config import Settings
from chat.engine import ephemeral
from chat.errors import ChatError, StoreError, Unavailable
from chat.hub import Hub
from chat.node.answers import Answers
from chat.node.guests import NodeGuests
from chat.node.lobby import NodeLobby
from chat.node.personal import Personal
from chat.node.sharing import Sharing
from chat.node.status import status, surroundings
from chat.node.team import Team
from chat.profile import OpenProfile
from chat.workspace import Identity, Now
from crdt.keys import DeviceKeys
from crdt.ops import FileInfo

if TYPE_CHECKING:
    from chat.node.meeting import Meeting
    from chat.node.notebook import Notebook

LISTENED = "listening"
"""The setting that says where this node could be dialled when it last listened."""


class Parts:
    """What a node consists of: the team's `Surroundings`, and the lobby's `House`.

    Args:
        networked: link with peers, and fetch pictures from them.
        listening: accept links as well; else only dial.
        on_joining_changed: told when this device may be in, or refused, since now.
    """

    def __init__(
        self,
        opened: OpenProfile,
        hub: Hub,
        settings: Settings,
        *,
        networked: bool,
        listening: bool,
        on_joining_changed: Callable[[], None],
    ) -> None:
        self.opened = opened
        self.hub = hub
        self.lobby = NodeLobby(self, opened)
        self.guests = NodeGuests(lambda: self.team)
        self._on_joining_changed = on_joining_changed
        self.team: Team | None = None
        self.sharing: Sharing | None = None
        self.notebook: Notebook | None = None
        self.answers: Answers | None = None
        self.meeting: Meeting | None = None
        self._settings = settings
        self._networked = networked
        self._listening = listening
        self._present: set[bytes] = set()

    # Beginning and ending -----------------------------------------------------------------------

    def begin_work(self, relay: bool) -> None:
        """Open the blocks. Raises StoreError."""
        if self.sharing is None:
            self.sharing = Sharing(
                self.opened.profile,
                relay=relay,
                fetch_up_to_mb=self._settings.pictures.fetch_up_to_mb,
                keep_up_to_mb=self._settings.pictures.keep_up_to_mb,
                send=self.send_block,
                unsent=self.unsent,
            )

    def begin_team(self, identity: Identity) -> Team:
        """The workspace is known: take up the work in it."""
        assert self.sharing is not None
        keep_days = (self._settings.relay.keep_days or None) if identity.relay else None
        team = self.team = Team(
            self.opened, identity, self.hub, self.have, self, keep_days=keep_days
        )
        team.run(team.engine.awaken)
        if not identity.relay:
            self.sharing.begin(team, fetching=self._networked)
            store = self.opened.store
            personal = Personal(team, self.hub, store.get, store.put)
            self.answers = Answers(
                team, self.sharing, self._notes, self.tell_members, self.say_away, personal
            )
        return team

    def _notes(self) -> Notebook:
        """The shared notes; most runs never look at them, and load nothing for them."""
        if self.notebook is None:
            from chat.node.notebook import Notebook

            assert self.team is not None
            self.notebook = Notebook(self.team, self.hub)
        return self.notebook

    async def begin_links(self) -> None:
        """Listen and dial, once there are keys to do it with; who works alone loads no network.

        Raises:
            ChatError: the address cannot be listened at, or be dialled.
        """
        keys = self.keys
        if not self._networked or self.meeting is not None or keys is None:
            return
        from chat.node.meeting import Meeting

        assert self.sharing is not None
        meeting = self.meeting = Meeting(
            keys,
            self._settings.network,
            team=lambda: self.team,
            files=self.sharing.files,
            lobby=self.lobby,
            guests=self.guests,
            relay=self.lobby.relay if self.team is None else self.team.identity.relay,
            listening=self._listening,
            on_ephemeral=self.took_ephemeral,
            on_changed=self.links_changed,
        )
        try:
            await meeting.links.start()
            if self._listening:
                listened = " ".join(meeting.links.urls).encode()
                self.persist(lambda: self.opened.store.put(LISTENED, listened))
        except ChatError:
            self.meeting = None
            await meeting.links.aclose()
            raise

    async def start_over(self) -> None:
        """The keys that this device joins with are new ones: whatever began with others ends."""
        keys = self.lobby.keys
        meeting, team = self.meeting, self.team
        if meeting is not None and keys is not None and meeting.device != keys.public.sign:
            await meeting.links.aclose()
            self.meeting = None
        if team is not None and keys is not None and team.workspace.device != keys.public.sign:
            await self.forget_team()

    async def give_up(self) -> None:
        """Forget a join that was refused, and all that was begun for it. Raises StoreError."""
        self.lobby.give_up()
        meeting, self.meeting = self.meeting, None
        if meeting is not None:
            await meeting.links.aclose()
        await self.forget_team()

    async def forget_team(self) -> None:
        """There is no workspace (any more)."""
        team, self.team, self.answers = self.team, None, None
        if team is not None:
            team.close()
        sharing, self.sharing = self.sharing, None
        if sharing is not None:
            await sharing.files.aclose()
        notebook, self.notebook = self.notebook, None
        if notebook is not None:
            await notebook.aclose()

    @property
    def keys(self) -> DeviceKeys | None:
        """Of this device, once it has some."""
        return self.lobby.keys if self.team is None else self.team.identity.keys

    def status(self) -> model.Status:
        """The state now."""
        blocks = (0, 0)
        if self.sharing is not None:
            stats = self.sharing.files.stats()
            blocks = (stats.blocks, stats.block_bytes)
        links_warn = "" if self.meeting is None else self.meeting.links.warning
        team = None if self.is_refused else self.team
        told = [] if team is None else [*team.verified.warnings(), *team.warnings()]
        warnings = tuple(each for each in (*told, self.opened.warning, links_warn) if each)
        now = status(team, self.meeting, blocks, self.lobby.nick, warnings)
        return replace(now, locked=self.hub.held)

    def surroundings(self) -> model.Surroundings:
        """The network as this node sees it."""
        return surroundings(self._settings.network, self.meeting)

    @property
    def is_in(self) -> bool:
        """Whether the roster names this device."""
        return self.team is not None and self.team.workspace.level is not None

    @property
    def is_refused(self) -> bool:
        """Whether the join was refused, so that there is no workspace, and none to wait for."""
        return bool(self.lobby.refused) and not self.is_in

    @property
    def can_write(self) -> bool:
        """Whether the keys are here, so that what is said next goes out (relays say nothing)."""
        if self.team is None:
            return False
        workspace = self.team.workspace
        return workspace.relay or workspace.has_key

    def persist(self, work: Callable[[], None]) -> None:
        """Change the store, durably when this returns.

        Raises:
            StoreError: it was not changed.
        """

        def quietly(_: Now) -> tuple[effects.Effect, ...]:
            work()
            return ()

        if self.team is not None:
            self.team.run(quietly)
            self.team.turns.flush()
            return
        try:
            work()
            self.opened.store.commit()
        except StoreError:
            self.opened.store.rollback()
            raise

    async def aclose(self) -> None:
        """Finish writing, say goodbye to peers, and end everything that runs."""
        if self.team is not None:
            self.team.close()
        if self.meeting is not None:
            await self.meeting.links.aclose()
        self.guests.close()
        await self.forget_team()

    # What the lobby asks for --------------------------------------------------------------------

    def workspace_known(self, identity: Identity) -> None:
        """The invite's rest was read: this is the workspace, and who we will be in it."""
        self.begin_team(identity)

    def dial(self, url: str) -> None:
        """Link to this address with the workspace's key."""
        if self.meeting is not None:
            self.meeting.links.dial(url, self.meeting.secrets()[0], persistent=False)

    def secrets_changed(self) -> None:
        """Other doors are answered now."""
        if self.meeting is not None:
            self.meeting.secrets_changed()

    def joining_changed(self) -> None:
        """It stands differently with the join."""
        self._on_joining_changed()
        if self.team is not None:
            self.team.newsroom.change("status")
        else:
            self.hub.emit(events.StatusChanged(self.status()))

    # What the team asks for ---------------------------------------------------------------------

    def send(self, link: int, kind: int, priority: int, payload: bytes) -> None:
        """Give a payload to a link."""
        if self.meeting is not None:
            self.meeting.send(link, kind, priority, payload)

    def grant(self, link: int, size: int) -> None:
        """Let a link send more."""
        if self.meeting is not None:
            self.meeting.grant(link, size)

    def close_link(self, link: int, reason: str, *, parting: bool) -> None:
        """End a link of a peer that broke a rule, or that was removed and is told so."""
        if self.meeting is not None:
            self.meeting.close_link(link, reason, parting=parting)

    def roster_grew(self) -> None:
        """Links and doors are to be looked at again; perhaps this device is in now."""
        if self.is_in:
            with suppress(StoreError, Unavailable):  # The next start finds that it is over.
                self.lobby.end()
        self.lobby.roster_grew()
        self.guests.roster_grew()
        if self.meeting is not None:
            self.meeting.roster_grew()
        self._on_joining_changed()

    def links_are_void(self) -> None:
        """Replication begins anew: end every link."""
        if self.meeting is not None:
            self.meeting.close_all()
        if self.notebook is not None:
            self.notebook.forget()

    def notes_arrived(self, channel: bytes, *, anew: bool) -> None:
        """A channel's notes log grew, or is to be read anew."""
        if self.notebook is not None:
            self.notebook.arrived(channel, anew=anew)

    def files_named(self, files: tuple[FileInfo, ...]) -> None:
        """A message that came in carries files."""
        if self.sharing is not None and self._networked:
            self.sharing.named(files)

    @property
    def listening(self) -> tuple[str, ...]:
        """Where this node can be dialled, or could when it last listened."""
        if self.meeting is not None and self._listening:
            return tuple(self.meeting.links.urls)
        stored = self.opened.store.get(LISTENED)
        return tuple(stored.decode().split()) if stored else ()

    def status_events(self) -> list[events.Event]:
        """The status as it is now."""
        return [events.StatusChanged(self.status())]

    def transfer_events(self) -> list[events.Event]:
        """Transfers as they are now."""
        return [] if self.sharing is None else self.sharing.transfer_events()

    # What files, links and notes tell -----------------------------------------------------------

    def have(self, info: FileInfo) -> float:
        """Which share of a file is here."""
        return 0.0 if self.sharing is None else self.sharing.files.have(info)

    def send_block(self, device: bytes, priority: int, payload: bytes) -> None:
        """Give a block message to a device."""
        if self.meeting is not None:
            self.meeting.send_block(device, priority, payload)

    def unsent(self, device: bytes, priority: int) -> int:
        """Payload bytes that wait on a device's link."""
        return 0 if self.meeting is None else self.meeting.unsent(device, priority)

    def tell_members(self, message: ephemeral.AnyEphemeral) -> None:
        """Send what is never kept to linked members who see its channel."""
        if self.meeting is not None:
            self.meeting.tell_members(message)

    def say_away(self, away: bool, text: str) -> None:
        """Tell everybody that this member is away, or back."""
        if self.meeting is not None:
            self.meeting.gossip.say_away(away, text)

    @property
    def away(self) -> Mapping[bytes, str]:
        """Members who say that they are away, and why."""
        return {} if self.meeting is None else self.meeting.gossip.away

    def took_ephemeral(self, member: bytes, message: ephemeral.AnyEphemeral) -> None:
        """A linked member writes, or moves a cursor, in a channel that is here."""
        team = self.team
        if team is None:
            return
        if isinstance(message, ephemeral.CursorAt):
            if self.notebook is not None:
                self.notebook.cursor_moved(member, message)
            return
        name = team.workspace.channel_name(message.channel)
        self.hub.emit(events.TypingShown(name, team.views.author(member)))

    def links_changed(self) -> None:
        """Links came or went."""
        team = self.team
        if team is None:
            return
        present = team.engine.present()
        if self.notebook is not None:
            for member in self._present - present:
                self.notebook.member_left(member)
        self._present = present
