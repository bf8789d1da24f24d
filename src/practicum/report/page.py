"""The report of a study: its claims with their verdicts, the figures they rest on, and how to make it again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from practicum.citations import bibtex
from practicum.report import document, numbers
from practicum.report.settings import rows
from practicum.runs.provenance import architecture, versions
from practicum.studies.claims import RULE, Claim, Verdict

if TYPE_CHECKING:
    from practicum.studies.claims import Picture, Result

_ONE = {"holds": "holds", "holds in part": "holds in part", "does not hold": "does not hold"}
_SEVERAL = {"holds": "hold", "holds in part": "hold in part", "does not hold": "do not hold"}


def write(result: Result, folder: str | Path) -> Path:
    """Write the report of a study to ``<study>-<scale>.html`` and return its path.

    Main arguments:
        result: what the study found.
        folder: where; it is made if needed.

    A page that shows the same claims, figures and runs already is left as it is, which takes milliseconds; drawing
    takes seconds. The page holds everything it needs and depends on no clock: the same result gives the same bytes.

    Raises:
        StorageError: the folder cannot be written.
        ParameterError: a figure lacks a variable of its data, or a citation key is unknown.
    """
    path = Path(folder) / f"{document.anchor(result.study)}-{document.anchor(result.scale)}.html"
    digest = _digest(result)
    if not document.is_current(path, digest):
        document.write_whole(path, document.render("page.html.j2", digest, _values(result)))
    return path


def _digest(result: Result) -> str:
    pictures = [
        [picture.name, picture.caption, picture.claims, document.digest_of_data(picture.data)]
        for picture in result.pictures
    ]
    return document.digest_of(
        result.study, result.title, result.scale, [claim.to_dict() for claim in result.claims], pictures,
        result.runs, result.config, result.cite, result.notes, versions(), architecture(), RULE,
    )  # fmt: skip


def _values(result: Result) -> dict[str, Any]:
    figures = [_figure(picture, number, result.claims) for number, picture in enumerate(result.pictures, 1)]
    return {
        "result": result,
        "summary": summary(result.claims),
        "counts": _counts(result.claims),
        "claims": [_claim(claim, figures) for claim in result.claims],
        "rule": RULE,
        "figures": figures,
        "settings": rows(result.config),
        "versions": versions(),
        "architecture": architecture(),
        "citations": bibtex(result.cite),
        "command": f"practicum reproduce {result.study} --scale {result.scale}",
    }


def _counts(claims: list[Claim]) -> list[tuple[str, int]]:
    counted = Counter(claim.verdict for claim in claims)
    return [(verdict, counted[verdict]) for verdict in get_args(Verdict) if counted[verdict]]


def summary(claims: list[Claim]) -> str:
    """One sentence: how many claims hold, hold in part, do not hold, or are undecided."""
    if not claims:
        return "No claim was measured."
    counts = _counts(claims)
    if len(claims) == 1:
        verdict = counts[0][0]
        return f"The one claim measured {_ONE.get(verdict, 'is ' + verdict)}."
    parts = [
        f"{count} {(_ONE if count == 1 else _SEVERAL).get(verdict) or ('is ' if count == 1 else 'are ') + verdict}"
        for verdict, count in counts
    ]
    said = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"Of {len(claims)} claims measured, {said}."


def _claim(claim: Claim, figures: list[dict[str, Any]]) -> dict[str, Any]:
    published = claim.published if isinstance(claim.published, str) else numbers.published(claim.published)
    return {
        "name": claim.claim,
        "anchor": _claim_anchor(claim),
        "statement": claim.statement,
        "published": published,
        "measured": numbers.measured(claim.measured, claim.uncertainty),
        "verdict": claim.verdict,
        "remark": claim.remark,
        "figures": [figure for figure in figures if claim in figure["shows"]],
    }


def _claim_anchor(claim: Claim) -> str:
    return "claim-" + document.anchor(claim.claim)


def _figure(picture: Picture, number: int, claims: list[Claim]) -> dict[str, Any]:
    from practicum.report.embed import inline

    name = f"figure-{document.anchor(picture.name)}"
    # "b" names every claim of the family: b, b.K3, b.K5.
    shows = [
        c for c in claims if any(c.claim == wanted or c.claim.startswith(wanted + ".") for wanted in picture.claims)
    ]
    label = f"Figure {number}: {picture.name.replace('-', ' ').replace('_', ' ')}"
    return {
        "number": number,
        "anchor": name,
        "caption": picture.caption,
        "svg": inline(picture.draw(picture.data), name, label, f"{name}-caption"),
        "shows": shows,
        "claims": [{"name": claim.claim, "anchor": _claim_anchor(claim)} for claim in shows],
    }
