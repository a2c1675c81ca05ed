"""An invite for somebody in the same room, in lines, on either side.

What becomes of it is printed as it happens, among all that comes. A yes is the six digits that the
other screen shows, and nothing else: a line that was typed before they were there, or that a script
pipes in, says yes by no chance that counts. Any line that is no answer is what it would be without.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from chat import commands
from chat.errors import ChatError
from chat.model import Nearby
from chat.session import Session
from tui.errors import InputError
from tui.inert import inert

GIVES_UP = ("n", "no")
_DIGITS = "Type the six digits that the other screen shows, or no."
_UNDER_WAY = "A label is looked for; type no to give that up."


class NearbyLines:
    """One invite nearby after the other, in a workspace or before there is one."""

    def __init__(self, session: Session, printed: Callable[..., None]) -> None:
        self._session = session
        self._print = printed
        self._role = ""
        """Which side this is; "" while none is under way that began here."""
        self._listed: list[str] = []
        """Labels in the order in which they were first seen: their numbers stay."""
        self._news = asyncio.Event()
        self.view = Nearby()

    async def offer(self) -> None:
        """Show a label, a new one if one is shown. Raises ChatError."""
        await self._begin("inviter", commands.OfferNearby())

    async def look(self) -> None:
        """Look for labels. Raises ChatError."""
        await self._begin("newcomer", commands.LookNearby())

    async def _begin(self, role: str, command: commands.Command) -> None:
        await self.leave()
        self._role, self.view, self._listed = role, Nearby(), []
        try:
            began: Nearby = await self._session.call(command)
        except ChatError:
            self._role = ""
            raise
        if not self.view.role:  # What happened meanwhile is newer than the answer.
            self.take(began)

    async def leave(self) -> None:
        """Give up what is under way."""
        if self._role:
            self._role = ""
            with suppress(ChatError):  # It ends by itself, too.
                await self._session.call(commands.EndNearby())

    def lost(self) -> None:
        """Nothing more is heard of it."""
        self._role, self.view = "", Nearby(state="over")
        self._news.set()

    def take(self, now: Nearby) -> None:
        """Print what is new, unless it began elsewhere."""
        if now.role != self._role or now == self.view:
            return
        before, self.view = self.view, now
        fresh = [label for label in now.labels if label not in self._listed]
        for number, label in enumerate(fresh, len(self._listed) + 1):
            self._print(inert(f"{number}  {label}"))
        self._listed += fresh
        self._print(*lines(before, now))
        if now.is_final:
            self._role = ""
        self._news.set()

    async def answer(self, typed: str) -> bool:
        """Whether a line is an answer to the digits; then it is given. Raises ChatError."""
        if not self._role or self.view.state != "code":
            return False
        same = self.view.verdict(typed, person=False)
        if same is not None:
            await self._session.call(commands.CompareNearby(same))
        elif typed.strip().lower() in ("y", "yes"):
            self._print(_DIGITS)
        else:
            return False
        return True

    async def reply(self, typed: str) -> None:
        """A newcomer's line, where there is nothing else to say; returns when another may come.

        Raises:
            InputError: it says nothing here. ChatError: it did not work.
        """
        if self.view.state != "code" and typed.strip().lower() in GIVES_UP:
            await self.leave()
            self.lost()
            self._print("Given up.")
        elif self.view.state == "open":
            number = typed.strip()
            at = int(number) if number.isascii() and number.isdigit() and len(number) <= 3 else 0
            label = self._listed[at - 1] if 0 < at <= len(self._listed) else typed
            await self._session.call(commands.PickNearby(label))
        elif await self.answer(typed):
            while self._role and self.view.state in ("code", "waiting"):
                self._news.clear()
                await self._news.wait()
        else:
            raise InputError(_DIGITS if self.view.state == "code" else _UNDER_WAY)


def lines(before: Nearby, now: Nearby) -> list[str]:
    """What is to be said of a change, beside labels. Pure."""
    said: list[str] = []
    if now.state == "open" and before.state != "open":
        if now.role == "inviter":
            said.append(
                f"Your label: {now.label}. For two minutes the other one picks it at the first "
                f"start, or with: clowder join --nearby {now.label}"
            )
        else:
            said.append("Type the label that the other screen shows, or its number here.")
    if now.warning and now.warning != before.warning:
        said.append(now.warning + (f" It is {now.urls[0]}" if now.urls else ""))
    if now.state != before.state:
        if now.state == "meeting":
            said.append(f"Meeting {now.label}; no gives up.")
        elif now.state == "code":
            said.append(f"The code here is {now.grouped}. Does the other screen show the same?")
            said.append(f"{_DIGITS} Nobody is let in before.")
        elif now.state == "waiting":
            said.append("Waiting for the other side to say the same.")
        elif now.state == "over":
            said.append(now.reason)
        elif now.state == "done" and now.role == "inviter":
            said.append("They have the invite, and come in now.")
    return [inert(line) for line in said]
