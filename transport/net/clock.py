"""The two clocks, so that nothing else asks the system for the time."""

import time


def wall_ms() -> int:
    """Milliseconds since 1970 by this machine's clock, which people and NTP may set."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Seconds that only go forward; they may stand still while the machine sleeps."""
    return time.monotonic()
