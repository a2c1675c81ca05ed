"""Three members and a relay on one machine: a thousand messages, all at once, everywhere once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.machines import Machine, Machines, eventually, same_history

MESSAGES = 1000

pytestmark = pytest.mark.processes


def test_all_write_at_once_and_all_four_replicas_are_equal(machines: Machines) -> None:
    *members, relay = machines.team("ana", "bo", "cleo", relay=True)
    shares = [range(number, MESSAGES, len(members)) for number in range(len(members))]

    def write(member: Machine, share: range) -> list[str]:
        lines = "".join(f"message {number}\n" for number in share)
        sent = member.run("send", "general", "--lines", "-", stdin=lines, json_lines=False)
        return sent.out.split()

    with ThreadPoolExecutor() as together:
        sent = [ids for ids in together.map(write, members, shares)]

    history = eventually(lambda: same_history(members), 60, "equal histories")
    assert history is not None
    assert sorted(m["text"] for m in history) == sorted(f"message {n}" for n in range(MESSAGES))
    assert {m["id"] for m in history} == {message for ids in sent for message in ids}
    for member, share in zip(members, shares, strict=True):
        nick = member.home.name
        own = [m["text"] for m in history if m["author"]["nick"] == nick]
        assert own == [f"message {number}" for number in share], "an author's order is kept"

    # The relay cannot read; it must hold as many entries as everybody else and lack none.
    def replicas() -> set[tuple[int, int | None]]:
        return {(s.entries, s.behind) for s in (m.status() for m in [*members, relay])}

    eventually(lambda: len(replicas()) == 1, 30, "four equal replicas")
    (entries, behind), *_ = replicas()
    assert entries >= MESSAGES
    assert behind == 0
