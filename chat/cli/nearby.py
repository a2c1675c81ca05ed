"""`invite --nearby` and `join --nearby`: two machines in one room, before a person or a script.

A person answers with yes or no; a script by writing the digits that the *other* machine shows, and
then they are compared here. There is no option that says yes beforehand: nobody would have looked.
So a yes counts only from a terminal, and only when it was typed after the code was shown.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import msgspec

from chat import commands, model
from chat.cli.context import Invocation
from chat.cli.output import Output
from chat.cli.typed import TypedLines
from chat.errors import ChatError, NoPeer, TrustError, Unavailable, UsageError
from chat.events import Event, NearbyChanged
from chat.session import Session

LOOK_EVERY_SECONDS = 0.5
"""So often it is looked whether the newcomer is in."""
IN_SECONDS = 30.0
"""Who has the invite is in within a moment; this process may be the one that opens the door."""
_NOBODY_COMPARES = (
    "Nobody is here to compare the codes: stdin has ended. Write the digits that the other side "
    "shows, in a line."
)
_OTHER_ENDS: dict[str, type[ChatError]] = {
    "differs": TrustError,
    "failed": ChatError,
    "already": ChatError,
    "inside": UsageError,
}
"""What an end is, by its code; others mean that nobody was there, or is any more."""
_NO_LABEL = "Which label? Name it: clowder join --nearby LABEL."
_AGAIN = "Type y when the other screen shows the same digits, n when not; or type the digits."


def picked(typed: str, labels: Sequence[str]) -> str:
    """The label that a line means: its number among those that were printed, or itself."""
    number = typed.strip()
    if number.isascii() and number.isdigit() and len(number) <= 3:
        if 1 <= int(number) <= len(labels):
            return labels[int(number) - 1]
    return typed.strip()


async def invite_nearby(invocation: Invocation, note: str) -> None:
    """Show a label, compare, hand the invite over, and stay until it was used.

    Raises:
        TrustError: the codes differ. NoPeer: nobody came, or the other side is gone.
    """
    output = invocation.output
    async with invocation.session(network=True, listening=True) as session:
        done = await _Conversation(session, output).run(commands.OfferNearby(note), "")
        try:
            async with asyncio.timeout(IN_SECONDS):
                used = await _used(session, done.invite)
                while used is None:
                    await asyncio.sleep(LOOK_EVERY_SECONDS)
                    used = await _used(session, done.invite)
        except TimeoutError:
            output.note("They have the invite, and come in when they meet a member or a relay.")
            return
    if output.as_json:
        output.record("nearby_joined", {"invite": done.invite, **msgspec.to_builtins(used)})
    else:
        output.line(f"{used.nick} is in")


async def take_nearby(invocation: Invocation, session: Session, label: str) -> str:
    """Pick a label, which is asked for when it is "", and compare; gives the invite's link.

    Raises:
        TrustError: the codes differ. NoPeer: nobody is there, or the other side is gone.
        UsageError: this profile is in the workspace already.
    """
    done = await _Conversation(session, invocation.output).run(commands.LookNearby(), label)
    return done.link


async def _used(session: Session, invite: str) -> model.Author | None:
    """Who came in by an invite."""
    known: list[model.InviteState] = await session.call(commands.ListInvites())
    return next((each.used_by for each in known if each.id == invite), None)


class _Conversation:
    """One invite nearby, as far as somebody before this process has a part in it."""

    def __init__(self, session: Session, output: Output) -> None:
        self._session = session
        self._output = output
        self._typed = TypedLines()
        self._shown = model.Nearby()
        self._asked = ""
        """The state in which a line is awaited."""
        self._listed: list[str] = []
        """Labels in the order in which they were first seen: their numbers stay."""

    async def run(self, begin: commands.Command, label: str) -> model.Nearby:
        """From beginning to end. Raises ChatError: it is over without an invite."""
        happened = self._session.events()
        view: model.Nearby = await self._session.call(begin)
        try:
            if label:
                await self._session.call(commands.PickNearby(label))
            view = await self._follow(view, happened, label)
        finally:
            if not view.is_final:
                with suppress(ChatError):
                    await self._session.call(commands.EndNearby())
        if view.state == "done":
            return view
        raise _OTHER_ENDS.get(view.why, NoPeer)(view.reason)

    async def _follow(
        self, view: model.Nearby, happened: AsyncIterator[Event], label: str
    ) -> model.Nearby:
        """Show what happens, and carry out what is typed, until it is done or over."""
        hearing = asyncio.ensure_future(anext(happened))
        typing: asyncio.Task[str | None] | None = None
        try:
            while True:
                self._show(view)
                if view.is_final:
                    return view
                wants = view.state == "code" or (view.state == "open" and self._picks(view, label))
                if wants and typing is None and self._asked != view.state:
                    self._ask(view)
                    typing = asyncio.create_task(self._typed.line())
                waits = {hearing} if typing is None else {hearing, typing}
                await asyncio.wait(waits, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
                if typing is not None and typing.done():
                    line, typing = typing.result(), None
                    await self._take(line, view)
                if hearing.done():
                    event, hearing = self._event(hearing), asyncio.ensure_future(anext(happened))
                    view = event.nearby if isinstance(event, NearbyChanged) else view
        finally:
            for task in (hearing, typing):
                if task is not None:
                    task.cancel()
            await asyncio.gather(hearing, *filter(None, [typing]), return_exceptions=True)

    @staticmethod
    def _picks(view: model.Nearby, label: str) -> bool:
        return view.role == "newcomer" and not label

    @staticmethod
    def _event(hearing: "asyncio.Future[Event]") -> Event:
        try:
            return hearing.result()
        except StopAsyncIteration:
            raise Unavailable("The node that did this has stopped.") from None

    def _ask(self, view: model.Nearby) -> None:
        self._asked = view.state
        self._clear()
        if view.state == "code":
            self._typed.forget()
            self._output.note(
                f"The code here is {view.grouped}. Does the other screen show the same? "
                "(y, n, or the digits that it shows)"
            )
        else:
            self._output.note("Type the label that the other screen shows, or its number here.")

    async def _take(self, line: str | None, view: model.Nearby) -> None:
        """What was typed."""
        self._asked = ""
        if view.state == "code":
            if line is None:
                raise UsageError(_NOBODY_COMPARES)
            same = view.verdict(line, person=self._typed.is_terminal)
            if same is None:
                self._output.note(_AGAIN)
                return
            self._asked = view.state
            with suppress(UsageError):  # It was over in the same moment, which is told.
                await self._session.call(commands.CompareNearby(same))
        elif view.state == "open":
            if not line:
                raise UsageError(_NO_LABEL)
            try:
                await self._session.call(commands.PickNearby(picked(line, self._listed)))
            except UsageError as error:
                self._output.note(str(error))
            else:
                self._asked = view.state

    # What is shown ------------------------------------------------------------------------------

    def _show(self, view: model.Nearby) -> None:
        before, self._shown = self._shown, view
        if view == before:
            self._count_down(view)
            return
        self._clear()
        self._listed += [label for label in view.labels if label not in self._listed]
        if self._output.as_json:
            fields = msgspec.to_builtins(view)
            del fields["link"]  # It is used at once, and lets somebody in.
            self._output.record("nearby", fields)
        else:
            self._tell(view, before)
        self._count_down(view)

    def _tell(self, view: model.Nearby, before: model.Nearby) -> None:
        """For people: data on stdout, the rest on stderr."""
        output = self._output
        if view.state == "open" and view.role == "inviter" and before.state != "open":
            output.line(view.label)
            output.note(f"On the other machine: clowder join --nearby {view.label} --nick NAME")
        for label in view.labels:
            if label not in before.labels:
                output.line(f"{self._listed.index(label) + 1}  {label}")
        if view.warning and view.warning != before.warning:
            output.note(view.warning)
            if view.urls:
                output.note(f"There: --dial {view.urls[0]}")
        if view.code and view.code != before.code:
            output.line(view.grouped)
        if view.state == "waiting":
            output.note("Waiting for the other side to say the same.")

    def _count_down(self, view: model.Nearby) -> None:
        """How much time is left, in a line that changes, where somebody looks and types nothing."""
        left = max(0, view.until - time.time_ns() // 1_000_000) // 1000
        typing = view.state == "code" or self._asked == view.state
        if not typing and view.until and not self._output.as_json and _is_seen():
            sys.stderr.write(f"\r\x1b[K{left // 60}:{left % 60:02} left ")
            sys.stderr.flush()

    def _clear(self) -> None:
        if not self._output.as_json and _is_seen():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _is_seen() -> bool:
    return sys.stderr.isatty()
