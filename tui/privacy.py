"""Who reads a channel, as one of five kinds. Pure."""

from typing import Literal

from chat.model import Channel

Kind = Literal["workspace", "private", "hidden", "public", "direct"]
KINDS: tuple[Kind, ...] = ("workspace", "private", "hidden", "public", "direct")
"""In the order of the list."""


def kind(channel: Channel) -> Kind:
    """What a channel is."""
    if channel.mode != "private":
        return channel.mode
    if channel.direct:
        return "direct"
    return "private" if channel.limited else "workspace"


def readers(channel: Channel) -> str:
    """Who reads it, in a few words."""
    match kind(channel):
        case "public":
            return "anyone reads"
        case "hidden":
            return "who has the link reads"
        case "private":
            return f"{channel.readers} member{'' if channel.readers == 1 else 's'}"
        case "direct":
            return "the two of you"
        case "workspace":
            return "everybody in the workspace"
