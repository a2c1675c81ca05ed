"""The state of a profile as values, for `clowder status`, `clowder doctor` and the face."""

from typing import TYPE_CHECKING, Literal

from chat import model
from chat.config import Network
from chat.history import count_earlier
from chat.node.team import Team

if TYPE_CHECKING:
    from chat.node.meeting import Meeting

Phase = Literal["none", "pending", "live", "relay", "removed"]


def phase(team: Team | None, joining: bool) -> Phase:
    """How far this profile is with its workspace."""
    if team is None:
        return "pending" if joining else "none"
    workspace = team.workspace
    if workspace.level is None:
        return "removed" if workspace.was_member else "pending"
    return "relay" if workspace.relay else "live"


def status(
    team: Team | None,
    meeting: "Meeting | None",
    blocks: tuple[int, int],
    joining: str | None,
    warnings: tuple[str, ...],
) -> model.Status:
    """The state now.

    Args:
        blocks: how many, and their bytes.
        joining: the nick of a join that is under way, None when none is.
        warnings: sentences.
    """
    links = () if meeting is None else tuple(meeting.peers())
    listening = () if meeting is None else tuple(meeting.links.urls)
    if team is None:
        return model.Status(
            phase(None, joining is not None),
            nick=joining or "",
            links=links,
            listening=listening,
            warnings=warnings,
        )
    workspace, store = team.workspace, team.workspace.store
    epoch = None if workspace.relay else workspace.epochs.current(workspace.scope)
    level = workspace.level
    return model.Status(
        phase=phase(team, joining is not None),
        workspace=workspace.id.hex(),
        name="" if workspace.relay else workspace.name(),
        member=workspace.me.hex(),
        nick=workspace.nick(workspace.me) if level is not None else joining or "",
        device=workspace.device.hex(),
        level=0 if level is None else level,
        behind=team.engine.behind(),
        links=links,
        listening=listening,
        entries=store.count_entries(),
        messages=store.count_messages(),
        blocks=blocks[0],
        block_bytes=blocks[1],
        epoch="" if epoch is None else epoch.hex(),
        waiting=store.count_waiting() - count_earlier(workspace),
        warnings=warnings,
    )


def surroundings(settings: Network, meeting: "Meeting | None") -> model.Surroundings:
    """The network as the links see it now; without them, what they would do."""
    peers: tuple[model.Peer, ...] = ()
    sightings: tuple[model.Sighting, ...] = ()
    if meeting is not None:
        peers = tuple(meeting.peers())
        sightings = tuple(model.Sighting(*heard) for heard in meeting.links.heard())
    return model.Surroundings(settings.interface, settings.mdns, settings.dial, peers, sightings)
