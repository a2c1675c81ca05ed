"""Words: what of a message is searched for, and what a person's query means. Pure.

The index takes words at their beginnings, without case and accents (SQLite's unicode61). Scripts
that are written without spaces have no such words, so each of their characters becomes one, and
a run of them in a query becomes a phrase: any piece of a Chinese or Thai sentence is found.

A query is words that must all occur. It is never syntax: each word is quoted, and the last one,
which is perhaps still being typed, also stands for every word that begins with it.
"""

import re
import unicodedata
from collections.abc import Iterable

from chat.store.limits import QUERY_MAX_CHARS, QUERY_WORDS_MAX, SNIPPET_CHARS
from crdt.ops import FileInfo
from crdt.text import clean_line

MARK_BEGIN, MARK_END = "\x02", "\x03"
"""Around the words found in a snippet; no clean text has them."""

_UNSPACED_RANGES = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3040-\u30ff"  # Hiragana, Katakana
    "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_UNSPACED = re.compile(f"([{_UNSPACED_RANGES}])")
_WORD = re.compile(r"[^\W_]+")
_SHOWN_WORD = re.compile(rf"[{_UNSPACED_RANGES}]|(?:(?![{_UNSPACED_RANGES}])[^\W_])+")


def _spaced(text: str) -> str:
    if text.isascii():
        return text
    # Composed, so that a letter and its accent are one character and not two words.
    return _UNSPACED.sub(r" \1 ", unicodedata.normalize("NFC", text))


def searched(text: str, files: Iterable[FileInfo] = ()) -> str:
    """What of a message is searched: its text, file names and alternative texts."""
    names = [part for file in files for part in (file.name, file.alt) if part]
    return "\n".join((text, *names)) if names else text


def indexed(text: str, files: Iterable[FileInfo] = ()) -> str:
    """The same as the index gets it."""
    return _spaced(searched(text, files))


def query_words(query: str) -> list[list[str]]:
    """The words of a query, each as the phrase the index knows it by."""
    cleaned = clean_line(query, QUERY_MAX_CHARS)
    phrases = [_WORD.findall(_spaced(word)) for word in cleaned.split()]
    return [phrase for phrase in phrases if phrase][:QUERY_WORDS_MAX]


def match_expression(words: list[list[str]]) -> str:
    """The query in the index's language."""
    return " ".join('"' + " ".join(phrase) + '"' for phrase in words) + "*"


def snippet(text: str, words: list[list[str]]) -> str:
    """The part of a text around the first word found, with every word found in it marked."""
    spans = _found(text, words)
    start = 0
    if spans and spans[0][0] > SNIPPET_CHARS // 2:
        start = spans[0][0] - SNIPPET_CHARS // 3
    end = start + SNIPPET_CHARS
    pieces = ["…" if start else ""]
    at = start
    for begin, stop in spans:
        if at <= begin and stop <= end:
            pieces += (text[at:begin], MARK_BEGIN, text[begin:stop], MARK_END)
            at = stop
    pieces += (text[at:end], "…" if end < len(text) else "")
    return "".join(pieces).replace("\n", " ")


def _found(text: str, words: list[list[str]]) -> list[tuple[int, int]]:
    """Where words of the query stand in a text, in order and apart."""
    if not words:
        return []
    whole = {_folded(word) for phrase in words for word in phrase}
    beginning = _folded(words[-1][-1])
    spans = []
    for match in _SHOWN_WORD.finditer(text):
        word = _folded(match.group())
        if word in whole or (word.startswith(beginning) and beginning):
            spans.append(match.span())
    return spans


def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
