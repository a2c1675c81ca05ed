"""Who is linked, and what goes where: the node's side of `chat.links`.

A link opened with the workspace's key belongs to replication; what else passes on it (blocks,
cursors) is for devices that the roster names. A link opened with an invite's key is the lobby:
on it a newcomer shows its claim, and nothing else is taken. On one opened with a channel's door a
guest asks for that channel, and nothing else is taken either.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from chat import effects, model
from chat.config import Network
from chat.engine import ephemeral
from chat.errors import StoreError
from chat.files import Files
from chat.links import LinkHandle, Links
from chat.links.addresses import host_of
from chat.links.identity import Identity, PeerHello, Refusal
from chat.links.limits import NEEDLESS_CODE
from chat.node.contacts import peers
from chat.node.gossiping import Gossiping
from chat.node.team import Team
from crdt.errors import Invalid, TooNew
from crdt.keys import DeviceKeys
from transport.proto.closing import CloseCode
from transport.proto.hints import GUEST_CONTEXT, LOBBY_CONTEXT, LinkSecret
from transport.proto.limits import FIRST_BULK_PRIORITY

PARTING_SECONDS = 1.0
"""For the last words to a device that was removed; nothing it says is heard any more."""
_KINDS = {LOBBY_CONTEXT: effects.KIND_LOBBY, GUEST_CONTEXT: effects.KIND_GUEST}
"""What passes at a door, and nothing else does."""


class Door(Protocol):
    """Answers on links that were opened with an invite (`chat.node.lobby`), or with the link of a
    channel (`chat.node.guests`)."""

    def secrets(self) -> Sequence[LinkSecret]:
        """The keys that are answered now; of invites also one that this device holds."""

    def up(self, handle: LinkHandle) -> None:
        """Such a link is open."""

    def receive(self, handle: LinkHandle, payload: bytes) -> None:
        """Something came on it. Raises crdt.errors.Invalid."""

    def down(self, handle: LinkHandle) -> None:
        """It is over."""


class Meeting:
    """The links of one node.

    Args:
        keys: of this device.
        team: the workspace, once it is known.
        files: the blocks.
        lobby, guests: links of invites, and of those who read a channel from outside.
        on_ephemeral: what is shown and never kept, from a member.
        on_changed: links came or went, or somebody else came online or left.
    """

    def __init__(
        self,
        keys: DeviceKeys,
        settings: Network,
        *,
        team: Callable[[], Team | None],
        files: Files,
        lobby: Door,
        guests: Door,
        relay: bool,
        listening: bool,
        on_ephemeral: Callable[[bytes, ephemeral.AnyEphemeral], None],
        on_changed: Callable[[], None],
    ) -> None:
        self._team = team
        self._files = files
        self._lobby = lobby
        self._guests = guests
        self._on_ephemeral = on_ephemeral
        self._on_changed = on_changed
        self._handles: dict[int, LinkHandle] = {}
        self._bulk: deque[tuple[LinkHandle, bytes]] = deque()
        self._sharing: dict[bytes, int] = {}
        """Devices that blocks pass to, and on how many links."""
        self._shares: dict[int, bytes] = {}
        self._secrets: tuple[bytes, ...] = ()
        self.gossip = Gossiping(
            team=team,
            urls=lambda: self.links.shareable_urls,
            give=lambda link, payload: self.send(
                link, effects.KIND_EPHEMERAL, effects.PRIORITY_LIVE, payload
            ),
            on_shown=self._shown,
            on_online=self._online_changed,
            on_away=self._away_changed,
        )
        self.device = keys.public.sign
        self.links = Links(
            keys_link_secret=keys.link_secret,
            device=keys.public.sign,
            secrets=self.secrets,
            doors=guests.secrets,
            identify=self._identify,
            on_up=self._up,
            on_message=self._message,
            on_down=self._down,
            settings=settings,
            entropy=secrets.token_bytes,
            known_addresses=self._known_addresses,
            on_met=self._met,
            on_leaving=self.gossip.leave,
            relay=relay,
            listening=listening,
        )

    # What links are opened with -----------------------------------------------------------------

    def secrets(self) -> list[LinkSecret]:
        """The workspace's key first, then those of invites."""
        team = self._team()
        own = []
        if team is not None:
            identity = team.identity
            own.append(LinkSecret(identity.net_key, identity.workspace, "workspace"))
        return [*own, *self._lobby.secrets()]

    def secrets_changed(self) -> None:
        """Perhaps: look, and announce what is new."""
        now = tuple(secret.key for secret in (*self.secrets(), *self._guests.secrets()))
        if now != self._secrets:
            self._secrets = now
            self.links.update_secrets()

    # What the node does -------------------------------------------------------------------------

    def send(self, link: int, kind: int, priority: int, payload: bytes) -> None:
        """Give a payload to a link; one that is gone takes nothing."""
        handle = self._handles.get(link)
        if handle is not None:
            handle.send(kind, priority, payload)

    def grant(self, link: int, size: int) -> None:
        """Let a link send more."""
        handle = self._handles.get(link)
        if handle is not None:
            handle.grant(size)

    def close_link(self, link: int, reason: str, *, parting: bool) -> None:
        """A peer broke a rule; with `parting` it was removed, and what was sent goes out first."""
        handle = self._handles.get(link)
        if handle is None:
            return
        if not parting:
            handle.close(CloseCode.FAULT, reason)
            return
        self._end_sharing(link)
        loop = asyncio.get_running_loop()
        loop.call_later(PARTING_SECONDS, handle.close, CloseCode.FAULT, reason)

    def close_all(self) -> None:
        """Replication begins anew: end every link; they are dialled again."""
        for handle in list(self._handles.values()):
            handle.close()

    def send_block(self, device: bytes, priority: int, payload: bytes) -> None:
        """Give a block message to a device."""
        handle = self._newest(device)
        if handle is not None:
            handle.send(effects.KIND_BLOCKS, priority, payload)

    def unsent(self, device: bytes, priority: int) -> int:
        """Payload bytes that wait on a device's link."""
        handle = self._newest(device)
        return 0 if handle is None else handle.queued_bytes(priority)

    def tell_members(self, message: ephemeral.AnyEphemeral) -> None:
        """Tell members who may see its channel what is never kept."""
        self.gossip.say(message)

    def roster_grew(self) -> None:
        """Somebody may be a member now, or an invite may be open or used."""
        team = self._team()
        if team is None:
            return
        for handle in self._handles.values():
            inside = handle.number not in self._shares and not handle.secret.at_door
            if inside and team.engine.knows(handle.device):
                self._begin_sharing(handle, team)
                if handle.initiator:
                    # Nobody knew yet whose address it is: so it is for who has just joined.
                    self._met(handle.url, handle.device)
        self.secrets_changed()

    def peers(self) -> list[model.Peer]:
        """Links, and addresses that are tried; guests are no peers."""
        return peers(self._team(), self.links.peers())

    # What links tell ----------------------------------------------------------------------------

    def _identify(self, hello: PeerHello) -> Identity | Refusal:
        team = self._team()
        devices = {} if team is None else team.workspace.roster.state.devices
        named = devices.get(hello.device)
        if named is not None:
            if named.link != hello.static:
                return Refusal("the other device uses the id of a member with another key")
            assert team is not None
            return Identity(hello.device, True, team.engine.is_relay(hello.device))
        if any(known.link == hello.static for known in devices.values()):
            return Refusal("the other device uses the key of a member with another id")
        return Identity(hello.device, False, hello.relay)

    def _up(self, handle: LinkHandle) -> None:
        self._handles[handle.number] = handle
        if handle.secret.at_door:
            self._door(handle).up(handle)
            return
        team = self._team()
        assert team is not None, "there is no workspace key before there is a workspace"
        # Who is not in yet knows nobody, and asks whoever answers with the workspace's key.
        known = team.engine.knows(handle.device) or team.workspace.level is None
        team.solitude.linked()
        team.attempt(lambda now: team.engine.link_up(handle.number, handle.device, known, now))
        if team.engine.knows(handle.device):
            self._begin_sharing(handle, team)
        self._on_changed()

    def _message(self, handle: LinkHandle, kind: int, priority: int, payload: bytes) -> None:
        bulk = priority >= FIRST_BULK_PRIORITY
        try:
            if handle.secret.at_door:
                if kind == _KINDS[handle.secret.context]:
                    self._door(handle).receive(handle, payload)
                if bulk:
                    handle.grant(len(payload))
                return
            self._workspace_message(handle, kind, bulk, payload)
        except Invalid as error:
            handle.close(CloseCode.FAULT, str(error))
        except StoreError:
            handle.close()  # Not theirs to mend; they dial again, and it is told again.

    def _door(self, handle: LinkHandle) -> Door:
        """Who answers on a link that was opened at a door."""
        return self._lobby if handle.secret.context == LOBBY_CONTEXT else self._guests

    def _workspace_message(self, handle: LinkHandle, kind: int, bulk: bool, payload: bytes) -> None:
        team = self._team()
        assert team is not None
        number = handle.number
        if kind == effects.KIND_SYNC:
            if bulk:
                self._put_aside(handle, payload)
            else:
                team.attempt(lambda now: team.engine.receive(number, payload, False, now))
            return
        if number in self._shares and kind == effects.KIND_BLOCKS:
            taken = (lambda: handle.grant(len(payload))) if bulk else None
            self._files.receive(handle.device, payload, taken)
            return
        if number in self._shares and kind == effects.KIND_EPHEMERAL:
            with suppress(TooNew):
                message = ephemeral.decode(payload)
                if isinstance(message, ephemeral.Signed):
                    self.gossip.hear(number, message)
                else:
                    self._shown(handle.device, message)
        if bulk:
            handle.grant(len(payload))

    def _put_aside(self, handle: LinkHandle, payload: bytes) -> None:
        """Bulk is taken one message a turn, so that keys and live messages come in between.

        What waits here is bounded by the credit of the links, which is given when it is stored.
        """
        if not self._bulk:
            asyncio.get_running_loop().call_soon(self._take_bulk)
        self._bulk.append((handle, payload))

    def _take_bulk(self) -> None:
        handle, payload = self._bulk.popleft()
        if self._bulk:
            asyncio.get_running_loop().call_soon(self._take_bulk)
        team, number = self._team(), handle.number
        if team is None or number not in self._handles:
            return  # The link is over; what it brought is asked for elsewhere.
        try:
            team.attempt(lambda now: team.engine.receive(number, payload, True, now), patient=True)
        except StoreError:
            handle.close()

    def _shown(self, device: bytes, message: ephemeral.AnyEphemeral) -> None:
        """A device does something that is shown: is it a member's, and may both see it?"""
        team = self._team()
        assert team is not None
        workspace = team.workspace
        member = workspace.member_of(device)
        if member is None or workspace.relay or member == workspace.me:
            return
        both = all(workspace.visible(message.channel, d) for d in (device, workspace.device))
        if both and message.channel in workspace.channel_names():
            self._on_ephemeral(member, message)

    def _online_changed(self) -> None:
        """Somebody came, went, or is elsewhere: link with whom this device should be linked."""
        online = self.gossip.online
        self.links.follow(online)
        team = self._team()
        assert team is not None
        team.attempt(lambda now: team.engine.others_online(frozenset(online), now))
        self._on_changed()

    def _away_changed(self) -> None:
        team = self._team()
        if team is not None:
            team.newsroom.change("members")

    def _down(self, handle: LinkHandle, reason: str) -> None:
        del self._handles[handle.number]
        if handle.secret.at_door:
            self._door(handle).down(handle)
            return
        team = self._team()
        assert team is not None
        team.attempt(lambda now: team.engine.link_down(handle.number, now))
        if not team.engine.linked_devices():
            team.solitude.parted(team.workspace.store.arrival_max)
        end = handle.link.close_reason
        self._end_sharing(handle.number, let_go=end is not None and end.code == NEEDLESS_CODE)
        self._on_changed()

    # Inside -------------------------------------------------------------------------------------

    def _newest(self, device: bytes) -> LinkHandle | None:
        for number, shared in reversed(self._shares.items()):
            if shared == device:
                return self._handles[number]
        return None

    def _begin_sharing(self, handle: LinkHandle, team: Team) -> None:
        self._shares[handle.number] = handle.device
        links = self._sharing.get(handle.device, 0)
        self._sharing[handle.device] = links + 1
        if not links:
            self._files.peer_up(handle.device, team.engine.is_relay(handle.device))
        host = host_of(handle.link.remote_address)
        self.gossip.link_up(handle.number, handle.device, host)

    def _end_sharing(self, number: int, *, let_go: bool = False) -> None:
        device = self._shares.pop(number, None)
        if device is not None:
            self.gossip.link_down(number, let_go=let_go)
            self._sharing[device] -= 1
            if not self._sharing[device]:
                del self._sharing[device]
                self._files.peer_down(device)

    def _known_addresses(self) -> list[str]:
        team = self._team()
        return [] if team is None else [at.url for at in team.workspace.store.addresses()]

    def _met(self, url: str, device: bytes) -> None:
        team = self._team()
        if team is not None:
            team.attempt(lambda now: team.remember_address(url, device, now))
