"""``practicum runs export``: results for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from practicum.cli import _terminal

if TYPE_CHECKING:
    import xarray as xr

    from practicum.runs.store import Store

RUNS = typer.Argument(
    None,
    metavar="[RUN|SWEEP]...",
    help="Ids or their first digits: one sweep, or runs; all runs if none is given.",
    show_default=False,
)
TO = typer.Option(
    ..., "--to", metavar="FILE", help="Its ending says the format: .zarr, .parquet, .csv or .nc.", show_default=False
)
VARIABLE = typer.Option(
    None, "--variable", metavar="NAME", help="Only this variable; may be repeated.", show_default="all"
)
FORCE = typer.Option(False, "--force", help="Replace FILE if it exists.")


def export(
    runs: list[str] | None = RUNS,
    to: Path = TO,
    where: str = _terminal.WHERE,
    variables: list[str] | None = VARIABLE,
    force: bool = FORCE,
    store: Path | None = _terminal.STORE,
    json: bool = _terminal.JSON,
) -> None:
    """Write stored results as Zarr, Parquet, CSV or NetCDF.

    A sweep has its parameters as dimensions. One run is written as it is; several have a dimension 'run', with their
    ids and the settings in which they differ. With --where only those named of which it is true are written, as runs.

    Parquet and CSV are long tables, a row a number, with a column for each dimension.

    Example: practicum runs export --where "students > 3" --variable generalization_error --to errors.csv
    """
    from practicum.runs.export import export_dataset, require_target
    from practicum.runs.store import Store

    require_target(to, force=force)
    folder = Store(store)
    dataset = _terminal.watched("opening", lambda report: opened(folder, runs or [], where, report))
    dataset = chosen(dataset, variables or [])
    path = _terminal.watched("writing", lambda _: export_dataset(dataset, to, force=force))
    facts = {"file": str(path), "sizes": dict(dataset.sizes), "variables": list(map(str, dataset.data_vars))}
    if json:
        _terminal.print_json(facts)
    else:
        sizes = " x ".join(f"{size} {name}" for name, size in facts["sizes"].items())
        typer.echo(f"{path}: {', '.join(facts['variables'])}{f' over {sizes}' if sizes else ''}")


def opened(store: Store, names: list[str], where: str, report: _terminal.Report) -> xr.Dataset:
    """The dataset of what is named on the command line.

    Raises:
        ParameterError: a sweep is named together with something else, no run matches, or the condition is none.
        StorageError: a name fits nothing or several things, or a file is damaged.
    """
    from practicum.errors import ParameterError
    from practicum.runs.sweeps.results import find_sweep, open_runs, open_sweep

    def progress(done: float) -> None:
        report("opening", done)

    sweeps = {name: found for name in names if (found := find_sweep(store, name))}
    if sweeps and len(names) > 1:
        raise ParameterError(
            f"A sweep is exported alone, because its cells form a grid of their own. Got '{next(iter(sweeps))}' and "
            f"{len(names) - 1} more instead."
        )
    if not where.strip():
        if sweeps:
            return open_sweep(store, sweeps[names[0]], progress=progress)
        if len(names) == 1:
            return store.load(names[0])
    stored = set(store.ids())
    ids = list(sweeps[names[0]].cells) if sweeps else [store.find(name) for name in names] or sorted(stored)
    if where.strip():
        matching = set(store.select(where)) & stored
        ids = [run for run in ids if run in matching]
    if not ids:
        raise ParameterError(
            f"No run in {store.folder} matches, so that there is nothing to export; practicum runs list shows those "
            "there are."
        )
    return open_runs(store, ids, progress=progress)


def chosen(dataset: xr.Dataset, names: list[str]) -> Any:
    """The variables with these names and what belongs to them; all if there is none.

    Raises:
        ParameterError: there is no such variable.
    """
    from practicum.errors import ParameterError
    from practicum.values import nearest

    known = [str(name) for name in dataset.variables if name not in dataset.sizes]
    for name in names:
        if name not in known:
            raise ParameterError(
                f"The option '--variable' must name variables of the runs: {', '.join(known)}. Got '{name}' instead."
                f"{nearest(name, known)}"
            )
    return dataset[list(dict.fromkeys(names))] if names else dataset
