"""People with keys who write roster ops: for stories, and for random histories."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import msgspec

from crdt import keys, roster_ops
from crdt.claims import build_claim, decode_claim
from crdt.cuts import ends_of
from crdt.errors import Invalid
from crdt.keys import DeviceKeys, DevicePublic
from crdt.roster import Roster
from crdt.roster_ops import (
    Accept,
    Admit,
    AnyArgs,
    Channel,
    DeviceAdd,
    DeviceCode,
    DeviceRemove,
    Genesis,
    Grant,
    Invite,
    Kept,
    Op,
    Place,
    Rekey,
    Remove,
    Revoke,
    ScopeAdd,
    ScopeHistory,
    ScopeRemove,
)

INCARNATION = b"incarnat"
UNKNOWN_KIND = 4_000


def bytes_of(label: object, count: int = 32) -> bytes:
    return hashlib.shake_128(repr(label).encode()).digest(count)


@cache
def device(name: str) -> DeviceKeys:
    return DeviceKeys(*(bytes_of((name, part)) for part in ("sign", "link", "box")))


@cache
def public(name: str) -> DevicePublic:
    return device(name).public


def salt(name: str) -> bytes:
    return bytes_of((name, "salt"), 16)


@cache
def member(name: str) -> bytes:
    return roster_ops.member_id(public(name).sign, salt(name))


@cache
def genesis(founder: str = "ana", paper: str = "") -> Op:
    own = public(founder)
    args = Genesis(
        own.link,
        own.box,
        salt(founder),
        bytes_of("net"),
        public(paper).sign if paper else b"",
        public(paper).box if paper else b"",
    )
    return roster_ops.founding(
        own, args, incarnation=INCARNATION, time=1_000, sign_seed=device(founder).sign_seed
    )


@dataclass
class Team:
    """One roster and the people who write to it; `seq` counts for each device."""

    roster: Roster
    founder: str = "ana"
    invites: dict[bytes, bytes] = field(default_factory=dict)
    """Invite to the seed of its key."""
    claims: dict[str, bytes] = field(default_factory=dict)
    using: dict[str, str] = field(default_factory=dict)
    """Who acts on another device than their first, and which."""
    _seq: dict[str, int] = field(default_factory=dict)

    @classmethod
    def new(cls, founder: str = "ana", paper: str = "") -> "Team":
        op = genesis(founder, paper)
        roster = Roster(op.id)
        assert roster.add(op.wire) == [op.id]
        return cls(roster, founder)

    def place(self, who: str, on: Sequence[bytes] | None, level: int | None, of: str) -> Place:
        own = public(self.using.get(who, who)).sign
        parents = tuple(sorted(on if on is not None else self.roster.parents(own)))
        if level is None:
            known = self.roster.state_at(parents).members.get(member(of))
            level = 100 if known is None else known.level
        self._seq[who] = self._seq.get(who, 0) + 1
        return Place(
            self.roster.workspace,
            parents,
            own,
            INCARNATION,
            self._seq[who],
            member(of),
            level,
            1_000 + self._seq[who],
        )

    def write(
        self,
        who: str,
        args: AnyArgs,
        on: Sequence[bytes] | None = None,
        level: int | None = None,
        of: str = "",
    ) -> Op:
        """An op by a device, added to the roster; `of` is another member it says it is."""
        op = self.draft(who, args, on, level, of)
        self.roster.add(op.wire)
        return op

    def draft(
        self,
        who: str,
        args: AnyArgs,
        on: Sequence[bytes] | None = None,
        level: int | None = None,
        of: str = "",
    ) -> Op:
        place = self.place(who, on, level, of or who)
        return roster_ops.build(place, args, self.sign_seed(who))

    def sign_seed(self, who: str) -> bytes:
        """Of the device that somebody acts on."""
        return device(self.using.get(who, who)).sign_seed

    def unknown(self, who: str, on: Sequence[bytes] | None = None, level: int | None = None) -> Op:
        """An op of a kind nobody knows yet."""
        place = self.place(who, on, level, who)
        body = msgspec.msgpack.encode(
            [1, *msgspec.structs.astuple(place), UNKNOWN_KIND, ["later"], b""]
        )
        wire = body + keys.sign(self.sign_seed(who), keys.SIGN_ROSTER, roster_ops.op_id(body))
        self.roster.add(wire)
        return roster_ops.decode(wire)

    # Ops by name ------------------------------------------------------------------------------

    def invite(
        self,
        who: str,
        given: int = 100,
        on: Sequence[bytes] | None = None,
        level: int | None = None,
    ) -> Op:
        seed = bytes_of((who, self._seq.get(who, 0), "invite", given))
        args = Invite(keys.sign_public(seed), given, 10**12, bytes_of("door"), b"rest")
        op = self.write(who, args, on, level)
        self.invites[op.id] = seed
        return op

    def claim(self, name: str, invite: bytes, workspace: bytes | None = None) -> bytes:
        signed = build_claim(
            workspace or self.roster.workspace,
            invite,
            public(name),
            salt(name),
            name.encode(),
            invite_seed=self.invites[invite],
            sign_seed=device(name).sign_seed,
        )
        self.claims[name] = signed.wire
        return signed.wire

    def admit(
        self,
        witness: str,
        name: str,
        invite: Op,
        on: Sequence[bytes] | None = None,
        level: int | None = None,
    ) -> Op:
        return self.write(witness, Admit(self.claim(name, invite.id)), on, level)

    def bring(self, inviter: str, name: str, given: int = 100) -> Op:
        """Invite somebody and admit them at once."""
        return self.admit(inviter, name, self.invite(inviter, given))

    def grant(self, who: str, target: str, given: int, on: Sequence[bytes] | None = None) -> Op:
        return self.write(who, Grant(member(target), given), on)

    def remove(self, who: str, target: str, on: Sequence[bytes] | None = None) -> Op:
        return self.write(who, Remove(member(target)), on)

    def revoke(self, who: str, invite: Op, on: Sequence[bytes] | None = None) -> Op:
        return self.write(who, Revoke(invite.id), on)

    def scope(self, who: str, *others: str, on: Sequence[bytes] | None = None) -> Op:
        """A private channel with a scope of its own."""
        place = self.place(who, on, None, who)
        named = place.device, place.incarnation, place.seq
        args = Channel(
            roster_ops.channel_id(*named),
            roster_ops.scope_id(*named),
            0,
            members=tuple(sorted(map(member, others))),
        )
        op = roster_ops.build(place, args, self.sign_seed(who))
        self.roster.add(op.wire)
        return op

    # Devices ----------------------------------------------------------------------------------

    def code(
        self,
        who: str,
        *,
        paper: bool = False,
        on: Sequence[bytes] | None = None,
        level: int | None = None,
    ) -> Op:
        """A code for a device of the member; on paper it lasts."""
        seed = bytes_of((who, self._seq.get(who, 0), "code", paper))
        lasts = roster_ops.LASTING if paper else 10**12
        box = public(f"paper {seed.hex()}").box if paper else b""
        args = DeviceCode(keys.sign_public(seed), lasts, bytes_of("door"), b"rest", box)
        op = self.write(who, args, on, level)
        self.invites[op.id] = seed
        return op

    def add(self, who: str, name: str, code: Op, on: Sequence[bytes] | None = None) -> Op:
        """A device comes in by a code, as somebody says."""
        return self.write(who, DeviceAdd(self.claim(name, code.id)), on)

    def drop(self, who: str, of: str, name: str, on: Sequence[bytes] | None = None) -> Op:
        """A device is taken from its member."""
        return self.write(who, DeviceRemove(member(of), public(name).sign), on)

    def devices(self, of: str) -> set[bytes]:
        known = self.roster.state.members.get(member(of))
        return set() if known is None else set(known.devices)

    def level(self, name: str) -> int | None:
        known = self.roster.state.members.get(member(name))
        return None if known is None else known.level

    def may_write(self, name: str, on: Sequence[bytes] | None = None) -> bool | None:
        named = self.roster.register_heads(tuple(on or self.roster.heads))
        assert named is not None
        return self.roster.may_write(public(name).sign, named)


def scope_of(op: Op) -> bytes:
    assert isinstance(op.args, Channel)
    return op.args.scope


# Random histories -------------------------------------------------------------------------------

Step = tuple[int, tuple[int, ...], int, int, int]
"""Kind, parents, actor, target, level: all reduced to what there is."""

LEVELS = (0, 1, 2, 50, 60, 99, 100, 101, 102, 198, 200, 250)
KINDS = (
    "invite", "invite", "admit", "admit", "admit", "replay", "revoke", "grant", "grant", "grant",
    "remove", "remove", "leave", "scope", "add", "add", "take", "rekey", "unknown", "lie",
    "code", "paper", "device", "device", "device", "drop", "take", "drop",
    "close", "open", "accept", "accept",
)  # fmt: skip


@dataclass
class Play:
    """A team and the ops that its random steps brought about.

    Attributes:
        admits_above: only invites that give a larger level are used.
        papers: also codes on paper are used.
    """

    team: Team
    ops: list[Op]
    people: list[str]
    scopes: list[bytes] = field(default_factory=list)
    admits_above: int = -1
    papers: bool = True
    devices: dict[str, list[str]] = field(default_factory=dict)
    """Who has more devices than the first; the first is called like its owner."""

    @classmethod
    def start(cls) -> "Play":
        """Ana founded, ben and cyd are admins, dee and eve members."""
        team = Team.new()
        play = cls(team, [genesis()], ["ana"])
        for name, level in (("ben", 50), ("cyd", 60), ("dee", 100), ("eve", 100)):
            play.ops += [team.invite("ana", level)]
            play.ops += [team.admit("ana", name, play.ops[-1])]
            play.people.append(name)
        play.ops += [team.invite("ana"), team.invite("ben", 99), team.invite("dee", 101)]
        return play

    @property
    def wires(self) -> list[bytes]:
        return [op.wire for op in self.ops]

    def take(self, step: Step, actors: Sequence[str] = ()) -> None:
        """One step; those that break a rule in their own past leave nothing."""
        kind, parents, actor, target, level = step
        on = sorted({self.ops[-1 - index % len(self.ops)].id for index in parents})
        people = actors or self.people
        who = people[actor % len(people)]
        own = self.devices.get(who, [who])
        self.team.using[who] = own[level % len(own)]
        before = self.team.roster.history.everything
        try:
            op = self._write(KINDS[kind % len(KINDS)], on, who, target, LEVELS[level % len(LEVELS)])
        except Invalid:
            return
        if op is not None and self.team.roster.history.everything != before:
            self.ops.append(op)

    def _write(self, kind: str, on: list[bytes], who: str, number: int, level: int) -> Op | None:
        team = self.team
        target = self.people[number % len(self.people)]
        if kind == "invite":
            return team.invite(who, level, on)
        if kind == "lie":
            return team.write(who, Remove(member(target)), on, level)
        if kind in ("admit", "replay"):
            return self._admit(kind, on, who, number)
        if kind == "revoke":
            found = [op for op in self.ops if isinstance(op.args, Invite)]
            return team.revoke(who, found[-1 - number % len(found)], on)
        if kind == "grant":
            return team.grant(who, target, level, on)
        if kind in ("remove", "leave"):
            return team.remove(who, who if kind == "leave" else target, on)
        if kind in ("code", "paper"):
            return team.code(who, paper=kind == "paper", on=on)
        if kind == "device":
            return self._device(on, who, number)
        if kind == "drop":
            of = self.devices.get(target, [target])
            return team.drop(who, target, of[level % len(of)], on)
        if kind == "unknown":
            return team.unknown(who, on)
        if kind == "accept":
            return self._accept(on, who, target, number)
        return self._scope(kind, on, who, target)

    def _admit(self, kind: str, on: list[bytes], who: str, number: int) -> Op | None:
        usable = {
            op.id: op
            for op in self.ops
            if isinstance(op.args, Invite) and op.args.level > self.admits_above
        }
        if kind == "replay":
            found = [op.args for op in self.ops if isinstance(op.args, Admit)]
            found = [args for args in found if decode_claim(args.claim).claim.invite in usable]
            return self.team.write(who, found[-1 - number % len(found)], on) if found else None
        invites = [op for op in usable.values() if op.id in self.team.invites]
        if not invites:
            return None
        open_ones = self.team.roster.state.invites
        fresh = [op for op in invites if op.id in open_ones and not open_ones[op.id].used]
        # Mostly one that nobody used yet, sometimes any.
        some = fresh if fresh and number % 5 else invites
        invite = some[-1 - number % len(some)]
        name = f"new{len(self.people)}" if number % 4 else self.people[number % len(self.people)]
        op = self.team.admit(who, name, invite, on)
        if name not in self.people:
            self.people.append(name)
        return op

    def _device(self, on: list[bytes], who: str, number: int) -> Op | None:
        codes = [
            op
            for op in self.ops
            if isinstance(op.args, DeviceCode) and (self.papers or not op.args.lasting)
        ]
        own = [op for op in codes if op.body.member == member(who) or op.args.lasting]
        some = own if own and number % 5 else codes
        if not some:
            return None
        code = some[-1 - number % len(some)]
        owner = next(name for name in self.people if member(name) == code.body.member)
        known = self.devices.setdefault(owner, [owner])
        name = f"{owner}'s {len(known)}" if number % 4 else known[number % len(known)]
        op = self.team.add(who, name, code, on)
        if name not in known:
            known.append(name)
        return op

    def _accept(self, on: list[bytes], who: str, target: str, number: int) -> Op | None:
        """Somebody says what stays, mostly of what they ended themselves."""
        ends = [op for op in self.ops if ends_of(op)]
        own = [op for op in ends if op.body.member == member(who)]
        some = own if own and number % 5 else ends
        if not some:
            return None
        scopes = tuple(sorted({self.team.roster.history.scope, *self.scopes[-number % 3 :]}))
        last = Kept(bytes(16), 1, public(target).sign, INCARNATION, number, bytes_of(number))
        return self.team.write(who, Accept(some[-1 - number % len(some)].id, scopes, (last,)), on)

    def _scope(self, kind: str, on: list[bytes], who: str, target: str) -> Op | None:
        team = self.team
        if kind == "scope":
            op = team.scope(who, target, on=on)
            self.scopes.append(scope_of(op))
            return op
        # Mostly a scope the author is in, sometimes any.
        own = [s for s, who_is_in in team.roster.state.scopes.items() if member(who) in who_is_in]
        own = [s for s in self.scopes if s in own] if len(target) % 4 else self.scopes
        scope = own[-1] if own else team.roster.history.scope
        some = (member(target),)
        if kind == "add":
            return team.write(who, ScopeAdd(scope, some), on)
        if kind == "take":
            return team.write(who, ScopeRemove(scope, some), on)
        if kind in ("close", "open"):
            return team.write(who, ScopeHistory(scope, kind == "open"), on)
        args = Rekey(scope, bytes_of("salt", 16), bytes_of("commit"), bytes_of("seals"), ())
        return team.write(who, args, on)
