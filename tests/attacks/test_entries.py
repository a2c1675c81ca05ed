"""Attacks on entries: 1, 3 to 6 and 43. What was signed can be neither changed nor moved."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import keys, ops
from crdt.entry import Entry, decode_run, encode_run, open_payload
from crdt.errors import Invalid, TooNew
from crdt.ingest import Append, Fork, Prepend, Verdict, judge
from crdt.sync_messages import Entries, decode, encode
from tests.attacks.mallory import (
    REPLACE,
    complaints,
    forged,
    greet,
    log_of,
    mutations,
    resigned,
    run_of,
    say,
    written,
)
from tests.chat.engine_team import START_MS, Desk, Team, hlc

PREFIXES = {name: value for name, value in vars(keys).items() if name.startswith("SIGN_")}


def pair(seed: int = 1) -> tuple[Team, Desk, Desk]:
    """Ana, and Mallory whom she let in; both hold the same, and no link is up."""
    team = Team(seed)
    ana = team.found("ana")
    mal = team.join("mal", ana)
    team.isolate_all()
    return team, ana, mal


TEAM, ANA, MAL = pair()
for number in range(3):
    TEAM.post(ANA, f"genuine {number}")
GENUINE = written(ANA)
MESSAGE = encode(Entries((run_of(ANA, GENUINE),)))


def taken(payload: bytes) -> list[Entry]:
    """What somebody who holds nothing of the log takes from a sync message."""
    try:
        message = decode(payload)
    except (Invalid, TooNew):
        return []
    found: list[Entry] = []
    for run in message.runs if isinstance(message, Entries) else ():
        roster = MAL.workspace.roster
        try:
            verdict: Verdict = judge(ANA.workspace.id, run, None, lambda seq: None, roster)
        except Invalid:
            return found
        assert not isinstance(verdict, Fork | Prepend), "nothing is held"
        if isinstance(verdict, Append):
            found += verdict.entries
    return found


def is_genuine(entries: list[Entry]) -> bool:
    """Whether these are a beginning of what Ana wrote, to the last byte."""
    return [(e.id, e.ciphertext, e.hlc) for e in entries] == [
        (e.id, e.ciphertext, e.hlc) for e in GENUINE[: len(entries)]
    ]


def test_01_any_changed_cut_or_added_byte_of_an_entry_is_refused() -> None:
    assert len(taken(MESSAGE)) == 3
    for bad in mutations(MESSAGE):
        assert is_genuine(taken(bad))


@settings(max_examples=400)
@given(st.data())
def test_01_any_edit_of_an_entry_is_refused(data: st.DataObject) -> None:
    bad = bytearray(MESSAGE)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(bad)))
        end = data.draw(st.integers(start, min(len(bad), start + 40)))
        bad[start:end] = data.draw(st.binary(max_size=40))
    assert is_genuine(taken(bytes(bad)))


def test_01_whoever_is_sent_broken_entries_goes_on() -> None:
    """Each costs the link it came on; the next one brings what is genuine."""
    team, ana, mal = pair(seed=2)
    bo = team.join("bo", ana)
    team.isolate_all()
    posted = [team.post(mal, f"genuine {number}") for number in range(3)]
    genuine = encode(Entries((run_of(mal, written(mal)),)))
    before = bo.canonical()
    for place in range(20, len(genuine), len(genuine) // 25):
        wire = greet(team, mal, bo)
        bad = genuine[:place] + bytes((genuine[place] ^ 0x10,)) + genuine[place + 1 :]
        say(team, wire, mal, bad)
        team.cut(wire)
        assert bo.canonical() == before
    assert complaints(bo)
    team.link(mal, bo)
    team.run()
    assert len(bo.texts()) == len(posted)


def test_01_a_forged_run_leaves_nothing_in_memory() -> None:
    """A roster keeps the sets of heads that it is told of; only signed entries may tell it."""
    roster = MAL.workspace.roster
    heads = [node.op.id for node in roster.history.nodes]
    known = dict(roster._sets)
    for one, other in itertools.combinations(heads, 2):
        named = tuple(sorted((one, other)))
        digest = keys.digest(b"x1.heads", *named)
        entry = REPLACE(GENUINE[0], heads=named, roster=digest)
        assert taken(encode(Entries((run_of(ANA, [entry]),)))) == []
    assert roster._sets == known


def test_03_an_entry_signed_anew_by_another_device_does_not_open() -> None:
    """The sealed bytes are bound to their author, so nobody can say them as their own."""
    team, ana, mal = pair(seed=3)
    bo = team.join("bo", ana)
    team.post(ana, "ana's words")
    team.isolate_all()
    (original,) = written(ana)
    stolen = resigned(
        mal.workspace.id, original, mal.workspace.keys.sign_seed, log=log_of(mal), hlc=original.hlc
    )
    wire = greet(team, mal, bo)
    say(team, wire, mal, Entries((run_of(mal, [stolen]),)))
    assert bo.workspace.store.log_state(stolen.log) is not None, "well signed, so it is kept"
    key = bo.workspace.epochs.channel_key(stolen.epoch, stolen.log.channel)
    with pytest.raises(Invalid):
        open_payload(bo.workspace.id, stolen, key)
    team.mesh()
    team.run()
    assert bo.texts() == ana.texts() == ["ana's words"]
    assert bo.message("ana's words").author.nick == "ana"


def moved() -> dict[str, Entry]:
    """Ana's first entry at places where she did not write it, her signature unchanged."""
    first = GENUINE[0]
    elsewhere = {
        "channel": REPLACE(first, log=first.log._replace(channel=bytes(16))),
        "part": REPLACE(first, log=first.log._replace(part=ops.PART_STATE)),
        "device": REPLACE(first, log=log_of(MAL)),
        "incarnation": REPLACE(first, log=first.log._replace(incarnation=bytes(8))),
        "epoch": REPLACE(first, epoch=bytes(32)),
        "time": REPLACE(first, hlc=first.hlc + 1),
        "nonce": REPLACE(first, nonce=bytes(24)),
    }
    return elsewhere


@pytest.mark.parametrize("field", moved())
def test_04_an_entry_moved_elsewhere_is_refused(field: str) -> None:
    run = run_of(ANA, [moved()[field]])
    with pytest.raises(Invalid, match="signature"):
        judge(ANA.workspace.id, run, None, lambda seq: None, MAL.workspace.roster)


def test_04_an_entry_of_another_workspace_is_refused() -> None:
    run = run_of(ANA, GENUINE)
    with pytest.raises(Invalid, match="signature"):
        judge(bytes(32), run, None, lambda seq: None, MAL.workspace.roster)


@pytest.mark.parametrize("field", ["channel", "part", "incarnation", "epoch", "time", "nonce"])
def test_04_sealed_bytes_open_at_their_own_place_only(field: str) -> None:
    """Even if Ana's own device were made to sign it anew."""
    changed = moved()[field]
    again = resigned(ANA.workspace.id, changed, ANA.workspace.keys.sign_seed)
    epoch = GENUINE[0].epoch
    key = MAL.workspace.epochs.channel_key(epoch, GENUINE[0].log.channel)
    assert open_payload(ANA.workspace.id, GENUINE[0], key)
    with pytest.raises(Invalid):
        open_payload(ANA.workspace.id, again, key)


@pytest.mark.parametrize(("made", "used"), list(itertools.permutations(PREFIXES, 2)))
def test_05_a_signature_made_for_one_kind_never_verifies_as_another(made: str, used: str) -> None:
    seed, covered = bytes(range(32)), keys.digest(b"x1.entry", b"the same bytes")
    signature = keys.sign(seed, PREFIXES[made], covered)
    keys.verify(keys.sign_public(seed), PREFIXES[made], covered, signature)
    with pytest.raises(Invalid):
        keys.verify(keys.sign_public(seed), PREFIXES[used], covered, signature)
    assert not PREFIXES[used].startswith(PREFIXES[made]), "else a message could make up the rest"


def test_05_an_entry_with_the_signature_of_something_else_is_refused() -> None:
    first = GENUINE[0]
    seed = ANA.workspace.keys.sign_seed
    for prefix in PREFIXES.values():
        entry = REPLACE(first, signature=keys.sign(seed, prefix, first.id))
        accepted = taken(encode(Entries((run_of(ANA, [entry]),))))
        assert bool(accepted) == (prefix == keys.SIGN_ENTRY)


def unsigned(entry: Entry) -> Entry:
    return REPLACE(entry, signature=b"")


def test_06_gaps_repeats_and_wrong_predecessors_change_nothing() -> None:
    team, ana, mal = pair(seed=6)
    bo = team.join("bo", ana)
    for n in range(4):
        team.post(mal, f"message {n}")
    team.mesh()
    team.run()
    team.isolate_all()
    for n in range(4, 7):
        team.post(mal, f"message {n}")
    log = written(mal)
    seed, workspace = mal.workspace.keys.sign_seed, mal.workspace.id
    before = bo.canonical(), bo.workspace.store.count_entries()
    attacks = {
        "gap": log[5:],
        "wrong prev": [resigned(workspace, log[4], seed, prev=log[2].id)],
        "seq beyond": [resigned(workspace, log[4], seed, seq=2**48 - 1)],
        # Signed, these two would prove a fork: attacks 7 and 8.
        "seq used before": [unsigned(resigned(workspace, log[4], seed, seq=3))],
        "first again": [unsigned(resigned(workspace, log[4], seed, seq=0, prev=bytes(32)))],
    }
    for name, some in attacks.items():
        wire = greet(team, mal, bo)
        say(team, wire, mal, Entries((run_of(mal, some),)))
        team.cut(wire)
        assert (bo.canonical(), bo.workspace.store.count_entries()) == before, name
    team.link(mal, bo)
    team.run()
    assert bo.texts() == [f"message {n}" for n in range(7)]


CLOCKS = {
    "an hour and a minute ahead": hlc(62 * 60_000),
    "the end of time": 2**63 - 1,
    "a century ahead": hlc(100 * 365 * 86_400_000),
    "zero": 0,
}


@pytest.mark.parametrize("when", CLOCKS)
def test_43_a_clock_far_off_decides_nothing_but_its_own_messages_place(when: str) -> None:
    """Validity never depends on time; nobody else's clock follows; the message says so."""
    team, ana, mal = pair(seed=43)
    bo = team.join("bo", ana)
    team.isolate_all()
    team.post(bo, "before")
    post = ops.encode(ops.Post(bytes(16), "from another time"))
    wire = greet(team, mal, bo)
    say(team, wire, mal, Entries((run_of(mal, [forged(mal, post, hlc=CLOCKS[when])]),)))
    team.run(2_000)
    assert bo.message("from another time").author.nick == "mal"
    assert (bo.message("from another time").ahead_ms > 60_000) == (CLOCKS[when] > 0)
    assert bo.message("before").ahead_ms == 0
    team.post(bo, "after")
    last = written(bo)[-1]
    assert last.hlc >> 16 <= START_MS + team.mono + 1_000
    team.mesh()
    team.run()
    texts = ["before", "after"]
    texts.insert(2 if CLOCKS[when] else 0, "from another time")
    assert ana.texts() == bo.texts() == texts


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.5, -1, 2**63, 2**64 - 1, None])
def test_43_what_is_no_time_is_no_entry(value: object) -> None:
    raw = msgspec.msgpack.decode(encode_run(run_of(ANA, GENUINE[:1])))
    assert raw[6][0][0] == GENUINE[0].hlc
    raw[6][0][0] = value
    with pytest.raises(Invalid):
        judge(
            ANA.workspace.id,
            decode_run(msgspec.msgpack.encode(raw)),
            None,
            lambda seq: None,
            MAL.workspace.roster,
        )
