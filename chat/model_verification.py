"""What two people compare to be sure of each other's keys; `chat.model` has it with the others."""

from typing import Literal

import msgspec

Verified = Literal["no", "yes", "changed"]
"""Whether this member compared words with another: no, yes, or they have new keys since."""


class Verification(msgspec.Struct, frozen=True):
    """A member's keys as words, see `chat.verification`.

    Attributes:
        words: eight, of the member's keys.
        code: the same, whole, to be scanned or pasted.
        workspace_words: twelve, of who is in, by level and keys.
        devices: how many the member has.
    """

    member: str
    nick: str
    words: str
    code: str
    workspace_words: str
    devices: int = 1
    verified: Verified = "no"
    me: bool = False
