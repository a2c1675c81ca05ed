"""A state that grows by one op, in place of being made anew.

Most ops of a living workspace hand on a key, offer an invite or take one back. They say where
nobody stands and change no scope, so what they add to the values is known by looking at them alone.
For all others, and wherever something unusual is about, `grown` gives None, and `assemble` makes
the state from the beginning, which takes as long as the history is.
"""

from dataclasses import replace

from crdt.roster_history import History, Node
from crdt.roster_invites import invite_state
from crdt.roster_ops import Invite, Revoke, Share
from crdt.roster_resolution import Resolution
from crdt.roster_state import ShareState, State


def grown(state: State, history: History, resolution: Resolution, node: Node) -> State | None:
    """The state with one more op, which was appended to the judgement and decided over no other."""
    args, op_id = node.op.args, node.op.id
    if not isinstance(args, Share | Invite | Revoke) or not node.plausible:
        return None
    if node.place in history.doubled or (isinstance(args, Revoke) and args.invite in history.codes):
        return None
    if resolution.paused & node.bit:
        return replace(state, paused=state.paused | {op_id})
    if not resolution.valid & node.bit:
        return replace(state, void=state.void | {op_id})
    if isinstance(args, Share):
        if state.shares and history.by_id[state.shares[-1].id].order > node.order:
            return None  # Shares stand in the order of the history, and this one is not the last.
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
