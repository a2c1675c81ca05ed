"""Who is in: roles by their names, devices, who is here; and who was, below."""

from collections.abc import Sequence

from textual.content import Content

from chat.events import Event, MembersChanged
from chat.model import Device, Member
from tui import fuzzy
from tui.input.managing import ADMIN_MAX, ROLES
from tui.screens.choice import Choice
from tui.screens.picker import Picker
from tui.text import moments
from tui.text.styled import Piece, at_edges, styled
from tui.widgets.member_list import dot

_ROOMY_CELLS = 44
"""Rows of fewer cells have no room for devices."""
_MARKS: dict[str, Piece] = {
    "no": "",
    "yes": (" ✓", "$success"),
    "changed": (" keys changed", "$error"),
}


def role(member: Member) -> str:
    """The role by its name, with the level where it is not the role's usual one."""
    if member.state != "in":
        return member.state
    usual = member.level == 0 or member.level in ROLES.values() or member.role == "relay"
    return member.role if usual else f"{member.role} {member.level}"


def row(member: Member, width: int) -> Content:
    """Presence, nick, role, and devices where there is room."""
    said = "you, " if member.me else ""
    said += role(member)
    if width >= _ROOMY_CELLS and member.state == "in":
        said += f", {moments.plural(member.devices, 'device'):>9}"
    if member.away:
        said += ", away"
    if member.voided:
        said += f", {member.voided} void"
    mark = _MARKS[member.verified]
    style = "$muted" if member.state != "in" else "" if member.online else "$muted"
    left: Piece = (member.name, style)
    return Content.assemble(
        styled(dot(member)), at_edges(left, [mark, (f" {said}", "$muted")], width - 2)
    )


def ordered(members: Sequence[Member]) -> list[Member]:
    """Those who are in by level, relays after people, then those who are not any more."""
    return sorted(
        members, key=lambda m: (m.state != "in", m.role == "relay", m.level, m.name.lower())
    )


class MembersScreen(Picker):
    """Dismisses with the id of a member to look at."""

    TITLE_TEXT = "Members"
    PLACEHOLDER = "some letters of a name"
    EMPTY = "Nobody of that name."

    def __init__(self, members: Sequence[Member], title: str = "") -> None:
        super().__init__()
        self._members = ordered(members)
        if title:
            self.TITLE_TEXT = title

    def rows(self, typed: str) -> Sequence[tuple[str, Content]]:
        # Nicks may repeat, so that names are looked for under the id that follows them.
        names = {f"{member.name} {member.member}": member for member in self._members}
        wanted = typed.strip().casefold()
        found = [
            name
            for name in (fuzzy.best(wanted, list(names)) if wanted else names)
            if not wanted or fuzzy.best(wanted, [names[name].name, names[name].nick])
        ]
        return [(names[name].member, row(names[name], self.list_width)) for name in found]

    def take(self, happened: Sequence[Event]) -> None:
        """Follow who is here; who is not in any more stays as shown."""
        for event in happened:
            if isinstance(event, MembersChanged):
                now = {member.member: member for member in event.members}
                known = {member.member: member for member in self._members if member.state != "in"}
                wanted = {member.member for member in self._members}
                self._members = ordered(
                    [m for m in (known | now).values() if m.member in wanted or m.state == "in"]
                )
                self.refill()


def answers(member: Member, me: Member | None) -> list[tuple[str, str]]:
    """What this member can do with another, as (what, words)."""
    may = me is not None and me.level <= ADMIN_MAX and me.level < member.level
    able = [("no", "Back")]
    if not member.me and member.role != "relay":
        able.append(("name", "Call them something of your own"))
    if member.me:
        able.append(("devices", "Your devices"))
    if member.state == "in" and not member.me and member.role != "relay":
        if member.verified != "yes":
            able.append(("verify", "We compared the words: they are the same"))
    if me is None or member.me or not may or member.role == "relay":
        # A relay can be removed, but has no other role to take.
        return [*able, *([("remove", "Remove it")] if may and member.state == "in" else [])]
    for name, level in ROLES.items():
        if me.level < level and (member.state != "in" or member.level != level):
            verb = "Let them in again as" if member.state != "in" else "Make them"
            able.append((name, f"{verb} {name}"))
    if member.voided:
        able.append(("accept", f"Accept the {moments.plural(member.voided, 'void entry')}"))
    if member.state == "in":
        able.append(("remove", "Remove them"))
    return able


_VERIFIED = {
    "no": "compare these words with what their machine shows",
    "yes": "you compared these words with them",
    "changed": "they have keys that were not there when you compared words; ask why",
}


def details(member: Member, devices: Sequence[Device], words: str = "") -> str:
    """What is known of a member, a fact a line; `words` are those of their keys."""
    lines = [f"{role(member)}, level {member.level}" if member.state == "in" else role(member)]
    if member.by is not None:
        lines[0] += f" by {member.by.name}"
    if member.away:
        lines.append(f"away: {member.away_text}" if member.away_text else "away")
    if member.shown:
        lines.append(f"they call themselves {member.nick}")
    if member.ignored:
        lines.append(f"you ignore them; /ignore {member.call} off ends that")
    lines.append(f"member id {member.member[:16]}")
    if words:
        lines += [
            words,
            "others see these words of you" if member.me else _VERIFIED[member.verified],
        ]
    for device in devices:
        said = "this one" if device.this else "on paper" if device.paper else ""
        said = said or ("linked" if device.linked else "not linked")
        named = f", {device.name}" if device.name else ""
        lines.append(f"device {device.device[:16]}, {said}{named}")
    return "\n".join(lines)


class MemberScreen(Choice):
    """Dismisses with what is to be done: a role, "name", "verify", "accept", "remove", "no" or
    None."""

    def __init__(
        self, member: Member, me: Member | None, devices: Sequence[Device], words: str = ""
    ) -> None:
        nick = f"{member.name} (you)" if member.me else member.name
        super().__init__(nick, answers(member, me), details(member, devices, words))
