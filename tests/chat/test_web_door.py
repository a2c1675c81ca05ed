"""Who may come in to `clowder web`: the token once, the cookie then, and no other site ever."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.cli.web_door import Door, loopback
from chat.config import Endpoint
from chat.errors import UsageError

HOST = {"Host": "127.0.0.1:8000"}


def door() -> Door:
    numbers = count(1)
    return Door(Endpoint("127.0.0.1", 8000), lambda: f"secret-{next(numbers)}")


def test_the_token_works_once() -> None:
    it = door()
    assert it.first_address == "http://127.0.0.1:8000/?token=secret-1"
    assert it.exchange("secret-2") == ""
    assert it.exchange("secret-1") == "secret-2"
    assert it.exchange("secret-1") == ""
    assert it.exchange("") == ""
    assert it.knows("secret-2")
    assert it.entrance == "/#secret-3"


@given(st.text())
def test_nothing_else_is_a_token_or_a_cookie(given_text: str) -> None:
    it = door()
    if given_text not in ("secret-1", "secret-2", "secret-3"):
        assert it.exchange(given_text) == ""
        assert not it.knows(given_text)
        assert not it.opens(given_text)
    # None of the three is another: whoever was given the cookie has no key.
    assert [it.opens(f"secret-{number}") for number in (1, 2, 3)] == [False, False, True]
    assert not it.knows("secret-3")
    assert it.exchange("secret-1")
    assert not it.knows("")


@pytest.mark.parametrize(
    ("headers", "websocket", "allowed"),
    [
        (HOST, False, True),
        ({"Host": "LOCALHOST:8000"}, False, True),
        ({"Host": "evil.example:8000"}, False, False),  # a name that was pointed here
        ({"Host": "127.0.0.1"}, False, False),
        ({}, False, False),
        ({**HOST, "Origin": "http://127.0.0.1:8000"}, True, True),
        (HOST, True, False),
        ({**HOST, "Origin": "null"}, True, False),
        ({**HOST, "Origin": "http://127.0.0.1:9000"}, True, False),
        ({**HOST, "Origin": "http://localhost:8000"}, True, False),
        ({**HOST, "Origin": "https://evil.example"}, False, False),
        ({**HOST, "Sec-Fetch-Site": "cross-site"}, False, False),
        ({**HOST, "Sec-Fetch-Site": "same-site"}, False, False),
        ({**HOST, "Sec-Fetch-Site": "same-origin"}, False, True),
    ],
)
def test_other_sites_may_not(headers: dict[str, str], websocket: bool, allowed: bool) -> None:
    assert (door().refusal(headers, websocket=websocket) == "") is allowed


def test_only_this_machine_is_served() -> None:
    assert loopback("127.0.0.1:0") == ("127.0.0.1", 0)
    assert loopback("localhost:80") == ("127.0.0.1", 80)
    assert loopback(":80") == ("127.0.0.1", 80)
    assert loopback("[::1]:80") == ("::1", 80)
    assert Door(Endpoint("::1", 80), lambda: "x").address == "http://[::1]:80/"
    for given_text in ("0.0.0.0:80", "192.168.1.4:80", "example.org:80", "[::]:80", "nonsense"):
        with pytest.raises(UsageError):
            loopback(given_text)
