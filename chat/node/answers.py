"""What a workspace answers to each command. The node looks a command up here and waits for it.

A command that changes something does so in the current turn and answers when that is durable;
one that only asks answers at once, from what is durable or about to be.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from chat import commands, model, search_filter, searching
from chat.delivery import delivery
from chat.engine import ephemeral
from chat.engine.limits import AWAY_MAX_CHARS
from chat.engine.people import channel_name
from chat.engine.talking import Saying
from chat.errors import NotFound, UsageError
from chat.guests.doors import link_to
from chat.node.exporting import export_signed
from chat.node.filing import Filing
from chat.node.membership import Membership
from chat.node.personal import Personal
from chat.node.sharing import Sharing
from chat.node.team import Team, now
from chat.node.verifying import Verifying
from chat.workspace import NAME_SETTING
from crdt import ops
from crdt.clock import READING_MAX
from crdt.errors import Invalid
from crdt.roster_ops import MODE_HIDDEN, MODE_PRIVATE, MODE_PUBLIC
from crdt.text import clean_line

if TYPE_CHECKING:
    from chat.node.notebook import Notebook

HISTORY_MAX = 10_000_000
"""More than a channel has; a larger number is a slip."""
ORDER_DIGITS = 48
"""Of `Message.order`: 16 of the clock and 32 of the message's id."""
EXPIRES_MAX_MS = 366 * 24 * 3600 * 1000
"""An invite that is open for longer has been forgotten."""
_MODES = {"private": MODE_PRIVATE, "hidden": MODE_HIDDEN, "public": MODE_PUBLIC}


class Answers:
    """Answers commands about the workspace.

    Args:
        team: the workspace.
        sharing: files.
        notebook: gives the shared notes.
        tell_members: sends something that is never kept to linked members who see a channel.
        say_away: tells everybody that this member is away, and why, or back.
        personal: answers to what is this member's alone.
    """

    def __init__(
        self,
        team: Team,
        sharing: Sharing,
        notebook: "Callable[[], Notebook]",
        tell_members: Callable[[ephemeral.AnyEphemeral], None],
        say_away: Callable[[bool, str], None],
        personal: Personal,
    ) -> None:
        self._team = team
        self._membership = Membership(team)
        self._notebook = notebook
        self._tell_members = tell_members
        self._say_away = say_away
        self._by_command: dict[type[commands.Command], Callable[[Any], Awaitable[Any]]] = {
            commands.ListChannels: self._channels,
            commands.MakeInvite: self._invite,
            commands.CreateChannel: self._create_channel,
            commands.LinkChannel: self._channel_link,
            commands.SetTopic: self._topic,
            commands.SetKeep: self._keep,
            commands.Post: self._post,
            commands.PostLines: self._post_lines,
            commands.Edit: self._edit,
            commands.Delete: self._delete,
            commands.TakeBack: self._take_back,
            commands.React: self._react,
            commands.Pin: self._pin,
            commands.Hide: self._hide,
            commands.History: self._history,
            commands.GetMessage: self._get_message,
            commands.Search: self._search,
            commands.GetDelivery: self._delivery,
            commands.MarkRead: self._mark_read,
            commands.GetNotes: self._notes,
            commands.SetNotes: self._set_notes,
            commands.SpliceNotes: self._splice_notes,
            commands.MoveCursor: self._move_cursor,
            commands.GetNotesPast: self._notes_past,
            commands.GetNotesAt: self._notes_at,
            commands.RestoreNotes: self._restore_notes,
            commands.WaitReached: self._wait,
            commands.SetProfile: self._profile,
            commands.SetAway: self._set_away,
            commands.Typing: self._typing,
            **personal.by_command,
            **Filing(team, sharing, self._say).by_command,
            **self._membership.by_command,
            **Verifying(team, self._membership.find).by_command,
            commands.ExportSigned: partial(export_signed, team),
        }

    def find(self, command: commands.Command) -> Callable[[Any], Awaitable[Any]] | None:
        """What answers a command, None when it is not about the workspace."""
        return self._by_command.get(type(command))

    # Workspace ----------------------------------------------------------------------------------

    async def _channels(self, _: commands.ListChannels) -> list[model.Channel]:
        return self._team.views.channels()

    async def _invite(self, command: commands.MakeInvite) -> model.InviteView:
        team = self._team
        if not 0 < command.expires_ms <= EXPIRES_MAX_MS:
            raise UsageError("An invite is open for at least a moment, and at most a year.")
        made = team.engine.people.invite(
            relay=command.relay,
            expires_ms=command.expires_ms,
            note=command.note,
            hints=team.address_hints(),
            now=now(),
        )
        team.run(lambda at: team.engine.publish(made.news, at))
        await team.turns.durable()
        return made.view

    async def _create_channel(self, command: commands.CreateChannel) -> model.Channel:
        team = self._team
        workspace = team.workspace
        if command.mode == "public" and command.members:
            raise UsageError(
                "A public channel is for everybody; --members goes with --private and --hidden."
            )
        name = channel_name(command.name, set(workspace.channel_names().values()))
        members = tuple(self._membership.find(nick) for nick in command.members)
        mode = _MODES[command.mode]
        try:
            news, channel = team.engine.people.channel(name, mode, members, now())
        except Invalid as error:
            raise UsageError(f"That channel cannot be made: {error}.") from None
        team.run(lambda at: team.engine.publish(news, at))
        if workspace.scope_of(channel) != workspace.scope:
            team.write(channel, ops.Setting(NAME_SETTING, name))
        await team.turns.durable()
        return team.views.channel(channel)

    async def _channel_link(self, command: commands.LinkChannel) -> model.ChannelLink:
        team = self._team
        channel = team.workspace.find_channel(command.channel)
        if command.renew:
            await self._membership.renew_link(channel)
        link = link_to(team.workspace, channel, team.address_hints())
        known = team.views.channel(channel)
        return model.ChannelLink(known.name, known.mode, link.text)

    async def _topic(self, command: commands.SetTopic) -> model.Channel:
        said = self._team.talking.topic(command.channel, command.topic)
        await self._write(said)
        return self._team.views.channel(said.channel)

    async def _keep(self, command: commands.SetKeep) -> model.Channel:
        said = self._team.talking.keep(command.channel, command.days)
        await self._write(said)
        return self._team.views.channel(said.channel)

    async def _profile(self, command: commands.SetProfile) -> model.Member:
        team = self._team
        await self._write(team.talking.profile(command.nick, command.colour))
        return team.views.member(team.workspace.me)

    # Messages -----------------------------------------------------------------------------------

    async def _post(self, command: commands.Post) -> model.Message:
        talking = self._team.talking
        return await self._say(talking.post(command.channel, command.text, command.reply_to))

    async def _post_lines(self, command: commands.PostLines) -> list[str]:
        team = self._team
        said = [team.talking.post(command.channel, text, None) for text in command.texts]
        if said:
            channel, texts = said[0].channel, [each.op for each in said]
            try:
                team.run(lambda at: team.engine.write_many(channel, texts, at))
            except Invalid as error:
                raise UsageError(f"That cannot be sent: {error}.") from None
            await team.turns.durable()
        return [each.message.hex() for each in said]

    async def _edit(self, command: commands.Edit) -> model.Message:
        team = self._team
        said = team.talking.edit(command.message, command.text)
        row = team.workspace.store.message(said.message)
        if row is not None and isinstance(said.op, ops.Edit) and row.text == said.op.text:
            return team.views.message(row)  # Nothing was changed, and nobody is told so.
        return await self._say(said)

    async def _delete(self, command: commands.Delete) -> model.Message:
        return await self._say(self._team.talking.delete(command.message))

    async def _take_back(self, command: commands.TakeBack) -> model.Message:
        team = self._team
        said = team.talking.delete(command.message)
        row = team.workspace.store.message(said.message)
        arrivals = [] if row is None else team.workspace.store.arrivals(row.log, [row.seq])
        # Nothing is awaited before the words are gone, so no link can come in between.
        if not arrivals or not team.solitude.keeps(min(arrivals)):
            raise UsageError(
                "That may have left this machine already; deleting takes it back for everybody."
            )
        return await self._say(said)

    async def _react(self, command: commands.React) -> model.Message:
        talking = self._team.talking
        return await self._say(talking.react(command.message, command.emoji, command.on))

    async def _pin(self, command: commands.Pin) -> model.Message:
        return await self._say(self._team.talking.pin(command.message, command.on))

    async def _hide(self, command: commands.Hide) -> model.Message:
        talking = self._team.talking
        return await self._say(talking.hide(command.message, command.on, command.reason))

    async def _say(self, said: Saying) -> model.Message:
        await self._write(said)
        return self._message(said.message)

    async def _write(self, said: Saying) -> None:
        try:
            self._team.write(said.channel, said.op)
        except Invalid as error:
            raise UsageError(f"That cannot be sent: {error}.") from None
        await self._team.turns.durable()

    def _message(self, mid: bytes) -> model.Message:
        row = self._team.workspace.store.message(mid)
        if row is None:
            raise NotFound(f"There is no message {mid.hex()} here.")
        return self._team.views.message(row)

    async def _history(self, command: commands.History) -> list[model.Message]:
        team = self._team
        store = team.workspace.store
        channel = team.workspace.find_channel(command.channel) if command.channel else None
        if channel is not None and not (command.before or command.after):
            team.looks_at(channel)
        rows = store.messages(
            channel,
            limit=max(0, min(command.limit, HISTORY_MAX)),
            before=self._place(command.before),
            after=self._place(command.after),
            thread=team.views.find_message(command.thread) if command.thread else None,
            pinned=command.pinned,
        )
        return [team.views.message(row) for row in rows]

    def _place(self, given: str) -> tuple[int, bytes] | None:
        """A place in the timeline, from a `Message.order` or a message's id."""
        if not given:
            return None
        if len(given) == ORDER_DIGITS:
            try:
                order = bytes.fromhex(given)
            except ValueError:
                raise UsageError(f"“{given}” is no place in a timeline.") from None
            return min(int.from_bytes(order[:8], "big"), READING_MAX), order[8:]
        row = self._team.workspace.store.message(self._team.views.find_message(given))
        if row is None:
            raise NotFound(f"There is no message {given} here.")
        return row.hlc, row.mid

    async def _get_message(self, command: commands.GetMessage) -> model.Message:
        return self._message(self._team.views.find_message(command.message))

    async def _search(self, command: commands.Search) -> list[model.SearchHit]:
        team = self._team
        channel = team.workspace.find_channel(command.channel) if command.channel else None
        limit = max(0, min(command.limit, HISTORY_MAX))
        sought = search_filter.parse(command.query, now().wall)
        store = team.workspace.store
        if sought.narrows:
            meant = searching.wanted(sought, team.workspace, channel, team.ignored)
            found = store.find(meant, limit)
        else:
            found = store.search(sought.words, channel, limit)
        shown = ((team.views.message(hit.row), hit.snippet) for hit in found)
        return [model.SearchHit(message, message.folded or said) for message, said in shown]

    async def _delivery(self, command: commands.GetDelivery) -> model.Delivery:
        team = self._team
        row = team.workspace.store.message(team.views.find_message(command.message))
        if row is None:
            raise NotFound(f"There is no message {command.message} here.")
        return delivery(team.workspace, row, team.engine.present())

    async def _mark_read(self, command: commands.MarkRead) -> model.Channel:
        team = self._team
        channel = team.workspace.find_channel(command.channel)
        mid = team.views.find_message(command.message) if command.message else None
        team.mark_read(channel, mid)
        await team.turns.durable()
        return team.views.channel(channel)

    async def _wait(self, command: commands.WaitReached) -> model.Message:
        mid = self._team.views.find_message(command.message)
        await self._team.wait_reached(mid, command.count, command.timeout)
        return self._message(mid)

    async def _set_away(self, command: commands.SetAway) -> model.Member:
        text = clean_line(command.text, len(command.text)) if command.away else ""
        if len(text) > AWAY_MAX_CHARS:
            raise UsageError(f"Say why you are away in {AWAY_MAX_CHARS} characters.")
        self._say_away(command.away, text)
        return self._team.views.member(self._team.workspace.me)

    async def _typing(self, command: commands.Typing) -> None:
        self._tell_members(ephemeral.Writing(self._team.workspace.find_channel(command.channel)))

    # Notes --------------------------------------------------------------------------------------

    async def _notes(self, command: commands.GetNotes) -> model.Notes:
        return await self._notebook().read(self._team.workspace.find_channel(command.channel))

    async def _set_notes(self, command: commands.SetNotes) -> model.Notes:
        channel = self._team.workspace.find_channel(command.channel)
        return await self._notebook().set_text(channel, command.text)

    async def _splice_notes(self, command: commands.SpliceNotes) -> model.Notes:
        channel = self._team.workspace.find_channel(command.channel)
        return await self._notebook().splice(channel, command.splices, command.version)

    async def _move_cursor(self, command: commands.MoveCursor) -> None:
        channel = self._team.workspace.find_channel(command.channel)
        self._tell_members(await self._notebook().move_cursor(channel, command.index))

    async def _notes_past(self, command: commands.GetNotesPast) -> model.NotesPast:
        channel = self._team.workspace.find_channel(command.channel)
        return await self._notebook().past(channel, command.limit)

    async def _notes_at(self, command: commands.GetNotesAt) -> model.Notes:
        channel = self._team.workspace.find_channel(command.channel)
        return await self._notebook().at(channel, command.version)

    async def _restore_notes(self, command: commands.RestoreNotes) -> model.Notes:
        channel = self._team.workspace.find_channel(command.channel)
        return await self._notebook().restore(channel, command.version)
