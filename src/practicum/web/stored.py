"""One stored run for the page: what it holds and its curves, as JSON values."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.canonical import ID_LENGTH
from practicum.errors import StorageError
from practicum.report.series import Final, Series, series_of
from practicum.report.settings import rows
from practicum.runs.failures import failure_path
from practicum.runs.reading import run_path
from practicum.runs.rows import describe_status, described, title_of
from practicum.web.answers import Unknown
from practicum.web.explorable import explorable

if TYPE_CHECKING:
    import xarray as xr

    from practicum.runs.store import Store

MOST_POINTS = 600
"""Points of a curve: more than a screen has pixels for it."""
_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
_NOT_SETTINGS = ("kind", "revision")


def known(store: Store, run: str) -> str:
    """The id of a stored or failed run, checked: nothing else becomes the name of a file.

    Raises:
        Unknown: it is no id, or there is no such run.
    """
    if not _ID.fullmatch(run):
        raise Unknown(f"The id of a run has {ID_LENGTH} digits from 0 to f.")
    if not any(path.exists() for path in (run_path(store.folder, run), failure_path(store.folder, run))):
        raise Unknown(f"There is no run {run} in this store (any more).")
    return run


def details(store: Store, run: str) -> dict[str, Any]:
    """Everything about a run but its numbers; of one that failed or is damaged `problem` says why.

    Raises:
        Unknown: there is no such run.
    """
    run = known(store, run)
    path = run_path(store.folder, run)
    told: dict[str, Any] = {"id": run, "title": title_of({}), "kind": None, "status": "damaged", "problem": None}
    told |= {"settings": [], "versions": {}, "architecture": None, "variables": [], "cite": [], "explore": None}
    told |= _of_file(path if path.exists() else failure_path(store.folder, run))
    folder = str(store.folder.absolute())
    told["python"] = f"from practicum.runs import Store\n\nrun = Store({folder!r}).load({run!r})\n"
    try:
        failure = store.failure(run)
        data = store.load(run) if failure is None else None
    except StorageError as error:
        return {**told, "problem": str(error)}
    text = failure.config if data is None else data.attrs["config"]  # pyright: ignore[reportOptionalMemberAccess]
    row, config = described(text), json.loads(text)
    told |= {"title": title_of(row), "kind": config.get("kind")}
    told["settings"] = rows({name: value for name, value in config.items() if name not in _NOT_SETTINGS})
    if data is None:
        return {**told, "status": "failed", "problem": failure.problem}  # pyright: ignore[reportOptionalMemberAccess]
    told["status"] = describe_status(data["status"].values) if "status" in data.variables else "ok"
    told["versions"] = json.loads(data.attrs["versions"])
    told["architecture"] = data.attrs["architecture"]
    told["cite"] = [key for key in str(data.attrs.get("cite", "")).split(",") if key]
    told["explore"] = explorable(text)
    told["variables"] = [_variable(data, str(name)) for name in data.variables]
    return told


def _of_file(path: Path) -> dict[str, Any]:
    try:
        found = os.stat(path)
    except OSError as error:
        raise Unknown(f"The file {path.name} cannot be looked at: {(error.strerror or str(error)).lower()}.") from None
    created = datetime.fromtimestamp(int(found.st_mtime)).isoformat(" ", "seconds")
    return {"file": str(path.absolute()), "size": found.st_size, "created": created}


def _variable(data: xr.Dataset, name: str) -> dict[str, Any]:
    variable = data.variables[name]
    sizes = {str(dim): size for dim, size in variable.sizes.items()}
    return {"name": name, "dims": sizes, "type": str(variable.dtype), "coordinate": name in data.coords}


def curves(data: xr.Dataset) -> dict[str, Any]:
    """``{groups, left_out}``: the curves of a run, those of one variable together."""
    found, left_out = series_of(data)
    groups: dict[str, list[Series]] = {}
    for series in found:
        groups.setdefault(series.variable, []).append(series)
    return {
        "groups": [
            {"variable": name, "across": each[0].across, "curves": [curve(series) for series in each]}
            for name, each in groups.items()
        ],
        "left_out": left_out,
    }


def curve(series: Series) -> dict[str, Any]:
    """One curve, thinned: mean over seeds, with the band of one standard error where there are several."""
    thin = series.thinned(MOST_POINTS)
    band = bool(np.isfinite(thin.error).any())
    return {
        "name": thin.name,
        "node": thin.node,
        "x": thin.x.tolist(),
        "mean": thin.mean.tolist(),
        "low": (thin.mean - thin.error).tolist() if band else None,
        "high": (thin.mean + thin.error).tolist() if band else None,
        "seeds": int(series.seeds.max(initial=0)),
        "final": final(series.final),
    }


def final(found: Final | None) -> dict[str, Any] | None:
    """The last known point, with the text that a report would print."""
    from practicum.report.numbers import measured

    return None if found is None else {**found._asdict(), "text": measured(found.value, found.error)}
