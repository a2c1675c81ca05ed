"""Commands about the devices of a member; `chat.commands` has them with the others.

A device is given by the beginning of its id, at least 4 digits.
"""

from typing import Any

from chat import model
from chat.command import Command


class ListDevices(Command, frozen=True, tag="devices"):
    """The devices of a member ("" is me), and my papers. Reply: list[model.Device]."""

    member: str = ""


class AddDevice(Command, frozen=True, tag="device_add"):
    """A code by which one more device of mine comes in, once. Reply: model.InviteView."""

    expires_ms: int = 10 * 60 * 1000


class MakePaper(Command, frozen=True, tag="paper"):
    """Words by which a device of mine comes in when all others are lost; nothing keeps them.

    Reply: model.InviteView, whose `expires` is 0: never.
    """


class NameDevice(Command, frozen=True, tag="device_name"):
    """Call a device, or a paper of mine, something on this device; "" as it was when it came in.

    Reply: model.Device.
    """

    device: str
    name: str = ""


class RemoveDevice(Command, frozen=True, tag="device_remove"):
    """Take a device from its member, or take back a paper of mine. Reply: model.Device.

    What the device wrote so far, as it is here, stays; the keys it had are renewed.
    """

    device: str


REPLIES: dict[type[Command], Any] = {
    ListDevices: list[model.Device],
    AddDevice: model.InviteView,
    MakePaper: model.InviteView,
    RemoveDevice: model.Device,
    NameDevice: model.Device,
}
"""The type each command answers with."""
