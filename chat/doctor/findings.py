"""What a check says: all is well there, here is a cause, or there was nothing to judge by.

The names of checks and of findings are for scripts, and final; `docs/commands.md` lists them. The
sentences are for people.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from chat.doctor.limits import SHOWN_MAX

Verdict = Literal["ok", "finding", "unknown"]


class Finding(msgspec.Struct, frozen=True):
    """What one check says.

    Attributes:
        check: its name.
        verdict: "unknown" when there was nothing to judge by.
        finding: the name of the cause, empty unless the verdict is "finding".
        seen: what was seen, a sentence.
        next: what to do, a sentence; empty unless the verdict is "finding".
    """

    check: str
    verdict: Verdict
    finding: str
    seen: str
    next: str


def ok(check: str, seen: str) -> Finding:
    """Nothing is wrong there."""
    return Finding(check, "ok", "", seen, "")


def unknown(check: str, seen: str) -> Finding:
    """There was nothing to judge by."""
    return Finding(check, "unknown", "", seen, "")


def found(check: str, name: str, seen: str, then: str) -> Finding:
    """A cause, and the next step."""
    return Finding(check, "finding", name, seen, then)


def listed(names: Sequence[str]) -> str:
    """Some names in a sentence: `a, b, c and 4 more`."""
    shown, rest = names[:SHOWN_MAX], len(names) - SHOWN_MAX
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
