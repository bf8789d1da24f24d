"""``practicum serve``: the page in the browser, until Ctrl-C."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import typer

from practicum.cli import _terminal
from practicum.errors import ParameterError
from practicum.runs.processes import THREAD_LIMITS

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    host: str = typer.Option("127.0.0.1", "--host", help="Address to bind; one that others reach needs a token."),
    port: int | None = typer.Option(
        None, "--port", min=0, max=65535, help="Port to bind; 0 is any free one.", show_default="8642, or a free one"
    ),
    store: Path | None = _terminal.STORE,
    opens: bool = typer.Option(True, "--open/--no-open", help="Open the page in a browser."),
    token: str | None = typer.Option(
        None, "--token", help="What a browser must know to be answered.", show_default="made where one is needed"
    ),
) -> None:
    """Open the page in the browser: watch a student learn, look at stored runs. Ctrl-C ends it.

    Example: practicum serve
    """
    missing = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
    if missing:
        raise ParameterError(
            f"The page needs {' and '.join(missing)}, which practicum does not install by itself; run "
            "pip install 'practicum[web]'."
        )
    for name in THREAD_LIMITS:  # before NumPy is imported: threads of BLAS would only get in each other's way
        os.environ.setdefault(name, "1")
    from practicum.runs.store import Store
    from practicum.web import server

    if token is not None or host not in _LOOPBACK:
        token = server.make_token(token)
    listening = server.bind(host, port)
    bound = listening.getsockname()[1]
    if port is None and bound != server.PORT:
        typer.echo(f"Port {server.PORT} is taken, so another one was chosen.")
    address = server.url(host, bound, token)
    typer.echo(f"The page is at {address}")
    typer.echo("Ctrl-C ends it.")
    server.Server(Store(store), host, token).serve_on(listening, browse=address if opens else None)
