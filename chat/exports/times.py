"""Moments in an export: UTC, so that a page says the same wherever it is read."""

from datetime import UTC, datetime

_LAST_MS = 253_402_214_400_000
"""The last day of the year 9999 begins; calendars go no further, and a clock may be anywhere."""


def moment(milliseconds: int) -> datetime:
    """A moment from milliseconds since 1970, at most as late as a calendar goes."""
    return datetime.fromtimestamp(min(milliseconds, _LAST_MS) / 1000, UTC)


def day(milliseconds: int) -> str:
    """`2026-11-24`."""
    return moment(milliseconds).strftime("%Y-%m-%d")


def minute(milliseconds: int) -> str:
    """`10:15`."""
    return moment(milliseconds).strftime("%H:%M")
