"""``practicum sweep``: a grid of runs, computed by Dask, each stored like any other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from practicum.cli import _terminal
from practicum.cli.computing import SET

if TYPE_CHECKING:
    from practicum.runs.store import Store
    from practicum.runs.sweeps.dealer import Progress
    from practicum.runs.sweeps.engine import Outcome
    from practicum.runs.sweeps.plan import Plan

_SHOWN = 24
"""Cells that are listed one by one."""
_NAMED = 5
"""Failures whose sentence is printed."""

FILE = typer.Argument(
    None,
    help="TOML file as for one run, with a table sweep of names and lists; --set alone is enough without it.",
    show_default=False,
)
SEEDS = typer.Option(
    None,
    "--seeds",
    help="How many seeds (64), or which (0..9): in each cell, or of a random start.",
    show_default=False,
)
KIND = typer.Option(
    None, "--kind", help="solve, simulate or train.", show_default="what the names in FILE and --set belong to"
)
WORKERS = typer.Option(
    None, "--workers", min=1, help="Processes on this machine, with one thread each.", show_default="all cores"
)
SCHEDULER = typer.Option(
    None, "--scheduler", metavar="ADDRESS", help="A Dask scheduler that runs already.", show_default=False
)
SCHEDULER_FILE = typer.Option(
    None, "--scheduler-file", metavar="FILE", help="The file that dask scheduler wrote.", show_default=False
)
RETRY = typer.Option(False, "--retry", help="Compute cells anew that failed before.")
DRY_RUN = typer.Option(False, "--dry-run", help="Check every cell and say what would be computed.")


def sweep(
    file: Path | None = FILE,
    settings: list[str] | None = SET,
    seeds: str | None = SEEDS,
    kind: str | None = KIND,
    store: Path | None = _terminal.STORE,
    workers: int | None = WORKERS,
    scheduler: str | None = SCHEDULER,
    scheduler_file: Path | None = SCHEDULER_FILE,
    retry: bool = RETRY,
    dry_run: bool = DRY_RUN,
    json: bool = _terminal.JSON,
) -> None:
    """Compute a run for every combination of values; what is stored already is not computed again.

    A value with commas or a range is swept: 0.1,0.5 or 2..8 or linspace(0,1,11) or geomspace(1e-3,1,7), in quotes where
    the shell minds brackets. A sweep that was interrupted, killed or lost its cluster goes on when the same command is
    given again. Exit code 1 if a cell failed.

    Example: practicum sweep FILE.toml --set students=2..4 --set learning_rate=0.1,0.5,1 --seeds 8
    """
    from practicum.runs.store import Store
    from practicum.runs.sweeps.cluster import Place, need_dask
    from practicum.runs.sweeps.sweeping import plan_of

    place = Place(workers, scheduler, scheduler_file)
    folder = Store(store)
    plan = _terminal.watched("checking the cells", lambda _: plan_of(file, settings or [], seeds, kind))
    if dry_run:
        _show_plan(plan, folder, json)
        return
    need_dask()
    outcome = _terminal.watched("starting workers", lambda report: _run(plan, folder, place, retry, report, json))
    if json:
        _terminal.print_json(_document(plan, folder, outcome))
    else:
        _show(plan, folder, outcome)
    if outcome.failed:
        raise typer.Exit(1)


def _run(plan: Plan, store: Store, place: Any, retry: bool, report: _terminal.Report, quiet: bool) -> Outcome:
    from practicum.runs.sweeps.engine import run_cells

    said: list[str] = []

    def show(now: Progress) -> None:
        if now.dashboard and not said:
            said.append(now.dashboard)
            if not quiet:
                typer.echo(f"{_sizes(plan)}; dashboard: {now.dashboard}", err=True)
        words = [f"{now.done} of {now.cells} cells", f"{now.failed} failed" if now.failed else "", now.remaining]
        report(", ".join(filter(None, words)), now.done / now.cells)

    return run_cells(store, plan, place, retry=retry, progress=show)


def _sizes(plan: Plan) -> str:
    sizes = " x ".join(f"{len(axis.values)} {axis.name}" for axis in plan.sweep.axes)
    return f"sweep {plan.sweep.id}: {sizes} = {len(plan.configs)} cells, to {plan.sweep.kind}"


def _facts(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.sweep.id,
        "kind": plan.sweep.kind,
        "axes": {axis.name: list(axis.values) for axis in plan.sweep.axes},
        "cells": list(plan.sweep.cells),
    }


def _document(plan: Plan, store: Store, outcome: Outcome) -> dict[str, Any]:
    return {
        **_facts(plan),
        "found": outcome.found,
        "computed": outcome.computed,
        "elsewhere": outcome.elsewhere,
        "failed": outcome.failed,
        "seconds": outcome.seconds,
        "cell_seconds": outcome.cell_seconds,
        "work_seconds": outcome.work_seconds,
        "store": str(store.folder.resolve()),
    }


def _show(plan: Plan, store: Store, outcome: Outcome) -> None:
    counts = {
        "computed": outcome.computed,
        "found in the store": outcome.found,
        "computed by another process": outcome.elsewhere,
        "failed": len(outcome.failed),
    }
    typer.echo(_sizes(plan))
    words = ", ".join(f"{count} {what}" for what, count in counts.items() if count or what == "computed")
    typer.echo(f"{words}; {outcome.seconds:.1f} s; store: {store.folder}")
    for run, problem in list(outcome.failed.items())[:_NAMED]:
        typer.echo(f"practicum: run {run} failed: {problem}", err=True)
    if len(outcome.failed) > _NAMED:
        typer.echo(f"practicum: and {len(outcome.failed) - _NAMED} more; practicum runs show says why.", err=True)
    if outcome.failed:
        typer.echo("Failed cells stay failed; --retry computes them anew.")
    if len(plan.configs) <= _SHOWN:
        _show_cells(plan, store)
    sweep = plan.sweep.id
    typer.echo(f"open it: practicum.runs.sweeps.open_sweep(Store({str(store.folder)!r}), '{sweep}')")
    typer.echo(f"or: practicum runs export {sweep} --to {sweep}.csv")


def _show_cells(plan: Plan, store: Store) -> None:
    """How each cell ended, and what its students err in the end, over its seeds."""
    import numpy as np

    from practicum.runs.rows import describe_status

    last = "median loss" if plan.sweep.kind == "train" else "mean error"
    rows = []
    for values, config in zip(_grid(plan), plan.configs):
        row = [str(value) for value in values] + [config.id]
        if config in store:
            dataset = store.load(config.id)
            if plan.sweep.kind == "train":
                ends, middle = dataset["loss"].isel(step=-1).values, np.median
            else:
                ends, middle = dataset["generalization_error"].isel(alpha=-1).values, np.mean
            finite = ends[np.isfinite(ends)]
            row += [describe_status(dataset["status"]), f"{middle(finite):.4g}" if finite.size else ""]
        else:
            row += ["failed", ""]
        rows.append(row)
    _terminal.print_table([*(axis.name for axis in plan.sweep.axes), "run", "status", f"{last} at the end"], rows)


def _grid(plan: Plan) -> Iterator[tuple[Any, ...]]:
    """The values of each cell, in order."""
    return product(*(axis.values for axis in plan.sweep.axes))


def _show_plan(plan: Plan, store: Store, json: bool) -> None:
    stored = set(store.ids())
    have = sum(run in stored for run in set(plan.sweep.cells))
    if json:
        _terminal.print_json({**_facts(plan), "found": have})
        return
    names = [axis.name for axis in plan.sweep.axes]
    rows = [
        [str(value) for value in values] + [run] for values, run in islice(zip(_grid(plan), plan.sweep.cells), _SHOWN)
    ]
    _terminal.print_table([*names, "run"], rows)
    if len(plan.configs) > _SHOWN:
        typer.echo(f"and {len(plan.configs) - _SHOWN} more cells")
    typer.echo(f"{_sizes(plan)}; {have} of them are stored. Nothing was computed.")
