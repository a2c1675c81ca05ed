"""Keys that somebody has to make or hand on, and when this device does it.

What is lacking follows from the roster and from what is here (`crdt.epochs`): where a scope has no
usable epoch somebody makes one, and where a device lacks the current key somebody shares it. Who
let a device in, or took one out, does so at once; all others wait, so that one of them does it.

An epoch is of no use to those whom its seals do not reach: its author may have gone offline in that
very moment, or withhold them. So an admin's device that waits for seals in vain makes another
epoch after `SEALS_WAIT_MS`. It gives up sooner than a person would, and not sooner than a block
takes over a slow link; each time it does so it waits longer the next time, so that two devices with
a bad link between them do not chase each other with keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from chat.workspace import Now, Workspace
from crdt.roster_ops import LEVEL_WRITER_MAX, DeviceAdd, DeviceCode

OTHERS_WAIT_MS = 5_000
"""How long a device waits for who is nearer to do it, before it makes or shares a key itself."""
OTHERS_SPREAD_MS = 3_000
"""Those who waited do not all do it at once."""
RETRY_MAX_MS = 60 * 60 * 1000
"""Between two tries of one thing: what cannot be mended must not fill the roster with tries."""
SEALS_WAIT_MS = 10_000
"""For a block of seals that the roster names: two links have been asked for it by then."""
SEALS_WAIT_DOUBLINGS = 4
"""Up to 160 s, which the largest block needs at 1 KB/s; who withholds seals gains no more."""


class Lack(NamedTuple):
    """A scope that has no key to send with, or a device in it that lacks the key of an epoch.

    `unsealed` is for a scope whose current epoch has not reached this device. It does not say
    which, so that who makes one after the other does not make it wait anew.
    """

    scope: bytes
    device: bytes = b""
    epoch: bytes = b""
    unsealed: bool = False


@dataclass(slots=True)
class _Need:
    """When this device does something about a lack, and how often it did."""

    due: int
    tries: int = 0

    def tried(self, now: int) -> None:
        """What was done may come to nothing; each further time waits twice as long."""
        self.due = now + min(OTHERS_WAIT_MS << self.tries, RETRY_MAX_MS)
        self.tries += 1


class Mending:
    """What is to be done about the keys of one workspace.

    Attributes:
        at_once: this device brought about what is lacking: it mends without waiting for others.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._needs: dict[Lack, _Need] = {}
        self._given_up = 0
        """How often seals were waited for in vain since the start."""
        self.at_once = False

    def each_due(self, now: Now) -> Iterator[Lack]:
        """What is due; each counts as tried once it is given."""
        for lack, need in self._look(now).items():
            if need.due <= now.mono:
                need.tried(now.mono)
                self._given_up += lack.unsealed
                yield lack

    def due(self, now: Now) -> int | None:
        """When `each_due` is to be asked again, monotonic milliseconds."""
        return min((need.due for need in self._look(now).values()), default=None)

    def _look(self, now: Now) -> dict[Lack, _Need]:
        """What is to be done about keys, and when this device is to do it."""
        workspace = self._workspace
        level = workspace.level
        needs: dict[Lack, _Need] = {}
        if not workspace.relay and level is not None and level <= LEVEL_WRITER_MAX:
            for lack in self._lacking():
                needs[lack] = self._needs.get(lack) or _Need(now.mono + self._patience(lack))
        self._needs = needs
        return needs

    def _lacking(self) -> Iterator[Lack]:
        """What this member's scopes lack."""
        workspace, epochs = self._workspace, self._workspace.epochs
        for scope, members in workspace.roster.state.scopes.items():
            if workspace.me not in members:
                continue
            if epochs.must_rekey(scope):
                yield Lack(scope)
                continue
            current = epochs.current(scope) or b""
            if epochs.may_replace_unsealed(scope):
                yield Lack(scope, unsealed=True)
            yield from (Lack(scope, device, current) for device in epochs.lacking(scope))
            for epoch, device in epochs.lacking_history(scope):
                yield Lack(scope, device, epoch)

    def _patience(self, lack: Lack) -> int:
        """How long to leave it to others, and to what may be on its way."""
        if lack.unsealed:
            wait = SEALS_WAIT_MS << min(self._given_up, SEALS_WAIT_DOUBLINGS)
            return wait + (0 if self._is_nearest(lack) else self._place_in_line())
        return 0 if self.at_once or self._is_nearest(lack) else self._place_in_line()

    def _place_in_line(self) -> int:
        return OTHERS_WAIT_MS + self._workspace.device[0] * OTHERS_SPREAD_MS // 256

    def _is_nearest(self, lack: Lack) -> bool:
        """Whether it is for this device before all others.

        Who let a device in shares at once, and who took somebody out makes the key; else that is
        for who began the scope, or if they are not in it, for its most senior members.
        """
        workspace = self._workspace
        state = workspace.roster.state
        if lack.device:
            known = state.devices[lack.device]
            newcomer = state.members.get(known.member)
            op = None if newcomer is None else newcomer.admit_op
            if isinstance(workspace.roster.op(known.op).args, DeviceAdd | DeviceCode):
                op = known.op
            return op is not None and workspace.roster.op(op).body.device == workspace.device
        if state.founders.get(lack.scope) in state.scopes[lack.scope]:
            return state.founders[lack.scope] == workspace.me
        inside = state.scopes[lack.scope] & state.members.keys()
        levels = [state.members[member].level for member in inside]
        return workspace.level == min(levels, default=0)
