"""Whom this member verified, in a running node: read once, written with each change.

It stands in the store as one setting (`chat.verification`). When that cannot be read, nobody is
shown as verified, and the node says so: a mark that is not there does no harm, a wrong one would.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from chat import commands, effects, model, verification
from chat.errors import NotFound, StoreError, TrustError, UsageError
from chat.verification import Code
from chat.workspace import Now, Workspace
from crdt.roster_state import DeviceState

if TYPE_CHECKING:
    from chat.node.team import Team
    from chat.store import Store


class Verified:
    """The setting, as it stands with this turn's changes.

    Attributes:
        fault: why it cannot be read, None when it can.
    """

    def __init__(self, store: Store, workspace: Workspace) -> None:
        self._store = store
        self._workspace = workspace
        self._confirmed: verification.Confirmed = {}
        self.fault: StoreError | None = None
        try:
            self._confirmed = verification.decode(store.get(verification.SETTING) or b"")
        except StoreError as error:
            self.fault = error

    def standing(self, member: bytes) -> model.Verified:
        """How a member who is in stands."""
        if member not in self._confirmed:
            return "no"
        return verification.standing(self._confirmed, member, self.devices(member))

    def devices(self, member: bytes) -> list[DeviceState]:
        """The devices of a member. Raises NotFound."""
        state = self._workspace.roster.state
        known = state.members.get(member)
        if known is None:
            raise NotFound("That member is not in the workspace any more.")
        return [state.devices[device] for device in known.devices]

    def confirm(self, member: bytes) -> None:
        """Mark a member, within the current turn. Raises UsageError."""
        after = verification.with_confirmed(self._confirmed, member, self.devices(member))
        self._store.put(verification.SETTING, verification.encode(after))
        self._confirmed = after

    def warnings(self) -> list[str]:
        """Sentences about what must not be overlooked."""
        workspace = self._workspace
        found = [] if self.fault is None else [str(self.fault)]
        for member in sorted(self._confirmed.keys() & workspace.roster.state.members.keys()):
            if self.standing(member) == "changed":
                nick = workspace.shown(member)
                found.append(
                    f"The keys of {nick}, whom you verified, have changed. Ask {nick} why, and "
                    f"compare the words of `clowder verify {member.hex()[:8]}` again."
                )
        return found


class Verifying:
    """Answers commands about it.

    Args:
        find: the member who goes by a nick or the beginning of an id. Raises NotFound.
    """

    def __init__(self, team: Team, find: Callable[[str], bytes]) -> None:
        self._team = team
        self._find = find
        self.by_command: dict[type[commands.Command], Callable[[Any], Awaitable[Any]]] = {
            commands.Verify: self._verify
        }

    async def _verify(self, command: commands.Verify) -> model.Verification:
        workspace = self._team.workspace
        code = verification.parse_code(command.code) if command.code else None
        if command.member:
            member = self._find(command.member)
        else:
            member = workspace.me if code is None else code.member
        value = self._fingerprint(member)
        if code is not None:
            self._check(code, member, value)
        if command.confirm or code is not None:
            await self._confirm(member)
        verified = self._team.verified
        epoch = workspace.epochs.current(workspace.scope)
        state = workspace.roster.state
        return model.Verification(
            member=member.hex(),
            nick=workspace.shown(member),
            words=verification.words(value, verification.MEMBER_WORDS),
            code=Code(member, value).text,
            workspace_words=verification.words(
                verification.view(workspace.id, state, epoch), verification.VIEW_WORDS
            ),
            devices=len(verified.devices(member)),
            verified=verified.standing(member),
            me=member == workspace.me,
        )

    def _fingerprint(self, member: bytes) -> bytes:
        devices = self._team.verified.devices(member)
        return verification.fingerprint(self._team.workspace.id, member, devices)

    def _check(self, code: Code, member: bytes, value: bytes) -> None:
        if code.member != member:
            raise UsageError("That is the code of another member.")
        if not code.fits(member, value):
            nick = self._team.workspace.shown(member)
            raise TrustError(
                f"The code does not fit the keys that this machine has of {nick}. Either one of "
                "you has not heard of a new device yet, or somebody stands between you: do not "
                "write anything secret until the words agree."
            )

    async def _confirm(self, member: bytes) -> None:
        team = self._team
        if member == team.workspace.me:
            raise UsageError("That is you; verify others, and let them verify you.")
        if team.verified.fault is not None:
            raise team.verified.fault

        def work(_: Now) -> tuple[effects.Effect, ...]:
            team.verified.confirm(member)
            return (effects.ViewChanged("members"), effects.ViewChanged("status"))

        team.run(work)
        await team.turns.durable()
