"""A picture shown by the viewer of the system.

The viewer gets a copy under a name of ours: what its maker called it could be anything, and a
viewer may decide by the name what to do with a file. Only kinds that are known pictures by their
bytes are given away, so nothing can be run. The copies are gone when this process ends.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from chat.pictures.formats import SNIFF_BYTES, media_type
from tui.errors import InputError

_SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/heic": ".heic",
}
"""What may be given away, by its bytes, and what it is called then."""
_CHUNK_BYTES = 1 << 20


def viewer(platform: str, environment: Mapping[str, str]) -> str:
    """The path of the command that opens a file.

    Raises:
        InputError: there is none, or no screen that it could show something on.
    """
    name = "open" if platform == "darwin" else "xdg-open"
    if platform != "darwin" and not (
        environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    ):
        # Without one it would take this terminal for a browser of text.
        raise InputError("There is no desktop to show it on; s saves the picture.")
    found = shutil.which(name, path=environment.get("PATH"))
    if found is None:
        raise InputError(f"There is no {name} on this machine; s saves the picture.")
    return found


def copied(source: Path, folder: Path) -> Path:
    """A copy of a picture in `folder`, readable for this user alone.

    Raises:
        InputError: it is no picture of a known kind, or cannot be copied.
    """
    try:
        with source.open("rb") as file:
            suffix = _SUFFIXES.get(media_type(file.read(SNIFF_BYTES)))
            if suffix is None:
                raise InputError("This is no picture of a kind that is known here.")
            file.seek(0)
            handle, name = tempfile.mkstemp(suffix, "picture-", folder)
            with os.fdopen(handle, "wb") as copy:
                shutil.copyfileobj(file, copy, _CHUNK_BYTES)
    except OSError as error:
        raise InputError(f"The picture cannot be copied: {error.strerror or error}.") from None
    return Path(name)


def show(source: Path) -> None:
    """Open a picture in the system's viewer. Blocks while it is copied.

    Raises:
        InputError: there is no viewer, or it is no picture.
    """
    command = viewer(sys.platform, os.environ)
    path = copied(source, _folder())
    try:
        # Its own session and no terminal: it can neither draw here nor be ended by Ctrl+C here.
        subprocess.Popen(
            [command, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise InputError(f"The viewer did not start: {error.strerror or error}.") from None


@lru_cache(maxsize=1)
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="clowder-shown-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
