"""The words of the line mode. Pure; every line is inert, and means something when read aloud.

Messages get small numbers in the order they were shown, because "reply 12" is said and typed more
easily than an id.
"""

from chat.model import (
    Channel,
    Delivery,
    Device,
    FileView,
    InviteState,
    InviteView,
    Member,
    Message,
    Notes,
    SearchHit,
    Status,
    Swarm,
)
from tui import privacy
from tui.inert import inert
from tui.input import slash
from tui.text import markup, moments
from tui.text.moments import Calendar
from tui.text.parts import is_picture

DEVICE_DIGITS = 8
"""Of a device's id: enough to name one of sixteen, and to be read aloud."""
_INDENT = "    "


def message(
    shown: Message,
    number: int,
    calendar: Calendar,
    *,
    answers: str = "",
    channel: str = "",
    opened: bool = False,
) -> list[str]:
    """`12  09:41 ana: text`, further lines indented. `answers` names the message it replies to.

    What is folded is one line, unless it was `opened`.
    """
    where = f"#{channel} " if channel else ""
    lead = f"{number}  {calendar.clock(shown.at)} {where}{shown.author.name}"
    if answers:
        lead += f" (answering {answers})"
    if shown.folded and not opened:
        return [inert(f"{lead}: {shown.folded}; /open {number} shows it")]
    lines = [f"{lead}: {_first(shown)}", *(_INDENT + line for line in _rest(shown))]
    lines += [_INDENT + file(carried) for carried in shown.files if not shown.deleted]
    for emoji, authors in shown.reactions.items():
        if authors:
            lines.append(f"{_INDENT}{emoji} from {', '.join(a.name for a in authors)}")
    if shown.folded:
        lines.append(f"{_INDENT}{shown.folded}")
    if shown.ahead_ms:
        lines.append(f"{_INDENT}their clock is {moments.span(shown.ahead_ms)} ahead")
    return [inert(line) for line in lines]


def _first(shown: Message) -> str:
    if shown.deleted:
        return "message deleted"
    if shown.state != "ok":
        return "this needs a newer Clowder to be shown"
    marks = " (edited)" if shown.edited else ""
    return shown.text.split("\n", 1)[0] + marks


def _rest(shown: Message) -> list[str]:
    if shown.deleted or shown.state != "ok":
        return []
    return shown.text.split("\n")[1:]


def file(carried: FileView) -> str:
    """A file as a sentence."""
    what = "picture" if is_picture(carried) else "file"
    size = moments.size(carried.size)
    if is_picture(carried):
        size = f"{carried.width} by {carried.height}, {size}"
    here = "" if carried.have >= 1 else f", {carried.have:.0%} here"
    alt = f": {carried.alt}" if carried.alt else ""
    return f"{what} {carried.name}, {size}{here}{alt}"


def swarm(shown: Swarm) -> list[str]:
    """A file on its way, and who gives it."""
    lines = [f"{shown.name}, {moments.size(shown.size)}, {shown.have:.0%} here"]
    for peer in shown.peers:
        gave = f", gave {moments.size(peer.received)}" if peer.received else ""
        took = f", took {moments.size(peer.sent)}" if peer.sent else ""
        lines.append(f"    {peer.nick} has {peer.share:.0%}{gave}{took}")
    return [inert(line) for line in lines]


def changed(before: Message, now: Message, number: int) -> list[str]:
    """What is worth saying about a changed message; nothing when only its delivery moved on."""
    lines = []
    if now.deleted and not before.deleted:
        lines.append(f"{number}  {now.author.name} deleted this message")
    elif now.folded != before.folded:
        lines.append(f"{number}  {now.folded or 'shown again'}")
    elif now.text != before.text and not now.folded:
        lines.append(f"{number}  {now.author.name} changed it: {markup.plain(now.text)}")
    for emoji, authors in now.reactions.items():
        known = {author.member for author in before.reactions.get(emoji, ())}
        fresh = [author.name for author in authors if author.member not in known]
        if fresh:
            lines.append(f"{number}  {emoji} from {', '.join(fresh)}")
    if now.pinned != before.pinned:
        lines.append(f"{number}  {'pinned' if now.pinned else 'unpinned'}")
    if now.mine and before.reached != now.reached and now.reached[0] >= now.reached[1] > 0:
        lines.append(f"{number}  reached everybody")
    return [inert(line) for line in lines]


def channels(listed: list[Channel]) -> list[str]:
    """All channels with who reads them, when not everybody here, and what waits in them."""
    lines = []
    for channel in listed:
        kind = privacy.kind(channel)
        read = "" if kind == "workspace" else f", {kind}"
        new = waits(channel.mentions, channel.unread)
        topic = f": {channel.topic}" if channel.topic else ""
        lines.append(inert(f"#{channel.name}{read}{new}{topic}"))
    return lines


def waits(mentions: int, unread: int) -> str:
    """`, 3 new, 1 mention`, "" when nothing waits."""
    new = f", {unread} new" if unread else ""
    return new + (f", {moments.plural(mentions, 'mention')}" if mentions else "")


def members(listed: list[Member]) -> list[str]:
    """All members; of whom the user calls something, their nick as well."""
    lines = []
    for member in listed:
        name = f"{member.name} ({member.nick})" if member.petname else member.name
        you = ", you" if member.me else ""
        lines.append(inert(f"{name}, {member.role}, {presence(member)}{you}"))
    return lines


def presence(member: Member) -> str:
    """Whether somebody is here, away and why, or offline."""
    if not member.online:
        return "offline"
    if not member.away:
        return "here"
    return f"away, {member.away_text}" if member.away_text else "away"


def status(now: Status) -> list[str]:
    """Links and sync in sentences."""
    linked = [peer for peer in now.links if peer.state == "linked"]
    lines = [f"{now.name or 'No workspace'}, you are {now.nick or 'nobody yet'}"]
    if not linked:
        lines.append("Nobody is linked; what you write goes out later.")
    for peer in linked:
        kind = "relay " if peer.relay and peer.nick != "relay" else ""
        if peer.behind is None:
            sync = "comparing"
        else:
            sync = f"{peer.behind} behind" if peer.behind else "in sync"
        lines.append(f"linked with {kind}{peer.nick or peer.url}, {sync}, {peer.rtt_ms:.1f} ms")
    lines += [f"Warning: {warning}" for warning in now.warnings]
    return [inert(line) for line in lines]


def delivery(held: Delivery) -> list[str]:
    """Who has a message, in sentences."""
    people = [holder for holder in held.holders if not holder.relay]
    have = [holder.nick for holder in people if holder.holds]
    lack = [holder.nick for holder in people if not holder.holds]
    relays = [holder.nick for holder in held.holders if holder.relay and holder.holds]
    lines = [f"{len(have)} of {len(people)} have it" + (f": {', '.join(have)}" if have else "")]
    if lack:
        lines.append(f"not known to have it yet: {', '.join(lack)}")
    if relays:
        lines.append(f"kept by relay {', '.join(relays)}")
    return [inert(line) for line in lines]


def notes(shown: Notes) -> list[str]:
    """The notes, line by line."""
    if not shown.text.strip():
        return [f"The notes of #{inert(shown.channel)} are empty."]
    return [
        f"Notes of #{inert(shown.channel)}:",
        *(inert(_INDENT + line) for line in shown.text.split("\n")),
    ]


def invite(made: InviteView, calendar: Calendar) -> list[str]:
    """An invite, to be copied or read aloud."""
    who = "a relay" if made.relay else "one person"
    return [
        f"An invite for {who}, until {calendar.moment(made.expires)}:",
        inert(made.link),
        f"or these words: {inert(made.words)}",
    ]


def device(known: Device) -> str:
    """A device by its name and the beginning of its id, and which one it is."""
    said = "this one" if known.this else "on paper" if known.paper else ""
    said = said or ("linked" if known.linked else "not linked")
    name = f"{known.name}, " if known.name else ""
    return inert(f"{name}{known.device[:DEVICE_DIGITS]}, {said}")


def device_code(made: InviteView, calendar: Calendar) -> list[str]:
    """By which one more device comes in, to be typed there."""
    return [
        f"On the new machine, until {calendar.clock(made.expires)}: clowder device join",
        f"and these words: {inert(made.words)}",
        f"or this link: {inert(made.link)}",
        "Whoever has them is you: show them to nobody.",
    ]


def invite_state(made: InviteState, calendar: Calendar) -> tuple[str, str]:
    """For whom an invite is, and what became of it."""
    who = made.note or ("a relay" if made.relay else made.id[:8])
    if made.state == "open":
        return inert(who), f"open until {calendar.moment(made.expires)}"
    if made.used_by is not None:
        return inert(who), inert(f"used by {made.used_by.name}")
    return inert(who), made.state


def hit(found: SearchHit, number: int, calendar: Calendar) -> str:
    """One search hit."""
    said = " ".join(found.snippet.replace("\x02", "").replace("\x03", "").split())
    one = found.message
    when = calendar.moment(one.at)
    return inert(f"{number}  {when} #{one.channel} {one.author.name}: {said}")


def help_lines() -> list[str]:
    """All commands."""
    lines = ["Type text and Enter to send it. Messages have numbers; commands take them."]
    lines += [f"/{c.name} {c.usage}".rstrip() + f": {c.text}" for c in slash.COMMANDS]
    lines.append("//text: say /text as it is")
    return lines
