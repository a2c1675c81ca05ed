"""Colours for code: strings, comments, numbers, words of the language, changed lines. Pure.

Whoever writes a message decides what is read here, so there is no grammar with states that could
be driven round in circles: one regular expression without nested repetition goes over each line,
linear in its length, and knows a language by its words and by how its comments begin. That is
right for nearly all code that fits into a chat, and where it is not, only a colour is wrong.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from tui.text.runs import Look, Run

LINE_CHARS_MAX = 500
"""Longer lines of code are data, and stay plain."""
_STRING = r"\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?"
_NUMBER = r"\b(?:0[xX][0-9a-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\b"
_NAME = r"[A-Za-z_$][\w$]*"


class Language(NamedTuple):
    """What tells the pieces of a language apart."""

    comments: str
    words: frozenset[str]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PYTHON = Language(
    r"#.*",
    _words(
        "and as assert async await break case class continue def del elif else except False finally"
        " for from global if import in is lambda match None nonlocal not or pass raise return True"
        " try while with yield self"
    ),
)
_C = Language(
    r"//.*|/\*.*?(?:\*/|$)",
    _words(
        "abstract as async auto await bool boolean break byte case catch char class const continue"
        " default defer do double else enum export extends extern false final finally float fn for"
        " from func function go if impl import in int interface let long loop map match mod mut new"
        " nil null package private protected pub public range return select self short static"
        " string struct super switch this throw trait true try type typedef undefined unsafe use"
        " var void where while yield"
    ),
)
_SHELL = Language(
    r"(?:^|(?<=\s))#.*",
    _words(
        "case do done elif else esac exit export fi for function if in local return set then unset"
        " until while cd echo"
    ),
)
_SQL = Language(
    r"--.*",
    _words(
        "add all alter and as asc begin by case commit create delete desc distinct drop else end"
        " exists from group having in index insert into is join key left like limit not null on or"
        " order primary select set table then union unique update values view when where with"
    ),
)
_DATA = Language(r"(?:^|(?<=\s))[#;].*", _words("true false null yes no on off"))
_PLAIN_JSON = Language(r"(?!)", _words("true false null"))
_BY_NAME = {
    **dict.fromkeys(("python", "py", "python3", "pycon"), _PYTHON),
    **dict.fromkeys(
        ("c", "cpp", "c++", "h", "java", "js", "javascript", "ts", "typescript", "jsx", "tsx", "go",
         "rust", "rs", "swift", "kotlin", "kt", "cs", "csharp", "php", "scala", "dart", "zig"),
        _C,
    ),
    **dict.fromkeys(("sh", "bash", "zsh", "shell", "console", "fish"), _SHELL),
    "sql": _SQL,
    **dict.fromkeys(("toml", "yaml", "yml", "ini", "conf", "cfg"), _DATA),
    "json": _PLAIN_JSON,
}  # fmt: skip
_DIFF = {"+": Look.CODE_ADDED, "-": Look.CODE_REMOVED, "@": Look.CODE_COMMENT}
_CASELESS = (_SQL,)


def languages() -> list[str]:
    """Names that a fence may give."""
    return sorted((*_BY_NAME, "diff", "patch"))


@lru_cache(8)
def _pieces(language: Language) -> re.Pattern[str]:
    return re.compile(
        f"(?P<comment>{language.comments})|(?P<string>{_STRING})"
        f"|(?P<number>{_NUMBER})|(?P<name>{_NAME})"
    )


def line_runs(line: str, language: str) -> tuple[Run, ...]:
    """One line of code as runs whose texts, joined, are the line."""
    name = language.lower()
    if name in ("diff", "patch"):
        return (Run(line, _DIFF.get(line[:1], Look.CODE_BLOCK)),)
    known = _BY_NAME.get(name)
    if known is None or len(line) > LINE_CHARS_MAX:
        return (Run(line, Look.CODE_BLOCK),)
    runs: list[Run] = []
    at = 0
    for found in _pieces(known).finditer(line):
        look = _look(found, known)
        if look is None or not found.group():
            continue
        if found.start() > at:
            runs.append(Run(line[at : found.start()], Look.CODE_BLOCK))
        runs.append(Run(found.group(), look))
        at = found.end()
    if at < len(line) or not runs:
        runs.append(Run(line[at:], Look.CODE_BLOCK))
    return tuple(runs)


def _look(found: re.Match[str], language: Language) -> Look | None:
    kind = found.lastgroup
    if kind == "comment":
        return Look.CODE_COMMENT
    if kind == "string":
        return Look.CODE_STRING
    if kind == "number":
        return Look.CODE_NUMBER
    word = found.group().lower() if language in _CASELESS else found.group()
    return Look.CODE_WORD if word in language.words else None
