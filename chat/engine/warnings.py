"""Sentences about what is not shown, not taken, or will soon not be kept.

They stand in the status for as long as they are true, so that nothing of a member is left out, and
nothing goes, silently.
"""

from collections.abc import Iterable

from chat.workspace import Workspace
from crdt.claims import decode_claim
from crdt.limits import BUDGET_DAY_BYTES
from crdt.retention import Rule
from crdt.roster_ops import DeviceAdd

_MEGABYTES = BUDGET_DAY_BYTES // 2**20
_PAPER = (
    "The paper by which this device came in was taken back, and the keys were renewed without it: "
    "nothing new can be read or written here until a device that has them stays linked for some "
    "seconds. Whoever took the paper back may have meant this device, too."
)


def warnings(
    workspace: Workspace, closed: Iterable[bytes], announced: Iterable[tuple[bytes, Rule]] = ()
) -> list[str]:
    """About forked logs of devices that are in, devices whose budget is used up, channels whose
    messages will be kept for a time only, and this device when its paper was taken back."""
    devices = workspace.roster.state.devices
    forked = {log.device for log in workspace.store.fork_points() if log.device in devices}
    return [
        *(_forked(workspace, device) for device in sorted(forked)),
        *(_closed(workspace, device) for device in closed if device in devices),
        *(_announced(workspace, channel, rule) for channel, rule in announced),
        *([_PAPER] if _lost_its_paper(workspace) else []),
    ]


def _lost_its_paper(workspace: Workspace) -> bool:
    """Whether this device waits for keys that were made without the paper by which it came in."""
    known = workspace.roster.state.devices.get(workspace.device)
    if known is None or workspace.relay or workspace.has_key:
        return False
    added = workspace.roster.op(known.op).args
    if not isinstance(added, DeviceAdd):
        return False
    invite = workspace.roster.state.invites.get(decode_claim(added.claim).claim.invite)
    return invite is not None and invite.lasting and invite.revoked


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


def _announced(workspace: Workspace, channel: bytes, rule: Rule) -> str:
    name, days = workspace.channel_names().get(channel, channel.hex()), rule.days
    return (
        f"From tomorrow on messages of #{name} that are older than {days} "
        f"day{'' if days == 1 else 's'} are forgotten, on everybody's machine: "
        f"{workspace.shown(rule.member)} said so. A founder or an admin can take that back."
    )


def _whose(workspace: Workspace, device: bytes) -> str:
    return workspace.shown(workspace.roster.state.devices[device].member)
