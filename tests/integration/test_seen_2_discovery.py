"""Two hosts on a switch find each other by multicast DNS; nobody types an address."""

import time

import pytest

from tests.integration.lan import Lan
from tests.integration.machines import Machine, Machines, eventually

WITHIN_SECONDS = 3.0
ANYWHERE = {"CLOWDER_INTERFACE": None, "CLOWDER_LISTEN": None}

pytestmark = [pytest.mark.lan, pytest.mark.processes]


def test_peers_find_each_other_within_three_seconds(machines: Machines, lan: Lan) -> None:
    office = lan.switch("10.1.0")
    hosts = [lan.host("ana"), lan.host("bo")]
    for host in hosts:
        lan.plug(host, office)
    ana, bo = (
        machines.machine(host.name, prefix=host.prefix, environment=ANYWHERE, options=())
        for host in hosts
    )
    ana.new("Cats", "ana")
    ana.node()
    assert bo.join(ana.invite(), "bo") == "joined"

    # Found again by mDNS alone: the second starts with no address to dial.
    second = bo.node()
    eventually(bo.links, 30, "the link")
    assert time.monotonic() - second.started <= WITHIN_SECONDS
    eventually(lambda: [link.nick for link in bo.links()] == ["ana"], what="ana's name")

    ana.send("general", "who is there?")
    eventually(lambda: bo.texts() == ["who is there?"], what="the message on the other host")
    assert_link_comes_back(lan, ana, bo)


def assert_link_comes_back(lan: Lan, ana: Machine, bo: Machine) -> None:
    """The cable is out until both have noticed, then back: three seconds to the next link."""
    host, office = next(iter(lan.cables))
    lan.cut(host, office)
    eventually(lambda: not ana.links() and not bo.links(), 30, "both to notice the cut")
    bo.send("general", "said while cut off")
    lan.heal(host, office)
    eventually(ana.links, WITHIN_SECONDS, "a link after the cable is back")
    eventually(lambda: ana.texts()[-1] == "said while cut off", what="what was said meanwhile")
