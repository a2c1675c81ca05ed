"""Trust at its largest: rosters of 10,000 ops, keys for 500 members, one handshake.

The roster is that of a company: a founder, ten admins, 500 members who come in and some who go,
private channels, renewed keys, keys handed on, and ops that stand beside each other throughout. It
is read by a process of its own, since memory is measured too. Reading is checking every signature
as well; their bare verification is the floor. Times are CPU seconds of the one thread that works,
which is what the goals mean and what others on the machine do not change much.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from bench.peer import memory_mib
from bench.report import Figure, middle
from crdt import keys, limits
from crdt.epochs import Epochs
from crdt.roster import Roster
from crdt.roster_ops import (
    Accept,
    Channel,
    DeviceAdd,
    DeviceRemove,
    Grant,
    Op,
    Rekey,
    Remove,
    Revoke,
    ScopeAdd,
    ScopeRemove,
    Share,
    channel_id,
    scope_id,
)
from tests.crdt.roster_people import Team, device, member, public
from tests.integration.machines import ROOT
from tests.transport.link_pair import handshake_machines, shake_hands

OPS = 10_000
MEMBERS = 500
ADMINS = 10
ADDED = 60
"""Ops that come in one by one when everything is here; the slowest tenth counts as well."""
KINDS_IN_WORDS = {
    "Accept": "accept",
    "Admit": "admission",
    "Channel": "channel",
    "DeviceAdd": "device",
    "DeviceCode": "code for a device",
    "DeviceRemove": "removal of a device",
    "Grant": "grant",
    "Invite": "invite",
    "Rekey": "key",
    "Remove": "removal",
    "Revoke": "revoked invite",
    "ScopeAdd": "member in a private channel",
    "ScopeRemove": "member out of a private channel",
    "Share": "key handed on",
}
CONTESTED = "beside another op about its member"
"""Then all is judged anew."""
Ops = tuple[list[bytes], list[tuple[str, bytes]]]
ROUNDS = 12
"""People who come in afterwards, so often is each kind of op measured."""
HANDSHAKES = 200


class Company:
    """A team that writes until its roster has so many ops."""

    def __init__(self, size: int) -> None:
        self.team = Team.new()
        self._lot = random.Random(size)
        self._levels = {"ana": 0}
        self._gone: set[str] = set()
        self._scopes: list[tuple[bytes, str]] = []
        self._epochs: list[tuple[bytes, str]] = []
        self._tips: list[bytes] = list(self.team.roster.heads)
        self._grow()
        while len(self.team.roster.history.nodes) < size:
            self._act()

    def _on(self) -> list[bytes]:
        """Mostly all heads, sometimes an earlier place beside them."""
        heads = self.team.roster.heads[: limits.ROSTER_PARENTS_MAX]
        return (
            list(heads) if self._lot.random() < 0.8 else [self._tips[-1 - self._lot.randrange(3)]]
        )

    def _took(self, op: Op) -> Op:
        self._tips = [*self._tips[-7:], op.id]
        return op

    def _join(self, name: str, level: int) -> None:
        invite = self._took(self.team.invite("ana", level, self._on(), 0))
        self._took(self.team.admit("ana", name, invite, [invite.id], 0))
        self._levels[name] = level

    def _grow(self) -> None:
        for number in range(ADMINS):
            self._join(f"admin{number}", 10 + number)
        for number in range(MEMBERS):
            self._join(f"person{number}", 100)

    def _act(self) -> None:
        lot, team = self._lot, self.team
        people = [name for name in self._levels if name not in self._gone]
        who = lot.choice(people)
        admin = f"admin{lot.randrange(ADMINS)}"
        whom = lot.choice([name for name in people if self._levels[name] >= 100])
        on, level = list(team.roster.heads[: limits.ROSTER_PARENTS_MAX]), self._levels[who]
        kind = lot.randrange(100)
        if kind < 30:
            epoch, holder = lot.choice(self._epochs) if self._epochs else (b"", "")
            if epoch and holder not in self._gone:
                share = Share(epoch, public(whom).sign, bytes(112))
                self._took(team.write(holder, share, on, self._levels[holder]))
        elif kind < 50:
            invite = self._took(team.invite(who, max(101, level + 1), self._on(), level))
            if kind < 38:
                self._took(team.write(who, Revoke(invite.id), [invite.id], level))
        elif kind < 70 or not self._scopes:
            place = team.place(who, on, level, who)
            named = place.device, place.incarnation, place.seq
            team._seq[who] -= 1  # the op itself takes the place that its ids are made from
            scope = scope_id(*named)
            made = Channel(channel_id(*named), scope, 0, b"", (member(whom),))
            self._took(team.write(who, made, on, level))
            self._scopes.append((scope, who))
        elif kind < 85:
            scope, owner = lot.choice(self._scopes)
            if owner not in self._gone:
                added = ScopeAdd(scope, (member(whom),))
                self._took(team.write(owner, added, on, self._levels[owner]))
        elif kind < 92:
            scope, owner = lot.choice(self._scopes)
            if owner not in self._gone:
                fresh = Rekey(scope, bytes(16), bytes(32), bytes(32), (public(owner).sign,))
                op = team.write(owner, fresh, on, self._levels[owner])
                self._epochs.append((self._took(op).id, owner))
        elif kind < 97:
            self._took(team.write(admin, Grant(member(whom), 150), self._on(), self._levels[admin]))
            self._levels[whom] = 150
        elif len(self._gone) < MEMBERS // 5:
            self._took(team.write(admin, Remove(member(whom)), on, self._levels[admin]))
            self._gone.add(whom)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process for one piece of work."""
    started = time.process_time()
    work()
    return time.process_time() - started


def company(size: int) -> list[bytes]:
    """Its ops, parents first."""
    team = Company(size).team
    return [node.op.wire for node in team.roster.history.nodes]


def later_ops(wires: list[bytes]) -> list[tuple[str, bytes]]:
    """What comes to a company's roster later: people who come in, do what members do, and go.

    Some ops stand beside the one before, all others behind everything. Gives each with its kind.
    """
    roster = Roster(keys.digest(b"x1.roster", wires[0][:-64]))
    for wire in wires:
        roster.add(wire)
    team = Team(roster)
    team._seq["ana"] = len(wires)
    while len(roster.heads) > 1:
        made = Channel(len(roster.heads).to_bytes(16, "big"), roster.history.scope, 0)
        team.write("ana", made, roster.heads[: limits.ROSTER_PARENTS_MAX], 0)
    contested = {_come_and_go(team, f"late{number}") for number in range(ROUNDS)}
    return [
        (CONTESTED if node.op.id in contested else type(node.op.args).__name__, node.op.wire)
        for node in roster.history.nodes[len(wires) :]
    ]


def _come_and_go(team: Team, name: str) -> bytes:
    """Gives the one op that stands beside another about the same member."""
    founder, whom, roster = "ana", member(name), team.roster

    def beside() -> tuple[bytes, ...]:
        return roster.op(roster.heads[0]).parents

    team.write(founder, Revoke(team.invite(founder, 100, None, 0).id), None, 0)
    team.admit(founder, name, team.invite(founder, 100, None, 0), None, 0)
    scope = team.scope(founder, name).args.scope  # type: ignore[union-attr]
    rekey = team.write(founder, Rekey(scope, bytes(16), bytes(32), bytes(32), ()), None, 0)
    team.write(founder, Share(rekey.id, public(name).sign, bytes(112)), None, 0)
    team.write(founder, Grant(whom, 150), beside(), 0)
    out = team.write(founder, ScopeRemove(scope, (whom,)), None, 0)
    team.write(founder, Accept(out.id, (scope,)), None, 0)
    team.write(founder, ScopeAdd(scope, (whom,)), beside(), 0)
    phone = f"{name}'s phone"
    code = team.code(name, level=150)
    team.write(name, DeviceAdd(team.claim(phone, code.id)), None, 150)
    team.write(founder, DeviceRemove(whom, public(phone).sign), None, 0)
    contested = team.write(founder, Grant(whom, 120), beside(), 0)
    gone = team.write(founder, Remove(whom), None, 0)
    team.write(founder, Accept(gone.id, (roster.history.scope,)), None, 0)
    return contested.id


def read(path: Path) -> None:
    """In a process of its own: read a roster from its ops, and what comes to it one by one."""
    wires, more = msgspec.msgpack.decode(path.read_bytes(), type=Ops)
    first, later = wires[:-ADDED], wires[-ADDED:]
    before = memory_mib()
    roster = Roster(keys.digest(b"x1.roster", wires[0][:-64]))

    def take() -> None:
        for wire in first:
            roster.add(wire)
        assert roster.state.members

    resolved = seconds(take)
    after = memory_mib()

    def add(wire: bytes) -> None:
        roster.add(wire)
        assert roster.state.members

    added = [seconds(lambda wire=wire: add(wire)) for wire in later]  # type: ignore[misc]
    by_kind: dict[str, list[float]] = {}
    for kind, wire in more:
        taken = seconds(lambda wire=wire: add(wire))  # type: ignore[misc]
        by_kind.setdefault(kind, []).append(taken)
    assert len(roster.history.nodes) == len(wires) + len(more)
    told = {"resolved": resolved, "memory": after - before, "added": added, "kinds": by_kind}
    told["void"] = len(roster.state.void)
    sys.stdout.write(json.dumps(told))


def verifying(wires: list[bytes]) -> float:
    """CPU seconds of nothing but the signatures."""
    parts = []
    for wire in wires:
        body, signature = wire[:-64], wire[-64:]
        device_key = msgspec.msgpack.decode(body)[3]
        parts.append((device_key, keys.digest(b"x1.roster", body), signature))

    def verify() -> None:
        for device_key, identity, signature in parts:
            keys.verify(device_key, keys.SIGN_ROSTER, identity, signature)

    return seconds(verify)


def rekeying() -> float:
    """CPU seconds until a scope of 500 members has another key."""
    team = Team.new()
    for number in range(MEMBERS):
        team.bring("ana", f"person{number}")
    epochs = Epochs(team.roster, device("ana"), {}, {})
    scope = team.roster.history.scope
    lot = random.Random(1)
    assert len(team.roster.state.members) == MEMBERS + 1

    def rekey() -> None:
        op, block = epochs.rekey(team.place("ana", None, 0, "ana"), scope, lot.randbytes)
        team.roster.add(op.wire)
        epochs.add_seals(op.id, block)
        epochs.refresh()
        assert epochs.current(scope) == op.id

    return middle([seconds(rekey) for _ in range(3)])


def handshake() -> float:
    """CPU seconds of both sides of a handshake together."""

    def shake() -> None:
        for number in range(HANDSHAKES):
            shake_hands(*handshake_machines(seed=number))

    return seconds(shake) / HANDSHAKES


def figures() -> Iterator[Figure]:
    """What `python -m bench trust` reports."""
    wires = company(OPS)
    with tempfile.TemporaryDirectory(prefix="clw") as folder:
        path = Path(folder) / "roster"
        path.write_bytes(msgspec.msgpack.encode((wires, later_ops(wires))))
        command = [sys.executable, "-m", "bench.trust", str(path)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout)
    of = f"roster of {OPS:,} ops"
    yield Figure(f"{of}: read and resolved", told["resolved"], "s CPU", None, 2.0)
    yield Figure(f"{of}: its signatures alone, for comparison", verifying(wires), "s CPU")
    yield Figure(f"{of}: memory", told["memory"], "MiB", None, 200.0)
    added = sorted(told["added"])
    yield Figure(f"{of}: one more op, median", 1000 * middle(added), "ms CPU", None, 5.0)
    slow = added[int(0.9 * len(added))]
    yield Figure(f"{of}: one more op, slowest tenth", 1000 * slow, "ms CPU")
    contested = told["kinds"].pop(CONTESTED)
    for kind, some in sorted(told["kinds"].items()):
        what = f"{of}: one more {KINDS_IN_WORDS[kind]}"
        yield Figure(what, 1000 * middle(some), "ms CPU", None, 5.0)
    slowest = max(max(some) for some in told["kinds"].values())
    yield Figure(f"{of}: the slowest of these", 1000 * slowest, "ms CPU")
    yield Figure(f"{of}: a grant {CONTESTED}", 1000 * middle(contested), "ms CPU")
    yield Figure(f"new keys for {MEMBERS} members", rekeying(), "s CPU", None, 1.0)
    yield Figure("a handshake, both sides", 1000 * handshake(), "ms CPU", None, 5.0)


if __name__ == "__main__":
    read(Path(sys.argv[1]))
