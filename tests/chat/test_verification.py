"""Words by which two people compare their keys: bytes, bounds, and what real nodes show of them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import commands, events, model, verification
from chat.errors import NotFound, StoreError, TrustError, UsageError
from chat.verification import Code
from crdt.roster_state import DeviceState, MemberState, State
from tests.chat.node_team import Desk, nodes

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "verification.json").read_text("utf-8")
)
WORKSPACE = bytes.fromhex(VECTORS["workspace"])
BO = VECTORS["members"][1]
KEY = st.binary(min_size=32, max_size=32).filter(any)
"""Zeros are no key of any kind: they stand for the link key that a key on paper has not."""
DEVICE = st.builds(DeviceState, KEY, st.just(bytes(16)), st.just(100), st.just(b"") | KEY, KEY)


def devices_of(person: dict[str, Any]) -> list[DeviceState]:
    member = bytes.fromhex(person["member"])
    return [
        DeviceState(sign, member, person["level"], link, box)
        for device in person["devices"]
        for sign, link, box in [[bytes.fromhex(device[key]) for key in ("sign", "link", "box")]]
    ]


def state_of(people: list[dict[str, Any]]) -> State:
    """A roster in which these are in, and nothing else is."""
    known = {device.device: device for person in people for device in devices_of(person)}
    members = {
        bytes.fromhex(person["member"]): MemberState(
            bytes.fromhex(person["member"]),
            person["level"],
            tuple(sorted(device.device for device in devices_of(person))),
            None,
            0,
            None,
        )
        for person in people
    }
    nothing: frozenset[bytes] = frozenset()
    return State(
        members=members,
        former_members={},
        devices=known,
        former_devices={},
        channels={},
        scopes={},
        founders={},
        closed=nothing,
        invites={},
        rekeys=(),
        former_rekeys=(),
        shares=(),
        unknown=nothing,
        paused=nothing,
        void=nothing,
        cuts={},
        equivocations=(),
    )


def test_vectors() -> None:
    for person in VECTORS["members"]:
        member, devices = bytes.fromhex(person["member"]), devices_of(person)
        value = verification.fingerprint(WORKSPACE, member, reversed(devices))
        assert value.hex() == person["fingerprint"]
        assert verification.words(value, verification.MEMBER_WORDS) == person["words"]
        assert Code(member, value).text == person["code"]
        assert verification.parse_code(person["code"]) == Code(member, value)
        confirmed = verification.with_confirmed({}, member, devices)
        assert [each.hex() for each in confirmed[member]] == person["confirmed"]
    for each in VECTORS["views"]:
        state = state_of(VECTORS["members"][::-1])
        value = verification.view(WORKSPACE, state, bytes.fromhex(each["epoch"]) or None)
        assert value.hex() == each["view"]
        assert verification.words(value, verification.VIEW_WORDS) == each["words"]
    setting = bytes.fromhex(VECTORS["setting"])
    assert verification.encode(verification.decode(setting)) == setting
    for text in VECTORS["refused_codes"]:
        with pytest.raises(UsageError):
            verification.parse_code(text)
    for data in VECTORS["refused_settings"]:
        with pytest.raises(StoreError):
            verification.decode(bytes.fromhex(data))


def _variants() -> Iterator[State]:
    """The vectors' roster with one thing told differently each time."""
    people = VECTORS["members"]
    for name in ("sign", "link", "box"):
        other = {**BO["devices"][0], name: "ab" * 32}
        yield state_of([people[0], {**BO, "devices": [other]}, people[2]])
    yield state_of([people[0], {**BO, "level": 99}, people[2]])
    yield state_of([people[0], {**BO, "member": "cd" * 16}, people[2]])
    yield state_of([people[0], people[2]])
    yield state_of([{**people[0], "devices": people[0]["devices"][:1]}, BO, people[2]])


def test_whatever_a_roster_tells_differently_changes_its_words() -> None:
    told = {verification.view(WORKSPACE, state, None) for state in _variants()}
    told |= {verification.view(WORKSPACE, state_of(VECTORS["members"]), None)}
    told |= {verification.view(bytes(32), state_of(VECTORS["members"]), None)}
    told |= {verification.view(WORKSPACE, state_of(VECTORS["members"]), b"\1" * 32)}
    assert len(told) == len({verification.words(each, 12) for each in told}) == 10


def test_another_key_member_or_workspace_has_other_words() -> None:
    member, (device,) = bytes.fromhex(BO["member"]), devices_of(BO)
    key = b"\7" * 32
    others = [replace(device, device=key), replace(device, link=key), replace(device, box=key)]
    values = {verification.fingerprint(WORKSPACE, member, [each]) for each in others}
    values.add(verification.fingerprint(WORKSPACE, member, [device, others[0]]))
    values.add(verification.fingerprint(WORKSPACE, bytes(16), [device]))
    values.add(verification.fingerprint(bytes(32), member, [device]))
    values.add(verification.fingerprint(WORKSPACE, member, [device]))
    assert len({verification.words(value, 8) for value in values}) == 7


@given(st.lists(DEVICE, min_size=1, max_size=4), DEVICE, st.data())
def test_a_member_stays_verified_with_the_keys_that_were_seen(
    seen: list[DeviceState], new: DeviceState, data: st.DataObject
) -> None:
    member = bytes(16)
    kept = verification.with_confirmed({}, member, seen)
    assert verification.decode(verification.encode(kept)) == kept
    some = data.draw(st.lists(st.sampled_from(seen)))
    assert verification.standing(kept, member, some) == "yes"
    assert verification.standing(kept, bytes([1]) * 16, some) == "no"
    keys_seen = {(each.device, each.link, each.box) for each in seen}
    if (new.device, new.link, new.box) not in keys_seen:
        assert verification.standing(kept, member, [*some, new]) == "changed"
    changed = replace(seen[0], box=bytes(b ^ 1 for b in seen[0].box))
    if (changed.device, changed.link, changed.box) not in keys_seen:
        assert verification.standing(kept, member, [changed]) == "changed"


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: b"\1" + rest))
def test_any_bytes_are_a_setting_or_one_error(data: bytes) -> None:
    try:
        kept = verification.decode(data)
    except StoreError:
        return
    assert verification.decode(verification.encode(kept)) == kept


@settings(max_examples=200)
@given(st.text(max_size=300) | st.text(max_size=120).map(lambda rest: verification.SCHEME + rest))
def test_any_text_is_a_code_or_one_error(text: str) -> None:
    try:
        code = verification.parse_code(text)
    except UsageError:
        return
    assert code == verification.parse_code(code.text)


@given(st.integers(0, 84), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_code_with_another_letter_is_none(place: int, letter: str) -> None:
    text = BO["code"]
    digits = text.removeprefix(verification.SCHEME)
    changed = verification.SCHEME + digits[:place] + letter + digits[place + 1 :]
    if place >= len(digits) - 1 or changed == text:  # The last letter has bits that say nothing.
        return
    with pytest.raises(UsageError):
        verification.parse_code(changed)


async def joined(make: Callable[..., Awaitable[Desk]], name: str, inviter: Desk) -> Desk:
    """Somebody who was let in and has the keys."""
    desk = await make(name, inviter.url)
    await desk.join(inviter)
    await desk.until(lambda: desk.team.workspace.has_key)
    return desk


async def verify(desk: Desk, member: str = "", **more: Any) -> model.Verification:
    found: model.Verification = await desk.call(commands.Verify(member, **more))
    return found


async def shown(desk: Desk, whom: Desk) -> str:
    """How somebody stands in the list of members."""
    members: list[model.Member] = await desk.call(commands.ListMembers())
    wanted = whom.team.workspace.me.hex()
    (found,) = [member for member in members if member.member == wanted]
    return found.verified


def _told(desk: Desk) -> dict[str, str]:
    """How members stand by the newest event."""
    heard = [each for each in desk.heard if isinstance(each, events.MembersChanged)]
    return {member.nick: member.verified for event in heard[-1:] for member in event.members}


def test_two_compare_words_and_the_mark_lasts_on_that_device_alone() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo = await joined(make, "bo", ana)
            here, there = await verify(ana, "bo"), await verify(bo)
            assert here.words == there.words
            assert here.code == there.code
            assert (here.me, there.me, here.verified) == (False, True, "no")
            assert here.workspace_words == there.workspace_words
            assert (await verify(ana)).words != here.words
            assert (await verify(ana, "bo", confirm=True)).verified == "yes"
            await ana.until(lambda: _told(ana) == {"ana": "no", "bo": "yes"})
            assert await shown(bo, bo) == await shown(bo, ana) == "no"
            with pytest.raises(UsageError):
                await verify(ana, "ana", confirm=True)
            with pytest.raises(NotFound):
                await verify(ana, "nobody", confirm=True)
            await ana.stop()
            await ana.start()
            assert await shown(ana, bo) == "yes"

    asyncio.run(story())


def test_a_code_that_fits_confirms_and_another_one_is_refused() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo = await joined(make, "bo", ana)
            theirs = await verify(ana)
            for wrong in (
                Code(bytes.fromhex(theirs.member), bytes(32)).text,
                theirs.code.replace("clowder-verify", "clowder"),
            ):
                with pytest.raises((TrustError, UsageError)):
                    await verify(bo, code=wrong)
            with pytest.raises(UsageError):
                await verify(bo, "bo", code=theirs.code)
            assert await shown(bo, ana) == "no"
            assert (await verify(bo, code=theirs.code.upper())).member == theirs.member
            assert await shown(bo, ana) == "yes"

    asyncio.run(story())


def test_other_keys_of_who_was_verified_are_loud_until_they_are_verified() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo = await joined(make, "bo", ana)
            member = bo.team.workspace.me
            (device,) = ana.team.verified.devices(member)
            before = replace(device, box=bytes(32))
            ana.team._opened.store.put(
                verification.SETTING,
                verification.encode(verification.with_confirmed({}, member, [before])),
            )
            ana.team._opened.store.commit()
            await ana.stop()
            await ana.start()
            assert await shown(ana, bo) == "changed"
            status: model.Status = await ana.call(commands.GetStatus())
            (warning,) = status.warnings
            assert warning.startswith("The keys of bo, whom you verified, have changed.")
            assert (await verify(ana, "bo", confirm=True)).verified == "yes"
            status = await ana.call(commands.GetStatus())
            assert not status.warnings

    asyncio.run(story())


def test_a_setting_of_a_newer_build_marks_nobody_and_stays() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo = await joined(make, "bo", ana)
            store = ana.team._opened.store
            store.put(verification.SETTING, b"\2whatever")
            store.commit()
            await ana.stop()
            await ana.start()
            assert await shown(ana, bo) == "no"
            with pytest.raises(StoreError):
                await verify(ana, "bo", confirm=True)
            status: model.Status = await ana.call(commands.GetStatus())
            assert "newer Clowder" in status.warnings[0]
            assert ana.team._opened.store.get(verification.SETTING) == b"\2whatever"

    asyncio.run(story())


def test_who_was_told_another_story_sees_other_words_of_the_workspace() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo = await joined(make, "bo", ana)
            before = (await verify(bo)).workspace_words
            assert before == (await verify(ana)).workspace_words
            await bo.stop()
            cid = await joined(make, "cid", ana)
            with_cid = (await verify(ana)).workspace_words
            assert with_cid == (await verify(cid)).workspace_words != before
            await bo.start(network=False)
            assert (await verify(bo)).workspace_words == before
            await bo.stop()
            await bo.start(ana.url)
            cid_id = cid.team.workspace.me
            await bo.until(lambda: cid_id in bo.team.workspace.roster.state.members)
            assert (await verify(bo)).workspace_words == with_cid

    asyncio.run(story())
