"""The lobby of a node: coming in by an invite, and standing at the door for others.

Both conversations are machines (`chat.welcome`); here their links, their randomness and what they
must not forget are looked after. A join goes on over restarts: what it knows is in the store. Once
the invite's rest is read the workspace is known, and the team begins, although nobody in it knows
this device yet: its roster fills when somebody has let it in.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

import msgspec

from chat.effects import CloseLink, Send
from chat.errors import ChatError, StoreError, TrustError, Unavailable, UsageError
from chat.invitation import InviteText
from chat.joining import Joining, Learned, Newcomer, NewcomerEffect, Stands, unwanted
from chat.lobby import ADMITTED, REFUSED
from chat.node.team import Team, forget_identity, now, save_identity
from chat.profile import OpenProfile
from chat.welcome import Admit, Doorman, DoormanEffect, KeepClaim, doors
from chat.workspace import Identity
from crdt import claims
from crdt.invites import InviteKeys, Rest
from crdt.keys import DeviceKeys
from crdt.roster_ops import LEVEL_RELAY, member_id
from transport.proto.closing import CloseCode
from transport.proto.hints import LOBBY_CONTEXT, LinkSecret

if TYPE_CHECKING:
    from chat.links import LinkHandle

NameOf = Callable[[bytes], str | None]
_JOINING = "joining"


class House(Protocol):
    """What the lobby needs of the node around it."""

    @property
    def team(self) -> Team | None:
        """The workspace, once it is known."""

    def persist(self, work: Callable[[], None]) -> None:
        """Change the store, durably. Raises StoreError; then it was not changed."""

    def workspace_known(self, identity: Identity) -> None:
        """The invite's rest was read, and this was kept: who we will be in which workspace."""

    def dial(self, url: str) -> None:
        """Link to this address with the workspace's key."""

    def secrets_changed(self) -> None:
        """Other doors are answered now."""

    def joining_changed(self) -> None:
        """It stands differently with the join."""


class NodeLobby:
    """Lobby links of one node, on either side."""

    def __init__(self, house: House, opened: OpenProfile) -> None:
        self._house = house
        self._opened = opened
        self._newcomer: Newcomer | None = None
        self._doorman: Doorman | None = None
        self._links: dict[int, LinkHandle] = {}
        self.relay = False
        self._refused: ChatError | None = None
        """Why this device itself takes back its claim."""
        self._name_of: NameOf = lambda _: None

    # The join -----------------------------------------------------------------------------------

    def resume(self, name_of: NameOf) -> None:
        """Go on with a join of an earlier start, if one is under way.

        `name_of` says what a workspace is called that the profile is in already, by its id.

        Raises:
            StoreError: what is stored of it makes no sense.
        """
        self._name_of = name_of
        opened = self._opened
        stored = opened.store.get(_JOINING)
        if not stored:
            return
        try:
            joining = msgspec.msgpack.decode(stored, type=Joining)
        except (msgspec.MsgspecError, ValueError):
            raise StoreError(
                f"{opened.profile.database_path} is damaged: it does not say who asked to come in."
            ) from None
        self._newcomer = Newcomer(joining, secrets.token_bytes)
        rest = joining.rest
        self.relay = rest is not None and rest.level == LEVEL_RELAY

    def begin(
        self,
        invite: InviteText,
        nick: str,
        *,
        relay: bool = False,
        device: bool = False,
        paper: bool = False,
    ) -> None:
        """Join by an invite; the claim of the same invite goes on where it stood.

        `relay` says that this device will be a relay; then only a relay's ticket will do. `device`
        says that it will be one more device of a member, called `nick`; then only a code or paper.
        `paper` says that it is a paper, whose secret is not to be kept.

        After a refusal it is a new join, with new keys; nothing of the old one is kept.

        Raises:
            UsageError: another join is under way.
            StoreError: it cannot be kept.
        """
        newcomer = self._newcomer
        if newcomer is not None:
            # What was refused at an earlier start is asked anew, as who has never been here: the
            # door is left once the workspace is known, and only there a refusal is heard.
            old = self.refused and newcomer.stands.state != REFUSED
            if newcomer.joining.is_of(invite.secret) and not old:
                newcomer.joining = msgspec.structs.replace(
                    newcomer.joining, secret=invite.secret, paper=paper
                )
                self.relay = relay
                return
            if self.waits_for_another(invite):
                raise UsageError(
                    "A claim to another workspace waits here; use another --home for this one."
                )
        keys = DeviceKeys.generate(secrets.token_bytes)
        joining = Joining(
            invite.secret,
            invite.workspace,
            keys.sign_seed,
            keys.link_secret,
            keys.box_secret,
            secrets.token_bytes(16),
            nick,
            device=device,
            paper=paper,
        )

        def keep() -> None:
            self._put(joining)
            forget_identity(self._opened)

        self._house.persist(keep)
        self._newcomer = Newcomer(joining, secrets.token_bytes)
        self.relay, self._refused = relay, None

    def end(self) -> None:
        """This device is in, or will not come in: the join is over. Raises StoreError."""
        if self._newcomer is None:
            return
        self._house.persist(lambda: self._opened.store.put(_JOINING, b""))
        self._over()

    def give_up(self) -> None:
        """Nothing of this join, which was refused, is to stand in the way. Raises StoreError."""

        def forget() -> None:
            self._opened.store.put(_JOINING, b"")
            forget_identity(self._opened)

        self._house.persist(forget)
        self._over()

    def _over(self) -> None:
        self._newcomer = None
        for handle in list(self._links.values()):
            handle.close()

    def waits_for_another(self, invite: InviteText) -> bool:
        """Whether the claim of an invite waits here that is not this one."""
        if self._newcomer is None or self.refused:
            return False
        joining = self._newcomer.joining
        return bool(joining.claims) and not joining.is_of(invite.secret)

    @property
    def nick(self) -> str | None:
        """How this device wants to be called, while a join is under way and was not refused."""
        return None if self._newcomer is None or self.refused else self._newcomer.joining.nick

    @property
    def refused(self) -> str:
        """Why the claim was refused, a sentence, now or at an earlier start; "" when it was not.

        Then nothing waits here: another join may begin, or a workspace be founded.
        """
        return "" if self._newcomer is None else self._newcomer.joining.refused

    @property
    def keys(self) -> DeviceKeys | None:
        """The keys of the device that joins."""
        return None if self._newcomer is None else self._newcomer.joining.keys

    @property
    def door(self) -> LinkSecret | None:
        """What links of the join are opened with."""
        door = None if self._newcomer is None else self._newcomer.joining.door
        return None if door is None else LinkSecret(door, LOBBY_CONTEXT, "invite")

    def check(self) -> None:
        """Raises TrustError, with the reason, when the claim was refused."""
        if self._refused is not None:
            raise self._refused
        if self._newcomer is not None and self._newcomer.stands.state == REFUSED:
            raise TrustError(self._newcomer.stands.reason)

    # Links --------------------------------------------------------------------------------------

    def secrets(self) -> Sequence[LinkSecret]:
        """The door of the own invite, or the doors that this device answers."""
        own = self.door
        if own is not None:
            return [own]
        team = self._house.team
        if team is None or team.workspace.level is None:
            return []
        open_doors = doors(team.workspace.roster.state, now().wall)
        return [LinkSecret(door.key, LOBBY_CONTEXT, "invite") for door in open_doors]

    def up(self, handle: LinkHandle) -> None:
        """A lobby link is open."""
        self._links[handle.number] = handle
        if self._is_ours(handle):
            assert self._newcomer is not None
            self._as_newcomer(self._newcomer.link_up(handle.number))
            return
        doorman, team = self._door_keeper(), self._house.team
        if doorman is None or team is None:
            handle.close(CloseCode.GOING_AWAY)
            return
        for door in doors(team.workspace.roster.state, now().wall):
            if door.key == handle.secret.key:
                self._as_doorman(doorman.link_up(handle.number, door.invite))
                return
        handle.close(CloseCode.GOING_AWAY)

    def receive(self, handle: LinkHandle, payload: bytes) -> None:
        """Something came on a lobby link."""
        if self._is_ours(handle):
            assert self._newcomer is not None
            self._as_newcomer(self._newcomer.receive(handle.number, payload))
        elif self._doorman is not None:
            self._as_doorman(self._doorman.receive(handle.number, payload, now().wall))

    def down(self, handle: LinkHandle) -> None:
        """A lobby link is over."""
        del self._links[handle.number]
        for side in (self._newcomer, self._doorman):
            if side is not None:
                side.link_down(handle.number)

    def roster_grew(self) -> None:
        """Somebody is in, or an invite was taken back: tell who waits at the door."""
        if self._doorman is not None:
            self._as_doorman(self._doorman.roster_changed(now().wall))

    # Inside -------------------------------------------------------------------------------------

    def _is_ours(self, handle: LinkHandle) -> bool:
        own = self.door
        return own is not None and own.key == handle.secret.key

    def _door_keeper(self) -> Doorman | None:
        team = self._house.team
        if self._doorman is None and team is not None and team.workspace.level is not None:
            # The team may build its workspace anew, so it is asked each time.
            self._doorman = Doorman(
                team.workspace.id,
                lambda: team.workspace.roster.state,
                lambda invite: team.engine.people.may_witness(team.workspace.device, invite),
                [kept.wire for kept in team.workspace.store.claims()],
            )
        return self._doorman

    def _as_doorman(self, effects: Iterable[DoormanEffect]) -> None:
        team = self._house.team
        assert team is not None
        for effect in effects:
            if isinstance(effect, Admit | KeepClaim):
                team.attempt(partial(team.engine.claim_left, effect.claim.wire))
            else:
                self._carry_out(effect)

    def _as_newcomer(self, effects: Iterable[NewcomerEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Learned):
                if not self._learned(effect.joining):
                    return  # The claim that comes next must not be made.
            elif isinstance(effect, Stands):
                self._stands(effect)
            else:
                self._carry_out(effect)

    def _carry_out(self, effect: Send | CloseLink) -> None:
        handle = self._links.get(effect.link)
        if handle is None:
            return
        if isinstance(effect, Send):
            handle.send(effect.kind, effect.priority, effect.payload)
        else:
            handle.close(CloseCode.FAULT, effect.reason)

    def _learned(self, joining: Joining) -> bool:
        """The rest is known, and the claim made: keep both, and begin in the workspace.

        Gives whether to go on. What is kept is kept in one transaction, so that a stop in between
        finds the join either before this or behind it.
        """
        rest = joining.rest
        assert rest is not None, "a claim is made from the rest"
        refused = self._why_not(joining, rest)
        if refused is not None:
            self._refused = refused
            self.end()
            self._house.joining_changed()
            return False

        def keep() -> None:
            self._put(joining)
            store = self._opened.store.workspace(rest.workspace)
            for _, wire in joining.claims:
                store.add_claim(claims.decode_claim(wire).id, wire, now().wall)
            if self._house.team is None:
                save_identity(self._opened, _identity(joining, rest))

        self._house.persist(keep)
        if self._house.team is None:
            self._house.workspace_known(_identity(joining, rest))
        team = self._house.team
        if joining.device and team is not None:
            derived = InviteKeys.of(joining.secret)
            team.workspace.epochs.open_for(derived.public, derived.box)
        self._house.secrets_changed()
        for handle in self._links.values():
            if handle.initiator:
                self._house.dial(handle.url)
        return True

    def _why_not(self, joining: Joining, rest: Rest) -> ChatError | None:
        """Why there is to be no claim, now that it is known what it would be for."""
        problem = unwanted(joining, rest, relay=self.relay)
        if problem:
            return TrustError(problem)
        name = self._name_of(rest.workspace) if self._house.team is None else None
        return None if name is None else UsageError(f"This profile is in {name} already.")

    def _stands(self, stands: Stands) -> None:
        assert self._newcomer is not None
        joining = self._newcomer.joining
        with suppress(StoreError, Unavailable):  # The next start asks once more.
            self._house.persist(lambda: self._put(joining))
        if stands.state == ADMITTED:
            self._house.secrets_changed()
            for handle in self._links.values():
                if handle.initiator:
                    self._house.dial(handle.url)
        self._house.joining_changed()

    def _put(self, joining: Joining) -> None:
        kept = joining.kept
        # What cannot go on without its secret is no join: the words are typed once more.
        useless = not kept.secret and not kept.claims
        self._opened.store.put(_JOINING, b"" if useless else msgspec.msgpack.encode(kept))


def _identity(joining: Joining, rest: Rest) -> Identity:
    public = joining.keys.public
    return Identity(
        workspace=rest.workspace,
        member=rest.member or member_id(public.sign, joining.salt),
        sign_seed=joining.sign_seed,
        link_secret=joining.link_secret,
        box_secret=joining.box_secret,
        net_key=rest.net_key,
        relay=rest.level == LEVEL_RELAY,
    )
