"""Signed exports of logs that were forked: they say offline what members' screens say."""

import io
import json
from pathlib import Path

import pytest

from chat.proofs.checking import Proof, check
from chat.proofs.records import Fork, Name, Run
from chat.proofs.writing import excerpt
from crdt import forks
from crdt.forks import Branch
from crdt.keys import DeviceKeys
from crdt.sync_messages import Forks
from tests.attacks.mallory import resigned, written
from tests.attacks.test_forks import BEFORE, Story, hand, remove, said, thief_of_the_past
from tests.chat.engine_team import START_MS, Desk, seeded
from tests.chat.test_proofs import exported, judged, parts, sealed_anew

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "export.json").read_text("utf-8"))


def forked() -> Story:
    """Mallory told Ana and Bo two stories, and everybody knows."""
    story = Story(seed=7)
    for number in range(4):
        story.team.post(story.mal, f"one story {number}")
    for number in range(2):
        story.team.post(story.double, f"another story {number}")
    story.tell(story.mal, story.ana)
    story.tell(story.double, story.bo)
    story.meet()
    return story


def strangers_proof(story: Story) -> bytes:
    """That a device which nobody has ever heard of told two stories."""
    stranger = DeviceKeys.generate(seeded("stranger"))
    entry = written(story.mal)[0]
    log = entry.log._replace(device=stranger.public.sign)
    heads = story.mal.workspace.store.head_set(entry.roster) or ()
    one, other = (
        resigned(story.mal.workspace.id, entry, stranger.sign_seed, log=log, hlc=hlc)
        for hlc in (entry.hlc, entry.hlc + 1)
    )
    proof = forks.prove(story.mal.workspace.id, Branch([one], heads), Branch([other], heads))
    assert proof is not None
    return proof.wire


def void_of(proof: Proof, desk: Desk) -> int:
    return next(a.void for a in proof.authors if a.member == desk.workspace.me.hex())


def test_an_export_shows_what_a_member_sees_of_a_forked_log() -> None:
    story = forked()
    for desk in story.honest:
        proof, texts = judged(exported(desk, "general"))
        assert proof.faults == ()
        assert texts["general"] == desk.texts() == said()
        assert void_of(proof, story.mal) == len(story.void(desk)) > 0


def test_what_a_guest_is_given_shows_it_as_well() -> None:
    story = forked()
    workspace = story.ana.workspace
    channel = workspace.find_channel("general")
    data = b"".join(excerpt(workspace, channel, START_MS, 0))
    with check(io.BytesIO(data), seeded("guest")) as checker:
        assert void_of(checker.proof(), story.mal) == len(story.void(story.ana))


def test_what_a_removal_pinned_stands_in_an_export_too() -> None:
    """A removal names what Ana held; then the thief proves a fork at the very beginning."""
    story = Story(seed=9)
    remove(story)
    story.meet()
    hand(story, story.bo, Forks((thief_of_the_past(story, 0),)))
    story.meet()
    for desk in story.honest:
        proof, texts = judged(exported(desk, "general"))
        assert any(isinstance(each, Fork) for each in parts(exported(desk, "general")))
        assert proof.faults == ()
        assert texts["general"] == desk.texts() == said()
        assert void_of(proof, story.mal) == 0


def test_a_file_without_proofs_verifies_as_it_always_did() -> None:
    story = forked()
    some = parts(exported(story.ana, "general"))
    proof, texts = judged(sealed_anew([each for each in some if not isinstance(each, Fork)]))
    assert proof.faults == ()
    assert texts["general"] == [*said(), *(f"one story {number}" for number in range(4))]


@pytest.mark.parametrize("spoiled", ["a byte", "nonsense", "newer", "a stranger's"])
def test_a_proof_that_proves_nothing_is_said_and_voids_nothing(spoiled: str) -> None:
    story = forked()
    some = parts(exported(story.ana, "general"))
    (place,) = (at for at, each in enumerate(some) if isinstance(each, Fork))
    good = some[place]
    assert isinstance(good, Fork)
    if spoiled == "a byte":
        bad = good.wire[:-1] + bytes((good.wire[-1] ^ 1,))
    elif spoiled == "nonsense":
        bad = b"\x93\x01"
    elif spoiled == "newer":
        bad = b"\x93\x02" + good.wire[2:]
    else:
        bad = strangers_proof(story)
    proof, texts = judged(sealed_anew([*some[:place], Fork(bad), *some[place + 1 :]]))
    assert len(proof.faults) == 1
    assert "fork" in proof.faults[0]
    assert len(texts["general"]) == BEFORE + 4
    assert void_of(proof, story.mal) == 0


def test_proofs_come_before_what_they_are_about() -> None:
    story = forked()
    some = parts(exported(story.ana, "general"))
    kinds = [type(each) for each in some]
    assert kinds.index(Fork) < kinds.index(Run)
    assert kinds.index(Fork) > max(at for at, kind in enumerate(kinds) if kind is Name)


def test_vector() -> None:
    vector = next(each for each in VECTORS["files"] if each["about"] == "a forked log")
    data = bytes.fromhex(vector["bytes"])
    proof, texts = judged(data)
    assert texts == vector["texts"]
    assert [author.void for author in proof.authors] == vector["void"]
