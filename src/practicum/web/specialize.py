"""Specialize: a student is trained while the page watches, and ways to take the run along."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from fastapi import APIRouter, Request, Response

from practicum.errors import ParameterError
from practicum.networks._torch import missing
from practicum.values import nearest
from practicum.web.answers import answer, read_object
from practicum.web.frames import Film
from practicum.web.jobs import Job
from practicum.web.problems import parameters
from practicum.web.services import Services, services
from practicum.web.training_code import training_code
from practicum.web.trainings import SmallTraining

router = APIRouter(prefix="/api/train")

_FILES = {"nc": "application/x-netcdf"}


@router.get("/parameters")
async def _parameters(request: Request) -> Response:
    """What the controls are built from; `problem` is a sentence where nothing can be trained.

    Who asks for this has opened the view, so that PyTorch is loaded meanwhile.
    """
    lacking = _lacking()
    if lacking is None:
        services(request).trainer.begin()
    return answer({"parameters": parameters(SmallTraining), "problem": None if lacking is None else str(lacking)})


@router.post("")
async def _train(request: Request) -> Response:
    """A job with one event "begin" and then a "frame" a look, see :class:`~practicum.web.frames.Film`."""
    mine, config = await _possible(request)

    def work(job: Job) -> dict[str, Any]:
        from practicum.runs.execute import execute

        result = execute(config, progress=job.check, save=Film(config, job.tell).begin())
        return {"status": str(result["status"].values[0]), "diverged_at": int(result["diverged_at"].values[0])}

    return answer({"job": mine.jobs.start(request, work).id})


@router.post("/code")
async def _code(request: Request) -> Response:
    return answer(training_code(SmallTraining(**await read_object(request)).config()))


@router.post("/save")
async def _save(request: Request) -> Response:
    """Store the run that the same command would store; the answer comes when it is done."""
    mine, config = await _possible(request)

    def work(job: Job) -> dict[str, Any]:
        from practicum.runs.execute import execute

        mine.store.run(config, lambda config: execute(config, progress=job.check))
        return {"run": config.id}

    return answer(await mine.jobs.start(request, work).result(request))


@router.post("/download")
async def _download(request: Request, format: str = "") -> Response:
    """The training as a NetCDF4 file."""
    if format not in _FILES:
        raise ParameterError(
            f"The 'format' of a download must be one of {', '.join(_FILES)}. Got {format!r:.80} instead."
            f"{nearest(format, list(_FILES))}"
        )
    mine, config = await _possible(request)
    made: list[bytes] = []

    def work(job: Job) -> dict[str, Any]:
        from practicum.runs import netcdf
        from practicum.runs.execute import execute
        from practicum.runs.store import described

        made.append(bytes(netcdf.to_bytes(described(config, execute(config, progress=job.check)))))
        return {}

    await mine.jobs.start(request, work).result(request)
    headers = {"Content-Disposition": f'attachment; filename="practicum-{config.id}.{format}"'}
    return Response(made[0], headers=headers, media_type=_FILES[format])


async def _possible(request: Request) -> tuple[Services, Any]:
    """The configuration that a request asks for, if this server can compute it within its bounds."""
    mine, training = services(request), SmallTraining(**await read_object(request))
    lacking = _lacking()
    if lacking is not None:
        raise lacking
    training.check(mine.limits)
    return mine, training.config()


def _lacking() -> Exception | None:
    """The sentence about PyTorch where it is not installed; it is not loaded for that."""
    return None if find_spec("torch") is not None else missing(ModuleNotFoundError(name="torch"))
