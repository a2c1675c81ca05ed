"""For how long messages are kept, as it is typed and told."""

from typing import Any

import click

from chat import model
from crdt.limits import KEEP_MAX_DAYS, KEEP_MIN_DAYS

FOR_EVER = "forever"


class Days(click.ParamType[int]):
    """`90d`, or `forever`, which is 0."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        given = str(value).strip().lower()
        if given == FOR_EVER:
            return 0
        digits = given.removesuffix("d")
        plain = given.endswith("d") and digits.isascii() and digits.isdecimal()
        days = int(digits) if plain and len(digits) <= len(str(KEEP_MAX_DAYS)) else 0
        if not KEEP_MIN_DAYS <= days <= KEEP_MAX_DAYS:
            self.fail(
                f"“{value}” is no time to keep messages; write 90d (of {KEEP_MIN_DAYS}d to "
                f"{KEEP_MAX_DAYS}d) or {FOR_EVER}.",
                param,
                ctx,
            )
        return days


def kept(known: model.Channel) -> str:
    """How long a channel is kept, in a few words; empty for ever."""
    if not known.keep_days:
        return ""
    return f"kept {known.keep_days} day{'' if known.keep_days == 1 else 's'}"
