"""One workspace in lines: what is read of it, what comes, and what is typed there.

Lines of a desk are printed while it is in front. Behind another one it goes on listening, and only
what calls the user is said, with the name of the workspace.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from chat import commands
from chat.errors import ChatError
from chat.events import (
    Event,
    MessageChanged,
    MessagesArrived,
    NearbyChanged,
    StatusChanged,
    Warned,
)
from chat.model import Channel, Member, Message, SearchHit, Transfer
from chat.session import Session
from tui import attention, naming, plain_lines, plain_panels
from tui.attention import ACTIVITY, alerts
from tui.errors import InputError
from tui.inert import inert
from tui.input import actions, managing, saving, slash
from tui.input.actions import Context, Step
from tui.limits import EVENT_READ_RETRY_SECONDS, HISTORY_PAGE_MESSAGES
from tui.plain_nearby import NearbyLines
from tui.text import moments
from tui.text.frame import parted
from tui.text.layout import PARTED
from tui.text.moments import Calendar
from tui.world import World, provenance

FIRST_MESSAGES = 10
"""Shown when a channel is opened; more would be read aloud for minutes."""
CAUGHT_UP_MESSAGES = 20
"""Shown after a sync brought many at once."""
PINNED_MESSAGES = 50


class Desk:
    """A workspace; `printed` takes lines, `moved` the name of another workspace to go to."""

    def __init__(
        self,
        session: Session,
        printed: Callable[..., None],
        moved: Callable[[str], None],
    ) -> None:
        self.session = session
        self.world = World()
        self.nearby = NearbyLines(session, printed)
        self.in_front = False
        self.left = False
        """Whether the user wants to leave."""
        self._print = printed
        self._moved = moved
        self._calendar = Calendar()
        self._channel: Channel | None = None
        self._numbers: dict[str, int] = {}
        self._shown: list[Message] = []
        self._newest = ""
        self._next: Step | None = None
        self._linked = False

    @property
    def name(self) -> str:
        """What it is called; a claim that waits knows no name."""
        return self.world.status.name or "a workspace that waits"

    @property
    def is_live(self) -> bool:
        """Whether there is something to read in it."""
        return self.world.status.phase in ("live", "removed")

    async def listen(self) -> None:
        """Follow what happens, until the workspace is closed."""
        while True:
            try:
                async for event in self.session.events():
                    await self._take(event)
                self.nearby.lost()
                closed = "The workspace" if self.in_front else inert(self.name)
                self._print(f"{closed} was closed by another command.")
                return
            except ChatError as error:
                self._print(inert(str(error)))
                await asyncio.sleep(EVENT_READ_RETRY_SECONDS)

    async def read(self) -> None:
        """Read everything that is small. Raises ChatError."""
        self.world.status = await self.session.call(commands.GetStatus())
        if self.is_live and not self.world.status.locked:
            self.world.set_channels(await self.session.call(commands.ListChannels()))
            self.world.set_members(await self.session.call(commands.ListMembers()))
            self.world.private = await self.session.call(commands.GetPrivate())

    async def enter(self) -> None:
        """Come to the front: say how it stands, and open a channel. Raises ChatError."""
        self.in_front = True
        await self.read()
        self._linked = any(peer.state == "linked" for peer in self.world.status.links)
        self._print(*plain_lines.status(self.world.status))
        self._print(*plain_lines.channels(self.world.listed))
        self._print("/help lists the commands.")
        shown = self._channel or next(iter(self.world.listed), None)
        if shown is not None:
            await self._open(self.world.channels.get(shown.id, shown))

    # Channels and messages.

    async def _open(self, channel: Channel) -> None:
        self._channel = channel
        history: list[Message] = await self.session.call(
            commands.History(channel.name, FIRST_MESSAGES)
        )
        topic = f": {channel.topic}" if channel.topic else ""
        self._print(inert(f"Now in #{channel.name}{topic}"))
        self._newest = history[-1].order if history else ""
        for before, message in zip([None, *history], history, strict=False):
            if before is not None and parted(channel.gaps, before, message):
                self._print(PARTED)
            self._show(message)
        if history:
            await self.session.call(commands.MarkRead(channel.name, history[-1].id))

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
        self.world.apply(event, 0.0)
        if isinstance(event, NearbyChanged):
            self.nearby.take(event.nearby)
        if not self.in_front:
            self._take_behind(event)
            return
        match event:
            case MessageChanged(message=message, new=new):
                await self._take_message(message, new)
            case MessagesArrived(channel=channel, count=count, after=after):
                # Without a place nothing need have come: all of the channel looks different now.
                await self._catch_up(channel, count if after else 0)
            case Warned(text=text):
                self._print(inert(f"Warning: {text}"))
            case StatusChanged(status=status):
                linked = any(peer.state == "linked" for peer in status.links)
                if linked != self._linked:
                    self._linked = linked
                    self._print("Linked again." if linked else "Nobody is linked now.")

    def _take_behind(self, event: Event) -> None:
        """Another workspace is in front: only what calls the user is said."""
        match event:
            case MessageChanged(message=message, new=True):
                channel = self.world.channel(message.channel)
                if attention.rings(message, channel, self.world.private, _now_ms()):
                    direct = channel is not None and channel.direct
                    where = self.name if direct else f"#{message.channel}, {self.name}"
                    self._print(inert(f"{message.author.name} in {where}: {message.text}"))
            case Warned(text=text):
                self._print(inert(f"{self.name}, warning: {text}"))

    async def _take_message(self, message: Message, new: bool) -> None:
        known = self._numbers.get(message.id)
        if known is not None:
            self._print(*plain_lines.changed(self._shown[known - 1], message, known))
            self._shown[known - 1] = message
        elif new and self._is_here(message.channel):
            self._newest = max(self._newest, message.order)
            self._show(message)
            if not message.mine:
                await self.session.call(commands.MarkRead(message.channel, message.id))
        elif new and message.mentions_me and not message.folded:
            self._show(message, elsewhere=True)
        elif new and not (message.mine or message.folded or self._is_off(message.channel)):
            self._print(inert(f"New in #{message.channel}, from {message.author.name}"))

    def _is_off(self, channel: str) -> bool:
        """Whether a channel may ring for nothing."""
        known = self.world.channel(channel)
        return known is not None and alerts(self.world.private, known) == "off"

    async def _catch_up(self, channel: str, count: int) -> None:
        """Many messages arrived at once; of 0 only the history tells whether any did."""
        if not self._is_here(channel) or self._channel is None:
            if count:
                self._print(inert(f"{moments.plural(count, 'message')} arrived in #{channel}"))
            return
        after = commands.History(self._channel.name, HISTORY_PAGE_MESSAGES, after=self._newest)
        found: list[Message] = await self.session.call(after)
        for message in found[:CAUGHT_UP_MESSAGES]:
            self._show(message)
        if found:
            self._newest = found[-1].order
        left = max(count - CAUGHT_UP_MESSAGES, len(found) - CAUGHT_UP_MESSAGES)
        if left > 0:
            self._print(f"and {moments.plural(left, 'more message')}; /search finds them")

    # What is typed.

    async def line(self, line: str) -> None:
        """A line was typed."""
        if not line.strip():
            return
        waiting, self._next = self._next, None
        try:
            if waiting is not None:
                await self._answered(waiting, line)
                return
            if await self.nearby.answer(line):
                return
            parsed = slash.parse(line)
            if isinstance(parsed, slash.Said):
                await self._call(commands.Post(self._name, parsed.text))
                if (me := self.world.members.get(self.world.me)) is not None and me.away:
                    await self.session.call(commands.SetAway(False))
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
        reply = await self.session.call(command)
        if isinstance(reply, Message) and reply.id not in self._numbers:
            self._newest = max(self._newest, reply.order)
            self._show(reply)
        return reply

    def _context(self) -> Context:
        return Context(
            channel=self._name,
            me=self.world.me,
            recent=[m for m in reversed(self._shown) if self._is_here(m.channel)],
            resolve=self._resolve,
            channels=[channel.name for channel in self.world.listed],
            bookmarks=self.world.private.bookmarks,
            now=_now_ms(),
        )

    def _resolve(self, given: str) -> Message | None:
        if given.isdecimal() and 0 < int(given) <= len(self._shown):
            return self._shown[int(given) - 1]
        return actions.by_id(given, self._shown)

    async def _do(self, step: Step) -> None:
        match step:
            case actions.Ask(command, said):
                before = naming.shown(self.world)
                reply = await self._call(command)
                if said:
                    self._print(said)
                if isinstance(command, commands.NameMember):
                    await self._say_renamed(before, reply)
            case actions.Go(channel):
                found = self.world.channel(channel)
                if found is not None:
                    await self._open(found)
            case actions.MakeChannel(command):
                made: Channel = await self.session.call(command)
                self.world.channels[made.id] = made
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
            case actions.Manage(wanted):
                people: list[Member] = await self.session.call(commands.ListMembers(former=True))
                meant = self.world.channel(wanted.channel)
                await self._do(actions.change(managing.decide(wanted, people, meant)))
            case actions.ShowDelivery(message):
                held = await self.session.call(commands.GetDelivery(message.id))
                self._print(*plain_lines.delivery(held))
            case actions.OpenThread(message):
                root = message.reply_to or message.id
                for one in await self.session.call(commands.History(self._name, thread=root)):
                    self._show(one)
            case actions.Unfold(message):
                self._show(message, opened=True)
            case actions.Save(message, path):
                await self._save(message, path)
            case actions.Move(workspace):
                self._moved(workspace)
            case actions.Lock():
                await self.session.call(commands.Lock())
                self._print("Locked. `clowder unlock` opens it again.")
            case actions.Undo(message):
                await self._undo(message)
            case actions.Quit():
                self.left = True

    async def _say_renamed(self, before: dict[str, str], named: Member) -> None:
        """Say who else is shown otherwise since somebody got a name."""
        after: list[Member] = await self.session.call(commands.ListMembers())
        self._print(*map(inert, naming.renamed(before, after, named.member)))

    async def _undo(self, message: Message | None) -> None:
        if message is None:
            raise InputError("There is nothing of yours here to take back.")
        await self._call(commands.TakeBack(message.id))
        self._print(inert(f"Taken back; it never left this machine: {message.text}"))

    async def _panel(self, panel: actions.Panel) -> None:
        match panel:
            case "nearby":
                await self.nearby.offer()
            case "pins":
                wanted = commands.History(self._name, PINNED_MESSAGES, pinned=True)
                for message in await self.session.call(wanted):
                    self._show(message)
            case "bookmarks":
                for message in await self.session.call(commands.ListBookmarks()):
                    self._show(message, elsewhere=True)
            case "activity":
                await self._find(ACTIVITY)
            case "pictures":
                await self._find("has:picture", self._name)
            case _:
                panels = plain_panels.lines
                self._print(
                    *await panels(panel, self.session, self.world, self._channel, self._calendar)
                )

    async def _find(self, query: str, channel: str = "") -> None:
        hits: list[SearchHit] = await self.session.call(commands.Search(query, channel))
        if not hits:
            self._print("Nothing found.")
        for hit in hits:
            self._print(plain_lines.hit(hit, self._number(hit.message), self._calendar))

    async def _save(self, message: Message, path: str) -> None:
        file = message.files[0]
        goal = await asyncio.to_thread(saving.goal, path, file.name)
        self._print(inert(f"Fetching {file.name}"))
        done: Transfer = await self.session.call(commands.Get(file.id, str(goal)))
        self._print(inert(f"Saved to {goal}, {provenance(done)}".rstrip(", ")))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
