"""What a line or a key of the user comes to: one step, for a face to carry out.

A step is either a command for the session (`Ask`) or something the face does by itself. Both faces
carry out all of them; `tui.input.actions` says which step is meant.
"""

from dataclasses import dataclass
from typing import Literal

from chat import commands
from chat.model import Message
from tui.input.managing import Wanted

Panel = Literal[
    "notes", "pins", "bookmarks", "activity", "invite", "nearby", "relay", "invites", "members",
    "channel", "settings", "devices", "device_code", "network", "help", "pictures", "swarm",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ask:
    """Call the session; `said` is shown when it worked."""

    command: commands.Command
    said: str = ""


@dataclass(frozen=True, slots=True)
class Go:
    """Open a channel."""

    channel: str


@dataclass(frozen=True, slots=True)
class MakeChannel:
    """Make a channel, then open it."""

    command: commands.CreateChannel


@dataclass(frozen=True, slots=True)
class Show:
    """Show a part of the workspace."""

    panel: Panel


@dataclass(frozen=True, slots=True)
class Find:
    """Search."""

    query: str


@dataclass(frozen=True, slots=True)
class Compose:
    """Write an answer to a message, or change it, in the composer."""

    kind: Literal["reply", "edit"]
    message: Message


@dataclass(frozen=True, slots=True)
class OpenThread:
    """Show a message and its replies."""

    message: Message


@dataclass(frozen=True, slots=True)
class Unfold:
    """Show what a folded message says."""

    message: Message


@dataclass(frozen=True, slots=True)
class ShowDelivery:
    """Show who has a message."""

    message: Message


@dataclass(frozen=True, slots=True)
class Confirm:
    """Ask before doing what others will see; `said` is shown when it worked."""

    question: str
    command: commands.Command
    said: str = ""


@dataclass(frozen=True, slots=True)
class Manage:
    """Change who is in, once it is known who and what is meant."""

    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Save:
    """Write a message's file; `path` "" means the downloads folder."""

    message: Message
    path: str


@dataclass(frozen=True, slots=True)
class Move:
    """Go to another workspace; "" asks to which."""

    workspace: str


@dataclass(frozen=True, slots=True)
class Lock:
    """Show nothing until the passphrase is given."""


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back what waits to be sent, else this message, if it has not left this machine."""

    message: Message | None


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""


Step = (
    Ask
    | Go
    | MakeChannel
    | Show
    | Find
    | Compose
    | OpenThread
    | Unfold
    | ShowDelivery
    | Confirm
    | Manage
    | Save
    | Move
    | Lock
    | Undo
    | Quit
)
