"""Writing a message in the user's own editor."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from tui.errors import InputError


def write(text: str) -> str:
    """Open `text` in $VISUAL or $EDITOR, else vi; gives what was written.

    Blocks until the editor ends, and needs the terminal for itself.

    Raises:
        InputError: the editor cannot be started or left no text behind.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="clowder-") as folder:
        path = Path(folder) / "message.md"
        path.write_text(text, "utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(path)], check=False)
            return path.read_text("utf-8", errors="replace").rstrip("\n")
        except (OSError, ValueError) as error:
            raise InputError(f"Your editor, {editor}, does not work: {error}") from None
