"""The report that compares runs: the settings in which they differ, their curves in one figure, what each came to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from practicum.canonical import sha256
from practicum.citations import bibtex, entries
from practicum.errors import ParameterError
from practicum.report import document, numbers
from practicum.report.settings import text
from practicum.report.several import UNKNOWN, Member, finals_of, member, settings_of
from practicum.report.stored import page_of_runs, together
from practicum.report.trainings import trainings_together
from practicum.runs.compare import ABSENT, differing

if TYPE_CHECKING:
    from practicum.report.series import Final
    from practicum.runs.folder import Folder

REPORTS = "practicum-reports"
MOST_RUNS = 24
"""Curves that one figure can show and columns that a reader can follow."""
_ENDING = ".html"


def compare(store: Folder, ids: Iterable[str], output: str | Path | None = None) -> Path:
    """Write one page that compares runs, and return its path.

    Main arguments:
        store: where the runs are.
        ids: which, by the first digits of their ids, in the order of the page. Of a single run the page is the one that
            :func:`~practicum.report.of_runs` writes.

    Other arguments:
        output: the file, if it ends in ``.html``, else its folder; ``practicum-reports`` in the current folder if not
            given. The name in a folder is made of the ids.

    A run that failed or is damaged has a column that says so. The same runs give the same bytes.

    Raises:
        ParameterError: there is no run, or there are more than 24.
        StorageError: there is no such run, or the page cannot be written.
    """
    runs = list(dict.fromkeys(store.find(prefix) for prefix in ids))
    path = Path(output or REPORTS)
    if path.suffix.lower() != _ENDING:
        name = runs[0] if len(runs) == 1 else f"comparison-{sha256(','.join(runs))[:8]}"
        path = path / f"{name}{_ENDING}"
    document.write_whole(path, page(store, runs))
    return path


def page(store: Folder, ids: Iterable[str]) -> str:
    """The text of the page that :func:`compare` writes.

    Raises:
        ParameterError, StorageError: as :func:`compare`.
    """
    runs = list(dict.fromkeys(store.find(prefix) for prefix in ids))
    if not 1 <= len(runs) <= MOST_RUNS:
        raise ParameterError(
            f"A comparison has 1 to {MOST_RUNS} runs, because it has a column for each. Got {len(runs)} instead; "
            "practicum report writes a page with a section for each of any number."
        )
    if len(runs) == 1:
        return page_of_runs(store, runs)
    members = [member(store, run) for run in runs]
    data = [None if one.data is None else document.digest_of_data(one.data) for one in members]
    digest = document.digest_of("comparison", runs, [one.problem for one in members], data)
    return document.render("compared.html.j2", digest, _values(members))


def _values(members: Sequence[Member]) -> dict[str, Any]:
    keys = [key for one in members if one.data is not None for key in str(one.data.attrs.get("cite", "")).split(",")]
    settings = [(name, [text(value) for value in values]) for name, values in settings_of(members).items()]
    finals = [(_words(name), [_measured(one) for one in found]) for name, found in finals_of(members).items()]
    return {
        "members": members,
        "settings": settings,
        "finals": finals,
        "figures": list(filter(None, (_curves(members), trainings_together(_trainings(members))))),
        "made": _made(members),
        "citations": bibtex(key for key in keys if key in entries()),
        "command": " ".join(["practicum runs report", *(one.id for one in members)]),
    }


def _words(name: str) -> str:
    return name.replace("_", " ")


def _measured(final: Final | None) -> str:
    return "none" if final is None else numbers.measured(final.value, final.error)


def _curves(members: Sequence[Member]) -> dict[str, Any] | None:
    runs = [(one.id, one.data, one.problem) for one in members]
    return together(runs, {one.id: one.config for one in members})


def _trainings(members: Sequence[Member]) -> dict[str, Any]:
    return {one.id: one for one in members if one.data is not None and one.config.get("kind") == "train"}


def _made(members: Sequence[Member]) -> list[tuple[str, list[str]]]:
    """Versions and architectures that are not the same for all runs."""
    tables = []
    for one in members:
        attributes = {} if one.data is None else one.data.attrs
        found = json.loads(attributes.get("versions", "{}"))
        tables.append({**found, "architecture": attributes["architecture"]} if attributes else None)
    known = [table for table in tables if table is not None]
    names = differing(known)
    return [(name, [UNKNOWN if table is None else table.get(name, ABSENT) for table in tables]) for name in names]
