"""`clowder doctor` on machines that do not meet, each for a reason made for it."""

import asyncio
import atexit
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from chat import commands, model
from chat.config import Network, Settings
from chat.effects import Effect
from chat.engine.people import RosterNews
from chat.node import Node
from chat.profile import Profile
from chat.workspace import Now
from crdt.roster_ops import Remove, build
from tests.integration.lan import Host, Lan, Switch
from tests.integration.machines import (
    POLL_SECONDS,
    START_SECONDS,
    Machine,
    Machines,
    Program,
    eventually,
)

ANYWHERE = {"CLOWDER_INTERFACE": None, "CLOWDER_LISTEN": None, "CLOWDER_NO_MDNS": None}
NO_PEER = 4

pytestmark = [pytest.mark.processes, pytest.mark.long]


def doctor(machine: Machine, *arguments: str, exits: int | None = None) -> dict[str, Any]:
    """What it finds, by check; what it prints for people would be the same."""
    ran = machine.run("doctor", *arguments, exits=exits)
    assert all(record["v"] == 1 and record["kind"] == "check" for record in ran.records)
    return {record["check"]: record for record in ran.records}


def findings(checks: dict[str, Any]) -> list[str]:
    """The names of what is wrong."""
    return [record["finding"] for record in checks.values() if record["verdict"] == "finding"]


def sightings(machine: Machine) -> tuple[model.Sighting, ...]:
    """Whom its running node hears on the LAN."""
    around: model.Surroundings = machine.ask(commands.LookAround())
    return around.sightings


class Office(NamedTuple):
    """Two members on one switch, who have met; no node runs."""

    machines: Machines
    switch: Switch
    hosts: tuple[Host, Host]
    ana: Machine
    bo: Machine


class Met:
    """The profiles of two who have met at the addresses of the office, made once, then copied."""

    def __init__(self) -> None:
        self.machines: dict[str, Machine] = {}
        self._kept = Machines()
        atexit.register(self._kept.close)

    def keep(self, *machines: Machine) -> None:
        for machine in machines:
            kept = self._kept.machine(machine.home.name)
            shutil.move(machine.home, kept.home)
            kept.url = machine.url
            self.machines[machine.home.name] = kept

    def give(self, machine: Machine) -> None:
        kept = self.machines[machine.home.name]
        shutil.copytree(kept.home, machine.home)
        machine.url = kept.url


MET = Met()


@pytest.fixture
def office(machines: Machines, lan: Lan) -> Office:
    switch = lan.switch("10.1.0")
    hosts = (lan.host("ana"), lan.host("bo"))
    for host in hosts:
        lan.plug(host, switch)
    ana, bo = (
        machines.machine(host.name, prefix=host.prefix, environment=ANYWHERE, options=())
        for host in hosts
    )
    if not MET.machines:
        ana.new("Cats", "ana")
        node = ana.node()
        assert bo.join(ana.invite(), "bo") == "joined"
        other = bo.node()
        eventually(lambda: bo.links() and ana.links(), what="the link")
        other.stop()
        node.stop()
        MET.keep(ana, bo)
    for machine in (ana, bo):
        MET.give(machine)
    return Office(machines, switch, hosts, ana, bo)


@pytest.mark.lan
def test_all_is_well_with_and_without_a_node_of_its_own(office: Office) -> None:
    office.ana.node()
    checks = doctor(office.bo, exits=0)
    assert findings(checks) == []
    assert checks["links"]["seen"] == "linked to ana"
    assert checks["multicast"]["seen"] == "heard 10.1.0.1"
    assert checks["clock"]["verdict"] == "ok"

    office.bo.node()
    eventually(office.bo.links, what="the link")
    assert findings(doctor(office.bo, exits=0)) == []
    assert office.bo.run("doctor", json_lines=False).out.splitlines()[-1].split() == [
        *("ok", "links", "linked", "to", "ana")
    ]


@pytest.mark.lan
def test_network_that_passes_no_multicast(office: Office, lan: Lan) -> None:
    for host in office.hosts:
        lan.filter_multicast(host, office.switch)
    office.ana.node()
    # They still meet, at the address where they met before; the doctor says what is wrong.
    checks = doctor(office.bo, exits=0)
    assert findings(checks) == ["multicast-blocked"]
    assert office.ana.url.rstrip("/") in checks["multicast"]["seen"]
    assert "--dial" in checks["multicast"]["next"]


@pytest.mark.lan
def test_multicast_that_is_switched_off_on_the_interface(office: Office, lan: Lan) -> None:
    lan.configure(office.hosts[1], "link", "set", "eth2", "multicast", "off")
    checks = doctor(office.bo, exits=NO_PEER)
    assert findings(checks)[0] == "multicast-off"
    assert "ip link set eth2 multicast on" in checks["multicast"]["next"]


@pytest.mark.lan
def test_access_point_that_keeps_machines_apart(office: Office, lan: Lan) -> None:
    router = lan.host("router")
    address = lan.plug(router, office.switch)
    for host in office.hosts:
        lan.isolate(host, office.switch)
        lan.configure(host, "neigh", "flush", "all")
    reflector = Program(
        (*router.prefix, sys.executable, "-m", "tests.integration.reflector", address),
        office.bo.home.parent,
        office.bo.environment,
    )
    office.bo.programs.append(reflector)
    reflector.wait_for(lambda line: True, what="the router")
    office.ana.node()
    office.bo.node()
    eventually(lambda: sightings(office.bo), what="the announcement")
    checks = doctor(office.bo, exits=NO_PEER)
    assert findings(checks) == ["client-isolation", "no-link"]
    assert "10.1.0.1" in checks["reach"]["seen"]
    assert "--relay" in checks["reach"]["next"]
    assert checks["workspace"]["seen"] == "1 device of this workspace announced here"


@pytest.mark.lan
def test_isolation_without_a_sign_of_the_other(office: Office, lan: Lan) -> None:
    for host in office.hosts:
        lan.isolate(host, office.switch)
        lan.configure(host, "neigh", "flush", "all")
    office.ana.node()
    checks = doctor(office.bo, exits=NO_PEER)
    assert findings(checks) == ["nobody-heard", "peer-absent", "no-link"]


@pytest.mark.lan
def test_firewall_that_drops_connections(office: Office, lan: Lan) -> None:
    # What comes from bo arrives at ana's machine, and no answer of TCP leaves it.
    lan.configure(office.hosts[0], "route", "add", "blackhole", "10.1.0.2/32")
    office.ana.node()
    checks = doctor(office.bo, exits=NO_PEER)
    assert findings(checks) == ["firewall", "no-link"]
    port = office.ana.url.rstrip("/").rpartition(":")[2]
    assert f"port {port}" in checks["reach"]["next"]
    # And ana's machine, whose own routes are at fault, says so.
    bo = office.bo.node()
    eventually(lambda: sightings(office.ana), what="the announcement")
    assert "no-route" in findings(doctor(office.ana, exits=NO_PEER))
    assert bo.running


@pytest.mark.lan
def test_another_workspace_on_the_same_network(office: Office) -> None:
    eve = office.machines.machine(
        "eve", prefix=office.hosts[0].prefix, environment=ANYWHERE, options=()
    )
    eve.new("Cats", "eve")
    eve.node()
    checks = doctor(office.bo, exits=NO_PEER)
    assert checks["workspace"]["finding"] == "other-workspace"
    assert "clowder status" in checks["workspace"]["next"]
    assert checks["multicast"]["seen"] == "heard 10.1.0.1"


@pytest.mark.lan
def test_machine_whose_only_address_is_a_bridge_for_containers(office: Office, lan: Lan) -> None:
    host = office.hosts[1]
    for change in (("down",), ("name", "docker0"), ("up",)):
        device = "docker0" if change == ("up",) else "eth2"
        lan.configure(host, "link", "set", device, *change)
    assert findings(doctor(office.bo, exits=NO_PEER))[0] == "bridge-only"


def test_device_that_was_removed_while_it_was_linked(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    ana.programs[-1].stop()
    asyncio.run(_remove(ana, "bo", tell=bo))
    for _ in ("through its node", "without one"):
        checks = doctor(bo, exits=NO_PEER)
        assert findings(checks)[0] == "removed"
        assert "new invite" in checks["profile"]["next"]
        bo.programs[-1].stop()


def test_device_that_was_removed_while_it_was_away(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    for machine in (ana, bo):
        machine.programs[-1].stop()
    asyncio.run(_remove(ana, "bo"))
    ana.node()
    checks = doctor(bo, "--dial", ana.url, exits=NO_PEER)
    assert findings(checks)[0] in ("removed", "not-recognised")
    assert "new invite" in checks["profile"]["next"]


async def _until(true: Callable[[], bool]) -> None:
    """As `eventually`, beside a node that works in this process."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            if true():
                return
            await asyncio.sleep(POLL_SECONDS)


async def _remove(machine: Machine, nick: str, tell: Machine | None = None) -> None:
    """Remove a member, with the keys of a profile that no process holds; perhaps while linked."""
    dial = () if tell is None else (tell.url,)
    network = Network(listen="127.0.0.1:0", interface="127.0.0.1", dial=dial, mdns=False)
    node = await Node.open(
        Profile(machine.home), Settings(network), network=tell is not None, create=False
    )
    try:
        team = node._parts.team
        assert team is not None
        wanted = next(each for each in team.views.members() if each.nick == nick)

        def publish(now: Now) -> Sequence[Effect]:
            place = team.engine.people._place(now)
            op = build(place, Remove(bytes.fromhex(wanted.member)), team.workspace.keys.sign_seed)
            return team.engine.publish(RosterNews(op), now)

        if tell is not None:
            await _until(lambda: bool(team.engine.present()))
        team.run(publish)
        await team.turns.durable()
        if tell is not None:
            # Greeting may still be under way, so the node stays until the other has been told.
            await asyncio.to_thread(
                eventually, lambda: tell.status().phase == "removed", what="it to hear of it"
            )
    finally:
        await node.aclose()


def test_address_where_nobody_listens_and_relay_that_is_gone(machines: Machines) -> None:
    ana, bo, relay = machines.team("ana", "bo", relay=True)
    for machine in (ana, bo, relay):
        machine.programs[-1].stop()
    checks = doctor(bo, "--dial", relay.url, exits=NO_PEER)
    assert checks["typed"]["finding"] == "typed-address"
    assert "nothing answers at that address" in checks["typed"]["seen"]
    assert "knocking there: refused" in checks["typed"]["seen"]
    assert checks["relay"]["finding"] == "relay-unreachable"
    assert checks["fallbacks"]["verdict"] == "ok"
    relay.relay()
    checks = doctor(bo, "--dial", relay.url, exits=0)
    assert checks["relay"]["seen"] == "linked"
    assert checks["typed"]["seen"] == "1 of 1 answer"


def test_profile_that_is_nowhere(machines: Machines) -> None:
    nowhere = machines.machine("nowhere")
    checks = doctor(nowhere, exits=NO_PEER)
    assert findings(checks)[:2] == ["no-workspace", "mdns-off"]
    assert not nowhere.home.exists()


def test_port_that_another_program_holds(machines: Machines) -> None:
    ana = machines.machine("ana")
    ana.new("Cats", "ana")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        checks = doctor(ana, "--listen", f"127.0.0.1:{port}", exits=NO_PEER)
    assert checks["listening"]["finding"] == "cannot-listen"
    assert str(port) in checks["listening"]["seen"]
