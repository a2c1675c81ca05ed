"""`clowder web`: the terminal workspace in a browser of this machine.

This process holds the node; each window of the browser gets a face of its own, in a process that
reaches the node through the control socket, as a second terminal would. textual-serve carries the
bytes between a face and a page, and brings the terminal that the page shows. Of its server we take
the WebSocket alone: its page loads a font from elsewhere, and it lets everybody in.
"""

import contextlib
import secrets
import shlex
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.serve import until_stopped
from chat.cli.web_door import Door, loopback
from chat.cli.workspaces import everywhere
from chat.config import Endpoint
from chat.errors import ChatError, Unavailable

if TYPE_CHECKING:
    from aiohttp import web

TOKEN_BYTES = 32
"""Too many to guess, however fast."""
CLOSING_SECONDS = 5.0
"""How long windows of the browser may take to close."""
_FILES = ("js/textual.js", "css/xterm.css", "fonts/RobotoMono-VariableFont_wght.ttf")
"""What of textual-serve the page loads."""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Clowder</title>
<link rel="stylesheet" href="/static/css/xterm.css">
<link rel="stylesheet" href="/clowder.css">
<script src="/clowder.js"></script>
<script src="/static/js/textual.js"></script>
</head>
<body>
<p id="closed">Closed. Load this page again to come back.</p>
<div id="terminal" class="textual-terminal" data-font-size="16"></div>
</body>
</html>
"""
_STYLE = """@font-face {
  font-family: "Roboto Mono";
  src: url("/static/fonts/RobotoMono-VariableFont_wght.ttf");
}
html, body { height: 100%; margin: 0; overflow: hidden; background: #14161b; color: #d5d8df; }
.textual-terminal { position: absolute; inset: 0; }
#closed { display: none; position: absolute; z-index: 1; inset: 40% 0 auto; text-align: center;
  font-family: "Roboto Mono", monospace; }
body.-closed .textual-terminal { opacity: 0.2; }
body.-closed #closed { display: block; }
"""
_SCRIPT = """// The key to the terminal came behind a #. It stays here, where pages of other ports
// cannot read it, and not in the address, which is kept in the history.
if (location.hash) {
  localStorage.setItem("clowder", location.hash.slice(1));
  history.replaceState(null, "", "/");
}
window.addEventListener("DOMContentLoaded", () => {
  const key = localStorage.getItem("clowder") || "none";
  document.getElementById("terminal").dataset.sessionWebsocketUrl =
    `ws://${location.host}/ws/${key}`;
  // Keys go to the terminal as soon as it shows something.
  const watcher = new MutationObserver(() => {
    if (document.body.classList.contains("-first-byte")) {
      watcher.disconnect();
      document.querySelector(".xterm-helper-textarea").focus();
    }
  });
  watcher.observe(document.body, { attributes: true });
});
"""


def face_command(home: Path, *, ascii_only: bool) -> str:
    """The command line of one face: this very program, whatever stands in the current folder."""
    root = str(Path(__file__).parents[2])
    start = f"import sys; sys.path.insert(0, {root!r}); from chat.cli import main; sys.exit(main())"
    words = [sys.executable, "-P", "-c", start, "--home", str(home)]
    return shlex.join([*words, *(["--ascii"] if ascii_only else [])])


def application(door: Door, command: str) -> "web.Application":
    """What answers to the browser."""
    from aiohttp import web
    from textual_serve.server import Server

    carrier = Server(command)
    files = Path(carrier.statics_path)

    @web.middleware
    async def guarded(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        websocket = request.path.startswith("/ws/")
        refused = door.refusal(request.headers, websocket=websocket)
        if refused:
            raise web.HTTPForbidden(text=refused)
        if request.query.get("token") is not None and request.path == "/":
            return _let_in(door, request.query["token"])
        if not door.knows(request.cookies.get(door.cookie_name, "")):
            raise web.HTTPForbidden(
                text="Open the address that `clowder web` printed; it works once."
            )
        if websocket and not door.opens(request.match_info.get("key", "")):
            raise web.HTTPForbidden(text="The key to the terminal is missing.")
        return await handler(request)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        host = request.headers.get("Host", "").lower()
        known = host if host in door.hosts else min(door.hosts)
        response.headers.update(door.headers(known))
        response.headers.popall("Server", None)

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

    async def style(_: web.Request) -> web.Response:
        return web.Response(text=_STYLE, content_type="text/css")

    async def script(_: web.Request) -> web.Response:
        return web.Response(text=_SCRIPT, content_type="text/javascript")

    async def file(request: web.Request) -> web.FileResponse:
        name = request.match_info["name"]
        if name not in _FILES:
            raise web.HTTPNotFound(text="There is no such file.")
        return web.FileResponse(files / name)

    made = web.Application(middlewares=[guarded])
    made.on_response_prepare.append(add_headers)
    made.add_routes(
        [
            web.get("/", page),
            web.get("/clowder.css", style),
            web.get("/clowder.js", script),
            web.get("/static/{name:.+}", file),
            web.get("/ws/{key}", carrier.handle_websocket),
            web.get("/download/{key}", carrier.handle_download),
        ]
    )
    return made


def _let_in(door: Door, token: str) -> "web.Response":
    from aiohttp import web

    cookie = door.exchange(token)
    if not cookie:
        raise web.HTTPForbidden(text="This address was used. Start `clowder web` again.")
    # Away from the address with the token, which would stay in the history of the browser. What
    # stands behind a # is never sent, so that the key is known to the page alone.
    response = web.Response(status=303, headers={"Location": door.entrance})
    response.set_cookie(door.cookie_name, cookie, httponly=True, samesite="Strict", path="/")
    return response


@contextlib.asynccontextmanager
async def serving(endpoint: Endpoint, command: str) -> AsyncIterator[Door]:
    """Serve until left; gives the door with the address.

    Raises:
        Unavailable: textual-serve is not installed, or the port is taken.
    """
    try:
        from aiohttp import web
        from textual_serve import server as _  # noqa: F401
    except ImportError:
        raise Unavailable(
            "The workspace in a browser needs textual-serve: pip install 'clowder-chat[web]'."
        ) from None
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((endpoint.host, endpoint.port))
        except OSError as error:
            raise Unavailable(
                f"{endpoint.host}:{endpoint.port} cannot be served on: {error.strerror}."
            ) from None
        port = listener.getsockname()[1]
        door = Door(Endpoint(endpoint.host, port), lambda: secrets.token_urlsafe(TOKEN_BYTES))
        runner = web.AppRunner(
            application(door, command), access_log=None, shutdown_timeout=CLOSING_SECONDS
        )
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            yield door
        finally:
            await runner.cleanup()
    finally:
        listener.close()


@click.command("web", cls=GlobalOptions)
@click.option(
    "--at",
    default="127.0.0.1:0",
    metavar="HOST:PORT",
    help="Where; only on this machine. Port 0 takes a free one.",
)
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with letters and signs of ASCII.")
def browser(at: str, ascii_only: bool) -> None:
    """Show the workspace in a browser on this machine; prints an address that works once."""

    async def work(invocation: Invocation) -> None:
        endpoint = loopback(at)
        command = face_command(invocation.home.absolute(), ascii_only=ascii_only)
        async with (
            until_stopped() as stopped,
            everywhere(invocation, create=True) as served,
            serving(endpoint, command) as door,
        ):
            if invocation.output.as_json:
                invocation.output.record("web", {"url": door.first_address})
            else:
                invocation.output.line(door.first_address)
            try:
                await served.look()
            except ChatError as error:
                invocation.output.note(f"warning: {error}")
            # What a face says when it cannot start is no answer of ours.
            with contextlib.redirect_stdout(sys.stderr):
                await stopped.wait()

    run(work)


COMMANDS = (browser,)
