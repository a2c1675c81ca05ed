"""The system's keyring, through the optional package `keyring`: keys by name, as hexadecimal text.

What that package and the services behind it raise is not one family, so the error of every call is
made one sentence here: no keyring, a locked one, a service that is not there.
"""

import importlib
from collections.abc import Callable
from typing import Any

from chat.errors import Unavailable

SERVICE = "clowder"
_MISSING = (
    "The system's keyring needs the package `keyring`: install `clowder-chat[keyring]`, or use a "
    "passphrase (`clowder passphrase set`)."
)
_REFUSES = "The system's keyring does not work here ({reason}). A passphrase does the same."


def store(name: bytes, key: bytes) -> None:
    """Keep a key. Raises Unavailable: it is not kept; nothing changed."""
    text = key.hex()
    _asked(lambda keyring: keyring.set_password(SERVICE, name.hex(), text))
    if load(name) != key:  # Some keyrings take everything and keep nothing.
        raise Unavailable(_REFUSES.format(reason="it did not keep what it was given"))


def load(name: bytes) -> bytes | None:
    """The key of this name, None when there is none. Raises Unavailable."""
    found = _asked(lambda keyring: keyring.get_password(SERVICE, name.hex()))
    try:
        return None if found is None else bytes.fromhex(found)
    except (TypeError, ValueError):
        return None


def forget(name: bytes) -> None:
    """Keep it no more. Raises Unavailable."""
    _asked(lambda keyring: keyring.delete_password(SERVICE, name.hex()))


def _asked(ask: Callable[[Any], Any]) -> Any:
    try:
        keyring = importlib.import_module("keyring")
        errors = importlib.import_module("keyring.errors")
    except ImportError:
        raise Unavailable(_MISSING) from None
    try:
        return ask(keyring)
    except (errors.KeyringError, OSError, RuntimeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unavailable(_REFUSES.format(reason=reason.rstrip(".")[:200])) from None
