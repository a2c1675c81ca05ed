"""F5: what a channel is, and what can be changed about it."""

from chat.model import Alerts, Channel
from tui import privacy
from tui.screens.choice import Choice
from tui.text.moments import plural

RINGS: dict[Alerts, str] = {"off": "nothing", "mentions": "mentions of you", "all": "everything"}

_NAMED_MAX = 12
"""Members of a channel that are named in its dialog; F8 shows them all."""


def details(channel: Channel) -> str:
    """What is known of a channel, a fact a line."""
    lines = [
        channel.topic or "no topic yet",
        f"{privacy.kind(channel)}: {privacy.readers(channel)}",
    ]
    if channel.limited and channel.members:
        nicks = [author.name for author in channel.members[:_NAMED_MAX]]
        more = len(channel.members) - len(nicks)
        said = f" and {more} more" if more else ""
        lines.append(f"in it: {', '.join(nicks)}{said}")
    if channel.keep_days:
        lines.append(f"kept {plural(channel.keep_days, 'day')}, then forgotten")
    if not channel.history:
        lines.append("who comes in reads from there on")
    if not channel.complete:
        lines.append("older messages are not here yet")
    return "\n".join(lines)


def answers(channel: Channel, alerts: Alerts, rules: bool = False) -> list[tuple[str, str]]:
    """What can be changed, as (what, words); `rules` for founders and admins."""
    able = [
        ("topic", "Topic"),
        ("alerts", f"Rings for {RINGS[alerts]}"),
        ("members", "Members"),
    ]
    if rules:
        kept = plural(channel.keep_days, "day") if channel.keep_days else "for ever"
        able.append(("keep", f"Messages are kept {kept}"))
    if channel.limited and channel.mode != "public":
        before = "read" if channel.history else "do not read"
        able.append(("history", f"Newcomers {before} what was said before"))
    if channel.mode != "private":
        able.append(("link", "Copy its link, for people outside"))
    if channel.limited:
        able += [
            ("add", "Let somebody in"),
            ("kick", "Take somebody out"),
            ("part", "Leave this channel"),
        ]
    return able


class ChannelScreen(Choice):
    """Dismisses with what is to be changed, or None."""

    def __init__(self, channel: Channel, alerts: Alerts, rules: bool) -> None:
        able = answers(channel, alerts, rules)
        super().__init__(f"#{channel.name}", able, details(channel))
