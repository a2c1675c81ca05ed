"""Messages of other programs, taken over.

`archive` reads a zip within bounds, `slack` makes posts of what it holds (pure), `journal`
remembers what was posted, and `chat.cli.importing` posts. An archive is somebody else's bytes:
nothing in it is unpacked to the disk, and no name in it becomes a path.
"""
