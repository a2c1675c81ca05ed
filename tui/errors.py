"""What the face tells a person who typed something it cannot do.

    FaceError
    └── InputError      a line, a form or a file name that makes no sense; says what would

Errors of the application are `chat.errors`; both are shown the same way, as a sentence.
"""


class FaceError(Exception):
    """Root; each text is a sentence for the user."""


class InputError(FaceError):
    """What was typed makes no sense; nothing was sent."""
