"""All checks, in the order in which a cause hides what comes after it. Pure."""

from collections.abc import Callable

from chat.doctor import company, machine
from chat.doctor.findings import Finding
from chat.doctor.observations import Observations

CHECKS: tuple[Callable[[Observations], Finding], ...] = (
    company.profile,
    machine.addresses,
    machine.listening,
    machine.discovery,
    machine.multicast,
    company.workspace,
    company.reach,
    company.clock,
    company.typed,
    company.relay,
    company.fallbacks,
    company.links,
)


def diagnose(seen: Observations) -> list[Finding]:
    """One finding for each check; the first with the verdict "finding" is where to begin."""
    return [check(seen) for check in CHECKS]
