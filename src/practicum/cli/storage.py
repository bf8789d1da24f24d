"""``practicum runs list | show | verify``: what is stored, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from practicum.cli import _terminal

app = typer.Typer(help="List, show and verify stored runs.", no_args_is_help=True)


def _complete(ctx: typer.Context, incomplete: str) -> list[str]:
    from practicum.errors import PracticumError
    from practicum.runs.store import Store

    try:
        return [run for run in Store(ctx.params.get("store")).ids() if run.startswith(incomplete)]
    except PracticumError:
        return []


RUN = typer.Argument(..., help="Id of a run, or its first digits.", autocompletion=_complete, show_default=False)
RUNS = typer.Argument(None, help="Ids or their first digits; all runs if none is given.", autocompletion=_complete)


@app.command("list")
def list_runs(store: Path | None = _terminal.STORE, json: bool = _terminal.JSON) -> None:
    """One line for each stored run."""
    from practicum.runs.store import COLUMNS, Store

    folder = Store(store)
    with _terminal.bar() as progress:
        rows = list(progress.track(folder.table(), total=len(folder.ids()), description="reading"))
    if json:
        _terminal.print_json(rows)
        return
    if not rows:
        typer.echo(f"No runs in {folder.folder} yet; practicum solve makes one.")
        return
    _terminal.print_table(list(COLUMNS), [[_cell(name, row[name]) for name in COLUMNS] for row in rows])
    for row in rows:
        if "problem" in row:
            typer.echo(row["problem"], err=True)


@app.command("show")
def show_run(
    run: str = RUN,
    store: Path | None = _terminal.STORE,
    bibtex: bool = typer.Option(False, "--cite", help="Print only the BibTeX of what the run rests on."),
    json: bool = _terminal.JSON,
) -> None:
    """Everything about one run: results, configuration, versions, citation."""
    import json as text

    from practicum.cli._summary import document, show
    from practicum.runs.store import Store

    folder = Store(store)
    found = folder.find(run)
    dataset = folder.load(found)
    config, versions = text.loads(dataset.attrs["config"]), text.loads(dataset.attrs["versions"])
    path = folder.folder / f"{found}.nc"
    trajectory = config["kind"] != "study"
    if bibtex:
        typer.echo(dataset.attrs.get("references", ""))
    elif json:
        facts = document(found, path, dataset) if trajectory else {"id": found, "kind": "study", "file": str(path)}
        facts |= {"config": config, "versions": versions, "architecture": dataset.attrs["architecture"]}
        _terminal.print_json({**facts, "cite": dataset.attrs.get("cite", "").split(",")})
    else:
        if trajectory:
            show(dataset)
        else:
            typer.echo(str(dataset))
        typer.echo("")
        for name, value in config.items():
            typer.echo(f"{name}: {_short(value)}")
        typer.echo(f"versions: {', '.join(f'{name} {version}' for name, version in versions.items())}")
        typer.echo(f"architecture: {dataset.attrs['architecture']}")
        typer.echo(f"cite: {dataset.attrs.get('cite', '')} (--cite prints the BibTeX)")
        typer.echo(f"file: {path}")


@app.command("verify")
def verify_runs(
    runs: list[str] | None = RUNS, store: Path | None = _terminal.STORE, json: bool = _terminal.JSON
) -> None:
    """Read runs completely and compare their SHA-256; exit code 1 if one is damaged. Nothing is changed."""
    from practicum.runs.resuming import unfinished
    from practicum.runs.store import Store

    folder = Store(store)
    ids = [folder.find(run) for run in runs] if runs else folder.ids()
    results = []
    with _terminal.bar() as progress:
        for run in progress.track(ids, description="verifying"):
            results += folder.verify(run)
    damaged = [(run, problem) for run, problem in results if problem]
    if json:
        _terminal.print_json([{"id": run, "whole": not why, "problem": why or None} for run, why in results])
    else:
        typer.echo(f"{len(results) - len(damaged)} of {len(results)} runs in {folder.folder} are whole.")
        left = 0 if runs else len(unfinished(folder.folder))
        if left:
            typer.echo(f"{left} training(s) are unfinished, and left out here; practicum doctor names them.")
    for _, problem in damaged:
        typer.echo(f"practicum: {problem}", err=True)
    if damaged:
        raise typer.Exit(1)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "size":
        return f"{value / 1024:.0f} kB" if value < 1024**2 else f"{value / 1024**2:.1f} MB"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} = {_short(item)}" for name, item in value.items())
    if isinstance(value, list) and len(value) > 8 and not isinstance(value[0], list):
        return f"[{value[0]}, {value[1]}, ..., {value[-1]}] ({len(value)} values)"
    return str(value)
