"""What two people compare, and the commitment before it. Pure.

The code follows from the link's handshake, so it is the same on both ends of one link and another
on any other link; and from a nonce of each side. Six digits are searched through in no time, so
the inviter commits to its nonce before it sees the newcomer's: whoever stands in between has fixed
all that it may choose before it knows either code.
"""

from chat.nearby.limits import CODE_DIGITS
from crdt.keys import digest, equal

_CODES = 10**CODE_DIGITS
_NUMBER_BYTES = 8
"""Of a hash: the smallest and the largest code differ in likelihood by one in 10^13."""


def commitment(handshake_hash: bytes, nonce: bytes) -> bytes:
    """32 bytes that bind the inviter to a nonce, and do not tell it."""
    return digest(b"x1.near.commit", handshake_hash, nonce)


def fits(committed: bytes, handshake_hash: bytes, nonce: bytes) -> bool:
    """Whether this is the nonce that was committed to."""
    return equal(committed, commitment(handshake_hash, nonce))


def code(handshake_hash: bytes, inviter_nonce: bytes, newcomer_nonce: bytes) -> str:
    """Six digits."""
    told = digest(b"x1.near.code", handshake_hash, inviter_nonce, newcomer_nonce)
    return f"{int.from_bytes(told[:_NUMBER_BYTES], 'big') % _CODES:0{CODE_DIGITS}}"


def shown(digits: str) -> str:
    """As it is read aloud: in two groups."""
    half = CODE_DIGITS // 2
    return f"{digits[:half]} {digits[half:]}"
