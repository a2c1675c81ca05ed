"""The number at the head of a message, which tells what a build is too old for."""

from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import lobby
from chat.blocks import errors as block_errors
from chat.blocks import messages as blocks
from chat.engine import ephemeral
from chat.guests import messages as guests
from chat.nearby import messages as nearby
from crdt import claims, errors, forks, invites, sync_messages
from crdt.tagged import is_newer, leading

DECODERS = (
    lobby.decode,
    guests.decode,
    nearby.decode,
    blocks.decode,
    ephemeral.decode,
    ephemeral.decode_said,
    sync_messages.decode,
    invites.read_rest,
    claims.decode_claim,
    forks.place,
)


class Message(msgspec.Struct, array_like=True, frozen=True):
    """What a later build may send."""

    kind: int
    rest: tuple[bytes, ...]


@given(st.integers(0, 300), st.lists(st.binary(max_size=8), max_size=4), st.integers(0, 127))
def test_it_is_read_as_it_was_written(kind: int, rest: list[bytes], last: int) -> None:
    data = msgspec.msgpack.encode(Message(kind, tuple(rest)))
    assert leading(data) == (kind if kind < 128 else 0)
    assert is_newer(data, last) == (last < kind < 128)


@given(st.binary(max_size=40), st.integers(0, 127))
def test_any_bytes_have_one_or_none(data: bytes, last: int) -> None:
    assert 0 <= leading(data) < 128
    assert is_newer(data, last) == (leading(data) > last)
    assert not is_newer(data[:1], 0)


@pytest.mark.parametrize("decode", DECODERS)
@given(st.sampled_from([100, 127]), st.binary(min_size=150, max_size=200))
def test_every_decoder_tells_a_later_kind_from_damage(
    decode: object, kind: Literal[100, 127], rest: bytes
) -> None:
    assert callable(decode)
    later = msgspec.msgpack.encode(Message(kind, (rest,)))
    with pytest.raises((errors.TooNew, block_errors.TooNew)):
        decode(later)
    with pytest.raises((errors.Invalid, block_errors.Invalid)) as damaged:
        decode(b"\xc1" + later[1:])
    assert not isinstance(damaged.value, errors.TooNew | block_errors.TooNew)
