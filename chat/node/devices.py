"""What a workspace answers about the devices of members: which there are, one more, one less."""

from collections.abc import Awaitable, Callable
from typing import Any

from chat import commands, model
from chat.engine.devices import OwnDevices
from chat.engine.members import Ops
from chat.engine.people import Invited
from chat.errors import NotFound, UsageError
from chat.node.team import Team, now
from chat.workspace import Workspace
from crdt.errors import Invalid, NotReadable
from crdt.limits import NICK_MAX_CHARS
from crdt.roster_invites import InviteState
from crdt.roster_ops import DeviceAdd
from crdt.text import clean_line

DEVICE_DIGITS_MIN = 4
"""A shorter beginning of an id is more likely a slip than somebody's device."""
CODE_MAX_MS = 24 * 3600 * 1000
"""A code is for the machine beside this one; what is needed later is a paper."""


class Devices:
    """Answers commands about devices.

    `find` gives the member of a name; `publish` publishes ops, and waits until they are durable.
    """

    def __init__(
        self,
        team: Team,
        find: Callable[[str], bytes],
        publish: Callable[[Ops], Awaitable[None]],
    ) -> None:
        self._team = team
        self._find = find
        self._publish = publish
        self.by_command: dict[type[commands.Command], Callable[[Any], Awaitable[Any]]] = {
            commands.ListDevices: self._list,
            commands.AddDevice: self._add,
            commands.MakePaper: self._paper,
            commands.RemoveDevice: self._remove,
        }

    async def _list(self, command: commands.ListDevices) -> list[model.Device]:
        workspace, state = self._workspace, self._workspace.roster.state
        member = self._find(command.member) if command.member else workspace.me
        known = state.members.get(member)
        if known is None:
            raise NotFound("You are not in the workspace any more.")
        papers = self._papers() if member == workspace.me else []
        return [self.view(each) for each in (*known.devices, *(paper.key for paper in papers))]

    async def _add(self, command: commands.AddDevice) -> model.InviteView:
        if not 0 < command.expires_ms <= CODE_MAX_MS:
            raise UsageError("A code is open for at least a moment, and at most a day.")
        return await self._offer(command.expires_ms)

    async def _paper(self, _: commands.MakePaper) -> model.InviteView:
        return await self._offer(None)

    async def _offer(self, expires_ms: int | None) -> model.InviteView:
        team = self._team
        made: Invited = self._own.code(expires_ms=expires_ms, hints=team.address_hints(), now=now())
        team.run(lambda at: team.engine.publish(made.news, at))
        await team.turns.durable()
        return made.view

    async def _remove(self, command: commands.RemoveDevice) -> model.Device:
        device = self.find(command.device)
        view = self.view(device)
        paper = next((paper for paper in self._papers() if paper.key == device), None)
        if paper is not None:
            await self._publish(self._own.retire(paper, now()))
        else:
            member = self._workspace.roster.state.devices[device].member
            await self._publish(self._own.remove(member, device, now()))
        return view

    def find(self, named: str) -> bytes:
        """The one device, or own paper, whose id begins so.

        Raises:
            NotFound: none, or several; or that is too little to find one by.
        """
        digits = named.lower().strip()
        if len(digits) < DEVICE_DIGITS_MIN:
            raise NotFound(
                f"“{named}” is too short to find a device by; give at least "
                f"{DEVICE_DIGITS_MIN} digits of its id."
            )
        # A paper to which keys are sealed stands among the devices as well.
        papers = (paper.key for paper in self._papers())
        known = {*self._workspace.roster.state.devices, *papers}
        found = [device for device in known if device.hex().startswith(digits)]
        if len(found) > 1:
            raise NotFound(f"Several devices begin with {digits}; give more digits.")
        if not found:
            raise NotFound(f"There is no device {named} here; `clowder device list` shows them.")
        return found[0]

    # Inside -------------------------------------------------------------------------------------

    @property
    def _workspace(self) -> Workspace:
        return self._team.workspace

    @property
    def _own(self) -> OwnDevices:
        """The team may build its engine anew, so it is asked each time."""
        engine = self._team.engine
        return OwnDevices(self._workspace, engine.people, engine.members)

    def _papers(self) -> list[InviteState]:
        """This member's papers, of those that were not taken back."""
        me, invites = self._workspace.me, self._workspace.roster.state.invites.values()
        papers = (invite for invite in invites if invite.lasting and not invite.revoked)
        return sorted((p for p in papers if p.member == me), key=lambda paper: paper.key)

    def view(self, device: bytes) -> model.Device:
        """A device that is in, or an own paper."""
        workspace, called = self._workspace, self._team.device_names.get(device, "")
        known = workspace.roster.state.devices.get(device)
        if known is None:
            return model.Device(device=device.hex(), paper=True, name=called)
        return model.Device(
            device=device.hex(),
            linked=device in self._team.engine.linked_devices(),
            this=device == workspace.device,
            paper=not known.link,
            name=called or _name(workspace, known.op),
        )


def _name(workspace: Workspace, op: bytes) -> str:
    """How a device is called that came in by a code; "" for others, or while the key is away."""
    if not isinstance(workspace.roster.op(op).args, DeviceAdd):
        return ""
    try:
        values = workspace.epochs.open_private(op)
    except (NotReadable, Invalid):
        return ""
    name = values[0] if values else ""
    return clean_line(name, NICK_MAX_CHARS) if isinstance(name, str) else ""
