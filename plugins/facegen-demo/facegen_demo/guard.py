"""Protection of a local server from other websites: host, origin, and headers that forbid requests elsewhere."""

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:", "media-src blob:",
    "connect-src 'self'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'",
))  # fmt: skip
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), display-capture=()",
    "Cache-Control": "no-store",
}


class Guard:
    """Middleware that refuses requests for other hosts and from other websites, and sets HEADERS.

    A website may point its own name at 127.0.0.1 (DNS rebinding), and then read what this server answers; the Host
    header still has its name. Without that, it can send a form here, and not read the answer; the Origin header has
    its name. A link to the page may be followed from anywhere.

    Args:
        app: the application.
        hosts: accepted values of the Host header, "127.0.0.1:8017".
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(f"http://{host}" for host in self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        app = self._app if refusal is None else JSONResponse({"error": refusal}, status_code=403)
        await app(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers) -> str | None:
        if headers.get("host") not in self._hosts:
            return "this server answers at its own address only"
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins:
            return "requests from other websites are refused"
        site = headers.get("sec-fetch-site", "same-origin")
        follows_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if site not in ("same-origin", "none") and not follows_link:
            return "requests from other websites are refused"
        return None
