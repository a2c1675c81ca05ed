"""A member's own devices: codes and papers for more of them, and taking one out.

As in `members`, each function checks what the user asked and gives the ops to publish, one after
the other. A code is an invite in all but what it brings about, so it is claimed at the same doors
(`chat.welcome`); whoever may say so publishes the addition (`People.claimed`).
"""

from chat import model
from chat.engine.members import Members, Ops
from chat.engine.people import Invited, People, RosterNews
from chat.errors import TrustError, UsageError
from chat.invitation import InviteText
from chat.workspace import Now, Workspace
from crdt import invites
from crdt.invites import InviteKeys
from crdt.roster_invites import InviteState
from crdt.roster_ops import LASTING, LEVEL_RELAY, DeviceRemove, Revoke

DEVICES_MAX = 16
"""Of one member at a time: more machines than anybody watches over."""


class OwnDevices:
    """Makes the ops of this device about devices."""

    def __init__(self, workspace: Workspace, people: People, members: Members) -> None:
        self._workspace = workspace
        self._people = people
        self._members = members

    def code(self, *, expires_ms: int | None, hints: tuple[str, ...], now: Now) -> Invited:
        """A code for one more device of this member; without an end it is a paper's.

        Raises:
            TrustError: this device may not. UsageError: there are enough.
            Unavailable: the keys are not here yet.
        """
        workspace = self._workspace
        state, level = workspace.roster.state, workspace.level
        if level is None or level >= LEVEL_RELAY:
            raise TrustError("Only a member has devices.")
        if len(state.members[workspace.me].devices) >= DEVICES_MAX:
            raise UsageError(
                f"You have {DEVICES_MAX} devices; `clowder device remove` takes one out."
            )
        secret = workspace.entropy(invites.SECRET_BYTES)
        not_after = LASTING if expires_ms is None else now.wall + expires_ms
        args = invites.make_code(
            secret,
            workspace=workspace.id,
            net_key=workspace.identity.net_key,
            member=workspace.me,
            level=level,
            not_after=not_after,
            name=workspace.name(),
            hints=hints,
            entropy=workspace.entropy,
        )
        op = self._people.make(args, now, ("", InviteKeys.of(secret).nick))
        text = InviteText(secret, workspace.id[:8], hints[0] if hints else "")
        shown = 0 if expires_ms is None else not_after
        view = model.InviteView(text.link, text.words, op.id.hex(), level, shown)
        return Invited(RosterNews(op), view)

    def remove(self, member: bytes, device: bytes, now: Now) -> Ops:
        """A device is its member's no more; what is here of it stays."""
        workspace = self._workspace
        if device == workspace.device:
            raise UsageError(
                "That is this device. Remove it on another one, or say `clowder leave`."
            )
        if member != workspace.me:
            self._members.require_senior(member, "remove devices of")
        op = self._people.make(DeviceRemove(member, device), now)
        yield RosterNews(op)
        yield from self._members.accept_device(op.id, member, device, now)

    def retire(self, paper: InviteState, now: Now) -> Ops:
        """By this paper nobody comes in any more."""
        yield RosterNews(self._people.make(Revoke(paper.op), now))
