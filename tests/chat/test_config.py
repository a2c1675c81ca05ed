"""Settings: from four places, and from any bytes a value or a sentence."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.config import Endpoint, Network, Settings, load, parse_endpoint, parse_url
from chat.errors import UsageError

FRAGMENTS = st.sampled_from(
    [
        "[network]\n", "[pictures]\n", "[ui]\n", "[keys]\n", "[other]\n", 'listen = "0.0.0.0:1"\n',
        "mdns = true\n", "mdns = 1\n", "dial = [", '"ws://h:1"', "]\n", "fetch_up_to_mb = ",
        "9" * 5_000, "-1", "16\n", "[" * 3_000, "{", "}", "= ", "1979-13-99\n", '"""', "\x00",
        "inf\n", 'a."b" = 1\n', "theme = 'x'\n", "mouse = false\n",
    ]
)  # fmt: skip
FILES = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "ignore")),
    st.lists(FRAGMENTS, max_size=8).map(lambda parts: "".join(parts).encode()),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=FILES)
def test_any_file_gives_settings_or_a_sentence_that_names_it(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    try:
        found = load(path, {}, {})
    except UsageError as refused:
        sentence = str(refused)
    else:
        assert isinstance(found, Settings)
        return
    assert sentence.endswith(".")


@given(given_text=st.one_of(st.text(), st.from_regex(r"[\[\]a-z0-9:@/?#.%]{0,30}", fullmatch=True)))
def test_any_address_is_one_or_a_sentence(given_text: str) -> None:
    try:
        endpoint = parse_endpoint(given_text)
    except UsageError:
        pass
    else:
        assert 0 <= endpoint.port < 65_536
    try:
        url = parse_url(given_text)
    except UsageError:
        pass
    else:
        assert url.lower().startswith(("ws://", "wss://"))


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1:0", Endpoint("127.0.0.1", 0)),
        (":7311", Endpoint("", 7311)),
        ("[::1]:7311", Endpoint("::1", 7311)),
        ("relay.example:1", Endpoint("relay.example", 1)),
    ],
)
def test_addresses_to_listen_on(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text) == endpoint


@pytest.mark.parametrize("text", ["", "7311", "h:1/x", "h:1?x", "h:1#", "u@h:1", "h:99999", "[::1"])
def test_what_is_no_address_to_listen_on(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        parse_endpoint(text)


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[network]\nlisten = "1.1.1.1:1"\ndial = ["h:1"]\ninterface = "1.1.1.1"\n'
        "[pictures]\nfetch_up_to_mb = 4\n"
    )
    environment = {"CLOWDER_LISTEN": "2.2.2.2:2", "CLOWDER_DIAL": "a:1 ws://b:2"}
    found = load(path, {"listen": "3.3.3.3:3", "mdns": False}, environment)
    assert found.network == Network("3.3.3.3:3", "1.1.1.1", ("ws://a:1", "ws://b:2"), False)
    assert found.pictures.fetch_up_to_mb == 4
    assert load(path, {}, {}).network == Network("1.1.1.1:1", "1.1.1.1", ("ws://h:1",), True)
    assert load(path, {}, {"CLOWDER_NO_MDNS": "1"}).network.mdns is False
    assert load(path, {}, {"CLOWDER_NO_MDNS": "0"}).network.mdns is True
    assert load(tmp_path / "none.toml", {}, {}) == Settings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[network]\nmnds = true\n", "mnds"),
        ('[network]\nlisten = "nowhere"\n', "nowhere"),
        ("[pictures]\nfetch_up_to_mb = -1\n", "fetch_up_to_mb"),
        ("[network\n", "line 1"),
    ],
)
def test_a_slip_in_the_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=named):
        load(path, {}, {})
