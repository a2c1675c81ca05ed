"""How far a message got, person by person: what `reached` counts, and the relays beside it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from chat import model
from crdt.roster_ops import LEVEL_RELAY

if TYPE_CHECKING:
    from chat.store.rows import MessageRow
    from chat.workspace import Workspace


def delivery(workspace: "Workspace", row: "MessageRow", online: Iterable[bytes]) -> model.Delivery:
    """Everybody a message is meant for and whether they are known to hold it; then relays.

    The author is left out, who has it anyway. Those who hold it come first, then by nick.
    """
    here = set(online)
    holding = {row.member}
    for device, seq in workspace.store.receipts(row.log).items():
        member = workspace.member_of(device)
        if member is not None and seq >= row.seq:
            holding.add(member)
    holding.add(workspace.me)
    state = workspace.roster.state
    relays = {m for m, known in state.members.items() if known.level >= LEVEL_RELAY}
    people = set(workspace.readers(row.channel)) - {row.member} - relays

    def holder(member: bytes) -> model.Holder:
        return model.Holder(
            member.hex(),
            workspace.shown(member),
            member in holding,
            online=member in here or member == workspace.me,
            relay=member in relays,
        )

    listed = [holder(member) for member in people | relays]
    listed.sort(key=lambda h: (h.relay, not h.holds, h.nick.casefold(), h.member))
    return model.Delivery(row.mid.hex(), tuple(listed))
