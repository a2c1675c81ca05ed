"""Commands about an invite for somebody in the same room; `chat.commands` has them with the others.

One is under way at a time; what becomes of it is told by `events.NearbyChanged`. It ends with the
connection that began it. Nothing here says yes before the digits are on both screens.
"""

from typing import Any

from chat import model
from chat.command import Command


class OfferNearby(Command, frozen=True, tag="nearby_offer"):
    """Show a label for two minutes, for one person to pick; hanging up ends it.
    Reply: model.Nearby."""

    note: str = ""


class LookNearby(Command, frozen=True, tag="nearby_look"):
    """Look for labels for two minutes, to come in by one; hanging up ends it.
    Reply: model.Nearby."""


class PickNearby(Command, frozen=True, tag="nearby_pick"):
    """Meet whoever shows this label, also when it is not seen yet. Reply: model.Nearby."""

    label: str


class CompareNearby(Command, frozen=True, tag="nearby_compare"):
    """The person here has compared the digits on both screens. Reply: model.Nearby."""

    same: bool


class EndNearby(Command, frozen=True, tag="nearby_end"):
    """Give it up. Reply: model.Nearby."""


REPLIES: dict[type[Command], Any] = {
    OfferNearby: model.Nearby,
    LookNearby: model.Nearby,
    PickNearby: model.Nearby,
    CompareNearby: model.Nearby,
    EndNearby: model.Nearby,
}
"""The type each command answers with."""
