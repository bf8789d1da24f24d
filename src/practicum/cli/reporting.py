"""``practicum runs report``: one page that compares runs."""

from __future__ import annotations

from pathlib import Path

import typer

from practicum.cli import _terminal

_RUNS = typer.Argument(..., help="Ids of runs, or their first digits.", show_default=False)
_OUTPUT = typer.Option(
    None, "--output", help="File of the page (.html), or its folder.", show_default="practicum-reports here"
)


def report(runs: list[str] = _RUNS, store: Path | None = _terminal.STORE, output: Path | None = _OUTPUT) -> None:
    """One HTML page that compares runs: settings that differ, their curves in one figure, final values with errors."""
    from practicum.report import compare
    from practicum.runs.folder import Folder

    page = _terminal.watched("drawing the report", lambda _: compare(Folder(store), runs, output))
    typer.echo(str(page))
