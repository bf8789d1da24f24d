"""``practicum solve`` and ``practicum simulate``: a TOML file and settings in, a stored run and a short table out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from practicum.cli import _terminal

if TYPE_CHECKING:
    import xarray as xr

    from practicum.runs.config import RunConfig, SimulateConfig, SolveConfig
    from practicum.runs.states import State

FILE = typer.Argument(
    None, help="TOML file with tables machine, rule and start; --set alone is enough without it.", show_default=False
)
SET = typer.Option(
    None,
    "--set",
    metavar="NAME=VALUE",
    help="One parameter, before the file; repeatable. Names may be dotted (rule.learning_rate) or bare where unique.",
    show_default=False,
)
WORKERS = typer.Option(
    None, "--workers", min=1, help="Processor cores to use; the numbers do not depend on it.", show_default="all"
)


def solve(
    file: Path | None = FILE,
    settings: list[str] | None = SET,
    store: Path | None = _terminal.STORE,
    json: bool = _terminal.JSON,
) -> None:
    """Solve the flow of the order parameters, N to infinity.

    Example: practicum solve --set students=3 --set teachers=3 --set learning_rate=0.5 --set overlap=1e-3
    """
    _compute("solve", file, settings or [], store, None, json)


def simulate(
    file: Path | None = FILE,
    settings: list[str] | None = SET,
    store: Path | None = _terminal.STORE,
    workers: int | None = WORKERS,
    json: bool = _terminal.JSON,
) -> None:
    """Simulate networks of N inputs: the exact chain, or the weights themselves.

    A simulation that was interrupted or killed goes on from its last checkpoint when the same command is given again.

    Example: practicum simulate FILE.toml --set dimension=1000 --set seeds=16
    """
    _compute("simulate", file, settings or [], store, workers, json)


def _compute(
    kind: Literal["solve", "simulate"],
    file: Path | None,
    settings: list[str],
    folder: Path | None,
    workers: int | None,
    as_json: bool,
) -> None:
    from functools import partial
    from time import perf_counter

    from practicum.cli._summary import document, show
    from practicum.runs.execute import execute
    from practicum.runs.settings import configuration
    from practicum.runs.store import Store

    config = configuration(kind, file, settings)
    store = Store(folder)
    known = config in store
    began = perf_counter()
    label = _label(config)
    resumed: State | None = None

    def work(report: _terminal.Report) -> xr.Dataset:
        def compute(config: RunConfig, save: Any = None, resume: State | None = None) -> xr.Dataset:
            nonlocal resumed
            resumed = resume
            progress = partial(report, label)
            return execute(config, workers=workers, progress=progress, save=save, resume=resume)

        return store.run(config, compute)

    dataset = _terminal.watched(label, work)
    path = store.path(config)
    if as_json:
        facts = {**document(config.id, path, dataset), "from_store": known}
        if kind == "simulate":
            facts["resumed_at"] = 0 if resumed is None else resumed.done
        _terminal.print_json(facts)
        return
    show(dataset)
    origin = "read from the store" if known else f"computed in {perf_counter() - began:.1f} s and stored"
    if resumed is not None:
        origin += f", after the {resumed.progress} of a checkpoint"
    typer.echo(f"run {config.id}, {origin}: {path}")


def _label(config: SolveConfig | SimulateConfig) -> str:
    end = config.until if isinstance(config.until, str) else f"alpha={config.until:g}"
    size = f"K={config.machine.students} M={config.machine.teachers} until {end}"
    return f"solving {size}" if config.kind == "solve" else f"simulating {size} N={config.dimension}"
