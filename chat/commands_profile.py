"""Commands about the profile itself: locking what is shown, copying or exporting what is kept."""

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


class ExportSigned(Command, frozen=True, tag="export_signed"):
    """Write the roster and a channel's entries ("" all channels) to a new file (absolute path), so
    that others can verify them. With `keys` whoever has the file reads what is in it.

    Reply: model.Copied.
    """

    path: str
    channel: str = ""
    keys: bool = False


REPLIES: dict[type[Command], Any] = {
    Lock: model.Status,
    Unlock: model.Status,
    CopyStore: model.Copied,
    ExportSigned: model.Copied,
}
"""The type each command answers with."""
