"""The application: the files of the page, the API, and the guard before both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from practicum.web import about, attack, candidates, explore, following, prune, runs, specialize, sweeps
from practicum.web._guard import Guard
from practicum.web.answers import refuse
from practicum.web.assets import FOLDER, Files, assets
from practicum.web.limits import Limits
from practicum.web.services import Services

if TYPE_CHECKING:
    from practicum.runs.store import Store

ROUTERS = (about, explore, specialize, candidates, attack, prune, runs, sweeps, following)
"""Modules with a ``router``; a view that needs answers of its own brings one."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def create_app(
    store: Store,
    *,
    token: str | None = None,
    limits: Limits | None = None,
    hosts: Sequence[str] = LOOPBACK,
    static: Path = FOLDER,
) -> FastAPI:
    """The page and its API over one store of runs.

    Main arguments:
        store: where runs are read and saved.
        token: what a client must know; None lets everybody in who can reach the server.

    Other arguments:
        limits: bounds of requests, queues and jobs.
        hosts: names by which the server may be addressed; others are refused, so that a foreign page cannot reach it by
            a name of its own (DNS rebinding).
        static: the folder of the page's files.
    """
    limits = limits or Limits()
    mine = Services(store, limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        mine.warmth.begin("erf")
        yield
        mine.close()

    app = FastAPI(title="practicum", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = mine
    refuse(app)
    for module in ROUTERS:
        app.include_router(module.router)

    # The last that is added is the first that is asked.
    app.add_middleware(Files, files=assets(static))
    app.add_middleware(Guard, token=token, hosts=tuple(hosts), limits=limits)
    return app
