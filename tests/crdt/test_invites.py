"""Invites: one secret lets one person in, and whoever has less than the secret gets nothing."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import invites, keys, limits
from crdt.claims import build_claim, decode_claim, verify
from crdt.errors import Invalid, TooNew
from crdt.invites import (
    InviteKeys,
    Rest,
    make_claim,
    make_code,
    make_invite,
    open_nick,
    open_rest,
    read_rest,
)
from crdt.keys import DeviceKeys
from crdt.roster_ops import LEVEL_MEMBER, LEVEL_RELAY, Admit, Revoke
from tests.crdt.team import FAR, NET_KEY, Machine, found, meet, seeded

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "invites.json").read_text("utf-8")
)
SECRET = bytes(range(16))
WORKSPACE = b"w" * 32
REST = Rest(1, WORKSPACE, NET_KEY, LEVEL_MEMBER, "Cats", ("ws://192.168.1.20:4000/",))
NEW = DeviceKeys.generate(seeded("new"))
INVITE = b"i" * 32
CONTROLS = {*map(chr, range(32)), *map(chr, range(127, 160)), "\u202e"}


def claim(nick: str = "bo", secret: bytes = SECRET, device: DeviceKeys = NEW) -> bytes:
    return make_claim(
        secret, REST, INVITE, device, salt=bytes(16), nick=nick, entropy=seeded(nick)
    ).wire


def invite_args(level: int = LEVEL_MEMBER, **changes: Any) -> Any:
    given_args: dict[str, Any] = {
        "workspace": WORKSPACE,
        "net_key": NET_KEY,
        "level": level,
        "not_after": FAR,
        "name": "Cats",
        "hints": ("ws://192.168.1.20:4000/",),
        "entropy": seeded("invite"),
    }
    return make_invite(SECRET, **(given_args | changes))


# The rest ---------------------------------------------------------------------------------------


def test_the_secret_opens_what_the_link_does_not_say() -> None:
    args = invite_args()
    assert open_rest(SECRET, args.rest) == REST
    assert args.key == InviteKeys.of(SECRET).public
    assert args.door == InviteKeys.of(SECRET).door
    for other in (bytes(16), SECRET[::-1]):
        with pytest.raises(Invalid):
            open_rest(other, args.rest)


def test_a_relays_ticket_has_no_name_and_no_content_key() -> None:
    rest = open_rest(SECRET, invite_args(LEVEL_RELAY).rest)
    assert rest == Rest(1, WORKSPACE, NET_KEY, LEVEL_RELAY, "", REST.hints)


def test_the_longest_rest_fits_its_op() -> None:
    args = invite_args(
        name="\U0001f63a" * 200,
        hints=["", "x" * 129, "ws://é/", *(f"{n}" * 128 for n in range(9))],
    )
    assert len(args.rest) <= limits.INVITE_REST_MAX_BYTES
    rest = open_rest(SECRET, args.rest)
    assert len(rest.name) == limits.CHANNEL_NAME_MAX_CHARS
    assert rest.hints == tuple(f"{n}" * 128 for n in range(4))


@given(st.binary(max_size=300))
def test_any_opened_bytes_are_a_rest_or_invalid(data: bytes) -> None:
    try:
        rest = read_rest(data)
    except Invalid:
        return
    assert not CONTROLS & set(rest.name)


@given(st.data())
def test_no_changed_byte_of_a_rest_goes_unnoticed(data: st.DataObject) -> None:
    blob = bytearray(invite_args().rest)
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Invalid):
        open_rest(SECRET, bytes(blob))
    with pytest.raises(Invalid):
        open_rest(SECRET, bytes(blob)[:place])


def test_strings_of_an_invite_are_cleaned_where_they_come_in() -> None:
    raw = msgspec.msgpack.encode([1, WORKSPACE, NET_KEY, 100, "\x1b]52;c;x\x07Ca\u202ets", []])
    assert read_rest(raw).name == "]52;c;xCats"
    for hint in ("ws://a\x1b[2J/", "ws://ä/", ""):
        with pytest.raises(Invalid):
            read_rest(msgspec.msgpack.encode([1, WORKSPACE, NET_KEY, 100, "", [hint]]))


def test_a_later_rest_says_so_and_more_fields_are_passed_over() -> None:
    with pytest.raises(TooNew):
        read_rest(msgspec.msgpack.encode([2, "anything"]))
    fields = [1, WORKSPACE, NET_KEY, 100, "Cats", [*REST.hints]]
    longer = msgspec.msgpack.encode([*fields, b"", False, "more"])
    assert read_rest(longer) == REST


def test_codes_and_papers_are_as_documented() -> None:
    for vector in VECTORS["codes"]:
        secret = bytes.fromhex(vector["secret"])
        nonce, member = bytes.fromhex(vector["nonce"]), bytes.fromhex(vector["member"])
        made = make_code(
            secret,
            workspace=bytes.fromhex(vector["workspace"]),
            net_key=bytes.fromhex(vector["net_key"]),
            member=member,
            level=vector["level"],
            not_after=vector["not_after"],
            name=vector["name"],
            hints=vector["hints"],
            entropy=lambda count, nonce=nonce: nonce[:count],
        )
        assert made.lasting is vector["about"].startswith("paper")
        rest = open_rest(secret, bytes.fromhex(vector["rest"]))
        assert (rest.member, rest.lasting) == (member, vector["about"] == "paper")
        if "early" not in vector["about"]:
            assert made.rest.hex() == vector["rest"]
        assert made.key.hex() == vector["key"]
        assert made.box.hex() == vector["box"]
    with pytest.raises(Invalid):
        read_rest(msgspec.msgpack.encode([1, WORKSPACE, NET_KEY, 100, "Cats", [], bytes(15)]))


# Claims -----------------------------------------------------------------------------------------


def test_a_claim_names_its_maker_to_members_only() -> None:
    signed = decode_claim(claim("bo \x1b[31m"))
    verify(signed, InviteKeys.of(SECRET).public)
    assert open_nick(InviteKeys.of(SECRET).nick, signed.claim) == "bo [31m"
    assert b"bo" not in signed.wire
    for wrong in (bytes(32), b""):
        with pytest.raises(Invalid):
            open_nick(wrong, signed.claim)
    assert len(claim("b")) == len(claim("\U0001f63a" * 64)), "the size tells nothing"


def test_a_name_cannot_be_moved_to_another_claim() -> None:
    signed = decode_claim(claim())
    other = DeviceKeys.generate(seeded("other"))
    moved = build_claim(
        WORKSPACE,
        INVITE,
        other.public,
        bytes(16),
        signed.claim.nick,
        invite_seed=InviteKeys.of(SECRET).sign_seed,
        sign_seed=other.sign_seed,
    )
    with pytest.raises(Invalid):
        open_nick(InviteKeys.of(SECRET).nick, moved.claim)


@given(st.binary(max_size=400))
def test_any_sealed_name_is_text_or_invalid(nick: bytes) -> None:
    signed = decode_claim(claim())
    with pytest.raises(Invalid):
        open_nick(InviteKeys.of(SECRET).nick, msgspec.structs.replace(signed.claim, nick=nick))
    key, body = InviteKeys.of(SECRET).nick, signed.claim
    sealed = bytes(24) + keys.seal(
        key, bytes(24), nick[:300], body.workspace + body.invite + body.sign
    )
    try:
        opened = open_nick(key, msgspec.structs.replace(body, nick=sealed))
    except Invalid:
        return
    assert not CONTROLS & set(opened)
    assert len(opened) <= limits.NICK_MAX_CHARS


# Stories of a roster ----------------------------------------------------------------------------


def invited(ana: Machine, secret: bytes = SECRET) -> bytes:
    args = invite_args(workspace=ana.workspace)
    if secret != SECRET:
        args = make_invite(
            secret,
            workspace=ana.workspace,
            net_key=NET_KEY,
            level=LEVEL_MEMBER,
            not_after=FAR,
            entropy=ana.entropy,
        )
    return ana.do(args).id


def claimed(ana: Machine, name: str, invite: bytes, secret: bytes = SECRET) -> Admit:
    device = DeviceKeys.generate(seeded(name))
    rest = msgspec.structs.replace(REST, workspace=ana.workspace)
    return Admit(
        make_claim(
            secret, rest, invite, device, salt=bytes(16), nick=name, entropy=seeded(name)
        ).wire
    )


def members(machine: Machine) -> int:
    return len(machine.roster.state.members)


def test_an_invite_is_for_one_person() -> None:
    ana = found()
    invite = invited(ana)
    ana.do(claimed(ana, "bo", invite))
    assert members(ana) == 2
    ana.do(claimed(ana, "mallory", invite))
    assert members(ana) == 2
    assert ana.roster.state.invites[invite].used


def test_of_two_admissions_apart_one_stands_everywhere() -> None:
    ana = found()
    cy = ana.admit("cy")
    invite = invited(ana)
    meet(ana, cy)
    ana.do(claimed(ana, "bo", invite))
    cy.do(claimed(cy, "mallory", invite))
    meet(ana, cy)
    assert members(ana) == members(cy) == 3
    assert ana.roster.state.members == cy.roster.state.members


def test_a_claim_is_of_no_use_for_another_invite_workspace_or_device() -> None:
    ana, other = found(), found("ada")
    invite = invited(ana)
    second = invited(ana, b"another secret 1")
    theirs = invited(other)
    good = claimed(ana, "bo", invite)
    wrong = [
        Admit(claimed(ana, "bo", second).claim),
        claimed(ana, "bo", invite, b"another secret 1"),
        claimed(other, "bo", theirs),
        Admit(good.claim[:-64] + bytes(64)),
        Admit(good.claim[:-128] + good.claim[-64:] + good.claim[-128:-64]),
    ]
    for admit in wrong:
        with pytest.raises(Invalid):
            ana.do(admit)
    assert members(ana) == 1
    ana.do(good)
    assert members(ana) == 2


def test_a_revoked_invite_admits_nobody() -> None:
    ana = found()
    invite = invited(ana)
    ana.do(Revoke(invite))
    ana.do(claimed(ana, "bo", invite))
    assert members(ana) == 1
    assert ana.roster.state.invites[invite].revoked


def test_a_stolen_link_reads_nothing_by_itself() -> None:
    """The secret opens the rest, and no content key is in it nor follows from it."""
    ana = found()
    invite = ana.roster.op(invited(ana)).args
    epoch = ana.epochs.current(ana.scope)
    assert epoch is not None
    key = ana.epochs.key(epoch)
    derived = InviteKeys.of(SECRET)
    rest = open_rest(SECRET, getattr(invite, "rest"))  # noqa: B009
    assert key not in {rest.net_key, derived.door, derived.rest, derived.nick, derived.sign_seed}
    thief = Machine("thief", ana.workspace, LEVEL_MEMBER)
    for op_id in ana.roster.missing_from(()):
        thief.roster.add(ana.roster.wire(op_id))
    block = ana.epochs.seals(epoch)
    assert block is not None
    thief.epochs.add_seals(epoch, block)
    assert thief.epochs.refresh() == []


# The documented bytes ---------------------------------------------------------------------------


def test_bytes_are_as_documented() -> None:
    vector = VECTORS["invite"]
    secret = bytes.fromhex(vector["secret"])
    derived = InviteKeys.of(secret)
    assert derived.sign_seed.hex() == vector["sign_seed"]
    assert derived.public.hex() == vector["key"]
    assert derived.door.hex() == vector["door"]
    assert derived.rest.hex() == vector["rest_key"]
    assert derived.nick.hex() == vector["nick_key"]
    rest = open_rest(secret, bytes.fromhex(vector["blob"]))
    assert rest.workspace.hex() == vector["workspace"]
    assert rest.net_key.hex() == vector["net_key"]
    assert [rest.level, rest.name, list(rest.hints)] == vector["rest"]
    signed = decode_claim(bytes.fromhex(vector["claim"]))
    verify(signed, derived.public)
    assert open_nick(derived.nick, signed.claim) == vector["nick"]
    assert invites.SECRET_BYTES == len(secret)
