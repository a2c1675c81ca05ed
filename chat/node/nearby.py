"""What a node answers about an invite for somebody in the same room: it runs one at a time.

The inviter's side needs a workspace, the newcomer's needs none: what comes of it is an invite,
which `join` takes as any other. The invite is made by the same command as any other, too.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from chat import commands, model
from chat.asker import asker_gone
from chat.config import Network
from chat.errors import TrustError, UsageError
from chat.events import NearbyChanged
from chat.hub import Hub
from crdt.roster_ops import LEVEL_WRITER_MAX

if TYPE_CHECKING:
    from chat.nearby.offering import Offering
    from chat.nearby.visiting import Visiting

_BUSY = "One is under way already; end that first."
_NOTHING = "There is no code to compare; begin with `clowder invite --nearby` or `clowder join`."
_ALONE = "This needs the network."
_FAR = "Members so far from the founders cannot invite; ask an admin to."


Ask = Callable[[commands.Command], Awaitable[Any]]


class _Invite:
    """The invite of one offer: made when it is asked for, and perhaps taken back."""

    def __init__(self, ask: Ask, note: str) -> None:
        self.id = ""
        self._ask = ask
        self._note = note

    async def make(self) -> str:
        from chat.nearby.limits import INVITE_MS

        made: model.InviteView = await self._ask(commands.MakeInvite(INVITE_MS, note=self._note))
        self.id = made.id
        return made.link

    async def take_back(self) -> None:
        await self._ask(commands.RevokeInvite(self.id))


class NodeNearby:
    """The invite nearby of one node.

    Args:
        networked: whether the node may listen and dial at all.
        ask: carries out a command of this node's own, also while it is locked.
        survey: looks which workspaces this profile is in.
        is_in: whether it is in the one whose id begins so.
    """

    def __init__(
        self,
        settings: Network,
        hub: Hub,
        ask: Ask,
        *,
        networked: bool,
        survey: Callable[[], Awaitable[None]],
        is_in: Callable[[bytes], bool],
    ) -> None:
        self._settings = settings
        self._hub = hub
        self._ask = ask
        self._networked = networked
        self._survey = survey
        self._is_in = is_in
        self._side: Offering | Visiting | None = None
        """The last one, also when it is over."""
        self._closing: Offering | Visiting | None = None
        """The last one that was told to close."""
        self._invite = _Invite(ask, "")
        self._view = model.Nearby()
        self._endings: set[asyncio.Task[None]] = set()
        self._by_command: dict[type[commands.Command], Callable[[Any], Awaitable[model.Nearby]]] = {
            commands.OfferNearby: self._offer,
            commands.LookNearby: self._look,
            commands.PickNearby: self._pick,
            commands.CompareNearby: self._compare,
            commands.EndNearby: self._end,
        }

    def find(self, command: commands.Command) -> Callable[[Any], Awaitable[model.Nearby]] | None:
        """What answers a command; None when it is about something else."""
        return self._by_command.get(type(command))

    async def aclose(self) -> None:
        """End what is under way."""
        if self._side is not None:
            self._side.cancel()
        while self._endings:
            await asyncio.wait(self._endings)

    # Commands -----------------------------------------------------------------------------------

    async def _offer(self, command: commands.OfferNearby) -> model.Nearby:
        status: model.Status = await self._ask(commands.GetStatus())
        # Raises what any question about the workspace does: nobody is in, or this is a relay.
        await self._ask(commands.ListInvites())
        if status.level >= LEVEL_WRITER_MAX:
            raise TrustError(_FAR)
        self._check_free()
        from chat.nearby.offering import Offering

        invite = self._invite = _Invite(self._ask, command.note)
        offering = Offering(
            self._settings,
            secrets.token_bytes,
            make=invite.make,
            take_back=invite.take_back,
            changed=lambda: self._changed(offering),
        )
        return await self._begin(offering)

    async def _look(self, _: commands.LookNearby) -> model.Nearby:
        await self._survey()
        self._check_free()
        from chat.nearby.visiting import Visiting

        visiting = Visiting(
            self._settings,
            secrets.token_bytes,
            changed=lambda: self._changed(visiting),
            is_in=self._is_in,
        )
        return await self._begin(visiting)

    async def _pick(self, command: commands.PickNearby) -> model.Nearby:
        from chat.nearby.label import parse
        from chat.nearby.visiting import Visiting

        label, side = parse(command.label), self._side
        if not isinstance(side, Visiting) or side.stands.where != "open":
            raise UsageError("No labels are being looked for.")
        side.pick(label)
        return self._view

    async def _compare(self, command: commands.CompareNearby) -> model.Nearby:
        if self._side is None or self._side.stands.where != "code":
            raise UsageError(_NOTHING)
        self._side.answer(command.same)
        return self._view

    async def _end(self, _: commands.EndNearby) -> model.Nearby:
        await self.aclose()
        return self._view

    # Inside -------------------------------------------------------------------------------------

    def _check_free(self) -> None:
        if not self._networked:
            raise UsageError(_ALONE)
        if self._side is not None and not self._side.stands.is_final:
            raise UsageError(_BUSY)

    async def _begin(self, side: Offering | Visiting) -> model.Nearby:
        self._side = side
        try:
            await side.start()
        except BaseException:
            side.cancel()
            raise
        gone = asker_gone()
        if gone is not None:  # Killed, it cannot say so, and nobody looks at this any more.
            gone.add_done_callback(lambda _: side.cancel())
        self._view = self._of(side)
        return self._view

    def _changed(self, side: Offering | Visiting) -> None:
        if side is self._side:
            self._view = self._of(side)
            self._hub.emit(NearbyChanged(self._view))
        if side.stands.is_final and side is not self._closing:
            self._closing = side
            task = asyncio.get_running_loop().create_task(side.aclose())
            self._endings.add(task)
            task.add_done_callback(self._endings.discard)

    def _of(self, side: Offering | Visiting) -> model.Nearby:
        from chat.nearby.offering import Offering

        stands = side.stands
        view = model.Nearby(
            role="inviter" if isinstance(side, Offering) else "newcomer",
            state=stands.where,
            label="" if side.label is None else side.label.text,
            code=stands.code,
            until=0 if stands.is_final else _wall(side.until),
            why=stands.why,
            reason=stands.reason,
            warning=side.warning,
        )
        searching = stands.where == "open"
        if isinstance(side, Offering):
            return replace(
                view,
                reason=side.failure or stands.reason,
                urls=tuple(side.urls) if searching else (),
                invite=self._invite.id if stands.where == "done" else "",
            )
        return replace(view, labels=tuple(side.labels) if searching else (), link=side.link)


def _wall(monotonic: int) -> int:
    """A time on the clock of timers as one that people read."""
    return time.time_ns() // 1_000_000 + monotonic - time.monotonic_ns() // 1_000_000
