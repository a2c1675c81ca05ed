"""Two machines that hold the same say so in a hello each, whatever lies behind them."""

import pytest

from tests.integration.machines import Machines, eventually

HELLO_MAX_BYTES = 256
MESSAGES = 300

pytestmark = pytest.mark.processes


def test_meeting_again_in_sync_costs_one_hello_a_side(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    lines = "".join(f"message {number}\n" for number in range(MESSAGES))
    ana.run("send", "general", "--lines", "-", stdin=lines, json_lines=False)
    eventually(lambda: bo.status().messages == MESSAGES, what="all messages")
    eventually(lambda: ana.history(number=1)[0]["reached"] == [1, 1], what="bo's receipt")
    bo.programs[-1].stop()

    bo.node("--dial", ana.url)
    eventually(lambda: bo.links() and ana.links(), what="the link")
    eventually(lambda: bo.status().behind == 0, what="both to know that they are in sync")
    for machine in (ana, bo):
        (link,) = machine.links()
        assert 0 < link.sync_bytes_out <= HELLO_MAX_BYTES
        assert 0 < link.sync_bytes_in <= HELLO_MAX_BYTES

    # And the link is no less alive for it.
    ana.send("general", "still there?")
    eventually(lambda: bo.texts()[-1] == "still there?", what="a message over that link")
