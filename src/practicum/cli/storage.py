"""``practicum runs``: what is stored, and whether it is whole."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache, partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import typer

from practicum.cli import _terminal, checking, clearing, comparing, exporting, reporting
from practicum.disk.texts import printable

app = typer.Typer(help="List, show, compare, verify and clear up stored runs.", no_args_is_help=True)

_MANY = 100
"""Rows above which a table is plain text: a drawn one takes a millisecond a row."""


def _complete(ctx: typer.Context, incomplete: str) -> list[str]:
    from practicum.errors import PracticumError
    from practicum.runs.folder import Folder

    try:
        return [run for run in Folder(ctx.params.get("store")).ids() if run.startswith(incomplete)]
    except PracticumError:
        return []


RUN = typer.Argument(..., help="Id of a run, or its first digits.", autocompletion=_complete, show_default=False)
RUNS = typer.Argument(None, help="Ids or their first digits; all runs if none is given.", autocompletion=_complete)


@app.command("list")
def list_runs(
    where: str = _terminal.WHERE,
    sort: str = typer.Option("id", "--sort", help="Column or setting to sort by; -NAME puts the largest first."),
    limit: int | None = typer.Option(None, "--limit", min=0, help="Show so many at most.", show_default="all"),
    store: Path | None = _terminal.STORE,
    json: bool = _terminal.JSON,
) -> None:
    """One line for each run, those that failed included."""
    from practicum.runs.folder import Folder
    from practicum.runs.rows import COLUMNS

    folder = Folder(store)
    gc.freeze()  # else Python looks through all that is imported once more for every few thousand rows
    try:
        found = _terminal.watched("reading", lambda report: folder.entries(where, lambda done: report("reading", done)))
    finally:
        gc.unfreeze()
    if sort != "id":
        from practicum.runs.where import sorted_by

        found = sorted_by(sort, found)
    rows = [entry.row for entry in found[:limit]]
    if json:
        _terminal.print_json(rows)
        return
    if not rows:
        nothing = f"No runs in {folder.folder} yet; practicum solve makes one."
        typer.echo("No run matches." if where or found else nothing)
        return
    columns = zip(*map(itemgetter(*COLUMNS), rows))
    cells = list(zip(*map(_column, COLUMNS, columns)))
    (_terminal.print_plain if len(cells) > _MANY else _terminal.print_table)(list(COLUMNS), cells)
    for row in rows:
        if row["status"] == "damaged":
            typer.echo(printable(row["problem"]), err=True)
    if len(rows) < len(found):
        typer.echo(f"{len(rows)} of {len(found)} runs are shown.")
    failed = sum(row["status"] == "failed" for row in rows)
    if failed:
        typer.echo(f"{failed} run(s) failed; practicum runs show ID says why.")


@app.command("show")
def show_run(
    run: str = RUN,
    store: Path | None = _terminal.STORE,
    bibtex: bool = typer.Option(False, "--cite", help="Print only the BibTeX of what the run rests on."),
    json: bool = _terminal.JSON,
) -> None:
    """Everything about one run: results, configuration, versions, citation; or why it failed."""
    import json as text

    from practicum.runs.folder import Folder
    from practicum.runs.reading import expected

    folder = Folder(store)
    found = folder.find(run)
    failure = folder.failure(found)
    if failure is not None:
        _show_failure(folder.folder, found, failure, json)
        return
    from practicum.cli._summary import document, show

    dataset = folder.load(found)
    config, versions = text.loads(dataset.attrs["config"]), text.loads(dataset.attrs["versions"])
    path = folder.folder / f"{found}.nc"
    trajectory = config["kind"] != "study"
    if bibtex:
        typer.echo(dataset.attrs.get("references", ""))
    elif json:
        with expected(path):
            facts = document(found, path, dataset) if trajectory else {"id": found, "kind": "study", "file": str(path)}
        facts |= {"config": config, "versions": versions, "architecture": dataset.attrs["architecture"]}
        _terminal.print_json({**facts, "cite": dataset.attrs.get("cite", "").split(",")})
    else:
        with expected(path):
            show(dataset) if trajectory else typer.echo(str(dataset))
        typer.echo("")
        _show_config(config)
        typer.echo(f"versions: {printable(', '.join(f'{name} {version}' for name, version in versions.items()))}")
        typer.echo(f"architecture: {printable(dataset.attrs['architecture'])}")
        typer.echo(f"cite: {printable(str(dataset.attrs.get('cite', '')))} (--cite prints the BibTeX)")
        typer.echo(f"file: {path}")


@app.command("verify")
def verify_runs(
    runs: list[str] | None = RUNS, store: Path | None = _terminal.STORE, json: bool = _terminal.JSON
) -> None:
    """Read every sealed file completely and compare its SHA-256; exit code 1 if one is damaged. Nothing is changed."""
    from practicum.runs.folder import Folder

    folder = Folder(store)
    prefixes = [folder.find(run) for run in runs] if runs else [""]
    checked = _terminal.watched(
        "verifying",
        lambda report: [
            one for prefix in prefixes for one in folder.verify_files(prefix, lambda done: report("verifying", done))
        ],
    )
    if json:
        _terminal.print_json(
            [
                {
                    "id": path.relative_to(folder.folder).parts[0].partition(".")[0],
                    "kind": kind,
                    "file": path,
                    "whole": not why,
                    "problem": why or None,
                }
                for path, kind, why in checked
            ]
        )
    else:
        count = Counter(kind for _, kind, _ in checked)
        whole = Counter(kind for _, kind, problem in checked if not problem)
        for kind in dict.fromkeys(["run", *count]):
            several = f"{kind.removesuffix('y')}ies" if kind.endswith("y") else f"{kind}s"
            typer.echo(f"{whole[kind]} of {count[kind]} {several} in {folder.folder} are whole.")
    damaged = [problem for _, _, problem in checked if problem]
    for problem in damaged:
        typer.echo(f"practicum: {printable(problem)}", err=True)
    if damaged:
        raise typer.Exit(1)


def _show_failure(folder: Path, run: str, failure: Any, json: bool) -> None:
    import json as text

    config = text.loads(failure.config)
    path = folder / f"{run}.failed"
    if json:
        facts = {"id": run, "kind": config["kind"], "file": path, "status": "failed", "problem": failure.problem}
        _terminal.print_json({**facts, "error": failure.error, "tries": failure.tries, "config": config})
        return
    typer.echo(f"status: failed, {printable(failure.error)} after {failure.tries} tries")
    typer.echo(f"problem: {printable(failure.problem)}\n")
    _show_config(config)
    typer.echo(f"file: {path}")


def _show_config(config: dict[str, Any]) -> None:
    for name, value in config.items():
        typer.echo(printable(f"{name}: {_short(value)}"))


def _column(name: str, values: Sequence[Any]) -> Sequence[str]:
    """One column as text; of a sweep's settings each value is looked at once, however many cells have it."""
    if name in ("id", "time"):
        return values
    cell = lru_cache(maxsize=None, typed=True)(partial(_cell, name))
    return [cell(value) for value in values]


def _cell(name: str, value: Any) -> str:
    if isinstance(value, str):
        return printable(value)
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


app.command("compare")(comparing.compare)
app.command("report")(reporting.report)
app.command("check")(checking.check)
app.command("export")(exporting.export)
app.command("rebuild")(clearing.rebuild)
app.command("prune")(clearing.prune)
