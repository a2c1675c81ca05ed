"""Channels read from outside by the real program, by their links."""

import pytest
from msgspec.structs import replace

from chat import commands, model
from chat.cli.channels import privacy
from tests.integration.machines import Machine, Machines

pytestmark = pytest.mark.processes


def test_whoever_has_a_link_reads_a_public_or_hidden_channel_and_no_other(
    machines: Machines,
) -> None:
    ana = machines.machine("ana")
    ana.new("Cats", "ana")
    node = ana.node()
    for name, mode in (("news", "public"), ("club", "hidden")):
        ana.ask(commands.CreateChannel(name, mode))
        ana.ask(commands.PostLines(name, ("first", f"for {name}")))
    (news,) = ana.run("channel", "link", "#news").records
    assert (news["kind"], news["mode"]) == ("channel_link", "public")
    club: model.ChannelLink = ana.ask(commands.LinkChannel("club"))
    stranger = machines.machine("stranger")
    shown = stranger.run("read", news["link"].upper()).records
    assert [(m["channel"], m["author"]["nick"], m["text"]) for m in shown] == [
        ("news", "ana", "first"),
        ("news", "ana", "for news"),
    ]
    plain = stranger.run("read", club.link, "-n", "1", json_lines=False)
    assert "<ana> for club" in plain.out
    assert "first" not in plain.out
    assert not stranger.home.exists()
    assert node.stop() == 0
    ran = stranger.run("read", news["link"], exits=4, json_lines=False)
    assert "Nobody answers who knows this link" in ran.err


def test_what_is_asked_wrongly_is_refused_before_anybody_is_asked(machines: Machines) -> None:
    stranger: Machine = machines.machine("stranger")
    ran = stranger.run("read", "clowder-channel:aebdkqlg", exits=2, json_lines=False)
    assert "no link of a channel" in ran.err


def test_a_channel_is_listed_as_what_it_is() -> None:
    listed = model.Channel("1" * 32, "cats", limited=True, readers=3)
    assert privacy(listed) == "private, 3 members"
    assert privacy(replace(listed, readers=1)) == "private, 1 member"
    assert privacy(replace(listed, readers=2, direct=True)) == "direct"
    assert privacy(replace(listed, mode="hidden")) == "hidden, 3 members"
    assert privacy(replace(listed, mode="public", limited=False)) == "public"
    assert privacy(replace(listed, limited=False)) == "workspace"
