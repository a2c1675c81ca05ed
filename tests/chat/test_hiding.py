"""Stories of engines: an admin hides a message; it says what it said, and all see who did."""

import io

import pytest

from chat.cli.output import message_fields, message_line
from chat.errors import TrustError, UsageError
from chat.exports import html, markdown
from chat.proofs.checking import check
from chat.reader import read_everything
from crdt import ops
from tests.chat.engine_team import Desk, Team, seeded
from tests.chat.test_engine_people import grant, remove
from tests.chat.test_proofs import exported


def hidden(desk: Desk, text: str) -> str:
    """What stands in place of the message that says so."""
    return desk.message(text).folded


def four(seed: int) -> tuple[Team, Desk, Desk, Desk]:
    """Ana, who founded it, Bo, an admin, and Cid, who said something."""
    team = Team(seed)
    ana = team.found("ana")
    bo, cid = team.join("bo", ana), team.join("cid", ana)
    grant(team, ana, bo, 50)
    team.mesh()
    team.run()
    team.post(cid, "buy my soap")
    team.run()
    return team, ana, bo, cid


def hide(team: Team, desk: Desk, text: str, on: bool, reason: str = "") -> None:
    mid = desk.message(text).id
    team.say(desk, lambda talking: talking.hide(mid, on, reason))


def force(team: Team, desk: Desk, text: str, *, on: bool) -> None:
    """A program that was changed says it without asking whether it may."""
    op = ops.Hide(bytes.fromhex(desk.message(text).id), on, "forced")
    general = desk.workspace.find_channel("general")
    team.do(desk, lambda now: desk.engine.write(general, op, now))


def test_an_admin_hides_and_anybody_opens() -> None:
    team, ana, bo, cid = four(1)
    hide(team, bo, "buy my soap", True, "no \x1b[31mads")
    team.run()
    for desk in (ana, bo, cid):
        shown = desk.message("buy my soap")
        assert shown.text == "buy my soap"
        assert shown.folded == "hidden by bo: no [31mads"
        assert "soap" not in message_line(shown)
        assert "hidden by bo" in message_line(shown)
        assert message_line(shown, opened=True).endswith("buy my soap (hidden by bo: no [31mads)")
        fields = message_fields(shown)
        assert (fields["text"], fields["hidden"]["by"]["nick"]) == ("buy my soap", "bo")
    hide(team, ana, "buy my soap", False)
    team.run()
    assert [hidden(desk, "buy my soap") for desk in (ana, bo, cid)] == ["", "", ""]
    assert message_fields(cid.message("buy my soap"))["hidden"] is None
    assert ana.canonical() == bo.canonical() == cid.canonical()


def test_a_hidden_message_is_exported_with_what_it_says() -> None:
    team, ana, bo, _ = four(2)
    hide(team, bo, "buy my soap", True, "<ads>")
    team.run()
    shown = ana.message("buy my soap")
    page = "".join(html.messages([shown], lambda _: None))
    assert "buy my soap" in page
    assert "hidden by bo: &lt;ads&gt;" in page
    text = "".join(markdown.messages([shown]))
    assert "buy my soap" in text
    assert r"hidden by bo: \<ads\>" in text


def test_who_verifies_an_export_sees_who_hid_what_and_judges_it_alike() -> None:
    team, ana, bo, cid = four(8)
    team.post(cid, "twice as cheap")
    team.run()
    hide(team, bo, "buy my soap", True, "ads")
    force(team, cid, "twice as cheap", on=True)
    team.run()
    with check(io.BytesIO(exported(ana)), seeded("checker")) as checker:
        shown = checker.messages(ana.workspace.find_channel("general"))
        folded = {message.text: message.folded for message in shown}
    assert folded == {"buy my soap": "hidden by bo: ads", "twice as cheap": ""}


def test_who_is_no_admin_hides_nothing_and_shows_nothing() -> None:
    team, ana, bo, cid = four(3)
    with pytest.raises(TrustError, match="founders and admins"):
        hide(team, cid, "buy my soap", True)
    team.post(ana, "keep calm")
    team.run()
    force(team, cid, "keep calm", on=True)
    hide(team, bo, "buy my soap", True)
    team.run()
    force(team, cid, "buy my soap", on=False)
    team.run()
    for desk in (ana, bo, cid):
        assert hidden(desk, "keep calm") == ""
        assert hidden(desk, "buy my soap") == "hidden by bo"
    assert ana.canonical() == bo.canonical() == cid.canonical()


def test_an_admins_right_is_that_of_the_time_it_was_said() -> None:
    team, ana, bo, cid = four(4)
    team.post(cid, "twice as cheap")
    team.run()
    hide(team, bo, "buy my soap", True, "ads")
    team.run()
    grant(team, ana, bo, 100)
    team.run()
    force(team, bo, "twice as cheap", on=True)
    team.run()
    dan = team.join("dan", cid)
    team.mesh()
    team.run()
    for desk in (ana, bo, cid, dan):
        assert hidden(desk, "buy my soap") == "hidden by bo: ads"
        assert hidden(desk, "twice as cheap") == ""
        # Read again, from another start: the right follows from what stands in entry and roster.
        team.restart(desk)
        read_everything(desk.workspace, desk.engine.voiding, team.now(desk))
        assert hidden(desk, "buy my soap") == "hidden by bo: ads"
        assert hidden(desk, "twice as cheap") == ""
    assert ana.canonical() == dan.canonical()


def test_what_is_hidden_apart_and_shown_apart_is_the_same_for_all_afterwards() -> None:
    team, ana, bo, cid = four(5)
    team.isolate(bo)
    hide(team, bo, "buy my soap", True, "ads")
    hide(team, ana, "buy my soap", True, "noise")
    hide(team, ana, "buy my soap", False)
    team.run()
    assert (hidden(bo, "buy my soap"), hidden(cid, "buy my soap")) == ("hidden by bo: ads", "")
    team.mesh()
    team.run()
    assert ana.canonical() == bo.canonical() == cid.canonical()
    assert hidden(ana, "buy my soap") == hidden(bo, "buy my soap") == hidden(cid, "buy my soap")


def test_who_was_removed_meanwhile_hid_nothing() -> None:
    team, ana, bo, cid = four(6)
    team.isolate(bo)
    hide(team, bo, "buy my soap", True)
    remove(team, ana, bo)
    team.run()
    team.link(bo, cid)
    team.run()
    assert (hidden(ana, "buy my soap"), hidden(cid, "buy my soap")) == ("", "")


def test_what_was_taken_back_is_not_hidden_and_a_reason_is_a_line() -> None:
    team, ana, bo, cid = four(7)
    mid = cid.message("buy my soap").id
    with pytest.raises(UsageError, match=r"at most 256 .* has 257"):
        bo.talking.hide(mid, True, "x" * 257)
    hide(team, bo, "buy my soap", True)
    team.run()
    team.say(cid, lambda talking: talking.delete(mid))
    team.run()
    gone = ana.views.message(ana.rows()[0])
    assert (gone.deleted, gone.hidden, gone.folded) == (True, None, "")
    with pytest.raises(UsageError, match="taken back"):
        bo.talking.hide(mid, True)
