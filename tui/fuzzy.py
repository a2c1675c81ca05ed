"""Fuzzy matching for the quick switch: the letters typed, in order, anywhere in the name.

Letters at the beginning of the name or of a word count most, letters in a row more than
scattered ones, and among equals the shorter name wins. Greedy from each possible start, which is
exact enough for names of at most 64 letters.
"""

WORD_START = 8
IN_A_ROW = 5
FOUND = 1


def score(typed: str, name: str) -> int | None:
    """How well `typed` fits `name`; None when it does not."""
    wanted = typed.casefold().replace(" ", "")
    text = name.casefold()
    if not wanted:
        return 0
    starts = [at for at, letter in enumerate(text) if letter == wanted[0]]
    found = [points for at in starts if (points := _from(wanted, text, at)) is not None]
    return max(found) * 100 - len(text) if found else None


def _from(wanted: str, text: str, start: int) -> int | None:
    points = 0
    at = start - 1
    for letter in wanted:
        place = text.find(letter, at + 1)
        if place < 0:
            return None
        points += FOUND
        if place == 0 or not text[place - 1].isalnum():
            points += WORD_START
        elif place == at + 1:
            points += IN_A_ROW
        at = place
    return points


def best(typed: str, names: list[str]) -> list[str]:
    """The names that fit, best first; equal ones keep their order."""
    scored = [(points, name) for name in names if (points := score(typed, name)) is not None]
    return [name for _, name in sorted(scored, key=lambda pair: -pair[0])]
