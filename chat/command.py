"""The base of all commands, which `chat.commands` has."""

import msgspec


class Command(msgspec.Struct, frozen=True, tag_field="do", kw_only=False):
    """Base of all commands."""
