"""What every request passes first: who asks, by which name, from which page, for what, and how much it sends."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from practicum.web.answers import problem
from practicum.web.limits import Limits

ANY_ADDRESS = "*"
"""Among `hosts`: every address written in numbers, which no foreign page can make its own."""

_HEADERS = {
    # The page is scripts and styles from files, pictures from itself; nothing from elsewhere, nothing in between.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_ADDED = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
"""What is added to every answer that does not say otherwise."""
_SAFE = ("GET", "HEAD")
_PATIENCE = 20.0
"""Seconds within which the body of a request has to arrive."""
_LONGEST_ADDRESS = 8192


class Guard:
    """ASGI middleware: refuses with a sentence, or passes the request on and adds the headers of security.

    Main arguments:
        token: what a client must bring, by ``?token=`` once, then by cookie; None lets everybody in.
        hosts: names in the Host header that are answered.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, hosts: tuple[str, ...], limits: Limits) -> None:
        self.app = app
        self.token = token
        self.hosts = frozenset(host.lower() for host in hosts)
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # no WebSockets here
        headers = Headers(scope=scope)
        cookie: str | None = None
        answered = False

        async def guarded(message: Message) -> None:
            nonlocal answered
            answered = True
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                present = {name for name, _ in own}
                own.extend(pair for pair in _ADDED if pair[0] not in present)
                if cookie is not None:
                    own.append((b"set-cookie", cookie.encode()))
                message = {**message, "headers": own}
            await send(message)

        async def refuse(sentence: str, status: int) -> None:
            # What is left of the request is not read: the connection ends with the answer.
            await problem(sentence, status, headers={"Connection": "close"})(scope, receive, guarded)

        if not self._is_ours(headers.get("host", "")):
            return await refuse("This server does not answer to that name; use the address that it printed.", 421)
        if not _is_plain(scope):
            return await refuse("There is nothing at this address.", 404)
        if self.token is not None:
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [None])[0]
            if not self._knows(given) and not self._knows(_cookie(headers, _cookie_name(scope))):
                return await refuse(
                    "This server wants the token that it printed when it started: add ?token=... once.", 401
                )
            if given is not None:
                cookie = f"{_cookie_name(scope)}={self.token}; Path=/; HttpOnly; SameSite=Strict"
        if scope["method"] not in _SAFE:
            if not _same_origin(headers):
                return await refuse(
                    "Requests that change or compute something must come from this server's own page.", 403
                )
            body = await self._body(headers, receive)
            if isinstance(body, int):
                said = {
                    408: "The body of the request did not arrive in time.",
                    413: f"The body of a request may have {self.limits.body} bytes at most.",
                }
                return await refuse(said[body], body)
            receive = _replayed(body, receive)
        try:
            await self.app(scope, receive, guarded)
        except Exception:
            if not answered:
                await refuse("The server made a mistake; its terminal shows which.", 500)
            raise

    def _is_ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return name in self.hosts or (ANY_ADDRESS in self.hosts and _is_number(name))

    def _knows(self, given: str | None) -> bool:
        # Bytes, because compare_digest takes no text beyond ASCII.
        return given is not None and hmac.compare_digest(given.encode(), str(self.token).encode())

    async def _body(self, headers: Headers, receive: Receive) -> bytes | int:
        """The whole body, however it is cut into pieces; or the status that refuses it."""
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared[:12]) > self.limits.body:
            return 413
        parts, size = [], 0
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    message: dict[str, Any] = dict(await receive())
                    if message["type"] == "http.disconnect":
                        return 408
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > self.limits.body:
                        return 413
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            return 408


def _replayed(body: bytes, receive: Receive) -> Receive:
    waiting = [body]

    async def replay() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replay


def _is_plain(scope: Scope) -> bool:
    """Whether the address has only what an address of ours can have; the table of files would not find it either."""
    path, raw = scope["path"], scope.get("raw_path") or b""
    parts = path.split("/")
    return (
        len(raw) <= _LONGEST_ADDRESS
        and path.isprintable()
        and "\\" not in path
        and ".." not in parts
        and "." not in parts
        and "" not in parts[1:-1]
        and b"%2f" not in raw.lower()
        and b"%00" not in raw
    )


def _same_origin(headers: Headers) -> bool:
    """Whether the page that sent the request is ours. Programs that are no browser send neither header."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _cookie_name(scope: Scope) -> str:
    # Browsers share cookies among all ports of a host; two servers must not take each other's.
    server = scope.get("server") or ("", 0)
    return f"practicum-{server[1]}"


def _cookie(headers: Headers, name: str) -> str | None:
    for part in headers.get("cookie", "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return None
