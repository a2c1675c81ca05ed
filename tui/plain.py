"""The line mode: the workspace as lines that only ever grow, for screen readers and dumb terminals.

Nothing is drawn over, no colours, no escape sequences. The same slash commands as on the screen;
messages are named by the numbers they were shown with.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, TextIO

from chat import commands
from chat.errors import ChatError
from chat.events import Event, MessageChanged, MessagesArrived, StatusChanged, Warned
from chat.model import Channel, Message, SearchHit, Transfer
from chat.session import Session
from tui import plain_input, plain_lines
from tui.attention import ACTIVITY, alerts
from tui.errors import InputError
from tui.inert import inert
from tui.input import actions, first_run, saving, slash
from tui.input.actions import Context, Step
from tui.limits import EVENT_READ_RETRY_SECONDS, HISTORY_PAGE_MESSAGES
from tui.text import moments
from tui.text.moments import Calendar
from tui.world import World, provenance

FIRST_MESSAGES = 10
"""Shown when a channel is opened; more would be read aloud for minutes."""
CAUGHT_UP_MESSAGES = 20
"""Shown after a sync brought many at once."""
PINNED_MESSAGES = 50


class PlainFace:
    """One run of the line mode."""

    def __init__(self, session: Session, stdout: TextIO) -> None:
        self._session = session
        self._stdout = stdout
        self._world = World()
        self._calendar = Calendar()
        self._channel: Channel | None = None
        self._numbers: dict[str, int] = {}
        self._shown: list[Message] = []
        self._newest = ""
        self._next: Step | None = None
        self._linked = False
        self._left = False

    def _print(self, *lines: str) -> None:
        for line in lines:
            self._stdout.write(line + "\n")
        self._stdout.flush()

    async def run(self, lines: AsyncIterator[str]) -> int:
        """Until the input ends or /quit; gives the exit code."""
        listening = asyncio.create_task(self._listen())
        # The stream of events is open before anything is read, so nothing falls in between.
        await asyncio.sleep(0)
        try:
            self._world.status = await self._session.call(commands.GetStatus())
            if self._world.status.phase == "none" and not await self._first_run(lines):
                return 0
            if self._world.status.phase == "pending":
                self._print("You are not admitted yet; it goes on when you start again.")
                return 0
            await self._enter()
            async for line in lines:
                await self._line(line)
                if self._left:
                    break
            await asyncio.sleep(0)
        except ChatError as error:
            self._print(inert(str(error)))
            return error.exit_code
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        return 0

    async def _listen(self) -> None:
        while True:
            try:
                async for event in self._session.events():
                    await self._take(event)
                self._print("The workspace was closed by another command.")
                return
            except ChatError as error:
                self._print(inert(str(error)))
                await asyncio.sleep(EVENT_READ_RETRY_SECONDS)

    # The first run.

    async def _first_run(self, lines: AsyncIterator[str]) -> bool:
        """Ask until there is a workspace; False when the input ended."""
        self._print("There is no workspace here yet. Type new to make one, or join to join one.")
        answers: list[str] = []
        async for line in lines:
            if not answers and line.strip().lower() not in ("new", "join"):
                self._print("Type new or join.")
                continue
            answers.append(line.strip())
            if len(answers) == 1:
                asked = "What is its name?" if answers[0] == "new" else "Paste the invite."
                self._print(asked)
            elif len(answers) == 2:
                self._print("What is your name?")
            elif await self._make(*answers):
                return True
            else:
                answers.clear()
                self._print("Type new or join.")
        return False

    async def _make(self, way: str, first: str, nick: str) -> bool:
        try:
            nick = first_run.name(nick, "name for yourself")
            command: commands.Command
            if way.lower() == "new":
                command = commands.Create(first_run.name(first, "name for the workspace"), nick)
            else:
                command = commands.Join(first_run.invite(first), nick)
            self._world.status = await self._session.call(command)
        except (InputError, ChatError) as error:
            self._print(inert(str(error)))
            return False
        return True

    async def _enter(self) -> None:
        self._world.set_channels(await self._session.call(commands.ListChannels()))
        self._world.set_members(await self._session.call(commands.ListMembers()))
        self._world.private = await self._session.call(commands.GetPrivate())
        self._linked = any(peer.state == "linked" for peer in self._world.status.links)
        self._print(*plain_lines.status(self._world.status))
        self._print(*plain_lines.channels(self._world.listed))
        self._print("/help lists the commands.")
        if self._world.listed:
            await self._open(self._world.listed[0])

    # Channels and messages.

    async def _open(self, channel: Channel) -> None:
        self._channel = channel
        history: list[Message] = await self._session.call(
            commands.History(channel.name, FIRST_MESSAGES)
        )
        topic = f": {channel.topic}" if channel.topic else ""
        self._print(inert(f"Now in #{channel.name}{topic}"))
        self._newest = history[-1].order if history else ""
        for message in history:
            self._show(message)
        if history:
            await self._session.call(commands.MarkRead(channel.name, history[-1].id))

    def _number(self, message: Message) -> int:
        """The number a message was shown with, or its new one."""
        number = self._numbers.get(message.id)
        if number is None:
            self._shown.append(message)
            number = self._numbers[message.id] = len(self._shown)
        else:
            self._shown[number - 1] = message
        return number

    def _show(self, message: Message, *, elsewhere: bool = False, opened: bool = False) -> None:
        answers = ""
        if message.reply_to:
            known = self._numbers.get(message.reply_to)
            answers = str(known) if known else "an earlier message"
        number = self._number(message)
        channel = message.channel if elsewhere else ""
        lines = partial(plain_lines.message, answers=answers, channel=channel, opened=opened)
        self._print(*lines(message, number, self._calendar))

    def _is_here(self, channel: str) -> bool:
        return self._channel is not None and channel in (self._channel.id, self._channel.name)

    async def _take(self, event: Event) -> None:
        self._world.apply(event, 0.0)
        match event:
            case MessageChanged(message=message, new=new):
                await self._take_message(message, new)
            case MessagesArrived(channel=channel, count=count):
                await self._catch_up(channel, count)
            case Warned(text=text):
                self._print(inert(f"Warning: {text}"))
            case StatusChanged(status=status):
                linked = any(peer.state == "linked" for peer in status.links)
                if linked != self._linked:
                    self._linked = linked
                    self._print("Linked again." if linked else "Nobody is linked now.")

    async def _take_message(self, message: Message, new: bool) -> None:
        known = self._numbers.get(message.id)
        if known is not None:
            self._print(*plain_lines.changed(self._shown[known - 1], message, known))
            self._shown[known - 1] = message
        elif new and self._is_here(message.channel):
            self._newest = max(self._newest, message.order)
            self._show(message)
            if not message.mine:
                await self._session.call(commands.MarkRead(message.channel, message.id))
        elif new and message.mentions_me and not message.folded:
            self._show(message, elsewhere=True)
        elif new and not (message.mine or message.folded or self._is_off(message.channel)):
            self._print(inert(f"New in #{message.channel}, from {message.author.name}"))

    def _is_off(self, channel: str) -> bool:
        """Whether a channel may ring for nothing."""
        known = self._world.channel(channel)
        return known is not None and alerts(self._world.private, known) == "off"

    async def _catch_up(self, channel: str, count: int) -> None:
        """Many messages arrived at once."""
        if not self._is_here(channel) or self._channel is None:
            self._print(inert(f"{moments.plural(count, 'message')} arrived in #{channel}"))
            return
        after = commands.History(self._channel.name, HISTORY_PAGE_MESSAGES, after=self._newest)
        found: list[Message] = await self._session.call(after)
        for message in found[:CAUGHT_UP_MESSAGES]:
            self._show(message)
        if found:
            self._newest = found[-1].order
        left = max(count - CAUGHT_UP_MESSAGES, len(found) - CAUGHT_UP_MESSAGES)
        if left > 0:
            self._print(f"and {moments.plural(left, 'more message')}; /search finds them")

    # What is typed.

    async def _line(self, line: str) -> None:
        if not line.strip():
            return
        waiting, self._next = self._next, None
        try:
            if waiting is not None:
                await self._answered(waiting, line)
                return
            parsed = slash.parse(line)
            if isinstance(parsed, slash.Said):
                await self._call(commands.Post(self._name, parsed.text))
                if (me := self._world.members.get(self._world.me)) is not None and me.away:
                    await self._session.call(commands.SetAway(False))
            else:
                await self._do(actions.plan(parsed, self._context()))
        except (InputError, ChatError) as error:
            self._print(inert(str(error)))

    async def _answered(self, step: Step, line: str) -> None:
        """The line answers a question."""
        if isinstance(step, actions.Confirm):
            if line.strip().lower() in ("yes", "y"):
                await self._call(step.command)
                if step.said:
                    self._print(inert(step.said))
            else:
                self._print("Nothing was done.")
        elif isinstance(step, actions.Compose):
            command: commands.Command = commands.Edit(step.message.id, line)
            if step.kind == "reply":
                command = commands.Post(step.message.channel, line, step.message.id)
            await self._call(command)

    @property
    def _name(self) -> str:
        if self._channel is None:
            raise InputError("No channel is open. /new NAME makes one.")
        return self._channel.name

    async def _call(self, command: commands.Command) -> Any:
        reply = await self._session.call(command)
        if isinstance(reply, Message) and reply.id not in self._numbers:
            self._newest = max(self._newest, reply.order)
            self._show(reply)
        return reply

    def _context(self) -> Context:
        return Context(
            channel=self._name,
            me=self._world.me,
            recent=[m for m in reversed(self._shown) if self._is_here(m.channel)],
            resolve=self._resolve,
            channels=[channel.name for channel in self._world.listed],
            bookmarks=self._world.private.bookmarks,
            now=time.time_ns() // 1_000_000,
        )

    def _resolve(self, given: str) -> Message | None:
        if given.isdecimal() and 0 < int(given) <= len(self._shown):
            return self._shown[int(given) - 1]
        return actions.by_id(given, self._shown)

    async def _do(self, step: Step) -> None:
        match step:
            case actions.Ask(command, said):
                await self._call(command)
                if said:
                    self._print(said)
            case actions.Go(channel):
                found = self._world.channel(channel)
                if found is not None:
                    await self._open(found)
            case actions.MakeChannel(command):
                made: Channel = await self._session.call(command)
                self._world.channels[made.id] = made
                await self._open(made)
            case actions.Show(panel):
                await self._panel(panel)
            case actions.Find(query):
                await self._find(query)
            case actions.Compose(kind, message):
                what = "your answer" if kind == "reply" else "the new text"
                self._print(f"Type {what} to {self._numbers[message.id]}.")
                self._next = step
            case actions.Confirm(question):
                self._print(f"{question} Type yes or no.")
                self._next = step
            case actions.ShowDelivery(message):
                held = await self._session.call(commands.GetDelivery(message.id))
                self._print(*plain_lines.delivery(held))
            case actions.OpenThread(message):
                root = message.reply_to or message.id
                for one in await self._session.call(commands.History(self._name, thread=root)):
                    self._show(one)
            case actions.Unfold(message):
                self._show(message, opened=True)
            case actions.Save(message, path):
                await self._save(message, path)
            case actions.Move():
                raise InputError("Another workspace has a line mode of its own: --workspace NAME.")
            case actions.Lock():
                await self._session.call(commands.Lock())
                self._print("Locked. `clowder unlock` opens it again.")
            case actions.Undo(message):
                await self._undo(message)
            case actions.Quit():
                self._left = True

    async def _undo(self, message: Message | None) -> None:
        if message is None:
            raise InputError("There is nothing of yours here to take back.")
        await self._call(commands.TakeBack(message.id))
        self._print(inert(f"Taken back; it never left this machine: {message.text}"))

    async def _panel(self, panel: actions.Panel) -> None:
        match panel:
            case "notes":
                shown = await self._session.call(commands.GetNotes(self._name))
                self._print(*plain_lines.notes(shown))
            case "members":
                self._print(*plain_lines.members(list(self._world.members.values())))
            case "channel":
                if self._channel is not None:
                    self._print(*plain_lines.channels([self._channel]))
            case "settings":
                self._print("Settings stand in config.toml; clowder --help tells where.")
            case "invites":
                for state in await self._session.call(commands.ListInvites()):
                    self._print(", ".join(plain_lines.invite_state(state, self._calendar)))
            case "network":
                self._print(*plain_lines.status(self._world.status))
            case "help":
                self._print(*plain_lines.help_lines())
            case "swarm":
                for swarm in await self._session.call(commands.ListSwarms()):
                    self._print(*plain_lines.swarm(swarm))
            case "pins":
                wanted = commands.History(self._name, PINNED_MESSAGES, pinned=True)
                for message in await self._session.call(wanted):
                    self._show(message)
            case "bookmarks":
                for message in await self._session.call(commands.ListBookmarks()):
                    self._show(message, elsewhere=True)
            case "activity":
                await self._find(ACTIVITY)
            case "pictures":
                await self._find("has:picture", self._name)
            case _:
                made = await self._session.call(commands.MakeInvite(relay=panel == "relay"))
                self._print(*plain_lines.invite(made, self._calendar))

    async def _find(self, query: str, channel: str = "") -> None:
        hits: list[SearchHit] = await self._session.call(commands.Search(query, channel))
        if not hits:
            self._print("Nothing found.")
        for hit in hits:
            self._print(plain_lines.hit(hit, self._number(hit.message), self._calendar))

    async def _save(self, message: Message, path: str) -> None:
        file = message.files[0]
        goal = await asyncio.to_thread(saving.goal, path, file.name)
        self._print(inert(f"Fetching {file.name}"))
        done: Transfer = await self._session.call(commands.Get(file.id, str(goal)))
        self._print(inert(f"Saved to {goal}, {provenance(done)}".rstrip(", ")))


async def run_plain(session: Session, stdin: TextIO, stdout: TextIO) -> int:
    """Run the line mode until its input ends or the user quits; gives the exit code."""
    return await PlainFace(session, stdout).run(plain_input.lines(stdin))
