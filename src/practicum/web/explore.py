"""Explore: the flow of a problem, what stands out in it, the chain over it, and ways to take them along."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response

from practicum.errors import ParameterError
from practicum.values import nearest
from practicum.web.answers import answer, read_object
from practicum.web.code import code
from practicum.web.flows import flow, flow_csv, flow_json, page_points
from practicum.web.jobs import Job
from practicum.web.limits import Limits
from practicum.web.marks import marks
from practicum.web.problems import Problem
from practicum.web.services import services

router = APIRouter(prefix="/api")

_PATIENCE = 0.5
"""Seconds for which an answer waits for the best rule."""
_FILES = {"nc": "application/x-netcdf", "csv": "text/csv; charset=utf-8"}


async def _problem(request: Request) -> Problem:
    return Problem(**await read_object(request))


@router.post("/flow")
async def _flow(request: Request) -> Response:
    mine, problem = services(request), await _problem(request)
    body = mine.flows.get(problem)
    if body is None:

        def work(halt: np.ndarray) -> tuple[str, bytes]:
            began = perf_counter()
            dataset = flow(problem, halt)
            return str(dataset["status"].values), flow_json(dataset, perf_counter() - began)

        await mine.warmth.wait(problem.activation)
        status, body = await mine.desk.run(request, work)
        if status != "unfinished":  # how far it came depends on who else was computing
            mine.flows.put(problem, body)
    return Response(body, media_type="application/json")


@router.post("/marks")
async def _marks(request: Request) -> Response:
    mine, problem = services(request), await _problem(request)
    found = mine.marks.get(problem)
    if found is None:
        await mine.warmth.wait(problem.activation)
        found, halted = await mine.desk.run(request, lambda halt: (marks(problem, halt), bool(halt[0])))
        if not halted:
            mine.marks.put(problem, found)
    return answer({**found, "best_rule": await mine.best_rules.of(problem.machine, _PATIENCE)})


@router.post("/code")
async def _code(request: Request) -> Response:
    return answer(code(await _problem(request)))


@router.post("/chain")
async def _chain(request: Request) -> Response:
    """A job with one event "path" a seed; its points are those of the flow."""
    mine, problem = services(request), await _problem(request)
    _check_simulation(problem, mine.limits)
    start, points = problem.overlaps(), page_points(problem.until)

    def work(job: Job) -> dict[str, Any]:
        from practicum.simulation import simulate

        for seed in range(problem.seeds):
            path = simulate(
                problem.machine, problem.rule, start, problem.dimension, problem.until, seeds=[seed], save_at=points,
                workers=1, progress=job.check,
            )  # fmt: skip
            errors = path["generalization_error"].values[0].tolist()
            seen = {"alpha": points.tolist(), "generalization_error": errors, "status": str(path["status"].values[0])}
            job.tell("path", {"seed": seed, **seen})
        return {"seeds": problem.seeds}

    return answer({"job": mine.jobs.start(request, work).id})


@router.post("/save")
async def _save(request: Request) -> Response:
    """Store the run that the same command would store; the answer comes when it is done."""
    mine, content = services(request), await read_object(request)
    kind = content.pop("kind", None)
    problem = Problem(**content)
    if kind not in ("solve", "simulate"):
        raise ParameterError(f"The 'kind' of a run must be 'solve' or 'simulate'. Got {kind!r:.80} instead.")
    from practicum.runs.execute import execute

    if kind == "solve":
        config = problem.solve_config()

        def solved(halt: np.ndarray) -> None:
            mine.store.run(config, lambda config: _finished(execute(config, halt=halt), mine.limits))

        await mine.warmth.wait(problem.activation)
        await mine.desk.run(request, solved)
        return answer({"run": config.id})
    _check_simulation(problem, mine.limits)
    simulation = problem.simulate_config()

    def work(job: Job) -> dict[str, Any]:
        mine.store.run(simulation, lambda config: execute(config, workers=1, progress=job.check))
        return {"run": simulation.id}

    return answer(await mine.jobs.start(request, work).result(request))


@router.post("/download")
async def _download(request: Request, format: str = "") -> Response:
    """The flow as a NetCDF4 or CSV file, at the points of the page."""
    mine, problem = services(request), await _problem(request)
    if format not in _FILES:
        raise ParameterError(
            f"The 'format' of a download must be one of {', '.join(_FILES)}. Got {format!r:.80} instead."
            f"{nearest(format, list(_FILES))}"
        )

    def work(halt: np.ndarray) -> bytes:
        from practicum.runs import netcdf

        dataset = _finished(flow(problem, halt), mine.limits)
        return bytes(netcdf.to_bytes(dataset)) if format == "nc" else flow_csv(dataset)

    await mine.warmth.wait(problem.activation)
    headers = {"Content-Disposition": f'attachment; filename="practicum-{problem.solve_config().id}.{format}"'}
    return Response(await mine.desk.run(request, work), headers=headers, media_type=_FILES[format])


def _finished(dataset: Any, limits: Limits) -> Any:
    if str(dataset["status"].values) == "unfinished":
        raise ParameterError(
            f"This flow takes longer than the {limits.patience:g} seconds that the page allows, so it is neither "
            "stored nor sent as a file; practicum solve computes it (the page gives the command)."
        )
    return dataset


def _check_simulation(problem: Problem, limits: Limits) -> None:
    """One sentence before a job is begun, where it can be known."""
    from practicum.theory.flow import check_pair

    check_pair(problem.machine, problem.rule, problem.overlaps())
    examples = problem.until * problem.dimension * problem.batch_size * problem.seeds
    if examples > limits.examples:
        raise ParameterError(
            f"The simulation takes until * dimension * batch_size * seeds = {examples:.3g} examples, and the page "
            f"allows {limits.examples:.3g}, because they are taken one by one; lower 'dimension', 'seeds' or 'until', "
            "or use the command that the page gives."
        )
