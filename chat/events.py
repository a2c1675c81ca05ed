"""What happened, as one union of frozen values; the only thing the face listens to.

Events carry the whole new value, so that a later one of the same kind about the same thing
replaces an earlier one that was not yet shown.
"""

import msgspec

from chat import model


class Event(msgspec.Struct, frozen=True, tag_field="event"):
    """Base of all events."""


class MessageChanged(Event, frozen=True, tag="message"):
    """A message is new here, or its text, reactions, files, pins or reach changed."""

    message: model.Message
    new: bool


class MessagesArrived(Event, frozen=True, tag="bulk"):
    """Many messages of a channel came or changed at once (a sync); read them with History.

    `after` is a place in the timeline before all of them, as `History.after` takes it. Without one
    all of the channel may look different (somebody was renamed or ignored); none need be new.
    """

    channel: str
    count: int
    after: str = ""


class ChannelChanged(Event, frozen=True, tag="channel"):
    """A channel is new or its topic, counts or completeness changed."""

    channel: model.Channel


class ChannelGone(Event, frozen=True, tag="channel_gone"):
    """This member is not in a channel any more: it left, or was taken out. `channel` is its id."""

    channel: str


class MembersChanged(Event, frozen=True, tag="members"):
    """The roster, a profile or somebody's presence changed."""

    members: tuple[model.Member, ...]


class StatusChanged(Event, frozen=True, tag="status"):
    """Links, sync progress, phase or warnings changed."""

    status: model.Status


class NotesChanged(Event, frozen=True, tag="notes"):
    """A channel's shared text or the cursors in it changed."""

    notes: model.Notes


class TransferChanged(Event, frozen=True, tag="transfer"):
    """A file made progress on its way here."""

    transfer: model.Transfer


class TypingShown(Event, frozen=True, tag="typing"):
    """A member is writing in a channel now; forget it after five seconds."""

    channel: str
    author: model.Author


class PrivateChanged(Event, frozen=True, tag="private"):
    """Drafts, alerts, bookmarks or do-not-disturb changed, perhaps in another window."""

    private: model.Private


class NearbyChanged(Event, frozen=True, tag="nearby"):
    """An invite for somebody in the same room stands differently, or other labels are shown."""

    nearby: model.Nearby


class WorkspacesChanged(Event, frozen=True, tag="workspaces"):
    """This profile has a workspace more, beside the one whose events these are."""


class Warned(Event, frozen=True, tag="warning"):
    """Something the user should know, as a sentence."""

    text: str


AnyEvent = (
    MessageChanged
    | MessagesArrived
    | ChannelChanged
    | ChannelGone
    | MembersChanged
    | StatusChanged
    | NotesChanged
    | TransferChanged
    | TypingShown
    | PrivateChanged
    | NearbyChanged
    | WorkspacesChanged
    | Warned
)
