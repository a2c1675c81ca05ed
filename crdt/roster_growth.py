"""A state that grows by one op, in place of being made anew.

Most ops of a living workspace hand on a key or make one, offer an invite or take one back, begin a
channel or let somebody into one. They say where nobody stands, so what they add to the values is
known by looking at them, and at what is settled of scopes. For all others, and wherever something
unusual is about, `grown` gives None, and `assemble` makes the state from the beginning, which
takes as long as the history is.
"""

from dataclasses import replace

from crdt.roster_history import History, Node
from crdt.roster_invites import invite_state
from crdt.roster_ops import (
    LEVEL_RELAY,
    Channel,
    Invite,
    Rekey,
    Revoke,
    ScopeAdd,
    ScopeHistory,
    Share,
)
from crdt.roster_resolution import Resolution
from crdt.roster_scopes import Scopes
from crdt.roster_state import RekeyState, ShareState, State, channel_state, rekey_state


def grown(
    state: State, history: History, resolution: Resolution, scopes: Scopes, node: Node
) -> State | None:
    """The state with one more op, which was appended to the judgement and decided over no other.

    Where it gives None, `scopes` is of no use any more either.
    """
    args, op_id = node.op.args, node.op.id
    if not node.plausible or node.place in history.doubled:
        return None
    if isinstance(args, Channel | ScopeAdd | ScopeHistory | Rekey):
        return _with_scopes(state, history, resolution, scopes, node)
    if not isinstance(args, Share | Invite | Revoke):
        return None
    if isinstance(args, Revoke) and args.invite in history.codes:
        return None
    if resolution.paused & node.bit:
        return replace(state, paused=state.paused | {op_id})
    if not resolution.valid & node.bit:
        return replace(state, void=state.void | {op_id})
    if isinstance(args, Share):
        if not _is_last(history, state.shares, node):
            return None
        share = ShareState(op_id, node.op.body.device, node.member, args)
        return replace(state, shares=(*state.shares, share))
    if isinstance(args, Invite):
        known = state.members.get(node.member)
        made = invite_state(resolution, node, args, None if known is None else known.level)
        return replace(state, invites={**state.invites, op_id: made})
    taken = state.invites.get(args.invite)
    if taken is None or taken.revoked:
        return state
    return replace(state, invites={**state.invites, args.invite: replace(taken, revoked=True)})


def _is_last(
    history: History, known: tuple[ShareState, ...] | tuple[RekeyState, ...], node: Node
) -> bool:
    """Whether an op stands behind others in the order of the history, in which they are listed."""
    return not known or history.by_id[known[-1].id].order < node.order


def _with_scopes(
    state: State, history: History, resolution: Resolution, scopes: Scopes, node: Node
) -> State | None:
    args, op_id = node.op.args, node.op.id
    assert isinstance(args, Channel | ScopeAdd | ScopeHistory | Rekey)
    if not scopes.grow(node):
        return None
    counts = bool(resolution.valid & ~scopes.void & node.bit)
    if not counts:
        state = replace(state, void=state.void | {op_id})
    if isinstance(args, Rekey):
        listed = state.rekeys if counts else state.former_rekeys
        if not _is_last(history, listed, node):
            return None
        longer = (*listed, rekey_state(node))
        return replace(state, rekeys=longer) if counts else replace(state, former_rekeys=longer)
    if not counts:
        return state
    if isinstance(args, ScopeHistory):
        return replace(state, closed=scopes.closed())
    inside = state.scopes.get(args.scope, frozenset())
    named = args.members if isinstance(args, ScopeAdd) else (node.member, *args.members)
    inside |= {member for member in named if _is_inside(state, scopes, resolution, args, member)}
    if args.scope != history.scope:
        state = replace(state, scopes={**state.scopes, args.scope: inside})
    if isinstance(args, Channel):
        if args.scope != history.scope:
            state = replace(state, founders={**state.founders, args.scope: node.member})
        state = replace(state, channels={**state.channels, args.id: channel_state(node)})
    return state


def _is_inside(
    state: State, scopes: Scopes, resolution: Resolution, args: Channel | ScopeAdd, member: bytes
) -> bool:
    known = state.members.get(member)
    there = known is not None and known.level < LEVEL_RELAY
    return there and scopes.contains(args.scope, member, resolution.within)
