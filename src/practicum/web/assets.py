"""The files of the page, read once when a server starts and sent compressed from memory.

A request names a file by a key of a table, never by a path: whatever it asks for, nothing else on the disk can be sent.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cached_property
from pathlib import Path

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
_COMPRESSED_ALREADY = (".png", ".woff2")
_FRONT = "index.html"


class Asset:
    """One file: its bytes, the same compressed, and a tag that changes when they do."""

    def __init__(self, content: bytes, ending: str) -> None:
        self.content = content
        self.type = _TYPES[ending]
        self.compressible = ending not in _COMPRESSED_ALREADY

    @cached_property
    def compressed(self) -> bytes:
        """Made when first asked for, and kept."""
        return gzip.compress(self.content, 9, mtime=0)

    @cached_property
    def tag(self) -> str:
        """The ETag, without the quotes."""
        return hashlib.sha256(self.content).hexdigest()[:20]

    def response(self, request: Request) -> Response:
        """The whole file, or 304 to a client that has it."""
        packed = self.compressible and "gzip" in request.headers.get("accept-encoding", "")
        tag = f'"{self.tag}-gzip"' if packed else f'"{self.tag}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if packed:
            headers["Content-Encoding"] = "gzip"
        return Response(self.compressed if packed else self.content, headers=headers, media_type=self.type)


def assets(folder: Path = FOLDER) -> dict[str, Asset]:
    """Every file of a page by its address below ``/``; the front page is ``""``. Licences and other types stay home."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in _TYPES:
            name = path.relative_to(folder).as_posix()
            found["" if name == _FRONT else name] = Asset(path.read_bytes(), path.suffix)
    return found


class Files:
    """ASGI layer: answers what names a file of the page, and passes everything else on.

    Half of all requests end here, before an API looks for its route.
    """

    def __init__(self, app: ASGIApp, *, files: dict[str, Asset]) -> None:
        self.app = app
        self.files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        file = self.files.get(scope["path"][1:]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if file is None:
            await self.app(scope, receive, send)
        else:
            await file.response(Request(scope))(scope, receive, send)
