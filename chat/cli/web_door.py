"""Who may come in to `clowder web`. Pure: looks at headers, knows no network.

Whoever reaches the page is the member, so nothing but the person at this machine may. The address
that is printed holds a token that works once and gives two things: a cookie, which no script and no
other site can use, and a key, without which there is no terminal. Cookies of one port go to all
ports of a host, so another server on this machine may be given the cookie; the key comes behind a
#, which no browser sends, and stays in the storage that the browser has for this port.

Pages of other sites run in the same browser and can reach this port: their requests carry another
Host (when a name of theirs was pointed here), another Origin, or say that they come across sites;
all of these are refused.
"""

import hmac
from collections.abc import Callable, Mapping
from ipaddress import ip_address

from chat.config import Endpoint, parse_endpoint
from chat.errors import UsageError

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Nothing from elsewhere. Style is inline because the terminal of the page writes its own rules."""


def loopback(given: str) -> Endpoint:
    """`HOST:PORT` of this machine alone.

    Raises:
        UsageError: it is no address, or one that others can reach.
    """
    endpoint = parse_endpoint(given)
    host = "127.0.0.1" if endpoint.host in ("", "localhost") else endpoint.host
    try:
        inside = ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise UsageError(
            f"“{given}” can be reached by others, and whoever opens the page is you. "
            "Use 127.0.0.1:PORT, and `ssh -L` from elsewhere."
        )
    return Endpoint(host, endpoint.port)


class Door:
    """Lets in whoever brings the token, once, and whoever has the cookie since.

    Args:
        endpoint: where the page is served.
        secret: gives a new unguessable text; called three times.
    """

    def __init__(self, endpoint: Endpoint, secret: Callable[[], str]) -> None:
        name = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        self.hosts = {f"{name}:{endpoint.port}", f"localhost:{endpoint.port}"}
        self.address = f"http://{name}:{endpoint.port}/"
        self.cookie_name = f"clowder-{endpoint.port}"
        self._token = secret()
        self._cookie = secret()
        self._key = secret()

    @property
    def first_address(self) -> str:
        """The address that works once."""
        return f"{self.address}?token={self._token}"

    def exchange(self, token: str) -> str:
        """The cookie for the token, "" for another text or when it was used."""
        if not self._token or not _same(token, self._token):
            return ""
        self._token = ""
        return self._cookie

    @property
    def entrance(self) -> str:
        """Where whoever brought the token goes on, with the key; for nobody else."""
        return f"/#{self._key}"

    def opens(self, key: str) -> bool:
        """Whether it is the key to a terminal."""
        return _same(key, self._key)

    def knows(self, cookie: str) -> bool:
        """Whether it is the cookie that was given."""
        return _same(cookie, self._cookie)

    def refusal(self, headers: Mapping[str, str], *, websocket: bool = False) -> str:
        """Why a request may not even ask, a sentence; "" when it may.

        Browsers send an Origin with every WebSocket, so that one without is no page of ours.
        """
        host = headers.get("Host", "").lower()
        if host not in self.hosts:
            return "This page is served under its own address only."
        origin = headers.get("Origin", "")
        if origin.lower() != f"http://{host}" and (origin or websocket):
            return "Other sites may not use this page."
        if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return "Other sites may not use this page."
        return ""

    def headers(self, host: str) -> dict[str, str]:
        """What goes with every answer; `host` is one of `hosts`."""
        return {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY.format(host=host),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cache-Control": "no-store",
        }


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
