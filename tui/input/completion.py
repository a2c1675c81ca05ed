"""What Tab offers: commands, channels, nicks, emoji, paths.

`complete` looks at the text before the cursor only. Paths need a look at the disk, so it answers
with `PathWanted` and the caller lists the folder in its own time and calls `paths`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tui.attention import ALERTS
from tui.input import slash
from tui.input.emoji import EMOJI
from tui.limits import COMPLETIONS_SHOWN

_EMOJI_LETTERS_MIN = 2
_COMMAND = re.compile(r"/([\w?]*)$")
_ARGUMENT = re.compile(r"/([\w?]+) (.*)$", re.DOTALL)
_MARKED = re.compile(r"(?:^|(?<=[\s(]))([@#:])([\w+-]*)$")
_SHORT_FIRST = sorted(EMOJI, key=len)
_WORD = re.compile(r"(?:^|(?<=\s))([^\s/@#:]+)$")


class Candidate(NamedTuple):
    """One row of the popup; `insert` replaces the text from `Offer.start`."""

    insert: str
    label: str
    hint: str = ""


class Offer(NamedTuple):
    """Candidates for the text from `start` to the cursor, best first."""

    start: int
    candidates: tuple[Candidate, ...]


class PathWanted(NamedTuple):
    """A path is being typed from `start` on."""

    start: int
    typed: str


class Known(NamedTuple):
    """What can be named: nicks (recent speakers first) and channels."""

    nicks: Sequence[str] = ()
    channels: Sequence[str] = ()


def complete(before: str, known: Known, *, asked: bool = False) -> Offer | PathWanted | None:
    """Candidates for the end of `before`; `asked` is True when the user pressed Tab."""
    command = _COMMAND.match(before)
    if command is not None:
        return _offer(0, _commands(command[1].lower()))
    argument = _ARGUMENT.match(before)
    if argument is not None:
        made = _argument(argument[1].lower(), argument[2], argument.start(2), known)
        if made is not None:
            return made
    marked = _MARKED.search(before)
    if marked is not None:
        sign, typed = marked.groups()
        if sign == ":" and len(typed) < _EMOJI_LETTERS_MIN and not asked:
            return None
        return _offer(marked.start(), _marked(sign, typed, known))
    word = _WORD.search(before) if asked else None
    if word is not None:
        return _offer(word.start(1), _marked("@", word[1], known))
    return None


def _offer(start: int, candidates: Iterable[Candidate]) -> Offer | None:
    found = tuple(candidates)[:COMPLETIONS_SHOWN]
    return Offer(start, found) if found else None


def _commands(typed: str) -> list[Candidate]:
    return [
        Candidate(f"/{command.name} ", f"/{command.name} {command.usage}".strip(), command.text)
        for command in slash.COMMANDS
        if any(name.startswith(typed) for name in (command.name, *command.aliases))
    ]


def _argument(name: str, typed: str, start: int, known: Known) -> Offer | PathWanted | None:
    command = slash.BY_NAME.get(name)
    if command is None:
        return None
    if command.argument == "channel":
        ranked = rank(typed.removeprefix("#"), known.channels)
        return _offer(start, [Candidate(channel, f"# {channel}") for channel in ranked])
    if command.argument == "alerts":
        if " " in typed:
            start, typed = start + typed.rindex(" ") + 1, typed.rpartition(" ")[2]
            ranked = rank(typed.removeprefix("#"), known.channels)
            return _offer(start, [Candidate(channel, f"# {channel}") for channel in ranked])
        return _offer(start, [Candidate(f"{word} ", word) for word in rank(typed, ALERTS)])
    if command.argument == "member" and " " not in typed:
        ranked = rank(typed.removeprefix("@"), known.nicks)
        return _offer(start, [Candidate(f"{nick} ", nick) for nick in ranked])
    if command.argument == "path":
        return PathWanted(start, typed)
    if command.argument == "emoji":
        last = typed.rpartition(" ")[2]
        at = start + len(typed) - len(last)
        return _offer(at, _emoji(last.strip(":")))
    return None


def _marked(sign: str, typed: str, known: Known) -> list[Candidate]:
    if sign == "@":
        return [Candidate(f"@{nick} ", f"@{nick}") for nick in rank(typed, known.nicks)]
    if sign == "#":
        return [Candidate(f"#{name} ", f"#{name}") for name in rank(typed, known.channels)]
    return _emoji(typed)


def _emoji(typed: str) -> list[Candidate]:
    return [Candidate(f"{EMOJI[name]} ", EMOJI[name], name) for name in rank(typed, _SHORT_FIRST)]


def rank(typed: str, names: Iterable[str]) -> list[str]:
    """Names that begin with what was typed, then those that contain it; no two alike."""
    wanted = typed.casefold()
    unique = list(dict.fromkeys(names))
    first = [name for name in unique if name.casefold().startswith(wanted)]
    later = [name for name in unique if wanted in name.casefold() and name not in first]
    return first + later


def paths(wanted: PathWanted, folder: str, entries: Iterable[tuple[str, bool]]) -> Offer | None:
    """Candidates for a path; `entries` are (name, is a folder) of the folder being typed in.

    `folder` is the typed path up to its last slash. Hidden files come when a dot was typed.
    """
    start = wanted.typed[len(folder) :]
    found = [
        Candidate(folder + name + ("/" if is_folder else " "), name + ("/" if is_folder else ""))
        for name, is_folder in sorted(entries, key=lambda entry: (not entry[1], entry[0].lower()))
        if name.lower().startswith(start.lower()) and (start.startswith(".") or name[0] != ".")
    ]
    return _offer(wanted.start, found)
