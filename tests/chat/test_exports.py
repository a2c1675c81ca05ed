"""Exports show what was typed and nothing else, whatever was typed."""

import re
from html import unescape
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from chat import model
from chat.exports import html, markdown
from chat.exports.html import POLICY, Shown

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1) [x](javascript:alert(1)) <https://a.example>",
    "![x](https://tracker.example/p.png)",
    "</div></article></body><iframe src='https://x.example'>",
    "# heading\n## 2026-01-01\n\n**ana** 10:15 `beef00`\n\n> I said that",
    "```\ncode\n```\n~~~\nmore",
    "a\n===\nb\n---\n* * *\n| a | b |\n|---|---|",
    "1. one\n2) two\n- three\n+ four",
    "&lt;b&gt; &amp; &#60; &nbsp;",
    "https://x.example/\"onmouseover='alert(1)' https://y.example/<b>",
    "[ref]: https://x.example\n[ref]",
    "    indented\n\ttabbed\n\n\nlast\\",
    "style='x' {{7*7}} ${x} <!-- --> <![CDATA[ ]]>",
)
TEXTS = st.sampled_from(HOSTILE) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=80
)
GENERAL = model.Channel("a1" * 16, "general", "what <we> do")


def message(number: int, text: str, **fields: object) -> model.Message:
    author = model.Author("00" * 16, str(fields.pop("nick", "ana")))
    at = 1_800_000_000_000 + number * 60_000
    made = model.Message(f"{number:032x}", "general", author, at, text, f"{number:048x}")
    return msgspec.structs.replace(made, **fields)


def file(name: str = "cat.jpg", alt: str = "", **fields: int) -> model.FileView:
    return model.FileView("bafk" + "a" * 55, name, 10, "image/png", 1.0, alt=alt, **fields)


# Markdown -------------------------------------------------------------------------------------

PLAIN = {"h1", "h2", "p", "strong", "em", "code", "blockquote", "br"}


def rendered(page: str) -> str:
    return MarkdownIt("commonmark").enable("table").enable("strikethrough").render(page)


def squeezed(text: str) -> str:
    """Letters in their order: how much white space stands between them is the page's."""
    return "".join(text.replace("\xa0", " ").split())


def quotes(page: str) -> str:
    """The text of the block quotes of a rendered page."""
    found = re.findall(r"<blockquote>(.*?)</blockquote>", page, re.S)
    return unescape(re.sub("<[^>]*>", "", "".join(found)))


@given(text=TEXTS)
def test_markdown_shows_the_characters_that_were_typed(text: str) -> None:
    page = rendered("".join(markdown.messages([message(1, text)])))
    assert set(re.findall(r"<(\w+)", page)) <= PLAIN
    assert squeezed(quotes(page)) == squeezed(text)
    assert page.count("<h2>") == 1
    assert page.count("<strong>") == 1


@given(nick=TEXTS, name=TEXTS, alt=TEXTS)
def test_names_make_no_structure_in_markdown(nick: str, name: str, alt: str) -> None:
    nick, name = (" ".join(part.split()) for part in (nick, name))
    said = message(1, "hi", nick=nick or "x", files=(file(name, alt),), pinned=True)
    page = rendered(
        markdown.head("Cats", model.Channel("a1" * 16, name, alt))
        + "".join(markdown.messages([said]))
    )
    assert set(re.findall(r"<(\w+)", page)) <= PLAIN
    assert page.count("<h2>") == 1
    assert page.count("<h1>") == 1


def test_lines_stay_lines_and_days_have_headings() -> None:
    found = [message(1, "one\n\n    two\nthree"), message(2_000, "next day"), message(2_001, "x")]
    page = "".join(markdown.messages(found))
    assert page.count("\n## ") + page.startswith("## ") == 2
    shown = rendered(page)
    assert "<p>one</p>\n<p>\xa0\xa0\xa0\xa0two<br" in shown
    again = "".join(markdown.messages(found[2:], markdown.day(found[1].at)))
    assert "## " not in again


def test_what_hangs_on_a_message_is_told() -> None:
    ana, bo = model.Author("00", "ana"), model.Author("01", "b*o")
    page = "".join(
        markdown.messages(
            [
                message(1, "", deleted=True, edited=True),
                message(2, "x", edited=True, reply_to="beef" * 8, reactions={"😼": (ana, bo)}),
                message(3, "", state="newer"),
            ]
        )
    )
    assert page.count("taken back") == 1
    assert page.count("edited") == 1
    assert "in answer to `beefbe`" in page
    assert "😼 ana, b\\*o" in page
    assert "needs a newer Clowder" in page


# HTML -----------------------------------------------------------------------------------------

ALLOWED = {
    "html": {"lang"},
    "head": set(),
    "meta": {"charset", "http-equiv", "content", "name"},
    "title": set(),
    "style": set(),
    "body": set(),
    "h1": set(),
    "h2": set(),
    "p": {"class"},
    "b": set(),
    "ul": set(),
    "li": set(),
    "a": {"href", "rel", "class", "download"},
    "article": {"id", "class"},
    "header": set(),
    "footer": set(),
    "div": {"class", "dir"},
    "figure": set(),
    "figcaption": set(),
    "img": {"src", "alt", "width", "height", "loading"},
}
VOID = {"meta", "img"}


class Page(HTMLParser):
    """Reads a page strictly: known elements and attributes only, each closed where it belongs."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.policies: list[str] = []
        self.styles: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert set(given) <= ALLOWED[tag], (tag, attrs)
        assert len(given) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if given.get("http-equiv"):
            self.policies.append(str(given["content"]))
        for name in ("href", "src"):
            if name in given:
                self._address(tag, str(given[name]), given)

    def _address(self, tag: str, address: str, given: dict[str, str | None]) -> None:
        if address.startswith(("http://", "https://")):
            assert tag == "a"
            assert given["rel"] == "noreferrer noopener nofollow"
        else:
            assert re.fullmatch(r"#m[0-9a-f]+|files/[a-z0-9.]+|[a-z0-9-]+\.html", address)
        self.addresses.append(address)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.styles.append(data)
        if "div" in self.open:
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("a processing instruction")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError("a declaration")


def page_of(found: list[model.Message], shown: Shown | None = None) -> Page:
    body = "".join(html.messages(found, lambda _: shown))
    return Page(html.head("#general, Cats", "about") + body + html.FOOT)


@given(text=TEXTS)
def test_html_shows_the_characters_that_were_typed(text: str) -> None:
    page = page_of([message(1, text)])
    assert "".join(page.texts) == text or not text
    assert page.policies == [POLICY]


@given(nick=TEXTS, name=TEXTS, alt=TEXTS, topic=TEXTS, emoji=TEXTS, kind=st.sampled_from("pfn"))
def test_no_string_makes_markup(
    nick: str, name: str, alt: str, topic: str, emoji: str, kind: str
) -> None:
    shown = {"p": Shown("bafka.png", True), "f": Shown("bafka.bin", False), "n": None}[kind]
    said = message(
        1,
        "x",
        nick=nick,
        files=(file(name, alt, width=5, height=2**60),),
        reactions={emoji: (model.Author("00", nick),)},
        reply_to="0" * 32,
    )
    body = "".join(html.messages([said], lambda _: shown))
    Page(html.head(name, topic) + body + html.FOOT)
    Page(html.index(name, [(model.Channel("a1" * 16, name, topic), 3)], 0))


def test_addresses_can_be_followed_and_are_whole() -> None:
    text = (
        "see https://x.example/a?b=1&c=2). And (http://y.example/ü), ftp://z.example javascript:x"
    )
    page = page_of([message(1, text)])
    followed = [address for address in page.addresses if address.startswith("http")]
    assert followed == ["https://x.example/a?b=1&c=2", "http://y.example/ü"]
    assert "".join(page.texts) == text


def test_the_policy_allows_the_style_sheet_and_no_script() -> None:
    import base64
    import hashlib

    page = page_of([message(1, "x")])
    (style,) = page.styles
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in page.policies[0].split(";"))
    assert rules["style-src"] == f"'sha256-{digest}'"
    assert rules["default-src"] == "'none'"
    assert "script-src" not in rules
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize("name", ["general", "../../etc/passwd", "猫", "CON", "a" * 300, "~x y"])
def test_pages_have_names_that_every_system_takes(name: str) -> None:
    found = html.page_name(model.Channel("a1" * 16, name))
    assert re.fullmatch(r"[a-z0-9-]{1,50}-a1a1a1a1\.html", found)
