"""Links, and addresses that are tried, as the face reads them."""

from collections.abc import Iterable

from chat import effects, model
from chat.links import LinkHandle
from chat.links.identity import Contact
from chat.node.team import Team
from transport.proto.hints import GUEST_CONTEXT


def peers(team: Team | None, contacts: Iterable[Contact]) -> list[model.Peer]:
    """Who is linked or dialled; guests are no peers."""
    return [
        model.Peer(contact.url, contact.state, reason=contact.reason)
        if contact.handle is None
        else _linked(team, contact.url, contact.state, contact.handle)
        for contact in contacts
        if contact.handle is None or contact.handle.secret.context != GUEST_CONTEXT
    ]


def _linked(team: Team | None, url: str, state: model.LinkState, handle: LinkHandle) -> model.Peer:
    """A link, with who is at its other end, as the roster says."""
    if team is None:
        return model.Peer(url, state)
    if handle.device in team.workspace.roster.state.former_devices:
        return model.Peer(url, "waiting", reason="That device is out of the workspace.")
    workspace, rtt = team.workspace, handle.rtt
    member = workspace.member_of(handle.device)
    return model.Peer(
        url=url,
        state=state,
        member="" if member is None else member.hex(),
        nick="" if member is None else workspace.shown(member),
        device=handle.device.hex(),
        relay=team.engine.is_relay(handle.device),
        rtt_ms=0.0 if rtt is None else rtt * 1000,
        bytes_in=handle.bytes_in,
        bytes_out=handle.bytes_out,
        sync_bytes_in=handle.kind_bytes_in[effects.KIND_SYNC],
        sync_bytes_out=handle.kind_bytes_out[effects.KIND_SYNC],
        behind=team.engine.behind(handle.number),
    )
