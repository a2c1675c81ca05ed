"""Who comes in, and who gets which keys: own roster ops, one at a time.

Each op stands on the heads there are when it is made, so whoever makes several publishes each
before the next. Which of them are about keys, and when, `mending` says.
"""

from dataclasses import dataclass
from typing import NamedTuple

from chat import model
from chat.engine.mending import Lack, Mending
from chat.errors import TrustError, Unavailable, UsageError
from chat.invitation import InviteText
from chat.workspace import Now, Workspace
from crdt import claims, invites, limits
from crdt.claims import SignedClaim
from crdt.errors import Invalid, NotReadable
from crdt.invites import InviteKeys
from crdt.roster_invites import InviteState
from crdt.roster_ops import (
    LEVEL_ADMIN_MAX,
    LEVEL_MEMBER,
    LEVEL_READER,
    LEVEL_RELAY,
    LEVEL_WRITER_MAX,
    MODE_PRIVATE,
    MODE_PUBLIC,
    Admit,
    AnyArgs,
    Channel,
    DeviceAdd,
    Op,
    Place,
    build,
    channel_id,
    scope_id,
)
from crdt.text import clean_line, clean_name, look

GENERAL = "general"


@dataclass(frozen=True, slots=True)
class RosterNews:
    """An own op, not yet published, and the block of seals that it names, if it names one."""

    op: Op
    seals: bytes | None = None


class Invited(NamedTuple):
    """An invite to publish, and how it is handed on."""

    news: RosterNews
    view: model.InviteView


class People:
    """Makes the roster ops of this device."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.mending = Mending(workspace)
        self._seq = self._next_seq()

    # Inviting -----------------------------------------------------------------------------------

    def invite(
        self, *, relay: bool, expires_ms: int, note: str, hints: tuple[str, ...], now: Now
    ) -> Invited:
        """An invite for one person, or a relay's ticket.

        Raises:
            TrustError: this member may not. Unavailable: the keys are not here yet.
        """
        workspace = self._workspace
        level = self._level_given(relay)
        secret = workspace.entropy(invites.SECRET_BYTES)
        not_after = now.wall + expires_ms
        args = invites.make_invite(
            secret,
            workspace=workspace.id,
            net_key=workspace.identity.net_key,
            level=level,
            not_after=not_after,
            name=workspace.name(),
            hints=hints,
            entropy=workspace.entropy,
        )
        private = (clean_line(note, limits.NICK_MAX_CHARS), InviteKeys.of(secret).nick)
        op = self.make(args, now, private)
        text = InviteText(secret, workspace.id[:8], hints[0] if hints else "")
        view = model.InviteView(text.link, text.words, op.id.hex(), level, not_after, relay)
        return Invited(RosterNews(op), view)

    def _level_given(self, relay: bool) -> int:
        level = self._own_level()
        if relay:
            if level > LEVEL_ADMIN_MAX:
                raise TrustError("Only founders and admins can bring in a relay.")
            return LEVEL_RELAY
        given = LEVEL_MEMBER if level <= LEVEL_ADMIN_MAX else level + 1
        if given > LEVEL_WRITER_MAX:
            raise TrustError("Members so far from the founders cannot invite; ask an admin to.")
        return given

    # Letting in ---------------------------------------------------------------------------------

    def claimed(self, wire: bytes, now: Now) -> RosterNews | None:
        """Somebody claims an invite: the op that admits them, or None when the claim is kept.

        There is one claim for each open invite, so what is kept is bounded by those.

        Raises:
            Invalid: the claim is no good, or nothing new.
        """
        workspace = self._workspace
        signed = claims.decode_claim(wire)
        claim = signed.claim
        invite = workspace.roster.state.invites.get(claim.invite)
        if claim.workspace != workspace.id or invite is None:
            raise Invalid("a claim of an unknown invite")
        if claim.sign in workspace.roster.state.devices:
            raise Invalid("the claimant is in")
        if invite.used or invite.revoked or now.wall > invite.not_after:
            raise Invalid("the invite cannot be used any more")
        claims.verify(signed, invite.key)
        if self.may_witness(workspace.device, invite):
            try:
                return RosterNews(self._admit(signed, now))
            except (NotReadable, Unavailable):
                pass  # Without the workspace's key we cannot witness; somebody else can.
        for kept in workspace.store.claims():
            if claims.decode_claim(kept.wire).claim.invite == claim.invite:
                raise Invalid("a claim of this invite is kept already")
        workspace.store.add_claim(signed.id, wire, now.wall)
        return None

    def _admit(self, signed: SignedClaim, now: Now) -> Op:
        invite = self._workspace.roster.state.invites[signed.claim.invite]
        args = DeviceAdd(signed.wire) if invite.device else Admit(signed.wire)
        try:
            return self.make(args, now, (self._nick_in(signed),))
        except (NotReadable, Unavailable):
            if not invite.lasting:
                raise
            return self.make(args, now)  # A relay reads no names, and may be all there is.

    def _nick_in(self, signed: SignedClaim) -> str:
        """How a claimant, or its device, is called. Raises NotReadable."""
        values = self._workspace.epochs.open_private(signed.claim.invite)
        try:
            return invites.open_nick(bytes(values[1]), signed.claim)  # type: ignore[arg-type]
        except (Invalid, IndexError, TypeError):
            return ""  # Who seals nonsense comes in without a name.

    def is_witness(self, device: bytes) -> bool:
        """Whether there are claims that a device may publish, and others may not."""
        known = self._workspace.roster.state.devices.get(device)
        return known is not None and known.level <= LEVEL_READER

    def may_witness(self, device: bytes, invite: InviteState) -> bool:
        """Whether a device may say that somebody came in by an invite: members by others' invites,
        a member's devices by its codes, and everybody by a paper, which proves it by itself."""
        known = self._workspace.roster.state.devices.get(device)
        if known is None or invite.lasting:
            return known is not None
        if invite.device:
            return known.member == invite.member
        return known.level <= LEVEL_WRITER_MAX

    def claims_for(self, device: bytes) -> list[bytes]:
        """Claims to show to a device that was just linked: to witnesses those that are kept.

        Who is not in yet has no roster to tell who is a witness, and shows its own to everybody.
        """
        if self._workspace.level is not None and not self.is_witness(device):
            return []
        return [kept.wire for kept in self._workspace.store.claims()]

    def roster_changed(self) -> None:
        """Drop claims that are decided."""
        workspace = self._workspace
        for kept in workspace.store.claims():
            try:
                claim = claims.decode_claim(kept.wire).claim
            except Invalid:
                workspace.store.drop_claim(kept.id)
                continue
            state = workspace.roster.state
            invite = state.invites.get(claim.invite)
            decided = invite is not None and (invite.used or invite.revoked)
            if decided or claim.sign in state.devices:
                workspace.store.drop_claim(kept.id)

    # Channels -----------------------------------------------------------------------------------

    def channel(
        self, name: str, mode: int, members: tuple[bytes, ...], now: Now, *, own_id: bytes = b""
    ) -> tuple[RosterNews, bytes]:
        """A new channel and its id; with `members` it gets a scope of its own.

        The name of a channel with a scope of its own is not in the op, which everybody can open;
        it is a setting of the channel.
        """
        workspace = self._workspace
        owner = (workspace.device, workspace.incarnation, self._seq)
        channel = own_id or channel_id(*owner)
        if not members and mode == MODE_PRIVATE:
            args = Channel(channel, workspace.scope, mode)
            return RosterNews(self.make(args, now, (name,))), channel
        scope = scope_id(*owner)
        key = workspace.entropy(limits.KEY_BYTES) if mode == MODE_PUBLIC else b""
        others = tuple(sorted(set(members) - {workspace.me}))
        return RosterNews(self.make(Channel(channel, scope, mode, key, others), now)), channel

    # Keys ---------------------------------------------------------------------------------------

    def next_mending(self, now: Now) -> RosterNews | None:
        """The next op about keys that is due, None when none is."""
        for lack in self.mending.each_due(now):
            try:
                return self._share(lack, now) if lack.device else self.rekey(lack.scope, now)
            except (NotReadable, TrustError, Unavailable, Invalid):
                continue  # Not ours to do after all; who can will.
        return None

    def rekey(self, scope: bytes, now: Now) -> RosterNews:
        """A new epoch of a scope that this member is in, for the devices in it."""
        epochs, entropy = self._workspace.epochs, self._workspace.entropy
        return RosterNews(*epochs.rekey(self._place(now), scope, entropy))

    def _share(self, lack: Lack, now: Now) -> RosterNews:
        place = self._place(now)
        return RosterNews(self._workspace.epochs.share(place, lack.epoch, lack.device))

    # Making ops ---------------------------------------------------------------------------------

    def make(self, args: AnyArgs, now: Now, private: tuple[str | bytes, ...] = ()) -> Op:
        """An own op upon the heads there are, to publish before the next is made.

        Raises:
            TrustError: this device is not in. Unavailable: the keys are not here yet.
        """
        workspace = self._workspace
        place, sealed = self._place(now), b""
        if private:
            epoch = workspace.epochs.sendable(workspace.scope)
            if epoch is None:
                raise Unavailable(
                    "The workspace's key is not here yet; it comes when another member is linked."
                )
            sealed = workspace.epochs.seal_private(
                private, epoch, place, type(args), workspace.entropy
            )
        return build(place, args, workspace.keys.sign_seed, sealed)

    def _place(self, now: Now) -> Place:
        """Where this device's next op goes."""
        workspace = self._workspace
        place = Place(
            workspace=workspace.id,
            parents=workspace.heads(),
            device=workspace.device,
            incarnation=workspace.incarnation,
            seq=self._seq,
            member=workspace.me,
            level=self._own_level(),
            time=now.wall,
        )
        self._seq += 1
        return place

    def _own_level(self) -> int:
        level = self._workspace.level
        if level is None:
            raise TrustError("This device is not a member of the workspace.")
        return level

    def _next_seq(self) -> int:
        workspace = self._workspace
        roster = workspace.roster
        own = (roster.op(op_id).body for op_id in roster.missing_from(()))
        return 1 + max(
            (
                body.seq
                for body in own
                if (body.device, body.incarnation) == (workspace.device, workspace.incarnation)
            ),
            default=-1,
        )


def channel_name(given: str, taken: set[str]) -> str:
    """A name for a new channel.

    Raises:
        UsageError: it is empty, too long, or taken; letter case makes no other name.
    """
    name = clean_name(given.removeprefix("#"), limits.CHANNEL_NAME_MAX_CHARS + 1)
    if not look(name) or any(character.isspace() for character in name):
        raise UsageError("A channel's name is one word, like `releases`.")
    if len(name) > limits.CHANNEL_NAME_MAX_CHARS:
        raise UsageError(f"A channel's name has at most {limits.CHANNEL_NAME_MAX_CHARS} letters.")
    for other in taken:
        if look(other) == look(name):
            told_apart = "" if other == name else f", which looks too much like {name}"
            raise UsageError(f"There is a channel {other} already{told_apart}.")
    return name
