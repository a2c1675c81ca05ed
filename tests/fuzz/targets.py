"""All targets by name: the one table of what reads bytes from elsewhere."""

from tests.fuzz import of_crdt, of_files, of_guests, of_nearby, of_profile, of_transport, of_typed
from tests.fuzz.contract import Target

TABLES = (of_transport, of_crdt, of_files, of_profile, of_guests, of_nearby, of_typed)
TARGETS: dict[str, Target] = {
    name: target for table in TABLES for name, target in table.TARGETS.items()
}


def folder_of(name: str) -> str:
    """What a target is called where names have no blanks."""
    return name.replace(" ", "-")


def named(given: str) -> str:
    """The name of a target, which may be given with hyphens. Raises KeyError: there is none."""
    return {folder_of(name): name for name in TARGETS}[folder_of(given)]
