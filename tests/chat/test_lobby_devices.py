"""Codes and papers at the doors of a workspace, and what a new device writes down of them."""

import msgspec
import pytest
from msgspec.structs import replace

from chat.joining import Joining
from chat.welcome import Admit, Doorman
from crdt.invites import make_code
from crdt.roster_ops import LASTING, DeviceAdd, Revoke
from tests.chat.test_lobby import NOT_AFTER, SECRET, Host, Talk, newcomer
from tests.crdt.team import NET_KEY, Machine, found


class Owner(Host):
    """A machine with its doorman, who lets devices of its own member in."""

    def __init__(self, machine: Machine, *, witness: bool = True) -> None:
        super().__init__(machine)
        self.doorman = Doorman(machine.workspace, lambda: machine.roster.state, lambda _: witness)

    def carry_out(self, done: list[object]) -> list[object]:  # type: ignore[override]
        out: list[object] = []
        for effect in done:
            if isinstance(effect, Admit):
                self.machine.do(DeviceAdd(effect.claim.wire))
                out += self.carry_out(list(self.doorman.roster_changed(self.now)))
            else:
                out += super().carry_out([effect])
        return out


def code(machine: Machine, *, lasting: bool = False) -> bytes:
    (member,) = machine.roster.state.members
    return machine.do(
        make_code(
            SECRET,
            workspace=machine.workspace,
            net_key=NET_KEY,
            member=member,
            level=0,
            not_after=LASTING if lasting else NOT_AFTER,
            entropy=machine.entropy,
        )
    ).id


def test_a_device_comes_in_at_the_door_and_a_second_hears_that_the_code_was_used() -> None:
    ana = Owner(found())
    at = code(ana.machine)
    phone, tablet = newcomer("phone", device=True), newcomer("tablet", device=True)
    assert [said.state for said in Talk(phone, ana, at).heard] == ["pending", "admitted"]
    rest = phone.joining.rest
    assert rest is not None
    (known,) = ana.machine.roster.state.members.values()
    assert rest.member == known.member
    assert phone.joining.keys.public.sign in known.devices
    (said,) = Talk(tablet, ana, at, 2).heard
    assert (said.state, "This code was used already" in said.reason) == ("refused", True)


def test_a_paper_brings_in_many_until_it_is_taken_back() -> None:
    ana = Owner(found())
    at = code(ana.machine, lasting=True)
    ana.now = NOT_AFTER * 1_000
    for number, name in enumerate(("phone", "tablet", "laptop"), 1):
        talk = Talk(newcomer(name, device=True), ana, at, number)
        assert [said.state for said in talk.heard] == ["pending", "admitted"]
    ana.machine.do(Revoke(at))
    (said,) = Talk(newcomer("thief", device=True), ana, at, 9).heard
    assert (said.state, "taken back" in said.reason) == ("refused", True)


@pytest.mark.parametrize("lasting", [False, True])
def test_who_may_not_say_so_keeps_one_claim(lasting: bool) -> None:
    relay = Owner(found(), witness=False)
    at = code(relay.machine, lasting=lasting)
    assert [s.state for s in Talk(newcomer("phone", device=True), relay, at).heard] == ["pending"]
    (said,) = Talk(newcomer("thief", device=True), relay, at, 2).heard
    assert (said.state, "Another machine" in said.reason) == ("refused", True)
    assert len(relay.kept) == 1


def test_the_secret_of_a_code_is_written_down_until_the_claim_is_made_and_a_paper_never() -> None:
    ana = Owner(found())
    phone = newcomer("phone", device=True)
    assert phone.joining.kept == phone.joining
    paper = replace(phone.joining, paper=True)
    assert (paper.kept.secret, paper.kept.keys) == (b"", paper.keys)
    Talk(phone, ana, code(ana.machine))
    kept = msgspec.msgpack.encode(phone.joining.kept)
    assert SECRET not in kept
    read = msgspec.msgpack.decode(kept, type=Joining)
    assert (read.door, read.rest) == (None, None)
    assert read.keys == phone.joining.keys
    assert read.is_of(SECRET), "the claim tells which words it was, to who has them"
    assert not read.is_of(bytes(16))
    # What makes a member of its own goes on at any door, and keeps what it needs for that.
    bo = newcomer("bo")
    assert bo.joining.kept == bo.joining
