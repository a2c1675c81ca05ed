"""Task lists of Markdown, a line at a time. Pure.

What the key does to a line: the box of a task is ticked or emptied, an item of a list gets an
empty box, and any other line becomes a task.
"""

import re
from typing import NamedTuple

_TASK = re.compile(r"(\s*(?:[-*+]|\d{1,9}[.)])[ \t]+\[)([ xX])\](?=\s|$)")
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])[ \t]+")


class Change(NamedTuple):
    """Columns [start, end) of a line become `text`."""

    start: int
    end: int
    text: str


def toggled(line: str) -> Change:
    """The change that the key makes of a line."""
    task = _TASK.match(line)
    if task is not None:
        at = task.end(1)
        return Change(at, at + 1, "x" if task[2] == " " else " ")
    item = _ITEM.match(line)
    if item is not None:
        return Change(item.end(), item.end(), "[ ] ")
    indent = len(line) - len(line.lstrip())
    return Change(indent, indent, "- [ ] ")
