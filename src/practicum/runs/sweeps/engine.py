"""A sweep from its plan to the end: what is there already is left alone, the rest is handed out and counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from practicum.runs.claims import Claims
from practicum.runs.failures import failed, forget_failure
from practicum.runs.files import require_writable
from practicum.runs.sweeps.cluster import Place, connected
from practicum.runs.sweeps.dealer import Dealer, Progress, problems_in
from practicum.runs.sweeps.plan import Plan

if TYPE_CHECKING:
    from practicum.runs.store import Store


@dataclass(frozen=True)
class Outcome:
    """How the cells of a sweep ended.

    ``found`` were stored before, ``computed`` are new, ``elsewhere`` were computed by another process meanwhile,
    ``failed`` are those without a result, by run and sentence.
    """

    found: int
    computed: int
    elsewhere: int
    failed: dict[str, str]
    seconds: float
    cell_seconds: float
    """From the first cell that was handed out to the last that came back: without starting and ending a cluster."""
    work_seconds: float
    """Sum over the cells of what computing and storing them took."""
    dashboard: str


def run_cells(
    store: Store,
    plan: Plan,
    place: Place,
    *,
    retry: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Compute and store every cell of a plan that is not stored.

    Main arguments:
        store: where the cells are, and where the workers must find it too.
        place: where they are computed.

    Other arguments:
        retry: compute cells anew that failed before; otherwise they stay failed.
        progress: called now and then.

    Raises:
        PracticumError: the cluster is gone; what is stored is safe, and the same sweep goes on from there.
        StorageError: a cell cannot be stored.
    """
    began = time.perf_counter()
    configs = {config.id: config for config in plan.configs}
    stored = set(store.ids())
    before = {run: path for run, path in failed(store.folder).items() if run in configs and run not in stored}
    if retry:
        for run in before:
            forget_failure(store.folder, run)
        before = {}
    todo = [run for run in configs if run not in stored and run not in before]
    work = Dealer(store, plan, configs, [*todo], failed=problems_in(before), progress=progress)
    if todo or not (store.folder / plan.sweep.name).exists():
        require_writable(store.folder)
        plan.sweep.write(store.folder)
    if todo:
        with Claims(store.folder) as claims, connected(place, plan.sweep.kind) as (client, dashboard):
            work.dashboard = dashboard
            work.run(client, claims)
    else:
        work.show()
    return Outcome(
        found=len(configs) - len(todo) - len(before),
        computed=work.computed,
        elsewhere=work.elsewhere,
        failed=work.failed,
        seconds=time.perf_counter() - began,
        cell_seconds=work.seconds,
        work_seconds=work.clock.total,
        dashboard=work.dashboard,
    )
