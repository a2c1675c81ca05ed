"""Escape sequences of our own making: desktop notifications and the terminal's title. Pure.

Everything that goes into one is made inert first, and what has a meaning inside of one (the
semicolon) is replaced, so that a peer's words can end no sequence and begin none. Under tmux they
are wrapped to pass through, which it does where `allow-passthrough` is on; else it drops them.
"""

from collections.abc import Mapping
from typing import Literal

from tui.inert import inert
from tui.limits import TITLE_CHARS

Way = Literal["off", "auto", "osc9", "osc777", "osc99"]
"""How a desktop notification is asked for; "auto" goes by the terminal."""
BODY_CHARS = 200
"""A notification is glanced at."""
TITLE_PUSH, TITLE_POP = "\x1b[22;2t", "\x1b[23;2t"
"""Let the terminal remember its title, and take it back."""
_ST = "\x1b\\"
_BY_TERM = (("kitty", "osc99"), ("foot", "osc777"), ("rxvt", "osc777"), ("ghostty", "osc777"))


def way_for(wanted: Way, environment: Mapping[str, str]) -> Way:
    """What "auto" is in a terminal; others stay as they are.

    OSC 9 is understood by most terminals that know notifications at all, and harmless in others.
    """
    if wanted != "auto":
        return wanted
    if environment.get("KITTY_WINDOW_ID"):
        return "osc99"
    term = environment.get("TERM", "")
    for name, way in _BY_TERM:
        if name in term:
            return "osc99" if way == "osc99" else "osc777"
    return "osc9"


def notification(way: Way, title: str, body: str, *, tmux: bool = False) -> str:
    """A notification, "" for "off"; `way` is not "auto" any more."""
    title, body = _field(title, TITLE_CHARS), _field(body, BODY_CHARS)
    match way:
        case "osc99":
            made = f"\x1b]99;i=clowder:d=0:p=title;{title}{_ST}\x1b]99;i=clowder:p=body;{body}{_ST}"
        case "osc777":
            made = f"\x1b]777;notify;{title};{body}{_ST}"
        case "osc9":
            # With words first: `9;4;...` would be a progress bar to some.
            made = f"\x1b]9;{title}: {body}\x07"
        case _:
            return ""
    return _through_tmux(made) if tmux else made


def window_title(text: str) -> str:
    """Set the terminal's title."""
    return f"\x1b]2;{inert(text)[:TITLE_CHARS]}\x07"


def _field(text: str, chars: int) -> str:
    line = " ".join(text.split())
    return inert(line)[:chars].replace(";", ",")


def _through_tmux(made: str) -> str:
    doubled = made.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}{_ST}"
