"""Both sides write while cut off and then meet; and a profile comes back from a backup."""

import shutil

import pytest

from tests.integration.machines import Machine, Machines, eventually, same_history

EACH = 20

pytestmark = pytest.mark.processes


def write(machine: Machine, *texts: str) -> None:
    lines = "".join(f"{text}\n" for text in texts)
    machine.run("send", "general", "--lines", "-", stdin=lines, json_lines=False)


def meet(ana: Machine, bo: Machine) -> list[str]:
    """Start both, wait until they show the same, stop both; gives the texts in order."""
    running = [ana.node(), bo.node("--dial", ana.url)]
    eventually(lambda: ana.links() and bo.links(), what="a link")

    def settled() -> bool:
        behind = [machine.status().behind for machine in (ana, bo)]
        return behind == [0, 0] and same_history((ana, bo)) is not None

    eventually(settled, 30, "equal histories")
    texts = ana.texts()
    warnings = [machine.status().warnings for machine in (ana, bo)]
    assert warnings == [(), ()]
    for node in running:
        assert node.stop() == 0
    return texts


def test_what_both_wrote_apart_is_whole_and_in_one_order(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    for machine in (ana, bo):
        machine.programs[-1].stop()
    for number in range(2):
        # Without a node running the command line opens the profile by itself.
        write(ana, *(f"ana {number}.{line}" for line in range(EACH)))
        write(bo, *(f"bo {number}.{line}" for line in range(EACH)))
    texts = meet(ana, bo)
    assert len(texts) == len(set(texts)) == 4 * EACH
    for nick in ("ana", "bo"):
        own = [text for text in texts if text.startswith(nick)]
        assert own == [f"{nick} {number}.{line}" for number in range(2) for line in range(EACH)]


def test_a_profile_from_an_old_backup_goes_on_without_a_fork(machines: Machines) -> None:
    ana, bo = machines.team("ana", "bo")
    for machine in (ana, bo):
        machine.programs[-1].stop()
    write(ana, "before the backup")
    meet(ana, bo)
    backup = machines.folder / "backup"
    shutil.copytree(ana.home, backup)

    write(ana, "after the backup, seen by bo")
    meet(ana, bo)
    write(ana, "never seen by anybody, and lost with the disk")
    shutil.rmtree(ana.home)
    shutil.copytree(backup, ana.home)

    # What the lost disk had and nobody else is gone; everything else comes back from bo, and what
    # is written now must not stand where the lost entries stood.
    write(ana, "after the restore, still alone")
    texts = meet(ana, bo)
    assert texts == [
        "before the backup",
        "after the backup, seen by bo",
        "after the restore, still alone",
    ]
    write(ana, "and on")
    write(bo, "and on, too")
    assert sorted(meet(ana, bo)[3:]) == ["and on", "and on, too"]
    assert [message["author"]["nick"] for message in ana.history()][:3] == ["ana"] * 3
