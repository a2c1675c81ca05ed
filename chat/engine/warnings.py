"""Sentences about devices whose entries are not shown, or not taken, as they came.

They stand in the status for as long as they are true, so that nothing of a member is left out
silently.
"""

from collections.abc import Iterable

from chat.workspace import Workspace
from crdt.limits import BUDGET_DAY_BYTES

_MEGABYTES = BUDGET_DAY_BYTES // 2**20


def warnings(workspace: Workspace, closed: Iterable[bytes]) -> list[str]:
    """About forked logs of devices that are in, and about devices whose budget is used up."""
    devices = workspace.roster.state.devices
    forked = {log.device for log in workspace.store.fork_points() if log.device in devices}
    return [
        *(_forked(workspace, device) for device in sorted(forked)),
        *(_closed(workspace, device) for device in closed if device in devices),
    ]


def _forked(workspace: Workspace, device: bytes) -> str:
    if device == workspace.device:
        return (
            "Somebody uses a copy of this device's key: it wrote two different histories. Remove "
            "this device (`clowder device remove`), and join with another."
        )
    nick = _whose(workspace, device)
    return (
        f"A device of {nick} wrote two different histories. What it wrote from there on does not "
        "count; `clowder history --void` shows it. Ask them: somebody may have a copy of its key."
    )


def _closed(workspace: Workspace, device: bytes) -> str:
    nick = _whose(workspace, device)
    return (
        f"A device of {nick} wrote more than {_MEGABYTES} MB today. The rest is fetched tomorrow; "
        "everybody else's messages go on."
    )


def _whose(workspace: Workspace, device: bytes) -> str:
    return workspace.nick(workspace.roster.state.devices[device].member)
