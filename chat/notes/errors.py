"""What can go wrong with shared notes.

NotesError
├── NotesFailed   the notes of this channel cannot be shown now; the text says why
├── TooLarge      one change that does not fit an entry
├── BadSplice     a splice that does not fit the text or the version it names
└── WorkerDied    the process of the notes ended or hung; inside this package only
"""


class NotesError(Exception):
    """Root of this package's errors. Every text is a sentence for the user."""


class NotesFailed(NotesError):
    """The notes of this channel cannot be shown or edited now; messages are not affected."""


class TooLarge(NotesError):
    """One change that does not fit an entry; it can be made in parts."""


class BadSplice(NotesError):
    """A splice outside the text, or against a version that is unknown here."""


class WorkerDied(NotesError):
    """The process of the notes ended, hung or talked nonsense."""
