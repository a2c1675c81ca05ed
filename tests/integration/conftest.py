"""Fixtures of the tests that run the real program."""

from collections.abc import Iterator

import pytest

from tests.integration.lan import Lan, cannot
from tests.integration.machines import Machines


@pytest.fixture
def machines() -> Iterator[Machines]:
    """A folder of machines; their processes end with the test."""
    made = Machines()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def lan() -> Iterator[Lan]:
    """An empty network of namespaces."""
    reason = cannot()
    if reason:
        pytest.skip(reason)
    made = Lan()
    try:
        yield made
    finally:
        made.close()
