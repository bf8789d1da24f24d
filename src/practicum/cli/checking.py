"""``practicum runs check``: does this machine compute what is stored?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from practicum.cli import _terminal
from practicum.cli.computing import WORKERS

if TYPE_CHECKING:
    from practicum.runs.checking import Agreement

_RUNS = typer.Argument(None, help="Ids or their first digits; all runs if none is given.", show_default=False)
TOLERANCE = typer.Option(
    None,
    "--tolerance",
    min=0.0,
    help="Largest relative difference that is allowed.",
    show_default="0 on the versions and architecture of then, 1e-8 elsewhere",
)


def check(
    runs: list[str] | None = _RUNS,
    store: Path | None = _terminal.STORE,
    tolerance: float | None = TOLERANCE,
    workers: int | None = WORKERS,
    json: bool = _terminal.JSON,
) -> None:
    """Compute stored runs anew, in memory, and compare them with their files; exit code 1 if one differs.

    The same configuration, seeds, versions and CPU architecture give the same bits, so nothing less is accepted there.
    Other versions and processors may round in another order, which is 1e-16 at first and grows where learning is
    unstable: there 1e-8 is allowed. Weights and trainings also depend on the width of the vector registers, which
    practicum doctor prints and a run does not record: between two kinds of processor give them a --tolerance.

    Parts of a study are computed by their study only: practicum reproduce STUDY --check.
    """
    from practicum.runs.checking import check_all
    from practicum.runs.store import Store

    folder = Store(store)
    found = _terminal.watched(
        "checking",
        lambda report: list(
            check_all(
                folder,
                runs or (),
                tolerance=tolerance,
                workers=workers,
                progress=lambda done: report("checking", done),
            )
        ),
    )
    show(found, json)


def show(found: list[Agreement], json: bool) -> None:
    """Print the verdicts, and leave with exit code 1 if one is bad."""
    from collections import Counter
    from typing import get_args

    from practicum.disk.texts import printable
    from practicum.runs.checking import Verdict

    if json:
        _terminal.print_json([agreement.to_dict() for agreement in found])
    elif not found:
        typer.echo("There is no run to check.")
    else:
        _terminal.print_table(
            ["id", "kind", "verdict", "computed by"],
            [[a.run, *map(printable, (a.kind, a.words, _changed(a)))] for a in found],
        )
        counts = Counter(agreement.verdict for agreement in found)
        shown = [f"{counts[verdict]} {verdict}" for verdict in get_args(Verdict) if counts[verdict]]
        typer.echo(f"{len(found)} run(s): {', '.join(shown)}.")
        for agreement in found:
            if agreement.problem and not agreement.fails:
                typer.echo(printable(f"{agreement.run}: {agreement.problem}"))
    for agreement in found:
        if agreement.problem and agreement.fails:
            typer.echo(printable(f"practicum: {agreement.problem}"), err=True)
    if any(agreement.fails for agreement in found):
        raise typer.Exit(1)


def _changed(agreement: Agreement) -> str:
    return ", ".join(f"{name} {then}, now {now}" for name, (then, now) in agreement.changed.items())
