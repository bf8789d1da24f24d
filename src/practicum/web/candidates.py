"""What can be attacked and pruned: image sets and stored trainings, and why others cannot; a student for the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from practicum.errors import PracticumError
from practicum.web.answers import answer, read_object
from practicum.web.jobs import Job
from practicum.web.limits import Limits
from practicum.web.problems import parameters
from practicum.web.services import services
from practicum.web.students import (
    StudentQuestion,
    config_of,
    needs_torch,
    one_seed,
    question_of,
    sets,
    training_of,
    why_not,
)

if TYPE_CHECKING:
    from practicum.runs.store import Store

router = APIRouter(prefix="/api")

_LISTED = 100
"""Trainings in the list, at most, the newest."""


def trainings(store: Store, limits: Limits) -> list[dict[str, Any]]:
    """The newest trainings of a store: id, words, the first seed, and why the page cannot use it, or None."""
    rows = [row for row in store.table() if row["kind"] == "train"]
    newest = sorted(rows, key=lambda row: str(row["time"]), reverse=True)[:_LISTED]
    return [_listed(store, row, limits) for row in newest]


def _listed(store: Store, row: dict[str, Any], limits: Limits) -> dict[str, Any]:
    entry = {"id": row["id"], "label": row["id"], "first_seed": 0}
    if row.get("problem"):
        return {**entry, "problem": str(row["problem"])}
    try:
        config = training_of(store, row["id"])
    except PracticumError as error:
        return {**entry, "problem": str(error)}
    law: Any = config.inputs
    of = law.name if law.kind == "images" else f"{law.dimension} {law.kind} inputs"
    nodes = "-".join(map(str, config.student_widths))
    words = f"{row['id']}: {nodes} nodes, {of}, {'seed' if len(config.seeds) == 1 else 'seeds'} {config.seeds}"
    first = config.seeds.list()[0]
    return {**entry, "label": words, "first_seed": first, "problem": why_not(one_seed(config, first), limits)}


@router.get("/students")
async def _students(request: Request) -> Response:
    """What can be attacked and pruned: image sets, stored trainings, and the settings of a student."""
    mine = services(request)
    runs = await mine.desk.run(request, lambda _: trainings(mine.store, mine.limits))
    missing = needs_torch()
    if missing is None:
        mine.trainer.begin()  # who looks at the list will want a student soon
    return answer(
        {
            "problem": None if missing is None else str(missing),
            "sets": sets(),
            "runs": runs,
            "parameters": parameters(StudentQuestion),
        }
    )


@router.post("/students/save")
async def _save(request: Request) -> Response:
    """Store the training of a student, as practicum train would; the answer comes when it is done."""
    mine = services(request)
    question = question_of(await read_object(request))
    config = await mine.desk.run(request, lambda _: config_of(question, mine.store, mine.limits))

    def work(job: Job) -> dict[str, Any]:
        from practicum.runs.execute import execute

        mine.store.run(config, lambda config: execute(config, progress=job.check))
        return {"run": config.id}

    return answer(await mine.jobs.start(request, work).result(request))
