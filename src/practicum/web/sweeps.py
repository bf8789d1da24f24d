"""Sweeps: their grids, what each cell is by now and while they run, and what the cells came to."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from practicum.canonical import ID_LENGTH
from practicum.errors import ParameterError, StorageError
from practicum.runs.index import listed
from practicum.runs.sweeps.plan import ENDING, Sweep
from practicum.web.answers import Unknown, answer, event_of
from practicum.web.desk import client_of
from practicum.web.jobs import Job
from practicum.web.services import Services, services
from practicum.web.watch import STATES, WAITING, Watch

router = APIRouter(prefix="/api/sweeps")

MOST_CELLS = 10_000
"""Cells that a page is told one by one: more cannot be seen apart."""
_MOST_LISTED = 200
_ALIVE = 15.0
"""Seconds between two signs of life to a page that waits."""
_TOLD = 0.3
"""Seconds between two words about how far the values are."""
_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")


@router.get("")
async def _list(request: Request) -> Response:
    mine = services(request)
    return answer(await mine.desk.run(request, lambda _: _sweeps(mine.store.folder)))


@router.get("/{name}")
async def _grid(request: Request, name: str) -> Response:
    mine = services(request)
    await mine.watch.look()
    states = mine.watch.states
    return answer(await mine.desk.run(request, lambda _: _described(_sweep(mine.store.folder, name), states)))


@router.get("/{name}/events")
async def _events(request: Request, name: str) -> Response:
    """Server-sent events: "all" with every state, "changed" with those that are others, "done" when all have ended."""
    mine, client = services(request), client_of(request)
    sweep = await mine.desk.run(request, lambda _: _sweep(mine.store.folder, name))
    mine.watch.enter(client)
    return StreamingResponse(
        _followed(request, mine.watch, sweep, client),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


@router.post("/{name}/values")
async def _values(request: Request, name: str) -> Response:
    """A job whose result has, for each variable that is one curve, the final value of every cell."""
    mine = services(request)
    sweep = await mine.desk.run(request, lambda _: _sweep(mine.store.folder, name))
    if len(sweep.cells) > MOST_CELLS:
        raise ParameterError(
            f"The page reads the values of sweeps of {MOST_CELLS} cells at most, and this one has {len(sweep.cells)}; "
            "open_sweep reads any number of them."
        )
    return answer({"job": mine.jobs.start(request, lambda job: _finals(mine, sweep, job)).id})


def _sweeps(folder: Path) -> dict[str, Any]:
    """Every sweep of a folder, the newest first; of one that cannot be read the sentence that says why."""
    entries = listed(folder)
    dated = []
    for name in entries:
        if name.endswith(ENDING) and _ID.fullmatch(name.removesuffix(ENDING)):
            try:
                dated.append((os.stat(folder / name).st_mtime_ns, name.removesuffix(ENDING)))
            except OSError:  # removed since
                continue
    dated.sort(reverse=True)
    found = []
    for changed, name in dated[:_MOST_LISTED]:
        created = datetime.fromtimestamp(changed // 10**9).isoformat(" ", "seconds")
        told: dict[str, Any] = {"id": name, "created": created, "problem": None}
        try:
            sweep = _sweep(folder, name)
        except StorageError as error:
            found.append({**told, "problem": str(error), "axes": [], "cells": 0, "kind": None, "done": 0, "failed": 0})
            continue
        axes = [{"name": axis.name, "count": len(axis.values)} for axis in sweep.axes]
        done = sum(f"{cell}.nc" in entries for cell in sweep.cells)
        failed = sum(f"{cell}.failed" in entries and f"{cell}.nc" not in entries for cell in sweep.cells)
        counts = {"cells": len(sweep.cells), "done": done, "failed": failed}
        found.append({**told, "kind": sweep.kind, "axes": axes, **counts})
    return {"sweeps": found, "total": len(dated)}


def _sweep(folder: Path, name: str) -> Sweep:
    """The sweep of a full id.

    Raises:
        Unknown: it is no id, or there is no such sweep.
        StorageError: its file is damaged.
    """
    path = folder / f"{name}{ENDING}"
    if not _ID.fullmatch(name) or not path.exists():
        raise Unknown("There is no such sweep in this store (any more).")
    details = os.stat(path)
    if details.st_size > MOST_CELLS * 4 * (ID_LENGTH + 3):  # read anew, rather than a hundred megabytes kept
        return Sweep.read(path)
    return _small(path, details.st_size, details.st_mtime_ns)


@lru_cache(maxsize=16)
def _small(path: Path, *_: int) -> Sweep:
    return Sweep.read(path)


def _described(sweep: Sweep, states: dict[str, str]) -> dict[str, Any]:
    found = [states.get(cell, WAITING) for cell in sweep.cells]
    return {
        "id": sweep.id,
        "kind": sweep.kind,
        "axes": [{"name": axis.name, "values": list(axis.values)} for axis in sweep.axes],
        "cells": len(sweep.cells),
        **_counts(Counter(found)),
        "states": "".join(STATES[state] for state in found[:MOST_CELLS]),
        "runs": list(sweep.cells[:MOST_CELLS]),
        "letters": {letter: state for state, letter in STATES.items()},
    }


def _counts(states: Counter[str]) -> dict[str, int]:
    return {state: states[state] for state in STATES}


async def _followed(request: Request, watch: Watch, sweep: Sweep, client: str) -> AsyncIterator[bytes]:
    try:
        seen = await watch.look()
        own = {cell: watch.states.get(cell, WAITING) for cell in sweep.cells}
        places = {cell: i for i, cell in enumerate(sweep.cells)}
        counts = Counter(own.values())
        letters = "".join(STATES[own[cell]] for cell in sweep.cells[:MOST_CELLS])
        yield event_of("all", {"states": letters, **_counts(counts)})
        spoken = time.monotonic()
        while counts["done"] + counts["failed"] < len(own):
            await asyncio.sleep(1.0)
            if await request.is_disconnected():
                return
            now = await watch.look()
            changed = {}
            for run in watch.since(seen) if now > seen else ():
                state = watch.states.get(run, WAITING)
                if run in own and state != own[run]:
                    counts[own[run]] -= 1
                    counts[state] += 1
                    own[run] = state
                    changed[places[run]] = STATES[state]
            seen = now
            if changed:
                cells = [pair for pair in changed.items() if pair[0] < MOST_CELLS]
                yield event_of("changed", {"cells": cells, **_counts(counts)})
                spoken = time.monotonic()
            elif time.monotonic() - spoken > _ALIVE:
                yield b": still waiting\n\n"
                spoken = time.monotonic()
        yield event_of("done", _counts(counts))
    except StorageError as error:
        yield event_of("failed", {"problem": str(error)})
    finally:
        watch.leave(client)


def _finals(mine: Services, sweep: Sweep, job: Job) -> dict[str, Any]:
    """The final value of every cell, by variable; null for a cell that has none."""
    from practicum.report.series import series_of

    values: dict[str, list[float | None]] = {}
    spoken = time.monotonic()
    for i, cell in enumerate(sweep.cells):
        job.check()
        if time.monotonic() - spoken > _TOLD:
            job.tell("progress", {"read": i, "cells": len(sweep.cells)})
            spoken = time.monotonic()
        try:
            data = mine.store.load(cell)
        except StorageError:  # waiting, failed or damaged: the states say which
            continue
        for series in series_of(data, single=True)[0]:
            if series.final is not None:
                values.setdefault(series.variable, [None] * len(sweep.cells))[i] = series.final.value
    return {"values": values}
