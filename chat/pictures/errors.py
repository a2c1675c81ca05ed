"""What can go wrong with pictures.

PictureError
├── Invalid        the bytes are not a whole picture of the kind they claim to be
├── CannotClean    metadata cannot be removed without touching the picture; the text says why
├── Refused        a picture that is not decoded here: kind, size, number of frames
└── DecoderFailed  the decoding process ran out of time or memory, or died
"""


class PictureError(Exception):
    """Root of this package's errors. Every text is a sentence for the user."""


class Invalid(PictureError):
    """The bytes are damaged; the text says where."""


class CannotClean(PictureError):
    """Metadata may be in there and cannot be removed losslessly; it can be shared as it is."""


class Refused(PictureError):
    """This picture is not decoded here; it can still be saved."""


class DecoderFailed(PictureError):
    """The decoding process did not survive this picture; the next one gets a new process."""
