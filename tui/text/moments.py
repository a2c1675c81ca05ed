"""Times, sizes and counts as people read them."""

from datetime import date, datetime, tzinfo

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAY_MS = 24 * 3600 * 1000
_MAX_MS = 253_370_764_800_000
"""Year 9999: a peer's time may say anything, `datetime` may not."""


class Calendar:
    """Local days and clock times of milliseconds since the Unix epoch.

    `zone` None is this machine's own. The day last asked for is remembered: neighbours in a
    timeline nearly always share it.
    """

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._start = 0
        self._end = 0
        self._ordinal = 0

    def _local(self, at: int) -> datetime:
        return datetime.fromtimestamp(min(max(at, 0), _MAX_MS) / 1000, self._zone)

    def day(self, at: int) -> int:
        """The local day as a proleptic ordinal."""
        if self._start <= at < self._end:
            return self._ordinal
        local = self._local(at)
        self._ordinal = local.toordinal()
        into = ((local.hour * 60 + local.minute) * 60 + local.second) * 1000 + at % 1000
        # On days of a clock change the window is cut short rather than guessed.
        self._start = at - into if self._day_of(at - into) == self._ordinal else at
        end = self._start + _DAY_MS
        self._end = end if self._day_of(end - 1) == self._ordinal else at + 1
        return self._ordinal

    def same_day(self, one: int, other: int) -> bool:
        """Whether two times fall on one local day."""
        if self._start <= one < self._end and self._start <= other < self._end:
            return True
        return self.day(one) == self.day(other)

    def _day_of(self, at: int) -> int:
        return self._local(at).toordinal()

    def clock(self, at: int) -> str:
        """`09:41`."""
        local = self._local(at)
        return f"{local.hour:02}:{local.minute:02}"

    def moment(self, at: int) -> str:
        """`2026-11-24 09:41`."""
        return f"{self._local(at):%Y-%m-%d %H:%M}"

    def title(self, at: int, now: int) -> str:
        """The name of a day: `Today`, `Yesterday`, `Tuesday 24 November`, with the year if old."""
        day, today = self.day(at), self._day_of(now)
        if day == today:
            return "Today"
        if day == today - 1:
            return "Yesterday"
        local = date.fromordinal(day)
        name = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}"
        return name if local.year == date.fromordinal(today).year else f"{name} {local.year}"


def size(count: int) -> str:
    """Bytes in decimal units, as file managers show them: `182 kB`, `1.4 MB`."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.5:
            return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"
    return f"{amount / 1000:.1f} TB"


def span(milliseconds: int) -> str:
    """A length of time in its largest fitting unit: `40 s`, `9 min`, `3 h`, `2 days`."""
    seconds = milliseconds // 1000
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} days"


def number(count: int) -> str:
    """A count with thin groups: `12 345`."""
    return f"{count:,}".replace(",", "\u202f")


def plural(count: int, one: str, many: str = "") -> str:
    """`1 reply`, `3 replies`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"
