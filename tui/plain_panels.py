"""What the line mode prints in place of a dialog: who is in, invites, devices, links, files.

Messages that are listed get numbers, so the desk (`tui.plain_desk`) prints those.
"""

from chat import commands
from chat.model import Channel, Device, InviteState, InviteView, Notes, Swarm
from chat.session import Session
from tui import plain_lines
from tui.errors import InputError
from tui.input.steps import Panel
from tui.text.moments import Calendar
from tui.world import World

_DEVICES = "/devices add lets one more in; /devices name ID NAME and /devices remove ID change one."


async def lines(
    panel: Panel, session: Session, world: World, channel: Channel | None, calendar: Calendar
) -> list[str]:
    """A part of a workspace in lines; `channel` is the open one.

    Raises:
        InputError: it is about a channel, and none is open. ChatError: it cannot be read.
    """
    match panel:
        case "notes":
            if channel is None:
                raise InputError("No channel is open. /new NAME makes one.")
            notes: Notes = await session.call(commands.GetNotes(channel.name))
            return plain_lines.notes(notes)
        case "members":
            return plain_lines.members(list(world.members.values()))
        case "channel":
            return plain_lines.channels([] if channel is None else [channel])
        case "settings":
            return ["Settings stand in config.toml; clowder --help tells where."]
        case "invites":
            states: list[InviteState] = await session.call(commands.ListInvites())
            return [", ".join(plain_lines.invite_state(state, calendar)) for state in states]
        case "devices":
            devices: list[Device] = await session.call(commands.ListDevices())
            return [*map(plain_lines.device, devices), _DEVICES]
        case "device_code":
            code: InviteView = await session.call(commands.AddDevice())
            return plain_lines.device_code(code, calendar)
        case "network":
            return plain_lines.status(world.status)
        case "help":
            return plain_lines.help_lines()
        case "swarm":
            swarms: list[Swarm] = await session.call(commands.ListSwarms())
            return [line for swarm in swarms for line in plain_lines.swarm(swarm)]
        case "invite" | "relay":
            made: InviteView = await session.call(commands.MakeInvite(relay=panel == "relay"))
            return plain_lines.invite(made, calendar)
        case _:
            raise AssertionError(panel)
