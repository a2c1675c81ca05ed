"""What can go wrong in the replicated layer.

    CrdtError
    ├── Invalid          their fault: bytes from elsewhere that break a rule; costs that entry or op
    │   └── TooNew       a version or kind this build does not know; kept, forwarded, shown as such
    └── NotReadable      nobody's fault: no key here opens it (relays live with this)

Programmer errors are assertions. A caller that feeds bytes from another machine catches `Invalid`
and nothing else.
"""


class CrdtError(Exception):
    """Root of this package's errors."""


class Invalid(CrdtError):
    """Bytes from another machine broke a rule of the protocol; the text says which."""


class TooNew(Invalid):
    """The bytes carry a version or kind that needs a newer Clowder."""


class NotReadable(CrdtError):
    """No content key held here opens this payload."""
