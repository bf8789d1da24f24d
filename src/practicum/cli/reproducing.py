"""``practicum reproduce`` and ``practicum report``: the claims of a paper, measured, and the page that shows them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from practicum.cli import _terminal
from practicum.cli.checking import TOLERANCE, show
from practicum.errors import ParameterError

if TYPE_CHECKING:
    from practicum.runs.checking import Agreement
    from practicum.studies.claims import Claim

REPORTS = "practicum-reports"


def _complete(incomplete: str) -> list[str]:
    from practicum.studies import STUDIES

    return [study for study in (*STUDIES, ALL) if study.startswith(incomplete)]


ALL = "all"
STUDY = typer.Argument(
    ..., help="Name of a study, such as west-saad; all for every one.", autocompletion=_complete, show_default=False
)
SCALE = typer.Option("quick", "--scale", help="quick takes a minute or so, paper is complete.")
CHECK = typer.Option(False, "--check", help="Compare the stored runs with a fresh run instead; nothing is stored.")
OUTPUT = typer.Option(None, "--output", help="Folder of the report.", show_default=f"{REPORTS} here")
RUNS = typer.Argument(
    None, help="Ids of runs or their first digits; all stored runs if none is given.", show_default=False
)


def reproduce(
    study: str = STUDY,
    scale: str = SCALE,
    store: Path | None = _terminal.STORE,
    output: Path | None = OUTPUT,
    check: bool = CHECK,
    tolerance: float | None = TOLERANCE,
    json: bool = _terminal.JSON,
) -> None:
    """Measure every claim of a paper and write the report; runs that are stored already are read, not repeated.

    With --json the claims are printed as one list, and the report is written only if --output says where. With the
    name all, a study that needs a package which is not installed is skipped, and a line says how to get it.

    With --check all runs of the study are computed anew in a temporary folder, and each is compared with the stored
    one as practicum runs check does; exit code 1 if one differs.
    """
    from practicum.studies import STUDIES

    documents: list[Any] = []
    pages: list[Path] = []
    verdicts: list[Agreement] = []
    for name in STUDIES if study == ALL else [study]:
        try:
            if check:
                verdicts += _check(name, scale, store, tolerance)
            else:
                claims, page = _reproduce(name, scale, store, output, json)
                documents += claims
                pages += [] if page is None else [page]
        except ImportError as error:
            if study != ALL or not isinstance(error, ParameterError):
                raise
            typer.echo(f"{name} is skipped: {error}", err=True)
    if check:
        show(verdicts, json)
    elif json:
        _terminal.print_json(documents)
    else:
        if len(pages) > 1:
            typer.echo(f"\nreports: {', '.join(map(str, pages))}")
        where = "" if store is None else f" --store {shlex.quote(str(store))}"
        typer.echo(f"to see the runs in the browser: {_terminal.program()} serve{where}")


def _check(study: str, scale: str, store: Path | None, tolerance: float | None) -> list[Agreement]:
    from tempfile import TemporaryDirectory

    from practicum.networks._torch import missing
    from practicum.studies import check

    # Made here, in the thread that hears an interrupt, so that it is removed in any case.
    with TemporaryDirectory(prefix="practicum-check-") as fresh:
        try:
            return _terminal.watched(
                f"reproducing {study}", lambda say: check(study, scale, store, say, tolerance=tolerance, fresh=fresh)
            )
        except ModuleNotFoundError as error:
            raise missing(error) from None


def _reproduce(
    study: str, scale: str, store: Path | None, output: Path | None, json: bool
) -> tuple[list[dict[str, Any]], Path | None]:
    """The claims, and where their report is, if one was written."""
    from practicum import report
    from practicum.networks._torch import missing
    from practicum.studies import reproduce

    try:
        result = _terminal.watched(f"reproducing {study}", lambda show: reproduce(study, scale, store, show))
    except ModuleNotFoundError as error:  # also a sentence for a person, whatever the study imports first
        raise missing(error) from None
    page = None
    if output is not None or not json:
        page = _terminal.watched("drawing the report", lambda _: report.write(result, output or REPORTS))
    if not json:
        typer.echo(f"{result.title} ({study}, {scale})")
        _print_claims(result.claims)
        typer.echo(f"{len(result.runs)} stored run(s), {result.seconds:.1f} s; report: {page}")
    return [claim.to_dict() for claim in result.claims], page


def report(runs: list[str] | None = RUNS, store: Path | None = _terminal.STORE, output: Path | None = OUTPUT) -> None:
    """Write one HTML page of stored runs; reproduce writes that of a study."""
    from practicum.report import of_runs
    from practicum.runs.store import Store

    page = _terminal.watched("drawing the report", lambda _: of_runs(Store(store), runs or (), output or REPORTS))
    typer.echo(str(page))


def _print_claims(claims: list[Claim]) -> None:
    from practicum.report import numbers, page

    rows = []
    for claim in claims:
        published = claim.published if isinstance(claim.published, str) else numbers.published(claim.published)
        measured = numbers.measured(claim.measured, claim.uncertainty)
        rows.append([claim.claim, claim.statement, published, measured, claim.verdict])
    _terminal.print_table(["claim", "statement", "published", "measured", "verdict"], rows)
    typer.echo(page.summary(claims))
