"""The demo: a living workspace on this machine, in one command.

A relay and two members run as processes of their own, as they would on other machines, linked
over loopback. They talk, share pictures of cats, and answer whoever sits in front of the screen.
Everything lives in one temporary folder and is gone afterwards.

    cast.py      the processes
    script.py    what is said
    stage.py     one performance: with a screen, or checked and told as JSON lines
"""

from chat.demo.stage import headless_demo, screen_demo

__all__ = ["headless_demo", "screen_demo"]
