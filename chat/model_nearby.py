"""What the face reads of an invite nearby."""

from typing import Literal

import msgspec

Where = Literal["off", "open", "meeting", "code", "waiting", "done", "over"]


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

    def __repr__(self) -> str:
        return f"Nearby({self.role}, {self.state}, {self.label})"
