"""Jobs from the outside: the events of one as they come, and its end before its time."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from practicum.web.answers import answer, problem
from practicum.web.services import services

router = APIRouter(prefix="/api/jobs")


@router.get("/{job}/events")
async def _events(request: Request, job: str) -> Response:
    found = services(request).jobs.get(job)
    if found.listened and found.ended is None:
        return problem("Another page follows this job already; its events are sent once.", 409)
    found.listened = True
    return StreamingResponse(
        found.stream(request), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


@router.delete("/{job}")
async def _cancel(request: Request, job: str) -> Response:
    services(request).jobs.cancel(job)
    return answer({"cancelled": True})
