"""`clowder demo --headless`: a living workspace, shown to arrive everywhere."""

import pytest

from tests.integration.machines import Machines

pytestmark = pytest.mark.processes


def test_the_demo_delivers_everything_and_says_so(machines: Machines) -> None:
    demo = machines.machine("demo", environment={"CLOWDER_LISTEN": None}, options=())
    told = demo.run("demo", "--headless", seconds=100)
    assert told.records
    assert all(record["v"] == 1 for record in told.records)
    kinds = {record["kind"] for record in told.records}
    assert "message" in kinds
    pictures = [r for r in told.records if r["kind"] == "message" and r["files"]]
    assert pictures
    people = {r["author"]["nick"] for r in told.records if r["kind"] == "message"}
    assert len(people) >= 2
