"""Commands about oneself: what may ring, do not disturb, being away. Pure.

Each gives the command for the session, and the sentence for when it worked.
"""

import re
from typing import cast

from chat import commands
from chat.model import Alerts
from tui import attention
from tui.errors import InputError
from tui.limits import AWAY_CHARS, NAME_CHARS
from tui.text import moments

Answer = tuple[commands.Command, str]
_LENGTH = re.compile(r"([1-9]\d{0,3})\s*(m|min|h|d)")
_UNIT_MS = {"m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


def alerts(argument: str, channel: str) -> Answer:
    """What a channel may ring for; the open one, `channel`, when none is named.

    Raises:
        InputError: that is no such level.
    """
    hint = "Say off, mentions or all: /alerts off"
    if not argument:
        raise InputError(hint)
    level, _, named = argument.partition(" ")
    if level.lower() not in attention.ALERTS:
        raise InputError(hint)
    chosen = cast(Alerts, level.lower())
    channel = named.strip().removeprefix("#") or channel
    said = {"off": "rings for nothing", "mentions": "rings for mentions", "all": "rings for all"}
    return commands.SetAlerts(channel, chosen), f"#{channel} {said[chosen]} now."


def quiet(argument: str, now: int) -> Answer:
    """Do not disturb, for a while or until it is ended.

    Raises:
        InputError: that is no length of time.
    """
    given = argument.strip().lower()
    if given in ("off", "0", "end"):
        return commands.SetQuiet(0), "You can be called again."
    if not given or given == "on":
        return commands.SetQuiet(attention.FOREVER_MS), "Nothing rings until /dnd off."
    found = _LENGTH.fullmatch(given)
    if found is None:
        raise InputError(
            "For how long? Say minutes, hours or days: /dnd 30m, /dnd 2h, /dnd 1d; or /dnd off"
        )
    length = int(found[1]) * _UNIT_MS[found[2]]
    return commands.SetQuiet(now + length), f"Nothing rings for {moments.span(length)}."


def ignore(argument: str) -> Answer:
    """Hear nothing of somebody, or hear them again.

    Raises:
        InputError: nobody is named.
    """
    who = argument.removeprefix("@").strip()
    on = not who.lower().endswith(" off")
    who = who if on else who[: -len(" off")].strip()
    if not who:
        raise InputError("Whom? /ignore ana, and /ignore ana off")
    said = (
        f"Messages of {who} are a line each now; nobody else knows." if on else f"You hear {who}."
    )
    return commands.Ignore(who, on), said


def name(argument: str) -> Answer:
    """Call somebody something of one's own, or by their nick again; who has several words in their
    name is given in quotes.

    Raises:
        InputError: nobody is named, or nothing to call them.
    """
    who, petname = (each.strip() for each in _split(argument.removeprefix("@").strip()))
    if not who or not petname:
        raise InputError("Whom, and what? /name bo Bo from sales, and /name bo off")
    if len(petname) > NAME_CHARS or "\n" in petname:
        raise InputError(f"A name is one line of at most {NAME_CHARS} characters.")
    if petname.lower() == "off":
        return commands.NameMember(who), f"{who} is shown by their nick."
    said = f"You call {who} {petname}; nobody else sees it."
    return commands.NameMember(who, petname), said


def _split(argument: str) -> tuple[str, str]:
    """Somebody, in quotes if need be, and the rest."""
    sign = " "
    if argument[:1] in ('"', "“"):
        sign, argument = {'"': '"', "“": "”"}[argument[0]], argument[1:]
    who, _, rest = argument.partition(sign)
    return who, rest


def away(argument: str) -> Answer:
    """Away, with a word about it, or back.

    Raises:
        InputError: that is too long, or more than a line.
    """
    if argument.lower() in ("off", "back"):
        return commands.SetAway(False), "The others see that you are back."
    if len(argument) > AWAY_CHARS or "\n" in argument:
        raise InputError(f"Say it in one line of at most {AWAY_CHARS} characters: /away lunch")
    return commands.SetAway(True, argument), "The others see that you are away, until you write."
