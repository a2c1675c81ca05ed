"""The bytes of roster ops and claims: any bytes give a value or one error, vectors stay."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import claims, keys, limits, roster_ops
from crdt.errors import Invalid, TooNew
from crdt.roster import Roster
from crdt.roster_ops import (
    LASTING,
    Admit,
    Channel,
    DeviceAdd,
    DeviceCode,
    DeviceRemove,
    Genesis,
    Grant,
    Place,
    Rekey,
    Remove,
    Share,
)
from tests.crdt.roster_people import INCARNATION, Team, bytes_of, device, genesis, member, public

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "roster.json").read_text("utf-8"))


def sample() -> Team:
    team = Team.new(paper="paper")
    team.bring("ana", "ben")
    team.add("ben", "phone", team.code("ben"))
    team.drop("ben", "ben", "phone")
    return team


TEAM = sample()
OPS = [TEAM.roster.wire(op_id) for op_id in TEAM.roster.missing_from(())]
CLAIM = TEAM.claims["ben"]


def resigned(fields: list[Any], name: str = "ana") -> bytes:
    """An op of any shape, properly signed."""
    body = msgspec.msgpack.encode(fields)
    seed = device(name).sign_seed
    return body + keys.sign(seed, keys.SIGN_ROSTER, roster_ops.op_id(body))


def fields_of(wire: bytes) -> list[Any]:
    fields = msgspec.msgpack.decode(wire[: -limits.SIGNATURE_BYTES])
    assert isinstance(fields, list)
    return fields


@given(st.binary(max_size=400))
def test_any_bytes_give_an_op_or_invalid(data: bytes) -> None:
    for decode in (roster_ops.decode, claims.decode_claim):
        try:
            decode(data)
        except Invalid:
            continue
        raise AssertionError("random bytes were taken")


SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=40)
    | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(OPS), st.integers(0, 11), SHAPES)
def test_any_field_may_hold_anything_and_stays_as_it_came(
    wire: bytes, place: int, value: object
) -> None:
    fields = fields_of(wire)
    fields[place] = value
    changed = resigned(fields)
    roster = Roster(TEAM.roster.workspace)
    try:
        op = roster_ops.decode(changed)
        assert op.wire == changed
        roster.add(changed)
    except Invalid:
        return
    assert roster.heads == () or roster.op(roster.heads[0]).wire == changed


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 7), SHAPES)
def test_a_claim_of_any_shape_is_taken_or_invalid(place: int, value: object) -> None:
    fields = msgspec.msgpack.decode(CLAIM[: -2 * limits.SIGNATURE_BYTES])
    fields[place] = value
    body = msgspec.msgpack.encode(fields)
    try:
        signed = claims.decode_claim(body + bytes(128))
        assert signed.wire[:-128] == body
        with pytest.raises(Invalid):
            claims.verify(signed, public("ana").sign)
    except Invalid:
        return


@pytest.mark.parametrize("wire", [OPS[0], OPS[2]], ids=["genesis", "admit"])
def test_no_changed_byte_passes(wire: bytes) -> None:
    for place in range(len(wire)):
        for flip in (1, 128):
            changed = wire[:place] + bytes([wire[place] ^ flip]) + wire[place + 1 :]
            with pytest.raises(Invalid):
                roster_ops.decode(changed)
    for changed in (wire[:-1], wire + b"\0", wire[1:], b"\0" + wire, b"", wire[:64]):
        with pytest.raises(Invalid):
            roster_ops.decode(changed)


def test_no_changed_byte_of_a_claim_verifies() -> None:
    invite = TEAM.roster.state.members[member("ben")].invite
    assert invite is not None
    key = TEAM.roster.state.invites[invite].key
    claims.verify(claims.decode_claim(CLAIM), key)
    for place in range(len(CLAIM)):
        changed = CLAIM[:place] + bytes([CLAIM[place] ^ 1]) + CLAIM[place + 1 :]
        with pytest.raises(Invalid):
            claims.verify(claims.decode_claim(changed), key)


def test_a_signature_for_another_purpose_signs_no_op() -> None:
    body = OPS[1][: -limits.SIGNATURE_BYTES]
    for prefix in (keys.SIGN_ENTRY, keys.SIGN_CLAIM, keys.SIGN_HAVE, b""):
        signature = keys.sign(device("ana").sign_seed, prefix, roster_ops.op_id(body))
        with pytest.raises(Invalid):
            roster_ops.decode(body + signature)


def test_a_newer_version_says_so() -> None:
    fields = fields_of(OPS[1])
    fields[0] = 2
    with pytest.raises(TooNew):
        roster_ops.decode(resigned(fields))
    with pytest.raises(TooNew):
        claims.decode_claim(CLAIM[:1] + b"\2" + CLAIM[2:])


def place(seq: int) -> Place:
    return Place(
        TEAM.roster.workspace, TEAM.roster.heads, public("ana").sign, INCARNATION, seq,
        member("ana"), 0, 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    "args",
    [
        Channel(bytes(16), bytes(16), 0, bytes(32)),
        Channel(bytes(16), bytes(16), 2, bytes(31)),
        Channel(bytes(16), bytes(16), 0, members=(b"b" * 16, b"a" * 16)),
        Channel(bytes(16), bytes(16), 0, members=(b"a" * 16, b"a" * 16)),
        Rekey(bytes(16), bytes(16), bytes(32), bytes(32), (b"b" * 32, b"a" * 32)),
        Rekey(bytes(16), bytes(16), bytes(32), bytes(32), (), ((bytes(32), bytes(71)),)),
        Grant(bytes(16), 100, bytes(31)),
        Grant(bytes(15), 100),
        Grant(bytes(16), 251),
        Remove(bytes(16), bytes(1)),
        DeviceCode(bytes(32), 2**53, bytes(32), b"rest"),
        DeviceCode(bytes(31), 1, bytes(32), b"rest"),
        DeviceCode(bytes(32), 1, bytes(32), b""),
        DeviceCode(bytes(32), 1, bytes(32), b"rest", bytes(32)),
        DeviceCode(bytes(32), LASTING, bytes(32), b"rest", bytes(31)),
        DeviceAdd(b""),
        DeviceRemove(bytes(16), bytes(31)),
        Share(bytes(32), bytes(32), b""),
        Admit(bytes(limits.CLAIM_MAX_BYTES + 1)),
        Genesis(bytes(32), bytes(32), bytes(16), bytes(32)),
    ],
    ids=lambda args: type(args).__name__,
)
def test_arguments_keep_their_limits(args: Any) -> None:
    with pytest.raises(Invalid):
        roster_ops.build(place(1), args, device("ana").sign_seed)


def test_a_genesis_founds_for_its_author_alone() -> None:
    for place_of, value in ((3, public("ben").sign), (6, member("ben")), (7, 1), (2, [bytes(32)])):
        fields = fields_of(genesis().wire)
        fields[place_of] = value
        with pytest.raises(Invalid):
            roster_ops.decode(resigned(fields, "ben" if place_of == 3 else "ana"))
    own = public("ana")
    for sign, box in ((own.sign, own.box), (own.link, b"")):
        args = Genesis(own.link, own.box, bytes_of(("ana", "salt"), 16), bytes(32), sign, box)
        with pytest.raises(Invalid):
            roster_ops.founding(
                own, args, incarnation=INCARNATION, time=1, sign_seed=device("ana").sign_seed
            )


def test_vectors() -> None:
    """Bytes that were published once are read the same for ever."""
    roster = Roster(bytes.fromhex(VECTORS["workspace"]))
    for vector in VECTORS["ops"]:
        wire = bytes.fromhex(vector["wire"])
        op = roster_ops.decode(wire)
        assert op.id.hex() == vector["id"]
        assert op.body.kind == vector["kind"]
        assert type(op.args).__name__ == vector["name"]
        assert roster.add(wire) == [op.id]
        assert roster.is_valid(op.id) is vector["counts"]
    state = roster.state
    levels = {known.member.hex(): known.level for known in state.members.values()}
    assert levels == VECTORS["levels"]
    assert {k.hex(): sorted(m.hex() for m in v) for k, v in state.scopes.items()} == (
        VECTORS["scopes"]
    )
    assert roster.heads_hash.hex() == VECTORS["heads_hash"]
    for named, devices in VECTORS["devices"].items():
        assert [d.hex() for d in state.members[bytes.fromhex(named)].devices] == devices
    assert sorted(scope.hex() for scope in state.closed) == VECTORS["closed"]
    kinds = {vector["kind"] for vector in VECTORS["ops"]}
    assert kinds >= roster_ops.KINDS.keys()


def test_claim_vector() -> None:
    vector = VECTORS["claim"]
    signed = claims.decode_claim(bytes.fromhex(vector["wire"]))
    assert signed.id.hex() == vector["id"]
    assert signed.claim.member.hex() == vector["member"]
    claims.verify(signed, bytes.fromhex(vector["invite_key"]))
    derived = vector["derived"]
    where = bytes.fromhex(derived["device"]), bytes.fromhex(derived["incarnation"]), derived["seq"]
    assert roster_ops.channel_id(*where).hex() == derived["channel"]
    assert roster_ops.scope_id(*where).hex() == derived["scope"]
