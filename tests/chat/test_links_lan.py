"""Two devices on a LAN of namespaces: a cable is pulled and put back, a machine moves."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.integration.lan import Host, Lan, cannot

ROOT = Path(__file__).parent.parent.parent
BACK_WITHIN_SECONDS = 3.0
PATIENCE_SECONDS = 15.0

pytestmark = [pytest.mark.lan, pytest.mark.skipif(bool(cannot()), reason=cannot())]


class Linker:
    """`linker.py` on a host."""

    def __init__(self, host: Host, rank: int) -> None:
        self.process = subprocess.Popen(
            [*host.prefix, sys.executable, "-m", "tests.chat.linker", str(rank)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            bufsize=0,
        )
        self.link = ""
        self.url = ""

    def read(self) -> None:
        """Take one line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate(timeout=5)[1].decode()
        what, name, self.url = json.loads(line)
        self.link = name if what == "up" else ""


def until(linkers: list[Linker], true: Callable[[], bool]) -> float:
    """Read what they say until it is true; gives when."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        sources = {linker.process.stdout: linker for linker in linkers}
        ready, _, _ = select.select([*sources], [], [], deadline - time.monotonic())
        assert ready, "nothing happened in time"
        for source in ready:
            sources[source].read()
    return time.monotonic()


def until_linked(ana: Linker, ben: Linker) -> float:
    """Both see the same link."""
    return until([ana, ben], lambda: ana.link == ben.link != "")


def until_apart(ana: Linker, ben: Linker) -> float:
    """Both have noticed that there is no link."""
    return until([ana, ben], lambda: ana.link == ben.link == "")


@contextmanager
def linkers(*hosts: Host) -> Iterator[list[Linker]]:
    started = [Linker(host, rank) for rank, host in enumerate(hosts, 1)]
    try:
        yield started
        for linker in started:
            _, errors = linker.process.communicate(b"", timeout=10)
            assert errors == b""
            assert linker.process.returncode == 0
    finally:
        for linker in started:
            if linker.process.poll() is None:
                linker.process.kill()
                linker.process.communicate()


def test_cable_is_pulled_and_put_back() -> None:
    with ExitStack() as stack:
        lan = Lan()
        stack.callback(lan.close)
        office = lan.switch("10.1.0")
        ana, ben = lan.host("ana"), lan.host("ben")
        lan.plug(ana, office)
        lan.plug(ben, office)
        both = stack.enter_context(linkers(ana, ben))
        until_linked(*both)
        lan.cut(ben, office)
        until_apart(*both)
        lan.heal(ben, office)
        healed = time.monotonic()
        assert until_linked(*both) - healed < BACK_WITHIN_SECONDS


def test_machine_that_moves_to_another_network_is_linked_again() -> None:
    with ExitStack() as stack:
        lan = Lan()
        stack.callback(lan.close)
        office, lab = lan.switch("10.1.0"), lan.switch("10.2.0")
        ana, ben = lan.host("ana"), lan.host("ben")
        lan.plug(ana, office)
        lan.plug(ana, lab)
        lan.plug(ben, office)
        both = stack.enter_context(linkers(ana, ben))
        until_linked(*both)
        before = both[0].link
        lan.cut(ben, office)
        address = lan.plug(ben, lab)
        moved = time.monotonic()
        back = until(both, lambda: both[0].link == both[1].link not in ("", before)) - moved
        assert both[0].url.startswith(f"ws://{address}:")
        assert back < BACK_WITHIN_SECONDS + 0.5  # Half a second for a machine with other work.
