"""Checks of this machine: has it an address, does it listen, may it be found?"""

from chat.doctor.findings import Finding, found, listed, ok, unknown
from chat.doctor.observations import Echo, Interface, Kind, Neighbour, Observations, Outcome
from transport.net.addresses import is_loopback, parse_url

_EVERYWHERE = (Kind.LAN, Kind.LOOPBACK)


def addresses(seen: Observations) -> Finding:
    """Has this machine an address that others can reach, and is it the one that is used?"""
    check, chosen = "addresses", seen.around.interface
    if chosen:
        interface = seen.interface_of(chosen)
        if interface is None:
            return found(
                check,
                "interface-missing",
                f"No interface of this machine has the address {chosen} that --interface names.",
                "Name an address that is there, or leave --interface away.",
            )
        if interface.kind not in _EVERYWHERE:
            return _virtual([interface], f"--interface {chosen} is")
        return ok(check, f"{chosen} on {interface.name}, by --interface")
    outside = [each for each in seen.interfaces if each.kind is not Kind.LOOPBACK]
    connected = [each for each in outside if each.carrier is not False]
    if not connected:
        dead = [each.name for each in outside]
        return found(
            check,
            "no-address",
            f"{listed(dead)} has no cable or Wi-Fi."
            if dead
            else "This machine has no address but its own loopback.",
            "Connect it to the network of the others.",
        )
    lan = [each for each in connected if each.kind is Kind.LAN]
    if not lan:
        return _virtual(connected, "the only interfaces with an address are")
    default = next((each for each in connected if each.name == seen.default_interface), None)
    if default is not None and default.kind is Kind.TUNNEL and not seen.is_met:
        return found(
            check,
            "vpn-first",
            f"The default route of this machine leads into a VPN ({default.name}), which can hide "
            f"the LAN on {listed([each.name for each in lan])}.",
            f"Leave the VPN for a moment, allow local network access in it, or link on the LAN "
            f"alone with --interface {lan[0].addresses[0]}.",
        )
    return ok(check, listed([f"{each.addresses[0]} on {each.name}" for each in lan]))


def _virtual(interfaces: list[Interface], what: str) -> Finding:
    names = listed([each.name for each in interfaces])
    if all(each.kind is Kind.BRIDGE for each in interfaces):
        return found(
            "addresses",
            "bridge-only",
            f"Of this machine, {what} a bridge for containers or virtual machines ({names}): "
            "nobody else is on it.",
            "Connect the machine itself to the network, or run the container with the host's "
            "network (docker run --network host).",
        )
    return found(
        "addresses",
        "vpn-only",
        f"Of this machine, {what} a VPN ({names}), and hardly any VPN passes multicast.",
        "Give each other an address in the VPN with --dial ws://HOST:PORT, or connect to the LAN.",
    )


def listening(seen: Observations) -> Finding:
    """Can others dial this machine; does anything between the socket and an own address object?"""
    check, urls = "listening", seen.status.listening
    if seen.refused_to_listen:
        return found(
            check,
            "cannot-listen",
            seen.refused_to_listen,
            "Name a free port with --listen HOST:PORT, or end the program that holds this one.",
        )
    if seen.status.phase == "none":
        return unknown(check, "nothing listens before there is a workspace")
    if not urls:
        return found(
            check,
            "not-listening",
            "The process that holds this profile accepts no links; it only dials.",
            "Run `clowder` or `clowder node` on at least one of the two machines.",
        )
    shut = [url for url in urls if _outcome(seen, url) is Outcome.REFUSED]
    silent = [url for url in urls if _outcome(seen, url) in (Outcome.SILENT, Outcome.NO_ROUTE)]
    if len(silent) == len(urls):
        return found(
            check,
            "firewall-here",
            f"This machine cannot reach its own {listed(silent)}: a firewall here is in between.",
            f"Allow incoming TCP connections to port {parse_url(urls[0]).port} in it.",
        )
    if len(shut) == len(urls):
        return found(
            check,
            "own-port-closed",
            f"Nothing answers at {listed(shut)}, where this profile says that it listens.",
            "Stop the process that holds this profile and start it anew.",
        )
    if all(is_loopback(parse_url(url).host) for url in urls) and not seen.is_met:
        return found(
            check,
            "loopback-only",
            f"It listens at {listed(urls)}, which nobody but this machine itself can dial.",
            "Start without --listen and --interface, or with an address of the LAN.",
        )
    return ok(check, listed(urls))


def _outcome(seen: Observations, url: str) -> Outcome | None:
    knock = seen.knocks.get(url)
    return None if knock is None else knock.outcome


def discovery(seen: Observations) -> Finding:
    """Is this machine looking for others at all?"""
    check = "discovery"
    if not seen.around.mdns:
        if seen.is_met or seen.around.dial:
            return ok(check, "switched off; peers are dialled at addresses that were given")
        return found(
            check,
            "mdns-off",
            "Discovery on the LAN is switched off, and no address was given to dial.",
            "Leave --no-mdns away (CLOWDER_NO_MDNS, `mdns` in config.toml), or give an address "
            "with --dial ws://HOST:PORT.",
        )
    if seen.status.warnings:
        return found(
            check,
            "discovery-failed",
            listed(seen.status.warnings),
            "See what holds UDP port 5353, or give an address with --dial ws://HOST:PORT.",
        )
    return ok(check, "looking around by multicast DNS")


def multicast(seen: Observations) -> Finding:
    """Does a question by multicast leave this machine, and does one of others arrive?"""
    check = "multicast"
    if not seen.echoes:
        why = "switched off" if not seen.around.mdns else "no interface to look on"
        return unknown(check, f"not tried: {why}")
    off = [each.name for echo in seen.echoes if (each := _switched_off(seen, echo)) is not None]
    if len(off) == len(seen.echoes):
        return found(
            check,
            "multicast-off",
            f"Multicast is switched off on {listed(off)}.",
            f"Switch it on: ip link set {off[0]} multicast on.",
        )
    if not any(echo.returned for echo in seen.echoes):
        failures = [echo.failure for echo in seen.echoes if echo.failure]
        return found(
            check,
            "multicast-failed",
            "A question by multicast DNS does not even come back to this machine"
            + (f": {failures[0]}." if failures else "; a firewall here stops it."),
            "Allow UDP port 5353 in this machine's firewall, in and out, or give an address with "
            "--dial ws://HOST:PORT.",
        )
    others = sorted({host for echo in seen.echoes for host in echo.others})
    if others:
        return ok(check, f"heard {listed(others)}")
    if seen.around.sightings:
        return ok(check, "others were heard since the node was started")
    return _nobody_heard(seen)


def _switched_off(seen: Observations, echo: Echo) -> Interface | None:
    interface = seen.interface_of(echo.address)
    if interface is None or interface.kind is Kind.LOOPBACK or interface.multicast is not False:
        return None
    return interface


def _nobody_heard(seen: Observations) -> Finding:
    there = [
        url
        for url, knock in seen.knocks.items()
        if knock.neighbour is Neighbour.ANSWERS and url not in seen.status.listening
    ]
    if there:
        return found(
            "multicast",
            "multicast-blocked",
            f"Nobody is heard by multicast, though {listed(there)} is on the same network: the "
            "network does not pass multicast on.",
            "Switch off IGMP snooping or multicast filtering at the access point or switch, or "
            "give an address with --dial ws://HOST:PORT.",
        )
    if seen.is_met:
        return unknown("multicast", "nobody else is heard on this network")
    return found(
        "multicast",
        "nobody-heard",
        "Nobody is heard by multicast: no Clowder runs on this network, or the network passes no "
        "multicast (guest Wi-Fi, two different Wi-Fis, a wired and a wireless part kept apart).",
        "See that the other machine runs Clowder on the same network; then give its address with "
        "--dial ws://HOST:PORT.",
    )
