"""What the face reads of an invite nearby, and what is typed about it means."""

import re
from hmac import compare_digest
from typing import Literal

import msgspec

Where = Literal["off", "open", "meeting", "code", "waiting", "done", "over"]
_CODE_DIGITS = 6
_BETWEEN = re.compile(r"[\s-]+")
"""What people put between digits."""


class Nearby(msgspec.Struct, frozen=True):
    """Two people in one room whose machines hand over an invite. `role` is "" before one began.

    Attributes:
        state: "open" while the label is shown, or labels are looked for; "meeting" while the one
            that was picked is dialled; "code" while both compare; "waiting" for the other side's
            yes; "done" when the invite has passed; "over" when it will not.
        label: two words; shown by the inviter, picked by the newcomer.
        labels: those that are shown around here.
        code: six digits, the same on both screens if nobody stands in between.
        until: when this ends by itself.
        why, reason: why it is over, as a code and as a sentence.
        urls: where the inviter can be dialled by who finds no label.
        invite: the id of the invite that was handed over.
        link: the invite that came; `join` takes it.
        warning: why labels are not found here, a sentence.
    """

    role: Literal["", "inviter", "newcomer"] = ""
    state: Where = "off"
    label: str = ""
    labels: tuple[str, ...] = ()
    code: str = ""
    until: int = 0
    why: str = ""
    reason: str = ""
    urls: tuple[str, ...] = ()
    invite: str = ""
    link: str = ""
    warning: str = ""

    @property
    def grouped(self) -> str:
        """The digits as they are read aloud."""
        return f"{self.code[:3]} {self.code[3:]}"

    @property
    def is_final(self) -> bool:
        return self.state in ("done", "over")

    def verdict(self, typed: str, *, person: bool) -> bool | None:
        """What a line says about the codes: the same, not the same, or nothing.

        Args:
            person: somebody sits at a terminal, who may say yes without typing the digits that the
                other side shows.
        """
        digits, word = _BETWEEN.sub("", typed), typed.strip().lower()
        if len(digits) == _CODE_DIGITS and digits.isascii() and digits.isdigit():
            return compare_digest(digits, self.code)
        if word in ("n", "no"):
            return False
        return True if person and word in ("y", "yes") else None

    def __repr__(self) -> str:
        return f"Nearby({self.role}, {self.state}, {self.label})"
