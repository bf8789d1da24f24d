"""Several stored runs as one: what differs between their settings, and what each came to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from practicum.errors import StorageError
from practicum.report.series import Final, Series, series_of
from practicum.runs.compare import differing, flat
from practicum.runs.rows import describe_status, described, title_of

if TYPE_CHECKING:
    import xarray as xr

    from practicum.runs.folder import Folder

UNKNOWN = "unknown"
_REVISION = "revision"
"""Raised by practicum, set by nobody."""


@dataclass(frozen=True)
class Member:
    """A run among others; of one that failed or is damaged `problem` says why, and there is no `data`."""

    id: str
    title: str
    status: str
    problem: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    data: xr.Dataset | None = None


def member(folder: Folder, run: str) -> Member:
    """The run of a full id.

    Raises:
        StorageError: there is no such run.
    """
    run = folder.find(run)
    try:
        failure = folder.failure(run)
        data = None if failure is not None else folder.load(run)
    except StorageError as error:
        return Member(run, title_of({}), "damaged", str(error))
    text = failure.config if failure is not None else str(data.attrs["config"] if data is not None else "{}")
    title, config = title_of(described(text)), json.loads(text)
    if failure is not None:
        return Member(run, title, "failed", failure.problem, config)
    status = describe_status(data["status"]) if data is not None and "status" in data.variables else "ok"
    return Member(run, title, status, "", config, data)


def settings_of(members: Sequence[Member]) -> dict[str, tuple[Any, ...]]:
    """The settings in which runs differ, each with one value a run; those of a damaged run are "unknown"."""
    known = [one for one in members if one.config]
    found = differing([flat(one.config) for one in known])
    whole: dict[str, tuple[Any, ...]] = {}
    for name, values in found.items():
        if name != _REVISION:
            by_run = dict(zip((one.id for one in known), values))
            whole[name] = tuple(by_run.get(one.id, UNKNOWN) for one in members)
    return whole


def finals_of(members: Sequence[Member]) -> dict[str, list[Final | None]]:
    """What each run came to: for every variable that is one curve in some run, its last known point in each."""
    curves = curves_of(members)
    return {name: [None if one is None else one.final for one in found] for name, found in curves.items()}


def curves_of(members: Sequence[Member]) -> dict[str, list[Series | None]]:
    """The variables that are one curve in some run: for each the curve of every run, None where it has none."""
    each: list[dict[str, Series]] = []
    for one in members:
        found = series_of(one.data, single=True)[0] if one.data is not None else []
        each.append({series.variable: series for series in found})
    names = dict.fromkeys(name for found in each for name in found)
    return {name: [found.get(name) for found in each] for name in names}
