"""What the first-run forms accept, and what is said of the rest. Pure."""

from tui.errors import InputError
from tui.limits import NAME_CHARS

INVITE_WORDS = 12
WAYS = ("new", "join", "nearby")
"""Into a workspace: make it, join it by an invite, or meet somebody in this room."""


def name(given: str, what: str) -> str:
    """A nick or the name of a workspace.

    Raises:
        InputError: it is empty, too long or of several lines.
    """
    given = " ".join(given.split())
    if not given:
        raise InputError(f"Give a {what}.")
    if len(given) > NAME_CHARS:
        raise InputError(
            f"A {what} has at most {NAME_CHARS} characters; this one has {len(given)}."
        )
    return given


def invite(given: str) -> str:
    """An invite link or its 12 words, as one line.

    Links are left to the application to judge: their form is its own. Words are counted here,
    because a missing word is what happens when they are read aloud.

    Raises:
        InputError: it is neither.
    """
    words = given.split()
    if not words:
        raise InputError("Paste an invite: a link, or its 12 words.")
    if len(words) == 1:
        if len(words[0]) < INVITE_WORDS:
            raise InputError("This is too short for an invite. Copy the whole link.")
        return words[0]
    if len(words) != INVITE_WORDS:
        raise InputError(f"An invite has {INVITE_WORDS} words; these are {len(words)}.")
    return " ".join(words).lower()
