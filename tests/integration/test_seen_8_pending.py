"""Inviter and newcomer are never online together; a relay keeps the claim between them."""

import pytest

from tests.integration.machines import Machines, eventually

pytestmark = pytest.mark.processes


def test_a_newcomer_is_admitted_while_away(machines: Machines) -> None:
    ana, bo, relay = (machines.machine(name) for name in ("ana", "bo", "relay"))
    ana.new("Cats", "ana")
    inviter = ana.node()
    relay.relay(ana.invite("--relay"), "--dial", ana.url)
    eventually(lambda: ana.linked(1), what="the relay's link")
    ana.send("general", "welcome, whoever comes")
    invite = ana.invite()
    eventually(lambda: relay.status().behind == 0, what="everything at the relay")
    inviter.stop()

    # The newcomer meets nobody but the relay, leaves the claim there, and goes.
    assert bo.join(invite, "bo", "--wait", "2", "--dial", relay.url) == "pending"
    assert bo.run("status").records[0]["phase"] == "pending"

    # The inviter comes back, finds the claim, admits, and goes too.
    inviter = ana.node("--dial", relay.url)
    eventually(
        lambda: "bo" in [m["nick"] for m in ana.run("members").records], what="the admission"
    )
    eventually(lambda: relay.status().behind == 0, what="the admission at the relay")
    inviter.stop()

    # The newcomer's next start finds itself a member, and reads.
    bo.node("--dial", relay.url)
    eventually(lambda: bo.status().phase == "live", what="bo to be a member")
    eventually(lambda: bo.texts() == ["welcome, whoever comes"], what="the history")
    bo.send("general", "thank you")
    eventually(lambda: relay.status().behind == 0, what="the answer at the relay")
    ana.node("--dial", relay.url)
    eventually(lambda: ana.texts()[-1:] == ["thank you"], what="the answer at ana's")
