"""What was pasted or dropped: paths of files, a long text, or just text.

Terminals send a dropped file as its path, quoted or with backslashes or as a file:// address,
several of them separated by spaces.
"""

import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tui.limits import PASTE_BYTES, PASTE_LINES


def dropped_paths(text: str, is_file: Callable[[Path], bool]) -> list[Path]:
    """The files that `text` names, when it names nothing else; else no file."""
    text = text.strip()
    if not text or "\x00" in text:
        return []
    whole = _path(text)
    if whole is not None and is_file(whole):
        return [whole]
    try:
        words = shlex.split(text)
    except ValueError:
        return []
    found = [path for path in map(_path, words) if path is not None and is_file(path)]
    return found if found and len(found) == len(words) else []


def _path(word: str) -> Path | None:
    """An absolute path, from a path or a file:// address."""
    if word.startswith("file://"):
        try:
            parts = urlsplit(word)
        except ValueError:
            return None
        if parts.netloc not in ("", "localhost"):
            return None
        word = unquote(parts.path)
    if word.startswith("~"):
        word = str(Path(word).expanduser()) if word.startswith("~/") else word
    path = Path(word)
    return path if path.is_absolute() else None


def is_long(text: str) -> bool:
    """Whether a paste is better sent as a file; the user decides."""
    return text.count("\n") >= PASTE_LINES or len(text.encode("utf-8", "replace")) > PASTE_BYTES


def normal_lines(text: str) -> str:
    """Line ends as the composer has them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
