"""Who is in, what a channel is, invites and settings: the dialogs and what follows from them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from chat import commands
from chat.commands import Command
from chat.model import Channel, ChannelLink, Device, InviteState, Member, Verification
from tui import attention, naming, workers
from tui.errors import InputError
from tui.input import actions, managing
from tui.plain_lines import invite_state
from tui.screens import invites as listed
from tui.screens.channel import RINGS, ChannelScreen
from tui.screens.choice import Choice
from tui.screens.line import Line
from tui.screens.members import MemberScreen, MembersScreen
from tui.screens.settings import SettingsScreen
from tui.text.moments import Calendar

if TYPE_CHECKING:
    from tui.screens.workspace import WorkspaceScreen

_DAYS_DIGITS = 9
"""More is no number of days; what is too many days the workspace says."""


class Managing:
    """Opens these dialogs for the workspace screen; `do` carries out a step."""

    def __init__(self, screen: "WorkspaceScreen", do: Callable[[actions.Step], None]) -> None:
        self._screen = screen
        self._asker = screen.asker
        self._do = do

    def _change(self, change: managing.Change) -> None:
        self._do(actions.change(change))

    def decide(self, wanted: managing.Wanted) -> None:
        """Change who is in, as a line says, after looking whom and what it means."""
        workers.bring(self._screen, "work", self._decide, wanted)

    async def _decide(self, wanted: managing.Wanted) -> None:
        found: list[Member] | None = await self._asker.ask(commands.ListMembers(former=True))
        if found is None:
            return
        try:
            channel = self._screen.world.channel(wanted.channel)
            self._change(managing.decide(wanted, found, channel))
        except InputError as error:
            self._asker.complain(error)

    # Members.

    def members(self) -> None:
        """Everybody, also who was in."""
        workers.bring(self._screen, "work", self._members)

    async def _members(self) -> None:
        found: list[Member] | None = await self._asker.ask(commands.ListMembers(former=True))
        if found is not None:
            self._pick_member(found, self._open_member)

    def _pick_member(
        self, members: Sequence[Member], then: Callable[[Member], None], title: str = ""
    ) -> None:
        known = {member.member: member for member in members}

        def picked(key: str | None) -> None:
            now = self._screen.world.members.get(key or "") or known.get(key or "")
            if now is not None:
                then(now)

        self._screen.app.push_screen(MembersScreen(members, title), picked)

    def _open_member(self, member: Member) -> None:
        workers.bring(self._screen, "work", self._member, member)

    async def _member(self, member: Member) -> None:
        devices: list[Device] = await self._asker.look(commands.ListDevices(member.member)) or []
        known: Verification | None = await self._asker.look(commands.Verify(member.member))
        words = known.words if known is not None else ""
        me = self._screen.world.members.get(self._screen.world.me)

        def decided(what: str | None) -> None:
            if what in managing.ROLES:
                self._change(managing.promote(member.member, member.name, what))
            elif what == "verify":
                self._change(managing.verify(member.member, member.name))
            elif what == "accept":
                self._change(managing.accept(member.member, member.name))
            elif what == "remove":
                self._change(managing.remove(member.member, member.name))
            elif what == "name":
                self._name(member)
            elif what == "devices":
                self._do(actions.Show("devices"))

        self._screen.app.push_screen(MemberScreen(member, me, devices, words), decided)

    def _name(self, member: Member) -> None:
        def typed(name: str | None) -> None:
            if name is not None and name.strip() != member.petname:
                command = commands.NameMember(member.member, name)
                naming.give(self._asker, self._screen.world, command)

        question = f"What do you call {member.nick}?"
        detail = "On this machine alone; nobody else sees it. Empty shows their nick."
        self._screen.app.push_screen(Line(question, member.petname, detail), typed)

    # The open channel.

    def channel(self) -> None:
        """The settings of the open channel."""
        channel = self._screen.world.channel(self._screen.channel_name)
        if channel is None:
            raise InputError("No channel is open. /new NAME makes one.")
        alerts = attention.alerts(self._screen.world.private, channel)

        def decided(what: str | None) -> None:
            if what is not None:
                self._channel_part(channel, what)

        me = self._screen.world.members.get(self._screen.world.me)
        rules = me is not None and me.role in ("founder", "admin")
        self._screen.app.push_screen(ChannelScreen(channel, alerts, rules), decided)

    def _channel_part(self, channel: Channel, what: str) -> None:
        members = list(self._screen.world.members.values())
        people = [m for m in members if not m.me and m.role != "relay"]
        inside = {author.member for author in channel.members}
        match what:
            case "topic":
                self._topic(channel)
            case "alerts":
                self._alerts(channel)
            case "keep":
                self._keep(channel)
            case "history":
                self._asker.send(commands.SetHistory(channel.id, not channel.history))
            case "members":
                self.members()
            case "link":
                workers.start(self._screen, "work", self._link, channel)
            case "add":
                self._pick_member(
                    [m for m in people if m.member not in inside],
                    lambda m: self._change(managing.add(channel.name, m.member, m.name)),
                    f"Who comes into #{channel.name}?",
                )
            case "kick":
                self._pick_member(
                    [m for m in people if m.member in inside],
                    lambda m: self._change(managing.kick(channel.name, m.member, m.name)),
                    f"Who goes from #{channel.name}?",
                )
            case _:
                self._change(managing.leave(channel.name))

    async def _link(self, channel: Channel) -> None:
        made: ChannelLink | None = await self._asker.ask(commands.LinkChannel(channel.id))
        if made is not None:
            self._screen.app.copy_to_clipboard(made.link)
            self._asker.say("The link is in the clipboard; `clowder read LINK` shows the channel.")

    def _topic(self, channel: Channel) -> None:
        def typed(topic: str | None) -> None:
            if topic is not None and topic != channel.topic:
                self._asker.send(commands.SetTopic(channel.id, topic))

        self._screen.app.push_screen(
            Line(f"Topic of #{channel.name}", channel.topic, "Everybody in it sees this."), typed
        )

    def _keep(self, channel: Channel) -> None:
        def typed(said: str | None) -> None:
            days = (said or "").strip() or "0"
            if not days.isdecimal() or len(days) > _DAYS_DIGITS:
                self._asker.say("Write a number of days, or nothing to keep all messages.")
            elif said is not None and int(days) != channel.keep_days:
                self._asker.send(commands.SetKeep(channel.id, int(days)))

        question = f"For how many days are messages of #{channel.name} kept?"
        detail = "From tomorrow on everybody's machine forgets what is older. Empty keeps all."
        value = str(channel.keep_days or "")
        self._screen.app.push_screen(Line(question, value, detail), typed)

    def _alerts(self, channel: Channel) -> None:
        def chosen(answer: str | None) -> None:
            for level in attention.ALERTS:
                if level == answer:
                    self._asker.send(commands.SetAlerts(channel.id, level))

        answers = [(str(level), words[:1].upper() + words[1:]) for level, words in RINGS.items()]
        dialog = Choice(f"What may #{channel.name} ring for, here?", answers)
        self._screen.app.push_screen(dialog, chosen)

    # Invites.

    def invites(self, make: Callable[[bool], None]) -> None:
        """The invites there are; `make` makes one, for a relay or not."""
        workers.bring(self._screen, "work", self._invites, make)

    async def _invites(self, make: Callable[[bool], None]) -> None:
        found: list[InviteState] | None = await self._asker.ask(commands.ListInvites())
        if found is None:
            return
        known = {invite.id: invite for invite in found}

        def picked(key: str | None) -> None:
            if key in (listed.NEW, listed.NEW_RELAY):
                make(key == listed.NEW_RELAY)
            elif key in known:
                self._revoke(known[key])

        self._screen.app.push_screen(listed.InvitesScreen(found), picked)

    def _revoke(self, invite: InviteState) -> None:
        said = ", ".join(invite_state(invite, Calendar()))
        if invite.state != "open":
            self._asker.say(f"This invite admits nobody any more: {said}.")
            return
        command: Command = commands.RevokeInvite(invite.id)
        self._do(actions.Confirm(f"Revoke the invite for {said}?", command))

    # Settings.

    def settings(self) -> None:
        """The settings of the face."""
        deciding = self._screen.deciding
        themes = list(self._screen.app.available_themes)
        self._screen.app.push_screen(SettingsScreen(deciding.value, deciding.decide, themes))
