"""Which version this is.

The installed package knows; in a checkout that is not installed the constant does. It is the one
of pyproject.toml, and a test compares them.
"""

VERSION = "0.1.0"


def version() -> str:
    """The version of the installed package, or of this checkout."""
    from importlib import metadata

    try:
        return metadata.version("clowder-chat")
    except metadata.PackageNotFoundError:
        return VERSION
