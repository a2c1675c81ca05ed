"""A state that grows by one op, in place of being made anew.

The judgement of others does not change by an op that was appended to it (`Resolution.append`), so
what an op adds to the values is known by looking at what it is about: one scope, one invite, or one
member with its devices, its offers and the scopes it was named in. All that is about a member is
read anew from the judgement, by the same functions that `assemble` uses. Where something unusual is
about (two ops at one place, a device that several members claim), `grown` gives None, and
`assemble` makes the state from the beginning, which takes as long as the history is.
"""

from collections.abc import Sequence
from dataclasses import replace

from crdt.cuts import Cut, Judged, cuts_by_member, ends_of
from crdt.roster_history import History, Node
from crdt.roster_invites import invite_state, invite_states
from crdt.roster_ops import (
    LEVEL_RELAY,
    Accept,
    Admit,
    Channel,
    DeviceAdd,
    DeviceCode,
    DeviceRemove,
    Grant,
    Invite,
    Rekey,
    Remove,
    Revoke,
    ScopeAdd,
    ScopeHistory,
    ScopeRemove,
    Share,
)
from crdt.roster_resolution import Resolution
from crdt.roster_scopes import Scopes
from crdt.roster_standing import NOBODY
from crdt.roster_state import (
    RekeyState,
    ShareState,
    State,
    channel_state,
    device_states,
    former_state,
    member_state,
    papers,
    rekey_state,
)

_ABOUT_SCOPES = Channel | ScopeAdd | ScopeRemove | ScopeHistory | Rekey


def grown(
    state: State, history: History, resolution: Resolution, scopes: Scopes, node: Node
) -> State | None:
    """The state with one more op, which was appended to the judgement and decided over no other.

    Where it gives None, `scopes` is of no use any more either.
    """
    if not node.plausible or node.place in history.doubled or node.op.args is None:
        return None
    return Growth(state, history, resolution, scopes).with_op(node)


class Growth:
    """One step from a state to the next."""

    def __init__(
        self, state: State, history: History, resolution: Resolution, scopes: Scopes
    ) -> None:
        self._state = state
        self._history = history
        self._resolution = resolution
        self._scopes = scopes

    def with_op(self, node: Node) -> State | None:
        """The next state, None where it is to be made anew."""
        args, op_id = node.op.args, node.op.id
        resolution, state = self._resolution, self._state
        counts = bool(resolution.valid & node.bit)
        if isinstance(args, _ABOUT_SCOPES):
            return self._with_scopes(node, args)
        if resolution.paused & node.bit:
            state = replace(state, paused=state.paused | {op_id})
        elif not counts:
            state = replace(state, void=state.void | {op_id})
        self._state = state
        if isinstance(args, Admit | DeviceAdd):
            # One that does not count says as well whose its device claims to be.
            return self._with_claim(node)
        if not counts:
            return state
        if isinstance(args, Share):
            return self._with_share(node, args)
        if isinstance(args, Invite):
            known = state.members.get(node.member)
            made = invite_state(resolution, node, args, None if known is None else known.level)
            return replace(state, invites={**state.invites, op_id: made})
        if isinstance(args, Grant | Remove | DeviceRemove):
            return self._with_member(args.member)
        if isinstance(args, DeviceCode):
            return self._with_member(node.member)
        if isinstance(args, Accept):
            end = self._history.by_id[args.op].op
            return replace(state, cuts=self._cuts(state, set(ends_of(end))))
        return self._with_revoke(node, args) if isinstance(args, Revoke) else None

    # Keys, invites, scopes --------------------------------------------------------------------

    def _with_share(self, node: Node, args: Share) -> State | None:
        state = self._state
        if not self._is_last(state.shares, node):
            return None
        share = ShareState(node.op.id, node.op.body.device, node.member, args)
        return replace(state, shares=(*state.shares, share))

    def _with_revoke(self, node: Node, args: Revoke) -> State | None:
        if args.invite in self._history.codes:
            return self._with_member(node.member)
        taken = self._state.invites.get(args.invite)
        if taken is None or taken.revoked:
            return self._state
        invites = {**self._state.invites, args.invite: replace(taken, revoked=True)}
        return replace(self._state, invites=invites)

    def _is_last(self, known: Sequence[ShareState] | Sequence[RekeyState], node: Node) -> bool:
        """Whether an op stands behind others in the order of the history, as they are listed."""
        return not known or self._history.by_id[known[-1].id].order < node.order

    def _with_scopes(self, node: Node, args: _ABOUT_SCOPES) -> State | None:
        state, scopes, op_id = self._state, self._scopes, node.op.id
        if not scopes.grow(node):
            return None
        counts = bool(self._resolution.valid & ~scopes.void & node.bit)
        if not counts:
            state = replace(state, void=state.void | {op_id})
        if isinstance(args, Rekey):
            listed = state.rekeys if counts else state.former_rekeys
            if not self._is_last(listed, node):
                return None
            longer = (*listed, rekey_state(node))
            return replace(state, rekeys=longer) if counts else replace(state, former_rekeys=longer)
        if not counts:
            return state
        if isinstance(args, ScopeHistory):
            return replace(state, closed=scopes.closed())
        named = (node.member, *args.members) if isinstance(args, Channel) else args.members
        everybody = state.scopes[self._history.scope]
        inside = state.scopes.get(args.scope, frozenset()) - set(named)
        inside |= {member for member in named if member in everybody and self._is_in(args, member)}
        if args.scope != self._history.scope:
            state = replace(state, scopes={**state.scopes, args.scope: inside})
        if isinstance(args, Channel):
            if args.scope != self._history.scope:
                state = replace(state, founders={**state.founders, args.scope: node.member})
            state = replace(state, channels={**state.channels, args.id: channel_state(node)})
        return state

    def _is_in(self, args: Channel | ScopeAdd | ScopeRemove, member: bytes) -> bool:
        return self._scopes.contains(args.scope, member, self._resolution.within)

    # One member -------------------------------------------------------------------------------

    def _with_claim(self, node: Node) -> State | None:
        """Somebody came in, or a device of a member, or said so."""
        history = self._history
        if isinstance(node.op.args, DeviceAdd):
            return self._with_member(history.code_of(node).member)
        assert node.claim is not None
        state = self._with_member(node.claim.claim.member)
        invite = history.invite_of(node)
        if state is None or invite.op.id not in state.invites:
            return state
        args = invite.op.args
        assert isinstance(args, Invite)
        author = state.members.get(invite.member)
        level = None if author is None else author.level
        made = invite_state(self._resolution, invite, args, level)
        return replace(state, invites={**state.invites, invite.op.id: made})

    def _with_member(self, member: bytes) -> State | None:
        """What is about a member, read anew; the rest as it was."""
        history, resolution, state = self._history, self._resolution, self._state
        own = history.devices_of.get(member, [])
        if any(len(history.members_of[device]) > 1 for device in own):
            return None
        level = resolution.standing(member, resolution.within)
        levels = {} if level == NOBODY else {member: level}
        offers = invite_states(resolution, history.offers.get(member, ()), levels)
        inside, outside = device_states(history, resolution, levels, (member,))
        before = [known for known in state.invites.values() if known.member == member]
        devices, former = dict(state.devices), dict(state.former_devices)
        for device in (*own, *(paper.key for paper in before if paper.box)):
            known = devices.get(device) or former.get(device)
            if known is not None and known.member != member:
                return None  # One member's device, and another's paper.
            devices.pop(device, None)
            former.pop(device, None)
        invites = {op: known for op, known in state.invites.items() if known.member != member}
        devices.update(inside)
        former.update(outside)
        devices.update(papers(offers.values(), devices.keys() | former.keys()))
        state = replace(
            state, devices=devices, former_devices=former, invites={**invites, **offers}
        )
        return self._with_standing(state, member, level, sorted(inside))

    def _with_standing(self, state: State, member: bytes, level: int, own: list[bytes]) -> State:
        """The member itself, the scopes it is in, and what stands of its writing."""
        history, resolution = self._history, self._resolution
        members, gone = dict(state.members), dict(state.former_members)
        members.pop(member, None)
        gone.pop(member, None)
        if level != NOBODY:
            members[member] = member_state(history, resolution, member, level, own, state.devices)
        # Which of several ops is shown that brought somebody in depends on who of them is in.
        for other in history.reshown & members.keys():
            known = members[other]
            members[other] = member_state(
                history, resolution, other, known.level, known.devices, state.devices
            )
        for other in (history.reshown & gone.keys()) | ({member} - members.keys()):
            former = former_state(history, resolution, other, state.devices)
            if former is not None:
                gone[other] = former
        return replace(
            state,
            members=members,
            former_members=gone,
            scopes=self._scopes_with(state, member, level < LEVEL_RELAY),
            cuts=self._cuts(state, {member}),
        )

    def _scopes_with(
        self, state: State, member: bytes, reads: bool
    ) -> dict[bytes, frozenset[bytes]]:
        """Who is in the scopes, with a member that is in the workspace and reads, or is not."""
        scopes = dict(state.scopes)
        within = self._resolution.within
        for scope in (self._history.scope, *self._scopes.named.get(member, ())):
            if scope in scopes:
                everybody = scope == self._history.scope
                stays = reads and (everybody or self._scopes.contains(scope, member, within))
                scopes[scope] = scopes[scope] | {member} if stays else scopes[scope] - {member}
        return scopes

    def _cuts(self, state: State, about: set[bytes]) -> dict[bytes, tuple[Cut, ...]]:
        """The cuts, those of some members read anew."""
        history, scopes = self._history, self._scopes
        accepts = [
            node
            for node in history.accepts
            if isinstance(node.op.args, Accept)
            and not about.isdisjoint(ends_of(history.by_id[node.op.args.op].op))
        ]
        valid = self._resolution.valid & ~scopes.void
        judged = Judged(history.by_id, valid, scopes.is_open_to)
        found = cuts_by_member(accepts, judged, state.former_devices)
        cuts = {member: some for member, some in state.cuts.items() if member not in about}
        return cuts | {member: found[member] for member in about & found.keys()}
