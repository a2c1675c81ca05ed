"""The node: the asyncio shell around the engine, and all that a profile does in one process.

node.py       Node, the session; puts everything together
team.py       the workspace at work: engine, views, turns; founding.py begins one
turns.py      group commit
meeting.py    links and what passes on them; lobby.py: links of invites
answers.py    what commands are answered with; status.py: the state as one value
notebook.py   shared notes
hub.py        events to listeners; newsroom.py builds them
"""

from chat.node.node import Node

__all__ = ["Node"]
