"""Signed exports: what verifies, what does not whatever is done to a file, what it gives away."""

import io
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chat.proofs import records
from chat.proofs.checking import Checker, Proof, check
from chat.proofs.records import Begin, End, Fork, Key, Name, Op, Record, Run, Writer
from chat.proofs.writing import export
from chat.verification import MEMBER_WORDS, fingerprint, words
from crdt.entry import Item, decode_run, encode_run
from crdt.errors import Invalid, TooNew
from crdt.keys import SIGN_ENTRY, DeviceKeys, sign
from crdt.limits import ANCHOR_EVERY
from crdt.roster_ops import MODE_PUBLIC
from tests.chat.engine_team import START_MS, Desk, Team, seeded

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "export.json").read_text("utf-8"))


def exported(desk: Desk, *channels: str, keys: bool = True) -> bytes:
    workspace = desk.workspace
    chosen = [workspace.find_channel(each) for each in channels or desk.channels()]
    return b"".join(export(workspace, chosen, START_MS, keys=keys))


def judged(data: bytes) -> tuple[Proof, dict[str, list[str]]]:
    """What a file is worth, and the texts in it by channel."""
    with check(io.BytesIO(data), seeded("checker")) as checker:
        return checker.proof(), texts_in(checker)


def texts_in(checker: Checker) -> dict[str, list[str]]:
    return {
        channel.name: [message.text for message in checker.messages(bytes.fromhex(channel.id))]
        for channel in checker.proof().channels
    }


def parts(data: bytes) -> list[Record]:
    """The records of a file, without the end."""
    return [each for each in records.read(io.BytesIO(data)) if not isinstance(each, End)]


def sealed_anew(some: Sequence[Record]) -> bytes:
    """A file of these records, whose digest is right."""
    writer = Writer()
    begin, *rest = some
    assert isinstance(begin, Begin)
    return b"".join([writer.begin(begin), *map(writer.record, rest), writer.end()])


def a_team() -> tuple[Team, Desk, Desk]:
    team = Team(seed=5)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.post(ana, "hello")
    team.channel(bo, "news", mode=MODE_PUBLIC)
    team.channel(ana, "plans", bo)
    team.run()
    team.post(bo, "for all", "news")
    mid = team.post(bo, "helo")
    team.post(ana, "between us", "plans")
    team.run()
    team.say(bo, lambda talking: talking.edit(mid, "hello too"))
    team.say(ana, lambda talking: talking.react(mid, "👍", True))
    team.run()
    return team, ana, bo


@cache
def a_file() -> bytes:
    _, _, bo = a_team()
    return exported(bo)


# What verifies ----------------------------------------------------------------------------------


def test_anybody_verifies_and_reads_what_members_wrote_as_they_see_it() -> None:
    _, ana, bo = a_team()
    for desk in (ana, bo):
        proof, texts = judged(exported(desk))
        assert proof.faults == ()
        assert texts == {name: desk.texts(name) for name in ("general", "news", "plans")}
        assert texts["general"] == ["hello", "hello too"]
        assert proof.workspace == desk.workspace.id.hex()
        assert {(c.name, c.mode, c.sealed) for c in proof.channels} == {
            ("general", "private", 0),
            ("news", "public", 0),
            ("plans", "private", 0),
        }
        held = sum(s.head - s.low + 1 for s in desk.workspace.store.logs())
        outside = sum(  # Profiles are in the directory, which is no channel.
            s.head - s.low + 1 for s in desk.workspace.store.logs(desk.workspace.directory)
        )
        assert sum(author.entries for author in proof.authors) == held - outside
        for author in proof.authors:
            member = bytes.fromhex(author.member)
            known = [ana.workspace.roster.state.devices[d] for d in devices(ana, member)]
            value = fingerprint(ana.workspace.id, member, known)
            assert author.words == words(value, MEMBER_WORDS)
            assert author.nick == ana.workspace.nick(member)


def devices(desk: Desk, member: bytes) -> tuple[bytes, ...]:
    return desk.workspace.roster.state.members[member].devices


def test_without_keys_only_public_channels_are_read() -> None:
    _, _, bo = a_team()
    proof, texts = judged(exported(bo, keys=False))
    assert proof.faults == ()
    assert (texts["news"], texts["general"]) == (["for all"], [])
    sealed = {channel.name: (channel.sealed, channel.entries) for channel in proof.channels}
    assert sealed["general"] == (4, 4)
    assert sealed["news"][0] == 0


def test_keys_in_a_file_open_its_channels_and_nothing_else() -> None:
    _, _, bo = a_team()
    workspace = bo.workspace
    data = exported(bo, "general")
    keys = [each for each in parts(data) if isinstance(each, Key)]
    assert {key.channel for key in keys} == {workspace.find_channel("general")}
    published = {channel.key for channel in workspace.roster.state.channels.values()}
    kept = set(workspace.store.epoch_keys().values()) - published
    assert len(kept) >= 2
    assert not [key for key in kept if key in data]
    assert b"between us" not in data
    others = [each for each in parts(exported(bo, keys=False)) if not isinstance(each, Key)]
    runs = [each for each in others if isinstance(each, Run)]
    _, texts = judged(sealed_anew([*(o for o in others if o not in runs), *keys, *runs]))
    assert texts["general"] == ["hello", "hello too"]
    assert not [name for name, shown in texts.items() if name not in ("general", "news") and shown]


def test_what_was_taken_back_is_in_no_file_and_everything_else_verifies() -> None:
    team, ana, bo = a_team()
    mid = team.post(bo, "a secret slip")
    team.run()
    before = exported(ana)
    team.say(bo, lambda talking: talking.delete(mid))
    team.run()
    for desk in (ana, bo):
        after = exported(desk)
        proof, texts = judged(after)
        assert proof.faults == ()
        assert texts["general"] == ["hello", "hello too", ""]
    assert judged(before)[1]["general"][-1] == "a secret slip"
    bare = [item for run in runs_of(after) for item in run if item.ciphertext is None]
    assert len(bare) == 1


def runs_of(data: bytes) -> list[tuple[Item, ...]]:
    return [decode_run(each.data).items for each in parts(data) if isinstance(each, Run)]


def test_what_does_not_stand_is_counted_and_not_read() -> None:
    team, ana, bo = a_team()
    team.isolate(bo)
    remove(team, ana, bo)
    team.post(bo, "beside my removal")
    team.run()
    (ana_file, bo_file) = (parts(exported(desk, "general")) for desk in (ana, bo))
    roster = [each for each in ana_file if isinstance(each, Begin | Op | Name)]
    rest = [each for each in bo_file if isinstance(each, Key | Run)]
    proof, texts = judged(sealed_anew([*roster, *rest]))
    assert proof.faults == ()
    assert texts["general"] == ["hello", "hello too"]
    (gone,) = [author for author in proof.authors if author.nick == "bo"]
    assert (gone.state, gone.words, gone.void) == ("removed", "", 1)


def remove(team: Team, ana: Desk, bo: Desk) -> None:
    """As `clowder remove` does."""
    ops = ana.engine.members.remove(bo.workspace.me, team.now(ana))
    team.do(ana, lambda now: ana.engine.publish_each(ops, now))


def test_long_logs_go_out_in_pieces_that_end_at_signatures() -> None:
    team = Team(seed=6)
    ana = team.found("ana")
    for number in range(2 * ANCHOR_EVERY + 5):
        team.post(ana, f"{number}")
    data = exported(ana)
    assert [len(run) for run in runs_of(data)] == [ANCHOR_EVERY + 1, ANCHOR_EVERY, 4]
    proof, texts = judged(data)
    assert proof.faults == ()
    assert texts["general"] == ana.texts()


# What does not ----------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_changed_cut_or_added_byte_is_refused(data: st.DataObject) -> None:
    whole = a_file()
    place = data.draw(st.integers(0, len(whole) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    changed = whole[:place] + bytes((whole[place] ^ bit,)) + whole[place + 1 :]
    for wrong in (changed, whole[:place], whole + bytes((bit,))):
        with pytest.raises(Invalid):
            check(io.BytesIO(wrong), seeded("checker"))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_changed_byte_of_an_op_or_a_run_is_a_fault_whoever_seals_the_file(
    data: st.DataObject,
) -> None:
    some = parts(a_file())
    number = data.draw(st.sampled_from([i for i, r in enumerate(some) if isinstance(r, Op | Run)]))
    record = some[number]
    body = record.wire if isinstance(record, Op) else record.data  # type: ignore[union-attr]
    place = data.draw(st.integers(0, len(body) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    changed = body[:place] + bytes((body[place] ^ bit,)) + body[place + 1 :]
    some[number] = Op(changed) if isinstance(record, Op) else Run(changed)
    proof, texts = judged(sealed_anew(some))
    assert proof.faults
    honest = judged(a_file())[1]
    for name, shown in texts.items():
        assert set(shown) <= {*honest.get(name, shown), "helo"}


def _swap_runs(some: list[Record]) -> list[Record]:
    runs = [i for i, r in enumerate(some) if isinstance(r, Run)]
    long = [i for i in runs if len(decode_run(some[i].data).items) == ANCHOR_EVERY]  # type: ignore[union-attr]
    first, second = long[0], long[0] + 1
    some[first], some[second] = some[second], some[first]
    return some


def _without_a_middle(some: list[Record]) -> list[Record]:
    runs = [i for i, r in enumerate(some) if isinstance(r, Run)]
    long = [i for i in runs if len(decode_run(some[i].data).items) == ANCHOR_EVERY]  # type: ignore[union-attr]
    return [r for i, r in enumerate(some) if i != long[0]]


def _without_signature(some: list[Record]) -> list[Record]:
    (last,) = [i for i, r in enumerate(some) if isinstance(r, Run)][-1:]
    run = decode_run(some[last].data)  # type: ignore[union-attr]
    bare = replace(run.items[-1], signature=b"")
    some[last] = Run(encode_run(replace(run, items=(*run.items[:-1], bare))))
    return some


def _without_ciphertext(some: list[Record]) -> list[Record]:
    """As if its author had taken it back."""
    from crdt.keys import digest

    (last,) = [i for i, r in enumerate(some) if isinstance(r, Run)][-1:]
    run = decode_run(some[last].data)  # type: ignore[union-attr]
    sealed = run.items[-1].ciphertext
    assert sealed is not None
    erased = (digest(b"x1.ct", sealed), len(sealed))
    bare = replace(run.items[-1], ciphertext=None, erased=erased)
    some[last] = Run(encode_run(replace(run, items=(*run.items[:-1], bare))))
    return some


def _by_a_stranger(some: list[Record]) -> list[Record]:
    """Signed anew by a key that nobody let in."""
    from crdt.entry import from_run

    (last,) = [i for i, r in enumerate(some) if isinstance(r, Run)][-1:]
    stranger = DeviceKeys.generate(seeded("stranger"))
    begin, run = some[0], decode_run(some[last].data)  # type: ignore[union-attr]
    assert isinstance(begin, Begin)
    run = replace(run, device=stranger.public.sign)
    items = list(run.items)
    for number, entry in enumerate(from_run(begin.workspace, run)):
        if items[number].signature:
            signature = sign(stranger.sign_seed, SIGN_ENTRY, entry.id)
            items[number] = replace(items[number], signature=signature)
    some[last] = Run(encode_run(replace(run, items=tuple(items))))
    return some


def _without_an_op(some: list[Record]) -> list[Record]:
    ops = [i for i, r in enumerate(some) if isinstance(r, Op)]
    return [r for i, r in enumerate(some) if i != ops[1]]


def _op_twice(some: list[Record]) -> list[Record]:
    ops = [i for i, r in enumerate(some) if isinstance(r, Op)]
    return [*some[: ops[1]], some[ops[0]], *some[ops[1] :]]


def _another_workspace(some: list[Record]) -> list[Record]:
    return [Begin(bytes(32), START_MS), *some[1:]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_swap_runs, "do not follow"),
        (_without_a_middle, "do not follow"),
        (_without_signature, "do not verify"),
        (_without_ciphertext, "missing"),
        (_by_a_stranger, "may not write"),
        (_without_an_op, "before what it rests on"),
        (_op_twice, "stands twice"),
        (_another_workspace, "of another workspace"),
    ],
)
def test_what_somebody_changes_who_seals_the_file_anew_is_said(
    change: Callable[[list[Record]], list[Record]], said: str
) -> None:
    team, _, bo = a_team()
    for number in range(3 * ANCHOR_EVERY):
        team.post(bo, f"{number}", "news")
    data = exported(bo, "news")
    assert judged(data)[0].faults == ()
    proof, _ = judged(sealed_anew(change(parts(data))))
    assert said in proof.faults[0]


def test_a_wrong_key_shows_nothing_and_invents_nothing() -> None:
    some: list[Record] = [
        Key(each.epoch, each.channel, bytes(32)) if isinstance(each, Key) else each
        for each in parts(a_file())
    ]
    proof, texts = judged(sealed_anew(some))
    assert texts["general"] == []
    assert [c.aside for c in proof.channels if c.name == "general"] == [4]
    assert texts["news"] == ["for all"]


def test_what_a_file_calls_people_does_not_reach_a_screen_as_it_is() -> None:
    some = parts(a_file())
    named: list[Record] = [
        Name(each.id, f"{each.text}\x1b]52;c;\x07\u202e") if isinstance(each, Name) else each
        for each in some
    ]
    proof, _ = judged(sealed_anew(named))
    said = json.dumps([author.nick for author in proof.authors])
    assert "\\u001b" not in said
    assert "\\u202e" not in said
    assert "ana" in said


# Bytes ------------------------------------------------------------------------------------------


def test_vectors() -> None:
    assert [len(VECTORS[kind]) for kind in ("files", "refused")] == [4, 7]
    for each in VECTORS["files"]:
        data = bytes.fromhex(each["bytes"])
        proof, texts = judged(data)
        assert json.loads(json.dumps(each["texts"])) == texts
        assert [list(a) for a in ((x.member, x.words) for x in proof.authors)] == each["authors"]
        assert (proof.workspace, proof.ops, proof.faults) == (each["workspace"], each["ops"], ())
        assert sealed_anew(parts(data)) == data
    for each in VECTORS["refused"]:
        with pytest.raises(TooNew if each["newer"] else Invalid):
            list(records.read(io.BytesIO(bytes.fromhex(each["bytes"]))))


RECORD = st.one_of(
    st.binary(max_size=60).map(Op),
    st.binary(max_size=60).map(Run),
    st.binary(max_size=60).map(Fork),
    st.builds(Name, st.binary(min_size=16, max_size=16), st.text(max_size=40)),
    st.builds(
        Key,
        st.binary(min_size=32, max_size=32),
        st.binary(min_size=16, max_size=16),
        st.binary(min_size=32, max_size=32),
    ),
)
BEGIN = st.builds(Begin, st.binary(min_size=32, max_size=32), st.integers(0, 2**53 - 1))
BYTES = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(lambda rest: records.MAGIC + b"\1" + rest),
    st.tuples(BEGIN, st.lists(RECORD, max_size=5)).map(
        lambda some: sealed_anew([some[0], *some[1]])
    ),
)


@settings(max_examples=200, deadline=None)
@given(BYTES)
def test_any_bytes_are_a_proof_or_one_error(data: bytes) -> None:
    try:
        proof, texts = judged(data)
    except Invalid:
        return
    given = [each for each in parts(data) if isinstance(each, Op | Run | Fork)]
    assert bool(given) == bool(proof.faults)
    assert not texts
