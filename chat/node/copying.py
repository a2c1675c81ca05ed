"""Copying the database while the node goes on: some pages, then whoever waits, then more pages."""

import asyncio
import os
from contextlib import closing
from pathlib import Path

from chat import model
from chat.errors import UsageError
from chat.node.parts import Parts
from chat.profile_files import PRIVATE_FILE, refusal, sync_folder

PAGES_AT_ONCE = 256
"""A megabyte: a few milliseconds, after which the node looks at its links and commands again."""
BUSY_SECONDS = 0.005
"""A transaction that is open now is committed about then."""


async def copy_store(parts: Parts, target: str) -> model.Copied:
    """Write a consistent copy of the database to a new file.

    Raises:
        UsageError: it is no absolute path, or something is there. StoreError: the disk refuses.
    """
    path = Path(target)
    if not path.is_absolute():
        raise UsageError(f"“{target}” is no absolute path.")
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        with closing(parts.opened.store.copy_to(path)) as copying:
            if parts.team is not None:
                parts.team.turns.flush()
            while copying.step(PAGES_AT_ONCE):
                busy = parts.opened.store.in_transaction
                await asyncio.sleep(BUSY_SECONDS if busy else 0)
        sync_folder(path.parent)
        return model.Copied(target, os.stat(path).st_size)  # noqa: PTH116
    except FileExistsError:
        raise UsageError(f"{path} is there already; a copy replaces nothing.") from None
    except OSError as error:
        raise refusal(error, path) from None
