"""What the doctor makes of what it saw: each cause is a value, and gives its own finding."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import model
from chat.cli.doctor import finding_line
from chat.doctor.diagnosis import diagnose
from chat.doctor.findings import Finding, listed
from chat.doctor.observations import (
    Echo,
    Interface,
    Kind,
    Knock,
    Neighbour,
    Observations,
    Outcome,
)

ROOT = Path(__file__).parent.parent.parent
OWN, ANA, RELAY = "ws://10.1.0.2:7311", "ws://10.1.0.1:7311", "ws://10.9.0.9:7311"
LINKED = model.Peer(ANA, "linked", "a1", "ana", behind=0)
OPEN = Knock(Outcome.OPEN, Neighbour.ANSWERS, 0.2)
LO = Interface("lo", Kind.LOOPBACK, ("127.0.0.1",), False, True)
ETH = Interface("eth0", Kind.LAN, ("10.1.0.2",), True, True)
DOCKER = Interface("docker0", Kind.BRIDGE, ("172.17.0.1",), True, True)
VPN = Interface("wg0", Kind.TUNNEL, ("10.8.0.2",), False, True)
ME = model.Member("b0", "bo", 100, "member", me=True)
MEMBERS = (model.Member("a1", "ana", 0, "founder"), ME)
KITCHEN = model.Member("k1", "kitchen", 250, "relay")
HEARD = (Echo("10.1.0.2", returned=True, others=("10.1.0.1",)),)
ALONE = (Echo("10.1.0.2", returned=True),)


def seen(
    *,
    status: dict[str, Any] | None = None,
    around: dict[str, Any] | None = None,
    **changed: Any,
) -> Observations:
    """A member on a LAN who is linked to ana, with this changed."""
    told = {"nick": "bo", "name": "Cats", "listening": (OWN,), **(status or {})}
    known = {"peers": (LINKED,), "sightings": (model.Sighting((ANA,), True),), **(around or {})}
    phase = told.pop("phase", "live")
    return Observations(
        status=model.Status(phase, **told),
        around=model.Surroundings(**known),
        interfaces=(ETH, LO),
        members=MEMBERS,
        default_interface="eth0",
        knocks={OWN: Knock(Outcome.OPEN), ANA: OPEN},
        echoes=HEARD,
    )._replace(**changed)


def apart(**changed: Any) -> Observations:
    """As `seen`, but ana announces herself and there is no link."""
    around = {"peers": (model.Peer(ANA, "waiting", reason="nothing answers"),)}
    around |= changed.pop("around", {})
    return seen(around=around, **changed)


def named(observed: Observations) -> dict[str, str]:
    """The findings, by check."""
    return {each.check: each.finding for each in diagnose(observed) if each.finding}


def test_nothing_is_found_where_all_is_well() -> None:
    assert named(seen()) == {}
    assert seen().is_met
    well = {each.check for each in diagnose(seen()) if each.verdict == "ok"}
    assert well >= {"profile", "addresses", "listening", "multicast", "reach", "clock", "links"}


CAUSES: list[tuple[str, str, Observations]] = [
    ("profile", "no-workspace", seen(status={"phase": "none"})),
    ("profile", "pending", seen(status={"phase": "pending"})),
    ("profile", "removed", seen(status={"phase": "removed"})),
    ("profile", "only-member", seen(members=(ME,))),
    (
        "profile",
        "not-recognised",
        seen(around={"peers": (msgspec.structs.replace(LINKED, behind=None),)}),
    ),
    ("addresses", "no-address", seen(interfaces=(LO,))),
    ("addresses", "no-address", seen(interfaces=(LO, ETH._replace(carrier=False)))),
    ("addresses", "interface-missing", seen(around={"interface": "10.3.3.3"})),
    ("addresses", "bridge-only", seen(interfaces=(LO, DOCKER))),
    (
        "addresses",
        "bridge-only",
        seen(interfaces=(ETH, LO, DOCKER), around={"interface": "172.17.0.1"}),
    ),
    ("addresses", "vpn-only", seen(interfaces=(LO, VPN, DOCKER))),
    ("addresses", "vpn-first", apart(interfaces=(ETH, LO, VPN), default_interface="wg0")),
    ("listening", "not-listening", seen(status={"listening": ()})),
    ("listening", "cannot-listen", seen(refused_to_listen="This device cannot listen.")),
    (
        "listening",
        "loopback-only",
        apart(status={"listening": ("ws://127.0.0.1:1",)}),
    ),
    ("listening", "firewall-here", seen(knocks={OWN: Knock(Outcome.SILENT)})),
    ("listening", "own-port-closed", seen(knocks={OWN: Knock(Outcome.REFUSED)})),
    ("discovery", "mdns-off", apart(around={"mdns": False}, echoes=())),
    ("discovery", "discovery-failed", seen(status={"warnings": ("It does not work.",)})),
    (
        "multicast",
        "multicast-off",
        apart(interfaces=(ETH._replace(multicast=False), LO), echoes=ALONE),
    ),
    ("multicast", "multicast-failed", apart(echoes=(Echo("10.1.0.2"),))),
    ("multicast", "multicast-failed", apart(echoes=(Echo("10.1.0.2", "not permitted"),))),
    ("multicast", "multicast-blocked", seen(around={"sightings": ()}, echoes=ALONE)),
    (
        "multicast",
        "nobody-heard",
        apart(around={"sightings": ()}, echoes=ALONE, knocks={ANA: Knock(Outcome.SILENT)}),
    ),
    (
        "workspace",
        "other-workspace",
        apart(around={"sightings": (model.Sighting((ANA,), False),)}),
    ),
    ("reach", "client-isolation", apart(knocks={ANA: Knock(Outcome.SILENT, Neighbour.ABSENT)})),
    ("reach", "client-isolation", apart(knocks={ANA: Knock(Outcome.NO_ROUTE, Neighbour.ABSENT)})),
    ("reach", "firewall", apart(knocks={ANA: Knock(Outcome.SILENT, Neighbour.ANSWERS)})),
    ("reach", "firewall-or-isolation", apart(knocks={ANA: Knock(Outcome.SILENT)})),
    ("reach", "port-closed", apart(knocks={ANA: Knock(Outcome.REFUSED, Neighbour.ANSWERS)})),
    ("reach", "no-route", apart(knocks={ANA: Knock(Outcome.NO_ROUTE, detail="unreachable")})),
    ("reach", "turned-away", apart()),
    (
        "reach",
        "peer-absent",
        apart(around={"sightings": ()}, knocks={ANA: Knock(Outcome.SILENT, Neighbour.ABSENT)}),
    ),
    (
        "reach",
        "firewall",
        apart(around={"sightings": ()}, knocks={ANA: Knock(Outcome.SILENT, Neighbour.ANSWERS)}),
    ),
    ("reach", "not-running", apart(around={"sightings": ()}, knocks={ANA: Knock(Outcome.REFUSED)})),
    ("clock", "wrong-clock", seen(knocks={ANA: OPEN._replace(skew_seconds=-540.0)})),
    ("clock", "wrong-clock", seen(knocks={ANA: OPEN._replace(skew_seconds=301.0)})),
    (
        "typed",
        "typed-address",
        apart(around={"dial": (ANA,)}, knocks={ANA: Knock(Outcome.REFUSED)}),
    ),
    ("relay", "relay-unreachable", seen(members=(*MEMBERS, KITCHEN))),
    ("fallbacks", "no-fallback", seen(around={"peers": ()})),
    ("links", "no-link", apart()),
]


@pytest.mark.parametrize(
    ("check", "name", "observed"), CAUSES, ids=[f"{c}-{n}" for c, n, _ in CAUSES]
)
def test_each_cause_is_found_by_its_check(check: str, name: str, observed: Observations) -> None:
    assert named(observed)[check] == name


def test_every_finding_of_the_code_has_a_cause_here_and_a_word_in_the_manual() -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "chat/doctor").glob("*.py"))
    names = set(re.findall(r'^ +"([a-z]+(?:-[a-z]+)+|pending|removed|firewall)",$', sources, re.M))
    names |= set(re.findall(r'found\("[a-z]+", "([a-z-]+)"', sources))
    tried = {name for _, name, _ in CAUSES} | {"peer-clock"}
    assert tried == names
    manual = (ROOT / "docs/commands.md").read_text("utf-8")
    table = manual.partition("## What the doctor finds")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", table, re.M)
    listed_there = {check: set(re.findall(r"`([a-z-]+)`", found)) for check, found in rows}
    assert list(listed_there) == [each.check for each in diagnose(seen())]
    assert set().union(*listed_there.values()) == names
    assert all(name in listed_there[check] for check, name, _ in CAUSES)


# Judgements that depend on more than one thing


def test_who_announces_itself_elsewhere_too_is_judged_by_the_best_address() -> None:
    container = "ws://172.17.0.1:7311"  # Every machine with docker has it; here it is our own.
    both = (model.Sighting((container, ANA), True),)
    observed = apart(
        around={"sightings": both},
        interfaces=(ETH, LO, DOCKER),
        knocks={container: Knock(Outcome.REFUSED), ANA: Knock(Outcome.SILENT, Neighbour.ABSENT)},
    )
    assert named(observed)["reach"] == "client-isolation"


def test_clock_of_one_among_several_is_theirs_not_ours() -> None:
    cid, dan = "ws://10.1.0.3:1", "ws://10.1.0.4:1"
    off = OPEN._replace(skew_seconds=4000.0)
    observed = seen(
        around={"sightings": tuple(model.Sighting((url,), True) for url in (ANA, cid, dan))},
        knocks={ANA: OPEN, cid: off, dan: OPEN},
    )
    (clock,) = (each for each in diagnose(observed) if each.check == "clock")
    assert clock.finding == "peer-clock"
    assert cid in clock.seen
    assert ANA not in clock.seen


def test_clock_says_who_is_ahead() -> None:
    def told(skew: float) -> str:
        observed = seen(knocks={ANA: OPEN._replace(skew_seconds=skew)})
        return next(each.seen for each in diagnose(observed) if each.check == "clock")

    assert "9 min behind that of ws://10.1.0.1" in told(540.0)
    assert "9 min ahead of that of ws://10.1.0.1" in told(-540.0)
    assert told(299.0) == "agrees with 1 device"


def test_strangers_and_this_machine_itself_tell_no_time() -> None:
    stranger = (model.Sighting((RELAY,), False),)
    wrong = OPEN._replace(skew_seconds=9000.0)
    observed = seen(
        status={"listening": (OWN,)},
        around={"sightings": stranger, "peers": ()},
        knocks={OWN: wrong, RELAY: wrong},
    )
    (clock,) = (each for each in diagnose(observed) if each.check == "clock")
    assert clock.verdict == "unknown"


def test_links_that_stand_excuse_what_would_keep_others_apart() -> None:
    assert "addresses" not in named(seen(interfaces=(ETH, LO, VPN), default_interface="wg0"))
    assert "discovery" not in named(seen(around={"mdns": False}, echoes=()))
    assert "listening" not in named(seen(status={"listening": ("ws://127.0.0.1:1",)}))
    assert "workspace" not in named(seen(around={"sightings": (model.Sighting((RELAY,), False),)}))


def test_typed_address_that_leads_to_the_relay() -> None:
    peer = model.Peer(RELAY, "linked", "k1", "kitchen", relay=True, behind=0)
    members = (*MEMBERS, msgspec.structs.replace(KITCHEN, online=True))
    observed = seen(around={"peers": (peer,), "dial": (RELAY,)}, members=members)
    assert named(observed) == {}
    verdicts = {each.check: each.verdict for each in diagnose(observed)}
    assert verdicts["typed"] == verdicts["relay"] == verdicts["fallbacks"] == "ok"


def test_a_link_that_says_nothing_is_no_company() -> None:
    mute = msgspec.structs.replace(LINKED, behind=None)
    assert not seen(around={"peers": (mute,)}).is_met
    assert seen(around={"peers": (mute, LINKED)}).is_met
    assert not seen(status={"phase": "removed"}).is_met
    assert seen(status={"phase": "pending"}, around={"peers": (mute,)}).is_met


# What holds for anything that may be seen

urls = st.sampled_from([OWN, ANA, RELAY, "ws://127.0.0.1:9", "ws://[fe80::1%25eth0]:9"])
texts = st.sampled_from(["", "ana", "nothing answers"])
peers = st.builds(
    model.Peer,
    urls,
    st.sampled_from(["linked", "dialling", "waiting"]),
    nick=texts,
    relay=st.booleans(),
    behind=st.none() | st.just(0),
    reason=texts,
)
interfaces = st.builds(
    Interface,
    st.sampled_from(["eth0", "wg0", "docker0", "lo"]),
    st.sampled_from(list(Kind)),
    st.lists(st.sampled_from(["10.1.0.2", "127.0.0.1", "fe80::1%eth0"]), min_size=1).map(tuple),
    st.none() | st.booleans(),
    st.none() | st.booleans(),
)
observations = st.builds(
    Observations,
    status=st.builds(
        model.Status,
        st.sampled_from(["none", "pending", "live", "relay", "removed"]),
        nick=texts,
        name=texts,
        listening=st.lists(urls, max_size=3).map(tuple),
        warnings=st.lists(st.just("It fails."), max_size=1).map(tuple),
    ),
    around=st.builds(
        model.Surroundings,
        interface=st.sampled_from(["", "10.1.0.2", "10.77.0.1"]),
        mdns=st.booleans(),
        dial=st.lists(urls, max_size=2).map(tuple),
        peers=st.lists(peers, max_size=4).map(tuple),
        sightings=st.lists(
            st.builds(
                model.Sighting, st.lists(urls, min_size=1, max_size=3).map(tuple), st.booleans()
            ),
            max_size=3,
        ).map(tuple),
    ),
    interfaces=st.lists(interfaces, max_size=4).map(tuple),
    members=st.lists(st.sampled_from([*MEMBERS, KITCHEN]), max_size=3).map(tuple),
    refused_to_listen=texts,
    default_interface=st.sampled_from(["", "eth0", "wg0"]),
    knocks=st.dictionaries(
        urls,
        st.builds(
            Knock,
            st.sampled_from(list(Outcome)),
            st.sampled_from(list(Neighbour)),
            st.none() | st.floats(-1e9, 1e9),
            texts,
        ),
    ),
    echoes=st.lists(
        st.builds(
            Echo,
            st.sampled_from(["10.1.0.2", "127.0.0.1"]),
            texts,
            st.booleans(),
            st.lists(st.sampled_from(["10.1.0.1"]), max_size=1).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
)


@given(observations)
def test_every_look_gives_one_line_a_check_and_says_the_next_step(observed: Observations) -> None:
    told = diagnose(observed)
    assert [each.check for each in told] == [each.check for each in diagnose(seen())]
    for each in told:
        assert each.seen
        assert (each.verdict == "finding") == bool(each.finding) == bool(each.next)
        assert "\n" not in finding_line(each)
    # Exit code 4 is never without a reason, and company is never called none.
    assert observed.is_met == (told[-1].verdict == "ok")
    assert observed.is_met or any(each.finding for each in told)


def test_lines_for_people() -> None:
    assert finding_line(Finding("links", "ok", "", "linked to ana", "")) == (
        "ok      links      linked to ana"
    )
    line = finding_line(Finding("clock", "finding", "wrong-clock", "It is late.", "Set it."))
    assert line == "finding clock      wrong-clock: It is late. → Set it."
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
