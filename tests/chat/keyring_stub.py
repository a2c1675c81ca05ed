"""A keyring in memory, in the place of the optional package: helper of the tests of the guard."""

import sys
from types import ModuleType

import pytest


class KeyringError(Exception):
    """As `keyring.errors` has it."""


class Keyring:
    """What a keyring keeps, and how it fails.

    Attributes:
        kept: texts by (service, name).
        refuses: the error of every call, None for none.
        forgets: it takes everything and keeps nothing.
    """

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.refuses: Exception | None = None
        self.forgets = False

    def get_password(self, service: str, name: str) -> str | None:
        self._fail()
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, text: str) -> None:
        self._fail()
        if not self.forgets:
            self.kept[service, name] = text

    def delete_password(self, service: str, name: str) -> None:
        self._fail()
        if self.kept.pop((service, name), None) is None:
            raise KeyringError("no such password")

    def _fail(self) -> None:
        if self.refuses is not None:
            raise self.refuses


def installed(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    """Let `import keyring` find this."""
    keyring, module, errors = Keyring(), ModuleType("keyring"), ModuleType("keyring.errors")
    for name in ("get_password", "set_password", "delete_password"):
        setattr(module, name, getattr(keyring, name))
    errors.KeyringError = KeyringError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return keyring
