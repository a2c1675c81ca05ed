"""Hellos: comparing two stores, deciding what a peer is told, and knowing when they are equal.

The first hello decides between nothing, a push, an announcement and a comparison. Later ones are
said when nothing that the peer announced is missing here, at most one a second; equal states end
that. States that stay different though both have read all of each other lead to a comparison of
fingerprints; what it leaves different (forks) is remembered, and counts as equal from then on.
"""

from crdt import limits
from crdt.errors import Invalid
from crdt.sync_core import Core, Link
from crdt.sync_fetch import Fetch
from crdt.sync_messages import TOLD, UNKNOWN_PEER, VERSION, Hello
from crdt.sync_receipts import Receipts
from crdt.sync_roster import RosterExchange
from crdt.sync_serve import Serve


class Greet:
    """What hellos mean, and when to say one."""

    def __init__(
        self,
        core: Core,
        serve: Serve,
        fetch: Fetch,
        receipts: Receipts,
        roster: RosterExchange,
    ) -> None:
        self._core = core
        self._serve = serve
        self._fetch = fetch
        self._receipts = receipts
        self._roster = roster

    def on_hello(self, link: Link, hello: Hello) -> None:
        """A peer's first hello, or a later one.

        Raises:
            Invalid: another version, or a copy of this very store.
        """
        core, store = self._core, self._core.store
        if hello.version != VERSION:
            raise Invalid(f"speaks version {hello.version} of replication, not {VERSION}")
        if hello.replica == store.replica_id:
            raise Invalid("works on a copy of this very store")
        before, link.hello = link.hello, hello
        if before is not None and before.replica != hello.replica:
            link.read = None
        if before is not None and before.flags & UNKNOWN_PEER:
            link.roster_asked = False  # what was asked of who did not know us is not answered
        remembered = store.cursor(link.device)
        if remembered is None or remembered[1] != hello.replica:
            store.set_cursor(link.device, 0, hello.replica)
        if link.unknown:
            self._roster.ask(link)
            self._roster.part(link)
            return
        if not link.open:
            self._fetch.release(link)  # who does not know us answers nothing yet
            return
        if hello.flags & TOLD:
            link.read = hello.mark
        half = core.roster.heads_hash[: limits.ID_BYTES]
        sent = link.hello_sent
        if before is None and sent is not None and half not in (sent.roster, hello.roster):
            core.say_hello(link)  # ops that came since then were passed on to open links only
        if hello.roster != half and link.rosters_compared != (half, hello.roster):
            link.rosters_compared = (half, hello.roster)
            self._roster.ask(link)
        self.proceed(link)

    def proceed(self, link: Link) -> None:
        """Go on after the roster: compare, then answer."""
        core, hello = self._core, link.hello
        if not link.open or hello is None or link.roster_asked:
            return
        mine = core.hello(link)
        same = mine.state == hello.state and mine.channels == hello.channels
        first, link.answered = not link.answered, True
        if same:
            self._equal(link, hello, mine, first)
        else:
            link.equal = core.settled.get(link.device) == (mine.state, hello.state)
        if first:
            if not link.equal:
                self._serve.answer(link, hello)
            self._receipts.link_ready(link)
            self._roster.want_seals()
            self._fetch.use_history(link)
        elif not link.equal:
            self._differs(link, hello)

    def _equal(self, link: Link, hello: Hello, mine: Hello, first: bool) -> None:
        """The peer holds what is held here, up to the arrival in its hello."""
        link.equal = True
        if link.read is None or link.read.arrival < hello.arrival:
            link.read = hello.mark
        link.told = mine.arrival
        sent = link.hello_sent
        if first:
            link.marked = 0 if sent is None else sent.arrival
        self._receipts.peer_equals(link)
        if sent is None or sent.state != mine.state:
            self._core.say_hello(link)

    def _differs(self, link: Link, hello: Hello) -> None:
        """A later hello, and states differ: compare channels if nothing is on its way."""
        core, now = self._core, self._core.now
        if not core.read_all(link) or hello.read is None or hello.read.arrival < link.told:
            link.news = True  # a hello of ours follows when all is read
            if link.marked < link.told:
                self._serve.tell_mark(link)
            return
        due = now if link.compared_at is None else link.compared_at + limits.COMPARE_EVERY_MS
        if now < due:
            link.compare_due = due
            return
        link.compared_at, link.compare_due = now, None
        self._serve.ask_to_compare(link)

    def follow_up(self, link: Link) -> None:
        """After every call: store the cursor, and say what is due on this link."""
        core = self._core
        if not link.answered or link.hello is None:
            return
        link.told = core.store.arrival_max
        self._save_cursor(link, link.hello)
        if link.compare_due is not None and core.now >= link.compare_due:
            link.compare_due = None
            if not link.equal:
                self._differs(link, link.hello)
        self._check(link, link.hello)
        if link.equal != link.shown_equal:
            link.shown_equal = link.equal
            core.progress = True
        if link.marked >= link.told and not link.later:
            link.mark_due = None
        elif link.mark_due is None:
            link.mark_due = core.now + limits.MARK_EVERY_MS
        elif core.now >= link.mark_due:
            self._serve.tell_mark(link)
            link.mark_due = None

    def _save_cursor(self, link: Link, hello: Hello) -> None:
        read = link.read
        if read is None or read.arrival == link.saved or link.needs:
            return
        link.saved = read.arrival
        self._core.store.set_cursor(hello.replica, read.arrival, read.id)

    def _check(self, link: Link, hello: Hello) -> None:
        """Say hello again when all that the peer announced is here, until states are equal."""
        core = self._core
        link.check_due = None
        if link.equal and not link.compared:
            return
        if link.roster_asked or not core.read_all(link):
            return
        if link.news:
            due = 0 if link.checked_at is None else link.checked_at + limits.CHECK_EVERY_MS
            if not link.checked_again or core.now >= due:
                link.checked_again = True
                link.news = False
                core.say_hello(link)
                said = link.hello_sent
                assert said is not None
                if said.state == hello.state and said.channels == hello.channels:
                    self._equal(link, hello, said, first=False)
            else:
                link.check_due = due
                return
        if link.compared:
            link.compared = False
            link.equal = True
            if link.hello_sent is not None:
                core.settled[link.device] = (link.hello_sent.state, hello.state)

    def knows_heads(self, link: Link) -> bool:
        """Whether it is known what the peer has."""
        if not link.open or link.hello is None or not link.answered:
            return False
        read_all = link.read is not None and link.read.arrival >= link.hello.arrival
        return link.equal or (read_all and not link.comparing and not link.to_compare)
