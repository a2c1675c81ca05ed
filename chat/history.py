"""History for newcomers: whether a channel's is closed, and what of it is closed to this member.

Who may be handed which key is decided in `crdt.epoch_history`. Here is what follows for people.
Entries from before somebody came to a channel whose history was closed are here and stay sealed:
they wait for no key, nothing is damaged, and the face says so above the first message.

The key that a newcomer's coming calls for leads to nothing from before, so neither do name and
topic of the channel: whoever makes such a key says them again. Of how long messages are kept only
the own word can be: others' are theirs. Rules: docs/protocol/epochs.md.
"""

from collections.abc import Iterator

from chat.model import GAPS_MAX
from chat.retention import channel_rule
from chat.workspace import NAME_REGISTER, NAME_SETTING, Workspace
from crdt import ops
from crdt.registers import KEEP_SETTING
from crdt.roster_ops import Op, Rekey


def is_closed(workspace: Workspace, channel: bytes) -> bool:
    """Whether who comes into a channel now reads nothing from before."""
    return workspace.scope_of(channel) in workspace.roster.state.closed


def gaps(workspace: Workspace, channel: bytes) -> tuple[str, ...]:
    """Where something is here that was said while this member was not in, and is closed to it.

    Each is the place behind all that was sealed with one key, as `Message.order` counts, in order
    and the newest `model.GAPS_MAX`. Who came once has them before everything they read; who was
    out for a while has some between two messages, too.
    """
    store = workspace.store
    closed = workspace.epochs.closed_here(workspace.scope_of(channel))
    ends = {store.newest_waiting(epoch) for epoch in closed if store.count_waiting(epoch)}
    return tuple(f"{end:016x}{'f' * 32}" for end in sorted(ends)[-GAPS_MAX:])


def count_earlier(workspace: Workspace) -> int:
    """How many entries are here that are closed to this member."""
    store, epochs = workspace.store, workspace.epochs
    return sum(
        store.count_waiting(epoch)
        for scope in workspace.roster.state.scopes
        for epoch in epochs.closed_here(scope)
    )


def said_again(workspace: Workspace, op: Op) -> Iterator[tuple[bytes, list[ops.AnyOp]]]:
    """What to write in which channel behind an own op, if it is a key that leads to nothing from
    before: what newcomers could not know else."""
    if not isinstance(op.args, Rekey) or not workspace.epochs.begins_anew(op.id):
        return
    for known in workspace.roster.state.channels.values():
        if known.scope == op.args.scope and (said := _standing(workspace, known.id)):
            yield known.id, said


def _standing(workspace: Workspace, channel: bytes) -> list[ops.AnyOp]:
    """What holds of a channel now, as operations of its state."""
    said: list[ops.AnyOp] = []
    if name := workspace.store.register(channel, NAME_REGISTER):
        said.append(ops.Setting(NAME_SETTING, name))
    if topic := workspace.store.register(channel, "topic"):
        said.append(ops.Topic(topic))
    rule = channel_rule(workspace, channel)
    if rule.days and rule.member == workspace.me:
        said.append(ops.Setting(KEEP_SETTING, str(rule.days)))
    return said
