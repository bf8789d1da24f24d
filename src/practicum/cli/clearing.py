"""``practicum runs rebuild | prune``: the index anew, and what nobody needs removed."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import typer

from practicum.cli import _terminal


def rebuild(store: Path | None = _terminal.STORE, json: bool = _terminal.JSON) -> None:
    """Read every run and make the index anew. It is never needed for right answers, only for fast ones."""
    from practicum.runs.folder import Folder

    folder = Folder(store)
    began = time.perf_counter()
    rows = _terminal.watched("reading", lambda report: folder.rebuild(lambda done: report("reading", done)))
    seconds = time.perf_counter() - began
    count = Counter(row["status"] if row["status"] in ("failed", "damaged") else "stored" for row in rows)
    if json:
        found = {status: count[status] for status in ("stored", "failed", "damaged")}
        _terminal.print_json({**found, "seconds": round(seconds, 3)})
        return
    typer.echo(
        f"{count['stored']} run(s), {count['failed']} failed and {count['damaged']} damaged in {folder.folder} were "
        f"read in {seconds:.1f} s."
    )


def prune(
    where: str = typer.Option(
        "",
        "--where",
        help="Also runs of which this is true, such as \"status == 'failed'\"; damaged ones never.",
        show_default="none",
    ),
    damaged: list[str] | None = typer.Option(
        None, "--damaged", help="Also this run, whose file is damaged; can be repeated.", show_default=False
    ),
    dry_run: bool = typer.Option(True, "--dry-run/--yes", help="Only list what would go, or remove it."),
    store: Path | None = _terminal.STORE,
    json: bool = _terminal.JSON,
) -> None:
    """Remove what nobody needs: leftovers of killed writers, and of runs that are stored by now."""
    from practicum.runs.folder import Folder

    folder = Folder(store)
    removed = folder.prune(where, damaged or (), remove=not dry_run)
    size = sum(removal.size for removal in removed)
    if json:
        files = [{"file": path, "why": why, "size": bytes_} for path, why, bytes_ in removed]
        _terminal.print_json({"removed": not dry_run, "size": size, "files": files})
        return
    if not removed:
        typer.echo(f"Nothing in {folder.folder} is to be removed.")
        return
    for path, why, _ in removed:
        typer.echo(f"{path.name}  {why}")
    what = f"{len(removed)} file(s) of {size / 1e6:.1f} MB in {folder.folder}"
    typer.echo(f"{what} would go; --yes removes them." if dry_run else f"{what} were removed.")
