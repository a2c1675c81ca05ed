"""Commands about files that messages carry: fetching, keeping, and who holds what."""

from typing import Any

from chat import model
from chat.command import Command

FILE_LINK = "clowder:file/"
"""What stands before a file's id in a link to it, for those who have its message."""


class Get(Command, frozen=True, tag="get"):
    """Fetch a file and write it. Reply: model.Transfer when done.

    `file` is its id, its link, or the id of the message that carries it.
    `path` "" only fetches the blocks. `timeout` in seconds without any progress.
    """

    file: str
    path: str = ""
    timeout: float = 60.0


class StreamFile(Command, frozen=True, tag="stream"):
    """Fetch a file and write it in order, while it comes, to a named pipe that somebody reads.

    Reply: model.Transfer when all of it is written. `timeout` in seconds without any progress.
    """

    file: str
    pipe: str
    timeout: float = 60.0


class ListTransfers(Command, frozen=True, tag="transfers"):
    """Reply: list[model.Transfer], those not done first."""


class ListSwarms(Command, frozen=True, tag="swarms"):
    """Who gives what of which file to whom. Reply: list[model.Swarm], what moved last first."""


class ListFiles(Command, frozen=True, tag="files"):
    """The newest files that messages carry, newest first, each once. Reply: list[SharedFile].

    `channel` "" means all channels. Linked peers are asked what they hold.
    """

    channel: str = ""
    limit: int = 50


class KeepFile(Command, frozen=True, tag="keep"):
    """Keep a file on this machine whatever happens, or no longer. Reply: model.SharedFile.

    What is not here yet is fetched as soon as somebody who has it is linked.
    """

    file: str
    on: bool = True


class WantCopies(Command, frozen=True, tag="copies"):
    """How many machines shall hold each file of the workspace; 0 only asks. Reply: int."""

    count: int = 0


REPLIES: dict[type[Command], Any] = {
    Get: model.Transfer,
    StreamFile: model.Transfer,
    ListTransfers: list[model.Transfer],
    ListSwarms: list[model.Swarm],
    ListFiles: list[model.SharedFile],
    KeepFile: model.SharedFile,
    WantCopies: int,
}
"""The type each of them answers with."""
