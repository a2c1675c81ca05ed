"""Writing a signed export while the node goes on: some pieces, then whoever waits, then more."""

import asyncio
import os
import time
from pathlib import Path

from chat import commands, model
from chat.errors import UsageError
from chat.node.team import Team, now
from chat.profile_files import PRIVATE_FILE, refusal, sync_folder

BUSY_SECONDS = 0.01
"""After that much work at one time the node looks at its links and commands again."""


async def export_signed(team: Team, command: commands.ExportSigned) -> model.Copied:
    """Write the file.

    Raises:
        UsageError: it is no absolute path, or something is there. NotFound: no such channel.
        StoreError: the disk refuses.
    """
    from chat.proofs.writing import export

    path = Path(command.path)
    if not path.is_absolute():
        raise UsageError(f"“{command.path}” is no absolute path.")
    workspace = team.workspace
    chosen = [workspace.find_channel(command.channel)] if command.channel else None
    channels = chosen or sorted(workspace.channel_names())
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with os.fdopen(opened, "wb") as stream:
            begun = time.monotonic()
            for piece in export(workspace, channels, now().wall, keys=command.keys):
                stream.write(piece)
                if time.monotonic() - begun > BUSY_SECONDS:
                    await asyncio.sleep(0)
                    begun = time.monotonic()
            stream.flush()
            os.fsync(stream.fileno())
            size = stream.tell()
        sync_folder(path.parent)
    except FileExistsError:
        raise UsageError(f"{path} is there already; an export replaces nothing.") from None
    except OSError as error:
        raise refusal(error, path) from None
    return model.Copied(command.path, size)
