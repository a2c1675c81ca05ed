"""What a workspace answers about who is in it, at which level, and with which devices.

Names are looked up here, and what is found goes to `chat.engine.members`, which knows what may be
done. An answer is given when the change is durable, and with it the keys that it called for.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal

import msgspec

from chat import commands, model
from chat.engine.members import Ops
from chat.errors import NotFound, UsageError
from chat.node.devices import Devices
from chat.node.team import Team, now
from chat.voiding import VoidPost, void_posts
from chat.workspace import Workspace
from crdt.clock import milliseconds
from crdt.errors import Invalid, NotReadable
from crdt.roster_invites import InviteState
from crdt.roster_ops import LEVEL_RELAY
from crdt.roster_standing import NOBODY
from crdt.roster_state import FormerState
from crdt.text import clean_line

MEMBER_DIGITS_MIN = 4
INVITE_DIGITS_MIN = 4
"""Shorter beginnings of an id are more likely a slip than somebody's name."""
VOID_LISTED_MAX = 100_000
"""More than anybody looks through; a larger number is a slip."""
NOTE_MAX_CHARS = 64


class Membership:
    """Answers commands about members."""

    def __init__(self, team: Team) -> None:
        self._team = team
        self.devices = Devices(team, self.find, self._publish)
        self.by_command: dict[type[commands.Command], Callable[[Any], Awaitable[Any]]] = {
            commands.ListMembers: self._members,
            commands.ListInvites: self._invites,
            commands.RevokeInvite: self._revoke,
            commands.RemoveMember: self._remove,
            commands.Promote: self._promote,
            commands.Accept: self._accept,
            commands.Leave: self._leave,
            commands.AddToChannel: self._add_to_channel,
            commands.KickFromChannel: self._kick,
            commands.LeaveChannel: self._leave_channel,
            commands.SetHistory: self._set_history,
            commands.ListVoid: self._void,
            **self.devices.by_command,
        }

    # Members ------------------------------------------------------------------------------------

    async def _members(self, command: commands.ListMembers) -> list[model.Member]:
        found = self._team.views.members()
        if not command.former:
            return found
        void = self._void_by_member()
        found = [self._with_void(member, void) for member in found]
        former = self._workspace.roster.state.former_members.values()
        gone = [self._former(known, void) for known in former]
        return found + sorted(gone, key=lambda member: member.name.lower())

    async def _remove(self, command: commands.RemoveMember) -> model.Member:
        member = self.find(command.member, relays=True)
        await self._publish(self._team.engine.members.remove(member, now()))
        return self.view(member)

    async def _promote(self, command: commands.Promote) -> model.Member:
        member = self.find(command.member, former=True)
        await self._publish(self._team.engine.members.grant(member, command.level, now()))
        return self.view(member)

    async def _leave(self, command: commands.Leave) -> None:
        await self._publish(self._team.engine.members.leave(now(), anyway=command.anyway))

    async def _accept(self, command: commands.Accept) -> model.Accepted:
        members = self._team.engine.members
        void = self._find_void(command.what)
        if void is not None:
            member, log, seq = void.member, void.entry.log, void.entry.seq
            ops = members.accept_entry(member, log, seq, now())
        else:
            member = self.find(command.what, former=True)
            ops = members.accept(member, now())
        before = self._void_by_member().get(member, 0)
        await self._publish(ops)
        accepted = before - self._void_by_member().get(member, 0)
        return model.Accepted(self._team.views.author(member), accepted)

    def find(self, named: str, *, former: bool = False, relays: bool = False) -> bytes:
        """The one member who goes by a petname, a nick, or the beginning of a member id.

        Those who were in once are only meant when nobody who is in goes by that, and with
        `former`. Relays are only meant with `relays`, and by their id alone.

        Raises:
            NotFound: none, or several.
        """
        workspace, state = self._workspace, self._workspace.roster.state
        wanted = named.removeprefix("@").casefold()
        groups: list[Iterable[bytes]] = [state.members]
        if former:
            groups.append(state.former_members)
        for group in groups:
            people = [member for member in group if not self._is_relay(member)]
            found = [m for m in people if wanted in workspace.answers_to(m)]
            if not found:
                found = [m for m in people if workspace.nick(m).casefold() == wanted]
            if not found and len(wanted) >= MEMBER_DIGITS_MIN:
                known = group if relays else people
                found = [member for member in known if member.hex().startswith(wanted)]
            if len(found) == 1:
                return found[0]
            if found:
                raise NotFound(
                    f"Several members are called {named}; give the beginning of a member id."
                )
        raise NotFound(f"There is no member {named} here.")

    def _is_relay(self, member: bytes) -> bool:
        known = self._workspace.roster.state.members.get(member)
        return known is not None and known.level >= LEVEL_RELAY

    def view(self, member: bytes) -> model.Member:
        """A member who is in, or was."""
        state, void = self._workspace.roster.state, self._void_by_member()
        if member in state.members:
            return self._with_void(self._team.views.member(member), void)
        return self._former(state.former_members[member], void)

    @staticmethod
    def _with_void(member: model.Member, void: dict[bytes, int]) -> model.Member:
        return msgspec.structs.replace(member, voided=void.get(bytes.fromhex(member.member), 0))

    def _former(self, known: FormerState, void: dict[bytes, int]) -> model.Member:
        views = self._team.views
        called = views.author(known.member)
        return model.Member(
            member=called.member,
            nick=called.nick,
            shown=called.shown,
            petname=self._workspace.petname(known.member),
            level=NOBODY,
            role="former",
            devices=0,
            me=known.member == self._workspace.me,
            colour=views.colour(known.member),
            state="left" if known.by == known.member else "removed",
            by=views.author(known.by),
            voided=void.get(known.member, 0),
            ignored=known.member in self._team.ignored,
        )

    # What is void -------------------------------------------------------------------------------

    def _void_by_member(self) -> dict[bytes, int]:
        counts: dict[bytes, int] = {}
        for device, count in self._workspace.store.count_void().items():
            member = self._workspace.member_of(device)
            if member is not None:
                counts[member] = counts.get(member, 0) + count
        return counts

    async def _void(self, command: commands.ListVoid) -> list[model.Message]:
        channel = self._workspace.find_channel(command.channel)
        limit = max(0, min(command.limit, VOID_LISTED_MAX))
        posts = void_posts(self._workspace, channel, limit)
        return [self._void_message(post) for post in reversed(posts)]

    def _void_message(self, post: VoidPost) -> model.Message:
        workspace, entry = self._workspace, post.entry
        return model.Message(
            id=post.message.hex(),
            channel=workspace.channel_name(entry.log.channel),
            author=self._team.views.author(post.member),
            at=milliseconds(entry.hlc),
            text=post.text,
            order=f"{entry.hlc:016x}{post.message.hex()}",
            reply_to=post.reply_to.hex() if post.reply_to else None,
            mine=post.member == workspace.me,
            state="void",
        )

    def _find_void(self, given: str) -> VoidPost | None:
        """The void message whose id begins so; None when a member is called that, or none does."""
        workspace, digits = self._workspace, given.lower().strip()
        if len(digits) < MEMBER_DIGITS_MIN or set(digits) - set("0123456789abcdef"):
            return None
        found = {
            post.message: post
            for channel in workspace.channel_names()
            for post in void_posts(workspace, channel, VOID_LISTED_MAX)
            if post.message.hex().startswith(digits)
        }
        if len(found) > 1:
            raise NotFound(f"Several void messages begin with {digits}; give more digits.")
        return next(iter(found.values()), None)

    # Invites ------------------------------------------------------------------------------------

    async def _invites(self, _: commands.ListInvites) -> list[model.InviteState]:
        state = self._workspace.roster.state
        invites = [invite for invite in state.invites.values() if not invite.device]
        newest = sorted(invites, key=lambda i: (self._made_at(i), i.op), reverse=True)
        return [self._invite_view(invite) for invite in newest]

    async def _revoke(self, command: commands.RevokeInvite) -> model.InviteState:
        invite = self._find_invite(command.invite)
        await self._publish(self._team.engine.members.revoke(invite, now()))
        return self._invite_view(self._workspace.roster.state.invites[invite.op])

    def _find_invite(self, given: str) -> InviteState:
        digits = given.lower().strip()
        if len(digits) < INVITE_DIGITS_MIN:
            raise NotFound(
                f"“{given}” is too short to find an invite by; give at least "
                f"{INVITE_DIGITS_MIN} digits of its id."
            )
        invites = self._workspace.roster.state.invites
        found = [
            invite
            for op, invite in invites.items()
            if op.hex().startswith(digits) and not invite.device
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFound(f"Several invites begin with {digits}; give more digits.")
        raise NotFound(f"There is no invite {given} here; `clowder invite --list` shows them.")

    def _made_at(self, invite: InviteState) -> int:
        return self._workspace.roster.op(invite.op).body.time

    def _invite_view(self, invite: InviteState) -> model.InviteState:
        workspace, views = self._workspace, self._team.views
        who = self._team.engine.members.came_by(invite.op)
        state: Literal["open", "used", "revoked", "expired"] = "open"
        if invite.used:
            state = "used"
        elif invite.revoked:
            state = "revoked"
        elif now().wall > invite.not_after:
            state = "expired"
        return model.InviteState(
            id=invite.op.hex(),
            author=views.author(invite.member),
            level=invite.level,
            expires=invite.not_after,
            state=state,
            relay=invite.level >= LEVEL_RELAY,
            note=_note(workspace, invite.op),
            used_by=None if who is None else views.author(who),
        )

    # Private channels ---------------------------------------------------------------------------

    async def _add_to_channel(self, command: commands.AddToChannel) -> model.Channel:
        channel, member = self._workspace.find_channel(command.channel), self.find(command.member)
        await self._publish(self._team.engine.members.add_to(channel, member, now()))
        return self._team.views.channel(channel)

    async def _kick(self, command: commands.KickFromChannel) -> model.Channel:
        channel = self._workspace.find_channel(command.channel)
        member = self.find(command.member)
        await self._publish(self._team.engine.members.kick(channel, member, now()))
        return self._team.views.channel(channel)

    async def _leave_channel(self, command: commands.LeaveChannel) -> None:
        channel = self._workspace.find_channel(command.channel)
        await self._publish(self._team.engine.members.leave_channel(channel, now()))

    async def _set_history(self, command: commands.SetHistory) -> model.Channel:
        channel = self._workspace.find_channel(command.channel)
        await self._publish(self._team.engine.members.set_history(channel, command.open, now()))
        return self._team.views.channel(channel)

    async def renew_link(self, channel: bytes) -> None:
        """Give a hidden channel a new key. Raises UsageError, TrustError."""
        await self._publish(self._team.engine.members.renew_link(channel, now()))

    # Inside -------------------------------------------------------------------------------------

    @property
    def _workspace(self) -> Workspace:
        return self._team.workspace

    async def _publish(self, ops: Ops) -> None:
        """Publish ops, durably, and the keys that they call for. Raises UsageError, TrustError."""
        team = self._team
        try:
            team.run(lambda at: team.engine.publish_each(ops, at))
        except Invalid as error:
            raise UsageError(f"That cannot be done: {error}.") from None
        await team.turns.durable()


def _note(workspace: Workspace, invite: bytes) -> str:
    """Who an invite is for, as its author wrote."""
    try:
        values = workspace.epochs.open_private(invite)
    except (NotReadable, Invalid):
        return ""
    note = values[0] if values else ""
    return clean_line(note, NOTE_MAX_CHARS) if isinstance(note, str) else ""
