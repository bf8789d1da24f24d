"""What the page has to know before it asks: versions, bounds, and the parameters its controls are built from."""

from __future__ import annotations

from importlib.util import find_spec

from fastapi import APIRouter, Request, Response

from practicum import __version__
from practicum.web.answers import encoded
from practicum.web.problems import parameters
from practicum.web.services import services

router = APIRouter()


@router.get("/api/about")
async def about(request: Request) -> Response:
    """Versions, the store, bounds, parameters; ``ready`` is False while kernels are being compiled."""
    mine = services(request)
    ready = mine.warmth.ready
    if ready not in mine.about:
        mine.about[ready] = encoded(
            {
                "version": __version__,
                "torch": find_spec("torch") is not None,
                "store": str(mine.store.folder.absolute()),
                "limits": mine.limits.model_dump(),
                "ready": ready,
                "parameters": parameters(),
            }
        )
    return Response(mine.about[ready], media_type="application/json")
