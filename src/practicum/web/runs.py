"""Runs: the list of what is stored, one run in detail, its curves, file and report, and several side by side."""

from __future__ import annotations

import threading
from stat import S_ISREG
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import FileResponse

from practicum.report.settings import text
from practicum.runs.reading import run_path
from practicum.web import stored
from practicum.web.answers import Misread, Unknown, answer
from practicum.web.services import Services, services
from practicum.web.stored import known

router = APIRouter(prefix="/api")

_MOST_LISTED = 200
_MOST_COMPARED = 8
_DRAWING = threading.Lock()
"""Figures are drawn under a style that is set for the whole process."""
_REPORT_HEADERS = {
    # A report is text of ours with the user's values escaped in it. Should one slip through, it still cannot do
    # anything: no script runs and nothing is loaded (default-src), and the sandbox gives the document an origin of its
    # own, which has neither our cookie nor our API. Only the styles that stand in it apply, which the page itself may
    # not have.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; sandbox"
    ),
    # Browsers refuse a sandboxed document that wants a group of windows of its own; it is opened without an opener.
    "Cross-Origin-Opener-Policy": "unsafe-none",
}


@router.get("/runs")
async def _list(request: Request, where: str = "", sort: str = "id", limit: str = "50", offset: str = "0") -> Response:
    mine = services(request)
    most, first = _whole("limit", limit, 1, _MOST_LISTED), _whole("offset", offset, 0, 10**9)
    return answer(await mine.desk.run(request, lambda _: mine.listing.page(where, sort, most, first)))


@router.get("/runs/{run}")
async def _details(request: Request, run: str) -> Response:
    mine = services(request)
    return answer(await mine.desk.run(request, lambda _: stored.details(mine.store, run)))


@router.get("/runs/{run}/curve")
async def _curve(request: Request, run: str) -> Response:
    mine = services(request)
    return answer(await mine.desk.run(request, lambda _: stored.curves(mine.store.load(known(mine.store, run)))))


@router.get("/runs/{run}/report")
async def _report(request: Request, run: str) -> Response:
    mine = services(request)

    def work(_: Any) -> str:
        return _page(mine, [known(mine.store, run)])

    return Response(await mine.desk.run(request, work), headers=_REPORT_HEADERS, media_type="text/html; charset=utf-8")


@router.get("/runs/{run}/file")
async def _file(request: Request, run: str) -> Response:
    """The stored file as it is: NetCDF4, which readers take with the seal at its end."""
    mine = services(request)
    path = run_path(mine.store.folder, known(mine.store, run))
    if not (path.exists() and S_ISREG(path.lstat().st_mode)):
        raise Unknown(f"The run {run} has no file of results.")
    return FileResponse(path, media_type="application/x-netcdf", filename=f"{run}.nc")


@router.get("/compare")
async def _compare(request: Request, ids: str = "") -> Response:
    mine, chosen = services(request), _ids(ids)
    return answer(await mine.desk.run(request, lambda _: _compared(mine, chosen)))


@router.get("/compare/report")
async def _compare_report(request: Request, ids: str = "") -> Response:
    mine, chosen = services(request), _ids(ids)

    def work(_: Any) -> str:
        return _page(mine, [known(mine.store, run) for run in chosen])

    return Response(await mine.desk.run(request, work), headers=_REPORT_HEADERS, media_type="text/html; charset=utf-8")


def _page(mine: Services, ids: list[str]) -> str:
    from practicum.report.compared import page

    with _DRAWING:
        return page(mine.store, ids)


def _compared(mine: Services, ids: list[str]) -> dict[str, Any]:
    """``{runs, settings, groups}``: every list in the order of the runs, null where one of them has nothing."""
    from practicum.report.several import curves_of, member, settings_of

    members = [member(mine.store, known(mine.store, run)) for run in ids]
    differing = settings_of(members)
    groups: list[dict[str, Any]] = []
    for name, found in curves_of(members).items():
        across = next(one.across for one in found if one is not None)
        curves = [None if one is None or one.across != across else stored.curve(one) for one in found]
        groups.append({"variable": name, "across": across, "curves": curves})
    return {
        "runs": [{"id": one.id, "title": one.title, "status": one.status, "problem": one.problem} for one in members],
        "settings": [{"name": name, "values": [text(value) for value in values]} for name, values in differing.items()],
        "groups": groups,
    }


def _ids(listed: str) -> list[str]:
    found = list(dict.fromkeys(part.strip() for part in listed.split(",") if part.strip()))
    if not 2 <= len(found) <= _MOST_COMPARED:
        raise Misread(
            "ids",
            f"The 'ids' of a comparison must be 2 to {_MOST_COMPARED} different runs, because more curves cannot be "
            f"told apart. Got {len(found)} instead; practicum runs report compares more.",
        )
    return found


def _whole(name: str, given: str, least: int, most: int) -> int:
    if not (given.isascii() and given.isdecimal() and len(given) < 12 and least <= int(given) <= most):
        raise Misread(
            name,
            f"The '{name}' of a list of runs must be a whole number from {least} to {most}. Got {given!r:.40} instead.",
        )
    return int(given)
