"""The one door to a workspace, wherever its node runs, and where the other doors are.

`Session` is what the command line and the face hold. There are two: `chat.node.Node` itself, in
this process, and `chat.control.RemoteSession`, over the control socket of the process that holds
the profile.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Protocol

from chat.commands import Command
from chat.events import Event
from chat.model import Status


def is_superseded(status: Status, others: Iterable[Status]) -> bool:
    """Whether this device was taken out of a workspace, or left it, and the profile has another
    one in it, so that nobody needs to know of this one."""
    return status.phase == "removed" and any(
        other.workspace == status.workspace and other.phase in ("live", "pending")
        for other in others
    )


class Session(Protocol):
    """Commands in, replies and events out."""

    async def call(self, command: Command) -> Any:
        """Carry out a command; the command's docstring names the type of the reply.

        Raises:
            ChatError: a sentence for the user.
        """
        ...

    def events(self) -> AsyncIterator[Event]:
        """Events from now on, the moment of this call, not of the first look at it.

        A slow reader loses none: equal events about one thing coalesce.
        """
        ...

    async def aclose(self) -> None:
        """Let go of the workspace; a node in this process stops."""
        ...


class Workspaces(Protocol):
    """The workspaces of one profile, each by its session."""

    @property
    def sessions(self) -> Sequence[Session]:
        """Those that are open, the one that was asked for first."""
        ...

    async def look(self) -> None:
        """Open those that are not open yet, and those that were added since.

        Raises:
            ChatError: some cannot be, a sentence for the user, once; the others are open then.
        """
        ...
