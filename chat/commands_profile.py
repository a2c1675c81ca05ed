"""Commands about the profile itself: locking what is shown, and copying what is stored."""

from typing import Any

from chat import model
from chat.command import Command


class Lock(Command, frozen=True, tag="lock"):
    """Show and do nothing more until the passphrase is given. Reply: model.Status.

    Meanwhile the node goes on with its peers, events wait, and every command is refused with
    `locked` but `status`, `unlock`, `lock`, `copy` and `shutdown`.
    """


class Unlock(Command, frozen=True, tag="unlock"):
    """Show and do everything again. Reply: model.Status."""

    passphrase: str

    def __repr__(self) -> str:
        return "Unlock(passphrase=...)"


class CopyStore(Command, frozen=True, tag="copy"):
    """Write a consistent copy of the database to a new file (absolute path), sealed as it is.

    Reply: model.Copied.
    """

    path: str


REPLIES: dict[type[Command], Any] = {
    Lock: model.Status,
    Unlock: model.Status,
    CopyStore: model.Copied,
}
"""The type each command answers with."""
