"""`clowder web`: the workspace in a browser of this machine, and in nobody else's."""

import asyncio
import contextlib
import functools
import json
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, ClientTimeout, CookieJar, WSMsgType, WSServerHandshakeError

from tests.integration.machines import START_SECONDS, Machine, Machines, Program, founder
from tests.tui.shown import text_of

pytestmark = [pytest.mark.processes, pytest.mark.long]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SEEN_SECONDS = 40.0
ELSEWHERE = re.compile(r"(?:https?:)?//[\w.-]+\.\w+")


def story(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A test that is a coroutine."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 100))  # type: ignore[arg-type]

    return run


def said_something(machine: Machine) -> None:
    founder(machine)
    machine.send("general", "the kitchen has power")


@pytest.fixture
def ana(machines: Machines) -> Machine:
    return machines.like("ana", said_something)


def served(machine: Machine) -> tuple[Program, str]:
    """The running command and the address that works once."""
    program = machine.start("web")
    record = program.wait_for(lambda line: line["kind"] == "web", START_SECONDS, "the address")
    return program, str(record["url"])


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[ClientSession]:
    """A client that keeps cookies as a browser does."""
    async with ClientSession(
        cookie_jar=CookieJar(unsafe=True), timeout=ClientTimeout(total=30)
    ) as made:
        yield made


@story
async def test_the_address_works_once_and_gives_a_cookie_that_no_script_reads(ana: Machine) -> None:
    program, first = await asyncio.to_thread(served, ana)
    base = first.partition("?")[0]
    async with browser() as one, browser() as other:
        async with one.get(base) as answer:
            assert answer.status == 403
        async with one.get(f"{base}?token=guess") as answer:
            assert answer.status == 403
        async with one.get(first, allow_redirects=False) as answer:
            assert answer.status == 303
            assert re.fullmatch(r"/#[\w-]{43}", answer.headers["Location"])
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
        async with other.get(first) as answer:
            assert answer.status == 403
        async with other.get(base) as answer:
            assert answer.status == 403
        async with one.get(base) as answer:
            assert answer.status == 200
            page = await answer.text()
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            async with one.get(base, headers=headers) as answer:
                assert answer.status == 403
        loaded = re.findall(r'(?:src|href)="(/[^"]+)"', page)
        assert len(loaded) == 4
        for path in loaded:
            async with one.get(base.rstrip("/") + path) as answer:
                assert answer.status == 200
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; script-src 'self'; ")
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                body = re.sub(r"/\*.*?\*/", "", await answer.text(), flags=re.S)
                assert path.endswith(".js") or not ELSEWHERE.search(body)
                assert "fonts.googleapis" not in body
            async with other.get(base.rstrip("/") + path) as answer:
                assert answer.status == 403
        assert ELSEWHERE.findall(page.replace(urlsplit(base).netloc, "")) == []
        for path in (
            "static/../server.py",
            "static/%2e%2e/server.py",
            "static/images/background.png",
        ):
            async with one.get(base + path) as answer:
                assert answer.status == 404
    assert await asyncio.to_thread(program.stop) == 0


async def refused(client: ClientSession, url: str, **headers: str) -> bool:
    try:
        async with client.ws_connect(url, headers=headers):
            return False
    except WSServerHandshakeError as error:
        return error.status == 403


@story
async def test_the_workspace_is_shown_and_typed_into_through_a_websocket(ana: Machine) -> None:
    _, first = await asyncio.to_thread(served, ana)
    base = first.partition("?")[0]
    origin, sockets = base.rstrip("/"), base.replace("http", "ws", 1) + "ws/"
    async with browser() as one, browser() as stranger:
        async with one.get(first, allow_redirects=False) as answer:
            key = answer.headers["Location"].removeprefix("/#")
        socket = f"{sockets}{key}?width=90&height=28"
        # A server on another port is given the cookie by the browser, and nothing else.
        assert await refused(one, f"{sockets}guess?width=90&height=28", Origin=origin)
        assert await refused(one, f"{sockets}?width=90&height=28", Origin=origin)
        async with one.get(base) as answer:
            assert key not in await answer.text()
        assert await refused(one, socket)
        assert await refused(one, socket, Origin="https://evil.example")
        assert await refused(one, socket, Origin="http://127.0.0.1:1")
        assert await refused(stranger, socket, Origin=origin)
        async with one.ws_connect(socket, headers={"Origin": origin}) as typed:
            received = bytearray()

            async def seen(text: str) -> None:
                async with asyncio.timeout(SEEN_SECONDS):
                    while text not in text_of(bytes(received)):
                        message = await typed.receive()
                        assert message.type is WSMsgType.BINARY, message
                        received.extend(message.data)

            await seen("the kitchen has power")
            await seen("Message #general")
            await typed.send_json(["stdin", "meow from a browser"])
            await seen("meow from a browser")
            await typed.send_json(["stdin", "\r"])
            while "meow from a browser" not in await asyncio.to_thread(ana.texts):
                assert not typed.closed
            # A second window is a second face over the same node.
            async with one.ws_connect(socket, headers={"Origin": origin}) as second:
                more = bytearray()
                async with asyncio.timeout(SEEN_SECONDS):
                    while "meow from a browser" not in text_of(bytes(more)):
                        more.extend((await second.receive()).data)


@pytest.mark.parametrize("where", ["0.0.0.0:0", "192.168.7.7:80", "[::]:0"])
def test_nobody_else_is_served(ana: Machine, where: str) -> None:
    ended = ana.run("web", "--at", where, exits=2)
    assert "whoever opens the page is you" in ended.err


class Tab:
    """A page of a headless Chromium, through its DevTools protocol."""

    def __init__(self, socket: object, session: str) -> None:
        self._socket = socket
        self._session = session
        self._number = 0
        self.requested: list[str] = []

    async def ask(self, method: str, **params: object) -> dict[str, object]:
        """Call a method and wait for its answer; requests of the page are noted meanwhile."""
        self._number += 1
        wanted = {"id": self._number, "method": method, "params": params}
        if self._session:
            wanted["sessionId"] = self._session
        await self._socket.send_json(wanted)  # type: ignore[attr-defined]
        while True:
            told = json.loads((await self._socket.receive()).data)  # type: ignore[attr-defined]
            if told.get("method") == "Network.requestWillBeSent":
                self.requested.append(told["params"]["request"]["url"])
            if told.get("method") == "Network.webSocketCreated":
                self.requested.append(told["params"]["url"])
            if told.get("id") == self._number:
                assert "error" not in told, told
                result: dict[str, object] = told["result"]
                return result

    async def value(self, script: str) -> object:
        """What a script of the page gives."""
        result = await self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        return result["result"].get("value")  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def chromium(program: str) -> AsyncIterator[Tab]:
    """A headless Chromium with an empty page."""
    with tempfile.TemporaryDirectory(prefix="clw", ignore_cleanup_errors=True) as folder:
        running = await asyncio.create_subprocess_exec(
            program,
            "--headless=new",
            "--no-sandbox",
            "--no-first-run",
            "--disable-gpu",
            "--disable-background-networking",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            assert running.stderr is not None
            async with asyncio.timeout(SEEN_SECONDS):
                while b"DevTools listening on " not in (line := await running.stderr.readline()):
                    assert line, "Chromium ended"
            async with (
                browser() as client,
                client.ws_connect(line.decode().split()[-1], max_msg_size=0) as socket,
            ):
                whole = Tab(socket, "")
                target = await whole.ask("Target.createTarget", url="about:blank")
                attached = await whole.ask(
                    "Target.attachToTarget", targetId=target["targetId"], flatten=True
                )
                tab = Tab(socket, str(attached["sessionId"]))
                await tab.ask("Network.enable")
                await tab.ask("Page.enable")
                yield tab
        finally:
            if running.returncode is None:
                running.kill()
            await running.wait()


@story
async def test_a_real_browser_shows_it_and_asks_nobody_else(ana: Machine) -> None:
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    _, first = await asyncio.to_thread(served, ana)
    async with chromium(program) as tab:
        await tab.ask("Page.navigate", url=first)
        shown = "document.body && document.body.classList.contains('-first-byte')"
        async with asyncio.timeout(SEEN_SECONDS):
            while not await tab.value(shown):  # noqa: ASYNC110 - the page tells nobody
                await asyncio.sleep(0.05)
        assert await tab.value("location.search + location.hash") == ""
        assert await tab.value("document.cookie") == ""
        for letter in "meow from chromium":
            await tab.ask("Input.insertText", text=letter)
        await tab.ask(
            "Input.dispatchKeyEvent",
            type="keyDown",
            key="Enter",
            text="\r",
            windowsVirtualKeyCode=13,
        )
        async with asyncio.timeout(SEEN_SECONDS):
            while "meow from chromium" not in await asyncio.to_thread(ana.texts):
                await tab.value("1")
        base = urlsplit(first).netloc
        asked = [url for url in tab.requested if not url.startswith("data:")]
        assert {urlsplit(url).netloc for url in asked} == {base}
        assert any(url.startswith("ws://") for url in asked)


def test_what_is_missing_is_told(ana: Machine, tmp_path: Path) -> None:
    """Without the extra, a sentence says what to install."""
    (tmp_path / "textual_serve.py").write_text("raise ImportError('not here')\n")
    ana.environment["PYTHONPATH"] = f"{tmp_path}:{ana.environment['PYTHONPATH']}"
    ended = ana.run("web", exits=1)
    assert "pip install 'clowder-chat[web]'" in ended.err
