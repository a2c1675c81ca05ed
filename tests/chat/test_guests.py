"""Somebody outside reads a channel by its link: from members and relays, and nothing but that."""

import io
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from chat import effects
from chat.engine.people import RosterNews
from chat.errors import TrustError, UsageError
from chat.guests.doors import doors
from chat.proofs import records
from chat.proofs.records import Begin, Key, Name, Record, Run, Writer
from chat.workspace import Now
from crdt.entry import Item, decode_run, encode_run
from crdt.entry import Run as Entries
from crdt.keys import SIGN_ENTRY, DeviceKeys, sign
from crdt.ops import PART_NOTES, NoteUpdate
from crdt.retention import DAY_MS
from crdt.roster_ops import (
    MODE_HIDDEN,
    MODE_PUBLIC,
    Channel,
    ScopeAdd,
    ScopeRemove,
    channel_id,
)
from tests.chat.engine_team import Desk, Team, seeded
from tests.chat.guests_house import Door, fetched, judged, link_of, read
from tests.chat.test_retention import keep, later


def a_team() -> tuple[Team, Desk, Desk, Desk]:
    """Two members and a relay; a public channel, a hidden one of both, and the workspace's."""
    team = Team(seed=11)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    relay = team.join("relay", ana, relay=True)
    team.mesh(ana, bo, relay)
    team.channel(ana, "news", mode=MODE_PUBLIC)
    team.channel(ana, "club", bo, mode=MODE_HIDDEN)
    team.run()
    team.post(bo, "for us")
    team.post(ana, "for all", "news")
    team.post(bo, "for who holds the link", "club")
    team.run()
    return team, ana, bo, relay


def runs(data: bytes) -> list[Run]:
    return [each for each in records.read(io.BytesIO(data)) if isinstance(each, Run)]


def rewritten(data: bytes, change: dict[int, Record]) -> bytes:
    """The file with some of its records replaced, and a digest that is right."""
    writer, out = Writer(), []
    for index, record in enumerate(records.read(io.BytesIO(data))):
        if isinstance(record, records.End):
            return b"".join([*out, writer.end()])
        new = change.get(index, record)
        out.append(writer.begin(new) if isinstance(new, Begin) else writer.record(new))
    raise AssertionError("a file has an end")


# What is read -----------------------------------------------------------------------------------


def test_a_public_and_a_hidden_channel_are_read_from_members_and_from_a_relay() -> None:
    team, ana, bo, relay = a_team()
    mid = team.post(bo, "an slip", "news")
    team.run()
    team.say(bo, lambda talking: talking.edit(mid, "a slip"))
    team.run()
    for desk in (ana, bo, relay):
        door = Door(desk)
        assert read(link_of(ana, "news"), door) == ["for all", "a slip"]
        assert read(link_of(bo, "club"), door) == ["for who holds the link"]
    assert link_of(ana, "news").text == link_of(bo, "news").text
    assert link_of(ana, "club").text == link_of(bo, "club").text


def test_the_newest_alone_come_when_no_more_is_asked_for_and_have_no_gaps() -> None:
    team, ana, bo, relay = a_team()
    for number in range(150):
        team.post((ana, bo)[number % 3 == 0], f"{number}", "news")
        team.run(20)
    team.run()
    link = link_of(ana, "news")
    whole = read(link, Door(relay))
    assert whole == ana.texts("news")
    for newest in (1, 7, 64, 140):
        some = read(link, Door(relay), newest=newest)
        assert some == whole[-len(some) :]
        assert newest <= len(some) <= newest + 1
    small, large = fetched(link, Door(relay), newest=7), fetched(link, Door(relay))
    assert small is not None
    assert large is not None
    assert len(small) * 2 < len(large)


def test_a_guest_sees_one_channel_and_no_key_no_notes_no_name_of_another() -> None:
    team, ana, _, _ = a_team()
    cy = team.join("cy", ana)
    note = NoteUpdate(b"in the notes", ())
    team.do(ana, lambda now: ana.engine.write(ana.workspace.find_channel("news"), note, now))
    team.run()
    assert PART_NOTES in {state.log.part for state in ana.workspace.store.logs()}
    data = fetched(link_of(ana, "news"), Door(ana))
    assert data is not None
    channels = {decode_run(run.data).log.channel for run in runs(data)}
    assert channels == {ana.workspace.find_channel("news")}
    assert all(decode_run(run.data).log.part != PART_NOTES for run in runs(data))
    found = list(records.read(io.BytesIO(data)))
    assert not [each for each in found if isinstance(each, Key)]
    assert {each.text for each in found if isinstance(each, Name)} == {"ana"}
    kept = set(ana.workspace.store.epoch_keys().values())
    published = {known.key for known in ana.workspace.roster.state.channels.values()}
    assert len(kept - published) >= 2
    assert not [key for key in kept - published if key in data]
    assert not [word for word in (b"for us", b"bo", b"cy", b"club") if word in data]
    # Who is not in a channel has nothing of it, and so is not to answer that this is all.
    assert Door(cy).channel_of(link_of(ana, "club")) is None
    assert Door(cy).channel_of(link_of(ana, "news")) is not None


def test_the_workspaces_channels_and_private_ones_have_no_link_and_no_door() -> None:
    team, ana, bo, _ = a_team()
    team.channel(ana, "plans", bo)
    team.run()
    for name in ("general", "plans"):
        with pytest.raises(UsageError, match="not for people outside"):
            link_of(ana, name)
    named = {door.channel for door in doors(ana.workspace)}
    assert named == {ana.workspace.find_channel(name) for name in ("news", "club")}


def test_a_hidden_channel_that_shares_its_key_has_no_link_and_no_door() -> None:
    team, ana, bo, relay = a_team()
    link = link_of(ana, "club")
    scope = ana.workspace.scope_of(link.channel)
    other = channel_id(bo.workspace.device, bo.workspace.incarnation, 9_999)
    team.publish(bo, Channel(other, scope, MODE_HIDDEN))
    team.run()
    for desk in (ana, bo, relay):
        assert Door(desk).channel_of(link) is None
    with pytest.raises(UsageError, match="shares its key"):
        link_of(ana, "club")
    # Nor does the workspace's own scope, whatever its channels say.
    mine = channel_id(bo.workspace.device, bo.workspace.incarnation, 9_998)
    team.publish(bo, Channel(mine, bo.workspace.scope, MODE_HIDDEN))
    team.run()
    assert mine not in {door.channel for desk in (ana, bo) for door in doors(desk.workspace)}


def test_what_a_channel_has_forgotten_is_given_to_nobody_and_hides_nothing_else() -> None:
    team, ana, bo, _ = a_team()
    keep(team, ana, 7, "news")
    later(team, 10 * DAY_MS)
    for desk, text in ((ana, "young"), (bo, "younger"), (ana, "youngest")):
        team.post(desk, text, "news")
        team.run()
    later(team, 2 * DAY_MS)
    assert ana.texts("news") == ["young", "younger", "youngest"]
    link = link_of(ana, "news")
    for desk in (ana, bo):
        data = fetched(link, Door(desk))
        assert data is not None
        assert read(link, Door(desk)) == ["young", "younger", "youngest"]
        assert read(link, Door(desk), newest=2)[-2:] == ["younger", "youngest"]


# Who was removed --------------------------------------------------------------------------------


def test_after_somebody_is_taken_out_the_old_link_opens_no_door_and_no_new_text() -> None:
    team, ana, bo, relay = a_team()
    old = link_of(bo, "club")
    scope = ana.workspace.scope_of(old.channel)
    team.publish(ana, ScopeRemove(scope, (bo.workspace.me,)))
    team.run()
    team.post(ana, "without bo", "club")
    team.run()
    new = link_of(ana, "club")
    assert (new.channel, new.epoch != old.epoch, new.key != old.key) == (old.channel, True, True)
    for desk in (ana, relay):
        assert Door(desk).channel_of(old) is None
        assert read(new, Door(desk)) == ["for who holds the link", "without bo"]
    # Whatever a relay that does not keep to the rules gives away, the old key does not open.
    data = fetched(new, Door(relay))
    assert data is not None
    with judged(old, data) as checker:
        proof = checker.proof()
        texts = [message.text for message in checker.messages(old.channel)]
    assert proof.faults == ()
    assert texts == ["for who holds the link"]
    assert [channel.sealed for channel in proof.channels if channel.mode == "hidden"] == [1]


def test_an_admin_renews_a_link_that_got_into_wrong_hands_and_nobody_else_does() -> None:
    team, ana, bo, relay = a_team()
    old = link_of(ana, "club")
    team.do(ana, lambda now: renewed(ana, "club", now))
    team.run()
    team.post(bo, "among us", "club")
    team.run()
    new = link_of(bo, "club")
    assert (new.epoch != old.epoch, new.text) == (True, link_of(ana, "club").text)
    assert Door(relay).channel_of(old) is None
    assert read(new, Door(relay)) == ["for who holds the link", "among us"]
    for desk, name, error in ((bo, "club", TrustError), (ana, "news", UsageError)):
        with pytest.raises(error, match="renew"):
            renewed(desk, name, team.now(desk))
    team.run()
    assert link_of(ana, "club").text == new.text


def renewed(desk: Desk, name: str, now: Now) -> list[effects.Effect]:
    channel = desk.workspace.find_channel(name)
    return desk.engine.publish_each(desk.engine.members.renew_link(channel, now), now)


def test_who_was_removed_from_the_workspace_finds_the_door_of_a_hidden_channel_closed() -> None:
    team, ana, bo, relay = a_team()
    old, public = link_of(bo, "club"), link_of(bo, "news")
    team.do(ana, lambda now: _published(ana, ana.engine.members.remove(bo.workspace.me, now), now))
    team.run()
    team.post(ana, "after bo", "news")
    team.run()
    for desk in (ana, relay):
        assert Door(desk).channel_of(old) is None
        assert read(public, Door(desk)) == ["for all", "after bo"]  # As anybody outside.
    assert link_of(ana, "club").key != old.key


def _published(desk: Desk, ops: Iterator[RosterNews], now: Now) -> list[effects.Effect]:
    return [effect for news in ops for effect in desk.engine.publish(news, now)]


def test_a_link_stays_when_somebody_comes_in() -> None:
    team, ana, bo, _ = a_team()
    before = link_of(ana, "club").text
    cy = team.join("cy", ana)
    team.mesh(ana, bo, cy)
    scope = ana.workspace.scope_of(ana.workspace.find_channel("club"))
    team.publish(ana, ScopeAdd(scope, (cy.workspace.me,)))
    team.run()
    assert cy.texts("club") == ["for who holds the link"]
    assert link_of(cy, "club").text == before


# Lies -------------------------------------------------------------------------------------------


def other_text(run: Entries) -> Entries:
    """The last text, changed on its way."""
    last = run.items[-1]
    assert last.ciphertext is not None
    return with_last(run, replace(last, ciphertext=last.ciphertext[:-1] + b"!"))


def other_hand(run: Entries) -> Entries:
    """An entry in ana's name, signed by somebody else."""
    mallory = DeviceKeys.generate(seeded("mallory"))
    signature = sign(mallory.sign_seed, SIGN_ENTRY, bytes(32))
    return with_last(run, replace(run.items[-1], signature=signature))


def unsigned(run: Entries) -> Entries:
    return with_last(run, replace(run.items[-1], signature=b""))


def with_last(run: Entries, item: Item) -> Entries:
    return replace(run, items=(*run.items[:-1], item))


@pytest.mark.parametrize("forge", [other_text, other_hand, unsigned])
def test_what_a_host_forged_is_a_fault_and_is_not_shown(
    forge: Callable[[Entries], Entries],
) -> None:
    _, ana, _, relay = a_team()
    link = link_of(ana, "news")

    def lie(data: bytes) -> bytes:
        listed = list(records.read(io.BytesIO(data)))
        place = max(index for index, each in enumerate(listed) if isinstance(each, Run))
        record = listed[place]
        assert isinstance(record, Run)
        return rewritten(data, {place: Run(encode_run(forge(decode_run(record.data))))})

    data = fetched(link, Door(relay, lie))
    assert data is not None
    with judged(link, data) as checker:
        assert "do not verify" in checker.proof().faults[0]
        assert list(checker.messages(link.channel)) == []


def test_another_workspace_and_a_wrong_key_are_seen() -> None:
    _, ana, _, _ = a_team()
    link = link_of(ana, "club")
    data = fetched(link, Door(ana))
    assert data is not None
    begin = next(records.read(io.BytesIO(data)))
    assert isinstance(begin, Begin)
    other = rewritten(data, {0: Begin(bytes(32), begin.time_ms)})
    with judged(link, other) as checker:
        assert checker.proof().faults
    lost = type(link)(link.workspace, link.channel, link.epoch, bytes(32))
    with judged(lost, data) as checker:
        assert "does not verify" in checker.proof().faults[0]
        assert list(checker.messages(link.channel)) == []
    unknown = type(link)(link.workspace, link.channel, bytes(16), link.key)
    with judged(unknown, data) as checker:
        assert "does not have its epoch" in checker.proof().faults[0]
