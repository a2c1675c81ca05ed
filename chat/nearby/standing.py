"""Where an invite nearby stands, on either side, and why it is over, as code and as a sentence."""

from dataclasses import dataclass
from typing import Literal

Where = Literal["open", "meeting", "code", "waiting", "done", "over"]
"""The label is shown or looked for; a link is opened; the digits are shown; this side has said yes
and waits for the other; the invite has passed; there is no more."""

BUSY = "busy"
NEWER = "newer"
DIFFERS = "differs"
LATE = "late"
CLOSED = "closed"
FAILED = "failed"
ALREADY = "already"
NOBODY = "nobody"
GONE = "gone"
LOST = "lost"
FAULT = "fault"
LEFT = "left"
INSIDE = "inside"
UNKNOWN = "unknown"
WIRE_REASONS = (BUSY, NEWER, DIFFERS, LATE, CLOSED, FAILED, ALREADY)
"""What one side tells the other; the rest is said here only."""

_ANEW = "Begin anew, or hand over a link or its words."
SENTENCES = {
    BUSY: "Somebody else has picked that label already; ask for another one.",
    NEWER: "The other side needs a newer Clowder than this one.",
    DIFFERS: "The codes were not the same, so no invite was given: somebody else may have "
    f"answered, or stand in between. {_ANEW}",
    LATE: f"Time was up before both had compared the code. {_ANEW}",
    CLOSED: "The other side gave up.",
    FAILED: "The invite could not be made.",
    ALREADY: "The other side is in the workspace already, so the invite was taken back.",
    NOBODY: "Two minutes are over. Begin anew when both of you are ready.",
    GONE: "Nobody answers under that label; ask whether it is still on the other screen.",
    LOST: f"The connection to the other side is lost. {_ANEW}",
    FAULT: f"The other side does not follow the protocol. {_ANEW}",
    LEFT: "It was given up here.",
    INSIDE: "This profile is in that workspace already, so the invite was not taken.",
    UNKNOWN: "The other side ended it, for a reason that this version does not know.",
}
"""No text of the other side's is shown."""


def heard(reason: str) -> str:
    """Why the other side says that it is over: one of its reasons, or that it is unknown."""
    return reason if reason in WIRE_REASONS else UNKNOWN


@dataclass(frozen=True, slots=True)
class Stands:
    """Where it stands.

    Attributes:
        code: the six digits, from "code" on.
        why: why it is over, one of `SENTENCES`.
    """

    where: Where
    code: str = ""
    why: str = ""

    @property
    def reason(self) -> str:
        """Why it is over, as a sentence; "" when it is not."""
        return SENTENCES[self.why] if self.where == "over" else ""

    @property
    def is_final(self) -> bool:
        return self.where in ("done", "over")
