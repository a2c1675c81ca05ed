"""Checks of the others: are they of this workspace, can they be reached, do their clocks agree?

What knocking at a peer's address shows is told apart so: who refuses is there and has nothing at
that port; who is silent but answers on the network below TCP drops what comes, which is a
firewall; who is silent below as well, though it announces itself here, is kept apart from this
machine by the network, which is what access points call client isolation.
"""

from collections.abc import Iterable, Sequence
from statistics import median

from chat.doctor.findings import Finding, found, listed, ok, unknown
from chat.doctor.limits import CLOCK_SKEW_SECONDS
from chat.doctor.observations import Knock, Neighbour, Observations, Outcome
from chat.model import Member, Peer
from transport.net.addresses import parse_url

_BEST_FIRST = (Outcome.OPEN, Outcome.REFUSED, Outcome.SILENT, Outcome.NO_ROUTE)


def profile(seen: Observations) -> Finding:
    """Is this device in a workspace?"""
    status, check = seen.status, "profile"
    if status.phase == "none":
        return found(
            check,
            "no-workspace",
            "This profile is in no workspace, so there is nobody to meet.",
            "Found one with `clowder new`, or join one with `clowder join`.",
        )
    if status.phase == "removed":
        return found(
            check,
            "removed",
            "This device was removed from the workspace; the others refuse its links.",
            "Ask a founder or admin for a new invite, and join with it. What is here stays.",
        )
    if status.phase == "pending":
        return found(
            check,
            "pending",
            "The claim of this device waits until somebody who may let it in sees it.",
            "Leave `clowder node` running here and ask a member to start theirs; ask for a new "
            "invite when it has run out.",
        )
    if status.phase == "live" and len(seen.members) == 1:
        return found(
            check,
            "only-member",
            "There is nobody else in this workspace yet.",
            "Make an invite with `clowder invite` and give it to somebody.",
        )
    if status.phase == "live" and seen.linked and not seen.is_met:
        return found(
            check,
            "not-recognised",
            f"{_named(seen.linked)} answers, and tells this device nothing: it does not know this "
            "device as a member, who may have been removed while it was away.",
            "See `clowder members` on the other machine. Who was removed needs a new invite, and "
            "another --home to join with it; else wait until the other machine is up to date.",
        )
    return ok(check, f"{status.nick} in {status.name}" if status.name else status.phase)


def workspace(seen: Observations) -> Finding:
    """Are those who announce themselves of this workspace?"""
    check = "workspace"
    ours = [each for each in seen.around.sightings if each.ours]
    others = [each for each in seen.around.sightings if not each.ours]
    if ours:
        return ok(check, f"{_devices(len(ours))} of this workspace announced here")
    if not others:
        return unknown(check, "nobody announces a workspace here")
    if seen.is_met:
        return ok(check, f"{_devices(len(others))} of other workspaces announced here, too")
    return found(
        check,
        "other-workspace",
        f"{_devices(len(others))} announced here ({listed([each.urls[0] for each in others])}), "
        "none of them of this workspace.",
        "Compare the ids: `clowder status` on both machines must show the same one. Who founded a "
        "second workspace instead of joining the first needs an invite.",
    )


def _named(peers: Sequence[Peer]) -> str:
    return listed([peer.nick or ("a relay" if peer.relay else peer.url) for peer in peers])


def _devices(count: int) -> str:
    return "1 device" if count == 1 else f"{count} devices"


def reach(seen: Observations) -> Finding:
    """Can those be dialled who are here, and who were met before?"""
    check = "reach"
    for sighting in seen.unmet:
        url, knock = _best(seen, sighting.urls)
        if knock is not None and (knock.outcome is not Outcome.OPEN or not seen.is_met):
            return _announced(url, knock, _reason(seen, sighting.urls))
    if seen.is_met:
        return ok(check, f"{listed([peer.url for peer in seen.linked])} can be reached")
    for peer in seen.tried:
        knock = seen.knocks.get(peer.url)
        if knock is not None and peer.url not in seen.around.dial:
            return _met_before(peer, knock)
    return unknown(check, "no address of a peer is known to try")


def _best(seen: Observations, urls: Sequence[str]) -> tuple[str, Knock | None]:
    """The address of a device that says most; those that lead back to this machine say nothing."""
    elsewhere = [url for url in urls if parse_url(url).host not in seen.own_addresses]
    knocks = [(url, seen.knocks[url]) for url in elsewhere or urls if url in seen.knocks]
    if not knocks:
        return urls[0], None
    return min(knocks, key=lambda pair: _BEST_FIRST.index(pair[1].outcome))


def _reason(seen: Observations, urls: Iterable[str]) -> str:
    known = frozenset(urls)
    return next((peer.reason for peer in seen.tried if peer.url in known), "")


def _is_absent(knock: Knock) -> bool:
    return knock.neighbour is Neighbour.ABSENT and knock.outcome is not Outcome.REFUSED


def _announced(url: str, knock: Knock, reason: str) -> Finding:
    """Of somebody who is heard here and not linked."""
    where = f"{url} announces itself here, but"
    port = parse_url(url).port
    if _is_absent(knock):
        return found(
            "reach",
            "client-isolation",
            f"{where} nothing on the network answers for that address: the network keeps the two "
            "machines apart (client isolation, AP isolation, a guest network).",
            "Use another Wi-Fi or a cable, switch the isolation off at the access point, or run a "
            "relay that both can reach (`clowder invite --relay`).",
        )
    if knock.outcome is Outcome.SILENT and knock.neighbour is Neighbour.ANSWERS:
        return _firewall(url, where)
    if knock.outcome is Outcome.SILENT:
        return found(
            "reach",
            "firewall-or-isolation",
            f"{where} connections to it get no answer: a firewall over there drops them, or the "
            "network keeps the two machines apart.",
            f"Allow incoming TCP connections to port {port} on that machine; else use another "
            "network, or a relay that both can reach.",
        )
    if knock.outcome is Outcome.REFUSED:
        return found(
            "reach",
            "port-closed",
            f"{where} port {port} is closed there: Clowder has just ended, or a firewall over "
            "there refuses.",
            f"Start Clowder anew on that machine, and allow incoming TCP connections to port "
            f"{port}.",
        )
    if knock.outcome is Outcome.NO_ROUTE:
        return _no_route(url, where, knock)
    why = f": {reason}" if reason else ", and there is no link yet"
    return found(
        "reach",
        "turned-away",
        f"{url} can be reached{why}.",
        "See `clowder members` on that machine: is this device still in it? Does it run a newer "
        "Clowder? Else try once more in a minute.",
    )


def _firewall(url: str, where: str) -> Finding:
    port = parse_url(url).port
    return found(
        "reach",
        "firewall",
        f"{where} its machine is there and drops connections to port {port}: a firewall.",
        f"Allow incoming TCP connections to port {port} on that machine, or on this one to the "
        "port it listens at: one of the two is enough. `--listen 0.0.0.0:7311` keeps the port.",
    )


def _no_route(url: str, where: str, knock: Knock) -> Finding:
    return found(
        "reach",
        "no-route",
        f"{where} this machine has no way there: {knock.detail or 'no route'}.",
        f"Connect both to one network, or look at this machine's routes and VPN (ip route get "
        f"{parse_url(url).host}).",
    )


def _met_before(peer: Peer, knock: Knock) -> Finding:
    """Of an address that led to somebody in former times, and is not announced now."""
    url = peer.url
    where = f"{url}, where a peer was met before, is known, but"
    if knock.outcome is Outcome.SILENT and knock.neighbour is Neighbour.ANSWERS:
        return _firewall(url, where)
    if _is_absent(knock) or knock.outcome is Outcome.SILENT:
        return found(
            "reach",
            "peer-absent",
            f"{where} nothing answers for it: that machine is off, has another address now, or "
            "the network keeps the two apart.",
            "See that it is on, and on the same network; on a guest Wi-Fi use another one.",
        )
    if knock.outcome is Outcome.NO_ROUTE:
        return _no_route(url, where, knock)
    if knock.outcome is Outcome.REFUSED:
        return found(
            "reach",
            "not-running",
            f"{where} nothing listens there now.",
            "Start `clowder` or `clowder node` on that machine.",
        )
    return _announced(url, knock, peer.reason)


def clock(seen: Observations) -> Finding:
    """Does this machine's clock agree with those of the others?"""
    check = "clock"
    theirs = {peer.url for peer in seen.linked}
    theirs |= {url for each in seen.around.sightings if each.ours for url in each.urls}
    own = set(seen.status.listening)
    skews = {
        url: knock.skew_seconds
        for url, knock in seen.knocks.items()
        if url in theirs - own and knock.skew_seconds is not None
    }
    if not skews:
        return unknown(check, "no peer told its time")
    middle = median(skews.values())
    if abs(middle) > CLOCK_SKEW_SECONDS:
        side = "behind" if middle > 0 else "ahead of"
        doubt = " (or theirs is wrong: there is but one to compare with)" if len(skews) == 1 else ""
        return found(
            check,
            "wrong-clock",
            f"This machine's clock is {_minutes(middle)} {side} that of {listed(sorted(skews))}"
            f"{doubt}.",
            "Set the clock by the network: timedatectl set-ntp true.",
        )
    off = [url for url, skew in skews.items() if abs(skew) > CLOCK_SKEW_SECONDS]
    if off:
        return found(
            check,
            "peer-clock",
            f"The clock of {listed(sorted(off))} is {_minutes(skews[off[0]])} off; this machine's "
            "agrees with the others.",
            "Set the clock of that machine by the network.",
        )
    return ok(check, f"agrees with {_devices(len(skews))}")


def _minutes(seconds: float) -> str:
    return f"{round(abs(seconds) / 60)} min"


def typed(seen: Observations) -> Finding:
    """Do the addresses lead somewhere that somebody gave?"""
    check = "typed"
    asked = seen.around.dial
    if not asked:
        return unknown(check, "no address was given with --dial")
    tried = {peer.url: peer for peer in seen.tried}
    failed = [url for url in asked if url in tried or not (seen.is_met or _is_open(seen, url))]
    if not failed or (seen.is_met and len(failed) < len(asked)):
        return ok(check, f"{len(asked) - len(failed)} of {len(asked)} answer")
    url = failed[0]
    reason = tried[url].reason if url in tried else ""
    knock = seen.knocks.get(url)
    outcome = "" if knock is None else f" (knocking there: {knock.outcome})"
    return found(
        check,
        "typed-address",
        f"{url}, given with --dial, gives no link: {reason or 'there is no answer'}{outcome}.",
        "See that Clowder listens there (`clowder status --json` shows `listening`), on that "
        "port, and that this machine may connect to it.",
    )


def _is_open(seen: Observations, url: str) -> bool:
    knock = seen.knocks.get(url)
    return knock is not None and knock.outcome is Outcome.OPEN


def relay(seen: Observations) -> Finding:
    """Is a relay of the workspace linked?"""
    relays: list[Member] = [each for each in seen.members if each.role == "relay"]
    if not relays:
        return unknown("relay", "this workspace has none")
    if any(peer.relay for peer in seen.linked) or any(each.online for each in relays):
        return ok("relay", "linked")
    return found(
        "relay",
        "relay-unreachable",
        f"The workspace has a relay ({listed([each.nick or each.member[:8] for each in relays])}), "
        "and there is no link to it.",
        "See that it runs, and give its address with --dial ws://HOST:PORT (`dial` in "
        "config.toml).",
    )


def fallbacks(seen: Observations) -> Finding:
    """Which ways are there beside the LAN's multicast?"""
    check = "fallbacks"
    ways = []
    if seen.around.dial:
        ways.append(f"{len(seen.around.dial)} typed")
    if any(each.role == "relay" for each in seen.members):
        ways.append("a relay")
    before = len(seen.tried)
    if before:
        ways.append(f"{before} known and tried")
    if ways or seen.is_met:
        return ok(check, f"addresses: {listed(ways)}" if ways else "not needed now")
    return found(
        check,
        "no-fallback",
        "Beside multicast this profile has no way to find anybody: no address and no relay.",
        "Give an address with --dial ws://HOST:PORT, or run a relay where both can reach it "
        "(`clowder invite --relay`).",
    )


def links(seen: Observations) -> Finding:
    """Does this device meet anybody?"""
    if seen.is_met:
        return ok("links", f"linked to {_named(seen.linked)}")
    if seen.linked:
        return found(
            "links",
            "no-link",
            f"The link to {_named(seen.linked)} carries nothing.",
            "Begin with the first finding above.",
        )
    return found(
        "links",
        "no-link",
        "This device is linked to nobody.",
        "Begin with the first finding above.",
    )
