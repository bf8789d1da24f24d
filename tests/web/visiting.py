"""Visits to the page as every test in the browser makes them: nothing goes elsewhere, and the console stays clean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit


@contextmanager
def visiting(browser: Any, *, blobs: bool = True) -> Iterator[tuple[Callable[..., Any], SimpleNamespace]]:
    """``go(url, hash, width, **settings)`` opens a page in a window of its own; the rest is what was asked and said.

    At the end every request has gone to one of the servers that were visited, and the console is empty.

    Other arguments:
        blobs: whether a page may read what it has made itself, as downloads do.
    """
    contexts, servers = [], set()
    seen = SimpleNamespace(asked=[], said=[])

    def go(url: str, hash: str, width: int, **settings: Any) -> Any:
        context = browser.new_context(base_url=url, viewport={"width": width, "height": 850}, **settings)
        contexts.append(context)
        servers.add(urlsplit(url).netloc)
        page = context.new_page()
        page.on("request", lambda request: seen.asked.append(request.url))
        page.on("pageerror", lambda error: seen.said.append(str(error)))
        page.on(
            "console",
            lambda message: seen.said.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.goto(f"{url}/{hash}")
        return page

    yield go, seen
    for context in contexts:
        context.close()
    asked = {urlsplit(each).netloc for each in seen.asked if not (blobs and each.startswith("blob:"))}
    assert asked == servers
    assert seen.said == []
