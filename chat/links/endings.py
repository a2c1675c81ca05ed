"""Sentences for the ends of links and of dials, for `clowder peers` and the log.

What another device wrote is cleaned, shortened and put in quotes; everything else is ours.
"""

from chat.links.limits import END_TEXT_MAX_CHARS, NEEDLESS_CODE
from crdt.text import clean_line
from transport.proto.closing import CloseCode, LinkEnd
from transport.proto.errors import Reason, TransportError

COOLING_CODES = frozenset(
    {CloseCode.FAULT, CloseCode.REFUSED, CloseCode.BUSY, CloseCode.TOO_SLOW},
)
"""Ends after which dialling again at once would only repeat them; with the application's codes."""

_BY_PEER = {
    CloseCode.GOING_AWAY: "the other device went offline",
    CloseCode.FAULT: "the other device found fault with this one",
    CloseCode.DUPLICATE: "another link to this device stays",
    CloseCode.REFUSED: "the other device refuses this one",
    CloseCode.BUSY: "the other device has as many links as it wants",
    CloseCode.TOO_SLOW: "this device was too slow for the other",
}
_BY_US = {
    CloseCode.GOING_AWAY: "this device closed the link",
    CloseCode.FAULT: "the other device broke a rule of the protocol",
    CloseCode.DUPLICATE: "another link to this device stays",
    CloseCode.REFUSED: "this device refuses the other",
    CloseCode.BUSY: "this device has as many links as it wants",
    CloseCode.TOO_SLOW: "the other device is too slow",
    CloseCode.LOST: "the connection broke",
    CloseCode.SILENT: "the other device gives no sign of life",
}
_NO_LINK = {
    Reason.DECRYPT: "what is at that address has no key of this workspace",
    Reason.ORDER: "what is at that address does not follow the protocol",
    Reason.OVERSIZED: "what is at that address does not follow the protocol",
}


def cools_down(code: int) -> bool:
    """Whether a link that ended so is to be dialled again only after a cool-down."""
    return code in COOLING_CODES or code >= 64


def end_sentence(end: LinkEnd) -> str:
    """Why a link ended."""
    known = _BY_PEER if end.by_peer else _BY_US
    sentence = known.get(CloseCode(end.code)) if end.code in set(CloseCode) else None
    if end.code == NEEDLESS_CODE:
        sentence = "enough other devices are linked"
    sentence = sentence or f"the link was closed with code {end.code}"
    said = clean_line(end.text, END_TEXT_MAX_CHARS)
    if not said or said == sentence:
        return sentence
    return f"{sentence}: “{said}”" if end.by_peer else f"{sentence}: {said}"


def fault_sentence(fault: TransportError) -> str:
    """Why a dial came to nothing."""
    return _NO_LINK.get(fault.reason, str(fault))
