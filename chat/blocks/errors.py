"""What can go wrong with blocks.

    BlockError
    ├── Invalid         their fault: bytes from elsewhere that break a rule; costs that block
    │   └── TooNew      a kind of message this build does not know; passed over
    ├── Missing         nobody's fault: a block is not on this machine (yet)
    ├── TooLarge        the file being shared is larger than a file can be
    ├── Changed         the file being shared changed between the two passes over it
    └── StoreFailure    our disk: full, read-only or broken; the text is a sentence for the user

A caller that feeds bytes from another machine catches `Invalid` and nothing else.
"""


class BlockError(Exception):
    """Root of this package's errors."""


class Invalid(BlockError):
    """Bytes from another machine broke a rule of the format; the text says which."""


class TooNew(Invalid):
    """A message of a newer version; whoever reads it passes over it."""


class Missing(BlockError):
    """A block is not on this machine. `cid` is its 36-byte id."""

    def __init__(self, cid: bytes, reason: str = "this block is not on this machine") -> None:
        super().__init__(reason)
        self.cid = cid


class TooLarge(BlockError):
    """The file being shared is larger than a file can be; the text says how large that is."""


class Changed(BlockError):
    """The file changed while it was being shared; what was sealed so far must be thrown away."""


class StoreFailure(BlockError):
    """The disk refuses; the text tells the user what to do."""
