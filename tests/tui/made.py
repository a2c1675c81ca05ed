"""Messages for tests: one maker, and strategies for hostile and lively ones."""

from typing import Any

from hypothesis import strategies as st

from chat.model import Author, FileView, Hidden, Message

START_MS = 1_795_510_800_000
"""2026-11-24 09:00 UTC, a Tuesday."""
MINUTE_MS = 60_000
ANA = Author("a" * 64, "ana")
BO = Author("b" * 64, "bo")
ME = Author("c" * 64, "mia")

HOSTILE = (
    "\x1b]0;owned\x07",
    "\x1b]52;c;b3duZWQ=\x07",
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[H",
    "\x9b31m",
    "\x90q\x9c",
    "bell\x07\x08\x7f",
    "\u202egnp.tac\u202c",
    "\u2066isolate\u2069",
    "a" + "\u0301" * 100_000,
    "[/oops]",
    "[@click=app.quit]quit[/]",
    "[bold red]not markup[/]",
    "\ud800 lone",
)
"""What trust.md test 41 names: escape sequences, bidi controls, stacked marks, markup."""


def message(number: int = 0, text: str = "hello", author: Author = ANA, **more: Any) -> Message:
    """The `number`-th message, a minute after the one before it."""
    at = more.pop("at", START_MS + number * MINUTE_MS)
    order = more.pop("order", f"{number:016x}{number:032x}")
    return Message(
        id=more.pop("id", f"{number:032x}"),
        channel=more.pop("channel", "general"),
        author=author,
        at=at,
        text=text,
        order=order,
        **more,
    )


WORDS = st.text(
    alphabet=st.sampled_from("ab  cd *_`~[]()>\n@#:/.éж漢🐈👩‍🚀\u0301\ufe0f\u200d"), max_size=120
)
TEXTS = st.one_of(
    WORDS,
    st.sampled_from(HOSTILE[:9]),
    st.lists(
        st.sampled_from(
            ["**bold**", "*it*", "_it_", "`code`", "~~no~~", "https://a.example/x?y=1", "```",
             "> said", "\n", " ", "[label](https://b.example)", "@ana", "word", "漢字"]
        ),
        max_size=12,
    ).map("".join),
)  # fmt: skip
AUTHORS = st.sampled_from([ANA, BO, ME])
FILES = st.builds(
    FileView,
    id=st.sampled_from(["bafkone", "bafktwo"]),
    name=st.sampled_from(["cat.png", "a very long name of a picture that does not fit.jpeg", ""]),
    size=st.integers(0, 10**13),
    type=st.sampled_from(["image/png", "text/plain"]),
    have=st.floats(0, 1),
    width=st.integers(0, 70_000),
    height=st.integers(0, 70_000),
    preview=st.sampled_from([b"", b"x"]),
    alt=st.sampled_from(["", "a cat on a window sill"]),
)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Any message the model can hold."""
    number = draw(st.integers(0, 3000))
    return message(
        number,
        draw(TEXTS),
        draw(AUTHORS),
        at=START_MS + number * draw(st.sampled_from([1000, MINUTE_MS])),
        reply_to=draw(st.sampled_from([None, "f" * 32])),
        edited=draw(st.booleans()),
        deleted=draw(st.booleans()),
        reactions=draw(
            st.dictionaries(
                st.sampled_from(["👍", "🐈", "👩‍🚀", ":long_reaction_name:"]),
                st.lists(AUTHORS, max_size=3, unique=True).map(tuple),
                max_size=4,
            )
        ),
        files=tuple(draw(st.lists(FILES, max_size=2))),
        reached=(draw(st.integers(0, 20)), draw(st.integers(0, 20))),
        ahead_ms=draw(st.sampled_from([0, 540_000])),
        mine=draw(st.booleans()),
        replies=draw(st.sampled_from([0, 1, 1234])),
        pinned=draw(st.booleans()),
        late=draw(st.booleans()),
        state=draw(st.sampled_from(["ok", "newer"])),
        ignored=draw(st.sampled_from([False, False, True])),
        hidden=draw(st.sampled_from([None, None, Hidden(BO), Hidden(ANA, "no ads " * 9)])),
    )
