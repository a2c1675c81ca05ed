"""What a member keeps for themselves on one device: drafts, alerts, bookmarks, do not disturb.

Nothing of it is an entry, and nobody else ever gets it. It stands in the profile's encrypted
database as one setting, `private`: a version byte and a JSON object. Fields that this build does
not know are of a newer one and are lost when it writes; a version that it does not know is left
alone, and nothing is kept then. All functions here are pure: they give the next value.

Channels and messages go by their ids, so a renamed channel keeps its draft. Ids of what is gone
do no harm, and bounds let the oldest go.
"""

import msgspec
from msgspec.structs import replace

from chat import setting
from chat.errors import StoreError, UsageError
from chat.model import Alerts, Draft, Private
from crdt.limits import ID_BYTES, MESSAGE_TEXT_MAX_CHARS

SETTING = "private"
VERSION = 1
DRAFTS_MAX = 256
"""Channels with an unsent text; the one not touched for longest goes first."""
DRAFT_MAX_CHARS = MESSAGE_TEXT_MAX_CHARS
"""A longer text is no message; the composer offers to make it a file."""
BOOKMARKS_MAX = 1_000
"""More is no list of what matters; the oldest goes first."""
ALERTS_MAX = 4_096
"""Channels with a setting of their own."""
FOREVER_MS = (1 << 53) - 1
"""Do not disturb until it is ended by hand; the largest integer that every JSON reader keeps."""

_decoder = msgspec.json.Decoder(Private)


def encode(private: Private) -> bytes:
    """The bytes of the setting."""
    return setting.encode(VERSION, private)


def decode(data: bytes) -> Private:
    """What the setting says.

    Raises:
        StoreError: it is damaged, or of a version that this build does not know.
    """
    found = setting.decode(
        data,
        VERSION,
        _decoder,
        newer="Drafts, bookmarks and alerts of this profile were written by a newer Clowder. "
        "Update it; they are as they were.",
        damaged="Drafts, bookmarks and alerts of this profile are damaged and cannot be read.",
    )
    if found is None:
        return Private()
    if not _is_within_bounds(found):
        raise StoreError("Drafts, bookmarks and alerts of this profile are damaged: too many.")
    return found


def _is_within_bounds(found: Private) -> bool:
    ids = (*found.drafts, *found.alerts, *found.bookmarks)
    return (
        len(found.drafts) <= DRAFTS_MAX
        and len(found.alerts) <= ALERTS_MAX
        and len(found.bookmarks) <= BOOKMARKS_MAX
        and 0 <= found.quiet_until <= FOREVER_MS
        and all(len(draft.text) <= DRAFT_MAX_CHARS for draft in found.drafts.values())
        and all(len(each) == 2 * ID_BYTES for each in ids)
    )


def with_draft(private: Private, channel: str, text: str, reply_to: str | None) -> Private:
    """An unsent text of a channel; an empty one drops the draft.

    Raises:
        UsageError: it is longer than a message.
    """
    if len(text) > DRAFT_MAX_CHARS:
        raise UsageError(f"A draft has at most {DRAFT_MAX_CHARS} characters, as a message.")
    drafts = {each: draft for each, draft in private.drafts.items() if each != channel}
    if text or reply_to:
        drafts[channel] = Draft(text, reply_to)
    for oldest in list(drafts)[: max(len(drafts) - DRAFTS_MAX, 0)]:
        del drafts[oldest]
    return replace(private, drafts=drafts)


def with_alerts(private: Private, channel: str, level: Alerts) -> Private:
    """What a channel may ring for; "mentions" is what every channel begins with."""
    alerts = {each: known for each, known in private.alerts.items() if each != channel}
    if level != "mentions":
        alerts[channel] = level
    for oldest in list(alerts)[: max(len(alerts) - ALERTS_MAX, 0)]:
        del alerts[oldest]
    return replace(private, alerts=alerts)


def with_bookmark(private: Private, message: str, on: bool) -> Private:
    """Bookmark a message, or not any more; the newest bookmark is the last."""
    kept = [each for each in private.bookmarks if each != message]
    if on:
        kept.append(message)
    return replace(private, bookmarks=tuple(kept[-BOOKMARKS_MAX:]))


def with_quiet(private: Private, until_ms: int) -> Private:
    """Do not disturb until then; 0 ends it, `FOREVER_MS` does not end.

    Raises:
        UsageError: that is no time.
    """
    if not 0 <= until_ms <= FOREVER_MS:
        raise UsageError("Give a time until which nothing is to disturb you.")
    return replace(private, quiet_until=until_ms)
