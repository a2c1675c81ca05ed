"""Two networks without a path between them; what crosses is what a relay on both carries."""

import secrets
from pathlib import Path

import pytest

from chat.pictures.sample import cat_picture
from chat.profile import Profile
from crdt.seals import channel_key
from tests.integration.lan import Lan
from tests.integration.machines import Machine, Machines, eventually

SECRET = "the-treats-are-behind-the-blue-door"
ANYWHERE = {"CLOWDER_INTERFACE": None, "CLOWDER_LISTEN": None}

pytestmark = [pytest.mark.lan, pytest.mark.processes]


def test_messages_and_a_picture_cross_and_the_relay_can_read_none(
    machines: Machines, lan: Lan
) -> None:
    left, right = lan.switch("10.1.0"), lan.switch("10.2.0")
    ana_host, bo_host, relay_host = lan.host("ana"), lan.host("bo"), lan.host("relay")
    lan.plug(ana_host, left)
    lan.plug(relay_host, left)
    lan.plug(relay_host, right)
    lan.plug(bo_host, right)
    ana, bo, relay = (
        machines.machine(host.name, prefix=host.prefix, environment=ANYWHERE, options=())
        for host in (ana_host, bo_host, relay_host)
    )
    ana.new("Cats", "ana")
    ana.node()
    relaying = relay.relay(ana.invite("--relay"))
    eventually(lambda: ana.linked(1), what="the relay's link to ana")

    # Bo cannot reach ana, only the relay, and finds it by mDNS.
    state = bo.join(ana.invite(), "bo")
    bo.node()
    assert state in ("joined", "pending")
    eventually(lambda: bo.status().phase == "live", 30, "bo's admission")

    ana.send("general", SECRET)
    picture = machines.folder / "cat.png"
    picture.write_bytes(cat_picture(7))
    put = ana.run("put", "general", str(picture), "--alt", "a cat").records[0]
    bo.send("general", f"{SECRET}, really?")

    eventually(lambda: SECRET in bo.texts(), 30, "ana's message at bo's")
    eventually(lambda: f"{SECRET}, really?" in ana.texts(), 30, "bo's message at ana's")
    got = machines.folder / "got.png"
    bo.run("get", put["files"][0]["id"], "-o", str(got))
    assert got.read_bytes() == picture.read_bytes()
    assert [peer.relay for peer in bo.links()] == [True]

    held = relay.status()
    assert held.entries > 0
    assert held.blocks > 0
    readable = [SECRET.encode(), b"a cat", b"cat.png", picture.read_bytes()[-64:-16]]
    assert places(readable, disk(relay)) == []
    assert places(readable, memory(relaying.pid)) == []
    assert len(disk(ana)) > 1
    assert places([SECRET.encode()], memory(ana.programs[0].pid)) != [], "the search itself works"

    ana.programs[0].stop()
    keys = content_keys(ana)
    assert len(keys) >= 3, "an epoch's, a channel's and a file's"
    assert places(keys, disk(relay)) == []
    assert places(keys, memory(relaying.pid)) == []
    assert places(keys, memory(bo.programs[-1].pid)) != [], "the search itself works"


def content_keys(machine: Machine) -> list[bytes]:
    """Every key that opens something, as a member's profile has them; no node may hold it."""
    with Profile(machine.home).open(secrets.token_bytes, create=False) as opened:
        (workspace,) = opened.store.workspaces()
        store = opened.store.workspace(workspace)
        epochs = list(store.epoch_keys().values())
        channels = {log.log.channel for log in store.logs()}
        found = [*epochs, *(channel_key(key, each) for key in epochs for each in channels)]
        for root in store.roots():
            carried = store.file_of_root(root)
            assert carried is not None
            found.append(carried.info.key)
    return found


def disk(machine: Machine) -> dict[str, bytes]:
    """Every file of a profile."""
    return {str(path): path.read_bytes() for path in machine.home.rglob("*") if path.is_file()}


def memory(pid: int) -> dict[str, bytes]:
    """The writable memory of a process, region by region."""
    regions = {}
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as inside:
        for line in Path(f"/proc/{pid}/maps").read_text("utf-8").splitlines():
            span, modes, *_ = line.split()
            start, end = (int(edge, 16) for edge in span.split("-"))
            if modes.startswith("rw") and "[v" not in line:
                inside.seek(start)
                regions[span] = inside.read(end - start)
    assert regions
    return regions


def places(wanted: list[bytes], searched: dict[str, bytes]) -> list[tuple[str, bytes]]:
    """Where one of the wanted byte strings stands."""
    return [(where, what) for where, data in searched.items() for what in wanted if what in data]
