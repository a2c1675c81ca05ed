"""What may call the user, and what the terminal's title says. Pure.

A message rings when its channel's setting lets it (off, mentions, all), unless the user wants not
to be disturbed, wrote it, or it came in late: what is hours old is no reason to jump. What is
folded does not ring. What is said in a direct channel is said to this member: all of it rings and
counts like a mention, unless the user decided otherwise.
"""

from collections.abc import Iterable

from chat.model import Alerts, Author, Channel, Message, Private, usual_alerts
from tui.text import moments
from tui.text.moments import Calendar

ALERTS: tuple[Alerts, ...] = ("off", "mentions", "all")
FOREVER_MS = (1 << 53) - 1
"""Do not disturb until it is ended by hand, as `chat.commands.SetQuiet` takes it."""
ACTIVITY = "is:mention is:reply is:late"
"""The search whose hits concern this member."""
_LONG_MS = 366 * 24 * 3600 * 1000


def alerts(private: Private, channel: Channel) -> Alerts:
    """What a channel may ring for."""
    return private.alerts.get(channel.id, usual_alerts(channel))


def partner(channel: Channel) -> Author | None:
    """The other one in a direct channel, None in others."""
    return channel.members[1] if channel.direct and len(channel.members) > 1 else None


def called(channel: Channel) -> int:
    """How many messages that are not read yet are for this member."""
    return channel.unread if channel.direct else channel.mentions


def is_quiet(private: Private, now: int) -> bool:
    """Whether nothing may ring now."""
    return now < private.quiet_until


def rings(message: Message, channel: Channel | None, private: Private, now: int) -> bool:
    """Whether a new message may call the user."""
    if message.mine or message.late or message.folded or is_quiet(private, now):
        return False
    level = "mentions" if channel is None else alerts(private, channel)
    return level == "all" or (level == "mentions" and message.mentions_me)


def quiet_text(private: Private, now: int, calendar: Calendar) -> str:
    """`quiet until 14:30`, "" when not quiet."""
    if not is_quiet(private, now):
        return ""
    left = private.quiet_until - now
    if left > _LONG_MS:
        return "do not disturb"
    same = calendar.day(now) == calendar.day(private.quiet_until)
    until = private.quiet_until
    return f"quiet until {calendar.clock(until) if same else calendar.moment(until)}"


def waiting(channels: Iterable[Channel], private: Private) -> tuple[int, int]:
    """How many messages for this member, and how many in all, are not read and count."""
    counted = [channel for channel in channels if alerts(private, channel) != "off"]
    return sum(map(called, counted)), sum(channel.unread for channel in counted)


def numbers(mentions: int, unread: int) -> str:
    """`@1 5`, "" when nothing waits."""
    said = [f"@{mentions}"] if mentions else []
    return " ".join([*said, *([moments.number(unread)] if unread else [])])


def title(name: str, channels: Iterable[Channel], private: Private) -> str:
    """The terminal's title: `(@1 5) Clowder Works`, mentions and unread messages that count."""
    said = numbers(*waiting(channels, private))
    return f"({said}) {name}" if said else name
