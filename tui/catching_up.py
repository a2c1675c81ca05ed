"""Whether what arrives is what was missed while away. Pure.

History is on the others' machines, so after a start or a sleep it arrives all at once and live, as
if it were said now. Until the first link is in sync again nothing counts as read on that account;
then the open channel is shown as if it had just been opened, at its first unread message.
"""

from collections.abc import Sequence

from chat.events import Event, MessageChanged, MessagesArrived
from chat.model import Status


class CatchingUp:
    """`going` while it lasts; begins anew each time nobody was linked."""

    def __init__(self) -> None:
        self.going = False
        self._done = False

    def take(self, status: Status, happened: Sequence[Event]) -> bool:
        """Follow the status and what happened; gives True at the moment it is over."""
        linked = any(peer.state == "linked" for peer in status.links)
        if not linked and not any(_came(event) for event in happened):
            self.going = self._done = False
        elif not self._done:
            # Messages may be told a moment before the link that they came over.
            self.going = True
            if linked and status.behind == 0:
                self.going, self._done = False, True
                return True
        return False


def _came(event: Event) -> bool:
    if isinstance(event, MessageChanged):
        return event.new and not event.message.mine
    return isinstance(event, MessagesArrived)
