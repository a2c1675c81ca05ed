"""What the demo's members say. Each line is by somebody, perhaps about an earlier line."""

from typing import NamedTuple

NICKS = ("mia", "tom")
YOU = "you"


class Line(NamedTuple):
    """One thing somebody does.

    Attributes:
        by: the nick.
        text: what is said.
        answers: the number of the line it answers, counted from 0, or None.
        cat: the number of a cat picture that comes with it, 0 for none.
        emoji: a reaction to the line `answers` in place of a message.
    """

    by: str
    text: str = ""
    answers: int | None = None
    cat: int = 0
    emoji: str = ""


OPENING: tuple[Line, ...] = (
    Line("mia", "Good morning! This text never left the building."),
    Line("tom", "Mine went through the relay, which cannot read a word of it 😼"),
    Line("mia", "Meet **Biscuit**, head of infrastructure", cat=3),
    Line("tom", emoji="😻", answers=2),
    Line("tom", "That is what I call high availability", answers=2),
    Line("mia", "Ours is a small rack", cat=8),
    Line(
        "tom", "Where do these pictures come from, by the way? No data centre I know of", answers=5
    ),
    Line("mia", "From my laptop. And when I am off, from whoever has looked at them", answers=6),
)
"""Said while the screen opens; the checked performance says the same and counts."""

BEFORE = 4
"""So many of them are said before it opens: the first look shows people and a cat."""

YOURS: tuple[Line, ...] = (
    Line(YOU, "Hello from the third machine"),
    Line(YOU, "My own cat, for the record", cat=21),
)
"""What you say in the performance without a screen."""

LATER: tuple[Line, ...] = (
    Line("tom", "Write something, I want to see it arrive"),
    Line("mia", "F1 shows the keys; Esc, then Enter on a picture, looks at it closely"),
    Line("tom", "Try /react or a reply with r on a message"),
    Line("mia", "Biscuit says hello again", cat=12),
    Line(
        "tom", "The shared notes of this channel are behind Ctrl+N… I wrote the shopping list there"
    ),
    Line("mia", "Pull my plug, and everything said here is still yours"),
)
"""Said now and then while somebody looks."""

ANSWERS: tuple[str, ...] = (
    "I can see that!",
    "Arrived here in a blink",
    "Purrfect",
    "Noted. So has Biscuit",
    "Same here",
)
"""To what you write, in turn."""

NOTES = "# Shopping\n\n- tuna\n- salmon\n- a second box, the first is occupied\n"
