"""A peer of a newer version says more than this build knows; that costs neither link nor process.

Whoever answers to an older build cannot be changed later, so this must hold from the first
version on: on every kind of payload an unknown message is told apart from a broken one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import lobby
from chat.blocks import errors as block_errors
from chat.blocks import messages as blocks
from chat.engine import ephemeral
from crdt import errors, sync_messages
from tests.chat.files_team import Team, tell

DECODERS: dict[str, tuple[Callable[[bytes], Any], type[Exception], int]] = {
    "sync": (sync_messages.decode, errors.TooNew, 19),
    "blocks": (blocks.decode, block_errors.TooNew, 12),
    "lobby": (lobby.decode, errors.TooNew, 4),
    "ephemeral": (ephemeral.decode, errors.TooNew, 3),
    "ephemeral, signed": (ephemeral.decode_said, errors.TooNew, 6),
}
values = st.none() | st.integers(0, 2**32) | st.binary(max_size=40) | st.text(max_size=20)


@pytest.mark.parametrize("protocol", DECODERS)
@given(st.data())
def test_an_unknown_message_is_not_a_broken_one(protocol: str, data: st.DataObject) -> None:
    decode, newer, last = DECODERS[protocol]
    kind = data.draw(st.integers(last + 1, 127))
    fields = data.draw(st.lists(values, max_size=6))
    with pytest.raises(newer):
        decode(msgspec.msgpack.encode([kind, *fields]))


@pytest.mark.parametrize("protocol", DECODERS)
def test_the_kinds_there_are_have_no_gap(protocol: str) -> None:
    decode, newer, last = DECODERS[protocol]
    for kind in range(1, last + 1):
        with pytest.raises(newer.__mro__[1]) as broken:
            decode(msgspec.msgpack.encode([kind, "nonsense", "more", "nonsense"]))
        assert not isinstance(broken.value, newer)


def test_a_block_message_of_a_newer_build_is_paid_for_and_passed_over(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        team.link(ana, bo)
        taken: list[bool] = []
        bo.files.receive(ana.device, msgspec.msgpack.encode([99, b"?"]), lambda: taken.append(True))
        assert taken == [True]
        with pytest.raises(block_errors.Invalid):
            bo.files.receive(ana.device, msgspec.msgpack.encode([1, b"?"]))

    tell(story, tmp_path)
