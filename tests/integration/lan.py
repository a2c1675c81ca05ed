"""A network of this machine's own: hosts are network namespaces, switches are bridges.

The switches live in a namespace too, so nothing of this touches the machine's network, and
deleting the namespaces removes all of it.

    office = lan.switch("10.1.0")
    ana = lan.host("ana")
    lan.plug(ana, office)              # 10.1.0.1, fd00:10:1::1 is not given: IPv4 is enough here
    lan.cut(ana, office)               # the cable is out; lan.heal puts it back
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
from typing import NamedTuple

_numbers = itertools.count(1)


def cannot() -> str:
    """Why no such network can be made here, or nothing."""
    if sys.platform != "linux":
        return "network namespaces exist on Linux only"
    if os.geteuid() != 0:
        return "making network namespaces needs root"
    if shutil.which("ip") is None or shutil.which("tc") is None:
        return "making network namespaces needs iproute2"
    tried = f"clw{os.getpid()}try"
    if _run("ip", "netns", "add", tried, check=False):
        return "this kernel or container does not allow network namespaces"
    _run("ip", "netns", "delete", tried)
    return ""


def _run(*command: str, check: bool = True) -> int:
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if check and ended.returncode:
        raise OSError(f"{' '.join(command)}: {ended.stderr.strip()}")
    return ended.returncode


class Switch(NamedTuple):
    """A bridge; `network` is the first three numbers of its addresses."""

    name: str
    network: str


class Host(NamedTuple):
    """A namespace with its own loopback."""

    name: str
    space: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """What runs a command on this host."""
        return ("ip", "netns", "exec", self.space)


class Lan:
    """Hosts, switches and cables; `close` removes everything."""

    def __init__(self) -> None:
        # A device name has at most 15 characters; the process id keeps test workers apart.
        self._name = f"c{os.getpid()}n{next(_numbers)}"
        self._spaces: list[str] = []
        self._ports: dict[tuple[Host, Switch], str] = {}
        self._switch_count = 0
        self._room = self._space("sw")

    def _space(self, name: str) -> str:
        space = f"{self._name}{name}"
        _run("ip", "netns", "add", space)
        self._spaces.append(space)
        return space

    def switch(self, network: str) -> Switch:
        """A switch whose hosts get addresses `network`.1, .2 and so on."""
        self._switch_count += 1
        made = Switch(f"br{self._switch_count}", network)
        _run(
            "ip", "-n", self._room, "link", "add", made.name, "type", "bridge", "forward_delay", "0"
        )
        _run("ip", "-n", self._room, "link", "set", made.name, "up")
        return made

    def host(self, name: str) -> Host:
        """A host with no cable."""
        made = Host(name, self._space(name))
        _run("ip", "-n", made.space, "link", "set", "lo", "up")
        return made

    def plug(self, host: Host, switch: Switch) -> str:
        """Lay a cable; gives the host's address on that switch."""
        number = len(self._ports) + 1
        port, card = f"port{number}", f"eth{number}"
        address = f"{switch.network}.{number}"
        _run("ip", "-n", self._room, "link", "add", port, "type", "veth", "peer", "name", card)
        _run("ip", "-n", self._room, "link", "set", card, "netns", host.space)
        _run("ip", "-n", self._room, "link", "set", port, "master", switch.name, "up")
        _run("ip", "-n", host.space, "address", "add", f"{address}/24", "dev", card)
        _run("ip", "-n", host.space, "link", "set", card, "up")
        self._ports[host, switch] = port
        return address

    @property
    def cables(self) -> list[tuple[Host, Switch]]:
        """Every cable laid, in order."""
        return list(self._ports)

    def cut(self, host: Host, switch: Switch) -> None:
        """Take the cable out at the switch: the host's card loses its carrier."""
        _run("ip", "-n", self._room, "link", "set", self._ports[host, switch], "down")

    def heal(self, host: Host, switch: Switch) -> None:
        """Put the cable back."""
        _run("ip", "-n", self._room, "link", "set", self._ports[host, switch], "up")

    def limit(self, host: Host, switch: Switch, mbit: int) -> None:
        """Let the host receive no more than this; anew replaces."""
        shape = ("tbf", "rate", f"{mbit}mbit", "burst", "32kbit", "latency", "200ms")
        port = self._ports[host, switch]
        _run("tc", "-n", self._room, "qdisc", "replace", "dev", port, "root", *shape)

    def limit_upload(self, host: Host, switch: Switch, mbit: int, burst: str = "32kbit") -> None:
        """Let the host send no more than this; anew replaces.

        The bucket is smaller than what the kernel sends in one piece, so it cuts that into packets,
        and `sent_bytes` counts each with its headers. A line of 1 Gbit/s needs a larger one.
        """
        shape = ("tbf", "rate", f"{mbit}mbit", "burst", burst, "latency", "200ms")
        card = self._card(host, switch)
        _run("tc", "-n", host.space, "qdisc", "replace", "dev", card, "root", *shape)

    def sent_bytes(self, host: Host, switch: Switch) -> int:
        """What has left a host's card, Ethernet, IP and TCP headers included."""
        shown = subprocess.run(
            ("ip", "-n", host.space, "-s", "-j", "link", "show", self._card(host, switch)),
            check=True,
            capture_output=True,
        )
        return int(json.loads(shown.stdout)[0]["stats64"]["tx"]["bytes"])

    def _card(self, host: Host, switch: Switch) -> str:
        return self._ports[host, switch].replace("port", "eth")

    def isolate(self, host: Host, switch: Switch) -> None:
        """Keep a host apart from others kept apart, as the access point of a guest Wi-Fi does."""
        port = self._ports[host, switch]
        _run("bridge", "-n", self._room, "link", "set", "dev", port, "isolated", "on")

    def filter_multicast(self, host: Host, switch: Switch) -> None:
        """Pass no multicast on to a host; what it sends is passed on."""
        port = self._ports[host, switch]
        _run("bridge", "-n", self._room, "link", "set", "dev", port, "mcast_flood", "off")

    def configure(self, host: Host, *command: str) -> None:
        """Anything else that `ip` does, on a host."""
        _run("ip", "-n", host.space, *command)

    def close(self) -> None:
        """Remove every host and switch."""
        for space in self._spaces:
            _run("ip", "netns", "delete", space)
