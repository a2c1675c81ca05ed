"""Who comes and who goes: own roster ops that change others' standing, one after the other.

Each function checks what the user asked and gives the ops to publish as an iterator: an op stands
on the heads there are when it is made, so the caller publishes each before asking for the next
(`Engine.publish_each`). What the rules would refuse is refused here already, with a sentence;
whether it stands in the end, others decide who act at the same time.

Whoever ends somebody's writing accepts, right behind it, what is here of theirs (`crdt.cuts`); so
everybody sees the same of it, however late it reaches them, and nothing that is dated back counts.
"""

from collections.abc import Iterator

from chat.engine.people import People, RosterNews
from chat.errors import NotFound, TrustError, UsageError
from chat.voiding import closed_from
from chat.workspace import Now, Workspace
from crdt.cuts import Cut
from crdt.entry import LogId
from crdt.limits import ACCEPT_LOGS_MAX, SCOPE_CHANGE_MAX
from crdt.roster_invites import InviteState
from crdt.roster_ops import (
    LEVEL_ADMIN_MAX,
    LEVEL_FOUNDER,
    LEVEL_READER,
    LEVEL_RELAY,
    LEVEL_WRITER_MAX,
    MODE_HIDDEN,
    MODE_PUBLIC,
    Accept,
    DeviceRemove,
    Grant,
    Kept,
    Remove,
    Revoke,
    ScopeAdd,
    ScopeHistory,
    ScopeRemove,
)

Ops = Iterator[RosterNews]
"""Ops to publish one after the other."""


class Members:
    """Makes the ops of this device about others."""

    def __init__(self, workspace: Workspace, people: People) -> None:
        self._workspace = workspace
        self._people = people

    # Invites ------------------------------------------------------------------------------------

    def revoke(self, invite: InviteState, now: Now) -> Ops:
        """An invite admits nobody any more."""
        if invite.used:
            member = self.came_by(invite.op)
            nick = "Somebody" if member is None else self._workspace.shown(member)
            raise UsageError(f"{nick} came in by that invite; `clowder remove` takes people out.")
        if invite.revoked:
            raise UsageError("That invite admits nobody any more as it is.")
        level = self._level()
        author = self._workspace.roster.op(invite.op).body
        if invite.member != self._workspace.me and level >= author.level:
            nick = self._workspace.shown(invite.member)
            raise TrustError(f"Only {nick}, or somebody senior to them, can revoke that invite.")
        yield RosterNews(self._people.make(Revoke(invite.op), now))

    def came_by(self, invite: bytes) -> bytes | None:
        """Who came in by an invite, also when they are not in any more."""
        roster = self._workspace.roster
        for known in roster.state.members.values():
            if known.invite == invite:
                return known.member
        for former in roster.state.former_members.values():
            claim = roster.history.by_id[former.admit_op].claim if former.admit_op else None
            if claim is not None and claim.claim.invite == invite:
                return former.member
        return None

    # Members ------------------------------------------------------------------------------------

    def remove(self, member: bytes, now: Now) -> Ops:
        """A member is out; what is here of theirs stays."""
        if member == self._workspace.me:
            raise UsageError("That is you; `clowder leave` is for going yourself.")
        self.require_senior(member, "remove")
        op = self._people.make(Remove(member), now)
        yield RosterNews(op)
        yield from self._accept_all(op.id, member, self._scopes_here(), now, standing=True)

    def grant(self, member: bytes, level: int, now: Now) -> Ops:
        """A member, who may have been removed, gets a level."""
        if member == self._workspace.me:
            raise TrustError("Nobody changes their own level; somebody senior can.")
        if not LEVEL_FOUNDER <= level <= LEVEL_WRITER_MAX and level != LEVEL_READER:
            raise UsageError(
                f"There is no such level to give: 1 to {LEVEL_ADMIN_MAX} administer, up to "
                f"{LEVEL_WRITER_MAX} write, {LEVEL_READER} reads."
            )
        known = self._workspace.roster.state.members.get(member)
        if known is not None:
            if known.level == level:
                raise UsageError(f"{self._workspace.shown(member)} is at level {level} already.")
            if known.level >= LEVEL_RELAY:
                raise TrustError("A relay holds no keys and cannot become a member; invite them.")
        self.require_senior(member, "promote")
        own = self._level()
        if level == LEVEL_FOUNDER < own:
            raise TrustError("Only a founder makes founders.")
        if LEVEL_FOUNDER < level <= own:
            raise TrustError(f"You can give levels above your own, which is {own}.")
        yield from self._repeat_removals(member, level, now)
        op = self._people.make(Grant(member, level), now)
        yield RosterNews(op)
        if level > LEVEL_WRITER_MAX:
            yield from self._accept_all(op.id, member, self._scopes_here(), now, standing=True)

    def _repeat_removals(self, member: bytes, level: int, now: Now) -> Ops:
        """Say the removals of a member's devices again that would not hold at a level."""
        roster = self._workspace.roster
        for device, known in roster.state.former_devices.items():
            if known.member != member or not known.end:
                continue
            end = roster.op(known.end)
            by_other = isinstance(end.args, DeviceRemove) and end.body.member != member
            if by_other and end.body.level >= level:
                yield RosterNews(self._people.make(DeviceRemove(member, device), now))

    def leave(self, now: Now, *, anyway: bool) -> Ops:
        """This member goes."""
        level = self._level()
        workspace = self._workspace
        others = [
            known
            for known in workspace.roster.state.members.values()
            if known.member != workspace.me and known.level < LEVEL_RELAY
        ]
        admins = [known for known in others if known.level <= LEVEL_ADMIN_MAX]
        if level <= LEVEL_ADMIN_MAX and others and not admins and not anyway:
            raise TrustError(
                "Without you nobody could remove members or bring in relays. Promote somebody "
                "first, or say --anyway."
            )
        yield RosterNews(self._people.make(Remove(workspace.me), now))

    def _level(self) -> int:
        level = self._workspace.level
        if level is None:
            raise TrustError("This device is not a member of the workspace.")
        return level

    def require_senior(self, member: bytes, what: str) -> None:
        """Refuse with a sentence what the rules would refuse. Raises TrustError."""
        own, nick = self._level(), self._workspace.shown(member)
        if own > LEVEL_ADMIN_MAX:
            raise TrustError(f"Only founders and admins can {what} members.")
        known = self._workspace.roster.state.members.get(member)
        if known is not None and known.level <= own:
            raise TrustError(
                f"{nick} is at level {known.level} and you are at {own}: only who is senior to "
                f"{nick} can {what} them."
            )

    # Accepting ----------------------------------------------------------------------------------

    def accept(self, member: bytes, now: Now) -> Ops:
        """Take back all that is here of what a member wrote beside a removal."""
        for cut in self._cuts_to_accept(member):
            yield from self._accept_all(cut.op, member, (), now)

    def accept_entry(self, member: bytes, log: LogId, seq: int, now: Now) -> Ops:
        """Take back one entry of a member, and what stands before it in its log."""
        scope = self._workspace.scope_of(log.channel)
        cuts = [cut for cut in self._cuts_to_accept(member) if scope in cut.scopes]
        for cut in cuts:
            yield RosterNews(self._people.make(Accept(cut.op, (), (self._row(log, seq),)), now))

    def _cuts_to_accept(self, member: bytes) -> list[Cut]:
        """What ended a member's writing, of that what this member may mend.

        Raises:
            UsageError: nothing is void. TrustError: others have to.
        """
        nick = self._workspace.shown(member)
        cuts = self._workspace.roster.state.cuts.get(member, ())
        if not cuts:
            raise UsageError(f"Nothing that {nick} wrote is void.")
        own = self._level()
        mine = [
            cut
            for cut in cuts
            if cut.author == self._workspace.me or (own <= LEVEL_ADMIN_MAX and own < cut.level)
        ]
        if len(mine) < len(cuts):
            others = {self._workspace.shown(cut.author) for cut in cuts if cut not in mine}
            raise TrustError(
                f"Only {', '.join(sorted(others))}, or somebody senior to them, can accept what "
                f"{nick} wrote beside being removed."
            )
        return mine

    def accept_device(self, end: bytes, member: bytes, device: bytes, now: Now) -> Ops:
        """Accept what stands here of a device that was taken from a member, everywhere."""
        scopes = self._scopes_here()
        yield from self._accept_all(end, member, scopes, now, standing=True, device=device)

    def _accept_all(
        self,
        end: bytes,
        member: bytes,
        scopes: tuple[bytes, ...],
        now: Now,
        *,
        standing: bool = False,
        device: bytes = b"",
    ) -> Ops:
        """Accept what is here of a member's logs, or of one device's; the first op says where the
        end cuts.

        With `standing`, of a log that was forked only what stands: the end takes nothing back.
        """
        workspace = self._workspace
        good = [
            (state, min(state.head, closed_from(workspace, state.log, member) - 1))
            for state in workspace.store.logs()
            if workspace.member_of(state.log.device) == member and device in (b"", state.log.device)
        ]
        rows = sorted(
            (
                self._row(state.log, last if standing else state.head)
                for state, last in good
                if last >= state.low or not standing
            ),
            key=lambda row: (row.channel, row.part, row.device, row.incarnation),
        )
        for start in range(0, max(len(rows), 1), ACCEPT_LOGS_MAX):
            some = tuple(rows[start : start + ACCEPT_LOGS_MAX])
            yield RosterNews(self._people.make(Accept(end, scopes, some), now))
            scopes = ()

    def _row(self, log: LogId, seq: int) -> Kept:
        entry_id = self._workspace.store.entry_id(log, seq)
        if entry_id is None:
            raise NotFound("That entry is not here.")
        return Kept(log.channel, log.part, log.device, log.incarnation, seq, entry_id)

    def _scopes_here(self) -> tuple[bytes, ...]:
        """The scopes whose channels this device has, at most as many as an op holds."""
        workspace = self._workspace
        state = workspace.roster.state
        here = {scope for scope, members in state.scopes.items() if workspace.me in members}
        here |= {known.scope for known in state.channels.values() if known.mode == MODE_PUBLIC}
        first = [workspace.scope, *sorted(here - {workspace.scope})]
        return tuple(sorted(first[:SCOPE_CHANGE_MAX]))

    # Private channels ---------------------------------------------------------------------------

    def add_to(self, channel: bytes, member: bytes, now: Now) -> Ops:
        """Somebody comes into a private channel, and reads what its history lets newcomers read."""
        scope, nick = self._private_scope(channel), self._workspace.shown(member)
        inside = self._workspace.roster.state.scopes.get(scope, frozenset())
        if self._workspace.me not in inside:
            raise TrustError("Only who is in a channel can add somebody to it.")
        if member in inside:
            raise UsageError(f"{nick} is in that channel already.")
        yield RosterNews(self._people.make(ScopeAdd(scope, (member,)), now))

    def kick(self, channel: bytes, member: bytes, now: Now) -> Ops:
        """Somebody is taken out of a private channel; what is here of theirs stays."""
        workspace = self._workspace
        scope, nick = self._private_scope(channel), workspace.shown(member)
        if member == workspace.me:
            raise UsageError("That is you; `clowder channel leave` is for going yourself.")
        state = workspace.roster.state
        if member not in state.scopes.get(scope, ()):
            raise NotFound(f"{nick} is not in that channel.")
        level = self._level()
        known = state.members.get(member)
        senior = level <= LEVEL_ADMIN_MAX and known is not None and level < known.level
        if not senior and state.founders.get(scope) != workspace.me:
            raise TrustError(
                f"Only who made the channel, or an admin senior to {nick}, can take {nick} out."
            )
        op = self._people.make(ScopeRemove(scope, (member,)), now)
        yield RosterNews(op)
        yield from self._accept_all(op.id, member, (scope,), now, standing=True)

    def leave_channel(self, channel: bytes, now: Now) -> Ops:
        """This member goes from a private channel."""
        scope = self._private_scope(channel)
        yield RosterNews(self._people.make(ScopeRemove(scope, (self._workspace.me,)), now))

    def set_history(self, channel: bytes, opened: bool, now: Now) -> Ops:
        """Whether who comes into a private channel from now on reads what was said in it before."""
        workspace, state = self._workspace, self._workspace.roster.state
        known, name = state.channels[channel], workspace.channel_name(channel)
        if known.mode == MODE_PUBLIC:
            raise UsageError(f"#{name} is public: anybody reads all of it.")
        if known.scope == workspace.scope:
            raise UsageError(
                f"Everybody is in #{name}, and who comes into the workspace reads what was said "
                "there. What newcomers should not read belongs in a channel made with --private."
            )
        inside = workspace.me in state.scopes.get(known.scope, ())
        ruling = self._level() <= LEVEL_ADMIN_MAX or state.founders.get(known.scope) == workspace.me
        if not inside or not ruling:
            raise TrustError(
                f"Only who made #{name}, or an admin who is in it, can say what newcomers read."
            )
        if (known.scope in state.closed) == opened:
            yield RosterNews(self._people.make(ScopeHistory(known.scope, opened), now))

    def renew_link(self, channel: bytes, now: Now) -> Ops:
        """A hidden channel gets a new key: its link opens nothing that is written from then on.

        Others would follow a key of any member only when one is called for; of an admin, always.
        """
        state = self._workspace.roster.state
        known, name = state.channels[channel], self._workspace.channel_name(channel)
        if known.mode != MODE_HIDDEN:
            raise UsageError(f"#{name} is not hidden; only a hidden channel's link can be renewed.")
        inside = self._workspace.me in state.scopes.get(known.scope, ())
        if not inside or self._level() > LEVEL_ADMIN_MAX:
            raise TrustError(
                f"Only an admin who is in #{name} can renew its link. Taking somebody out of the "
                "channel renews it, too."
            )
        yield self._people.rekey(known.scope, now)

    def _private_scope(self, channel: bytes) -> bytes:
        """The scope of a channel that not everybody is in. Raises UsageError."""
        known = self._workspace.roster.state.channels[channel]
        name = self._workspace.channel_name(channel)
        if known.scope == self._workspace.scope or known.mode == MODE_PUBLIC:
            raise UsageError(
                f"Everybody is in #{name}; only channels made with --members have members."
            )
        return known.scope
