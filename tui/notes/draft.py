"""The notes as they are being edited here, between this screen and the node. Pure.

    shadow --sent--> (in flight) --pending--> text on the screen

`shadow` is the last text the node confirmed, `version` its number. Local edits gather in
`pending`; a batch of them is `sent` while nothing else is. Whatever the node then says (its reply,
or a change of somebody else) is compared with what it was expected to hold, and the difference is
carried past `pending` to the screen. While a batch is in flight, changes of others wait for its
reply, which names a version: so each change is taken exactly once.

Every method that changes the screen's text gives the delta to do it with; the rule that a test
holds: `apply(pending, apply(sent, shadow))` is the text on the screen, always.
"""

from chat.model import Notes
from tui.notes import delta as deltas
from tui.notes.delta import Delta, Splice


class NotesDraft:
    """One channel's notes. Start with what GetNotes answered."""

    def __init__(self, notes: Notes) -> None:
        self.shadow = notes.text
        self.version = notes.version
        self._sent: Delta | None = None
        self._pending: Delta = deltas.identity(len(notes.text))
        self._held: Notes | None = None
        self.refused = False

    @property
    def expected(self) -> str:
        """What the node holds when the batch in flight has arrived."""
        return self.shadow if self._sent is None else deltas.apply(self._sent, self.shadow)

    @property
    def text(self) -> str:
        """The text on the screen."""
        return deltas.apply(self._pending, self.expected)

    @property
    def is_clean(self) -> bool:
        """Whether the node has everything."""
        return self._sent is None and deltas.is_identity(self._pending)

    def edit(self, change: Delta) -> None:
        """The user changed the text on the screen."""
        self._pending = deltas.compose(self._pending, change)
        self.refused = False

    def batch(self) -> tuple[tuple[Splice, ...], int] | None:
        """What to send now, with the version it is against; None while there is nothing to send.

        Answer with `confirmed` or `failed` before the next batch.
        """
        if self._sent is not None or self.refused or deltas.is_identity(self._pending):
            return None
        self._sent = self._pending
        self._pending = deltas.identity(len(self.expected))
        return deltas.splices(self._sent), self.version

    def confirmed(self, notes: Notes) -> Delta:
        """The node took the batch; its text may hold more. Gives the change for the screen."""
        base = self.expected
        self._sent = None
        change = self._rebase(base, notes)
        held, self._held = self._held, None
        if held is not None and held.version > notes.version:
            change = deltas.compose(change, self._rebase(notes.text, held))
        return change

    def failed(self) -> Delta:
        """The node refused the batch: it waits for the next edit. Gives the screen's change."""
        assert self._sent is not None
        self._pending = deltas.compose(self._sent, self._pending)
        self._sent = None
        self.refused = True
        held, self._held = self._held, None
        if held is None or held.version <= self.version:
            return deltas.identity(len(self.text))
        return self._rebase(self.shadow, held)

    def restart(self, notes: Notes) -> Delta:
        """Another node holds the profile and counts versions anew. Gives the screen's change.

        What was in flight counts as not arrived. No batch may be waiting for its reply.
        """
        assert self._sent is None
        self._held = None
        self.refused = False
        return self._rebase(self.shadow, notes)

    def remote(self, notes: Notes) -> Delta:
        """The notes changed at the node. Gives the change for the screen."""
        if notes.version > self.version:
            if self._sent is None:
                return self._rebase(self.shadow, notes)
            if self._held is None or notes.version > self._held.version:
                self._held = notes
        return deltas.identity(len(self.text))

    def _rebase(self, base: str, notes: Notes) -> Delta:
        """The node's text went from `base` to `notes.text`."""
        theirs = deltas.diff(base, notes.text)
        # Pending comes first at one place, else every batch would be torn from the one before.
        change, self._pending = deltas.transform(theirs, self._pending)
        self.shadow, self.version = notes.text, notes.version
        return change

    def index_on_screen(self, index: int) -> int:
        """Where an index of the node's text is on the screen."""
        index = min(max(index, 0), len(self.shadow))
        if self._sent is not None:
            index = deltas.map_index(self._sent, index)
        return deltas.map_index(self._pending, index)

    def index_at_node(self, index: int) -> int:
        """Where an index of the screen is in the node's text."""
        index = deltas.map_index(deltas.invert(self._pending, self.expected), index)
        if self._sent is not None:
            index = deltas.map_index(deltas.invert(self._sent, self.shadow), index)
        return index
