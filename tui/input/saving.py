"""Where a file from a peer is written. The one place that turns a peer's file name into a path.

A name is a wish: only its last part counts, without leading dots, control characters and what
file systems refuse; an existing file is never written over.
"""

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

NAME_BYTES = 120
"""Leaves room for ` (2)` below the 255 bytes that file systems take."""
_BAD = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f]')
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_COPIES = 1000


def safe_name(name: str) -> str:
    """A plain file name from what a peer called its file."""
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cf", "Cs", "Cc"))
    name = _BAD.sub("_", name).strip(" .")
    if not name or _RESERVED.match(name):
        name = f"file-{name}" if name else "file"
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix) > 16:
        stem, suffix = name, ""
    while len(stem.encode()) > NAME_BYTES:
        stem = stem[:-1]
    return f"{stem}.{suffix}" if suffix else stem


def target(folder: Path, name: str, exists: Callable[[Path], bool]) -> Path:
    """A path in `folder` that does not exist yet: `cat.png`, `cat (2).png`..."""
    name = safe_name(name)
    path = folder / name
    for number in range(2, _COPIES):
        if not exists(path):
            return path
        path = folder / f"{Path(name).stem} ({number}){Path(name).suffix}"
    return path


def downloads(home: Path, is_folder: Callable[[Path], bool]) -> Path:
    """The folder for downloads: ~/Downloads where it exists, else the home folder."""
    folder = home / "Downloads"
    return folder if is_folder(folder) else home


def goal(path: str, name: str) -> Path:
    """Where to write: the given path, or a free name in the folder given, else in downloads."""
    given = Path(path).expanduser().absolute() if path else None
    if given is not None and not given.is_dir():
        return given
    return target(given or downloads(Path.home(), Path.is_dir), name, Path.exists)
