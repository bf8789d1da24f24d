"""Are stored runs what this machine computes now? Each is computed anew in memory and compared with its file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from practicum.errors import ParameterError, StorageError
from practicum.runs.config import config_from_json
from practicum.runs.execute import execute
from practicum.runs.files import read_sealed
from practicum.runs.reading import read_run, run_path
from practicum.runs.store import Store, described

if TYPE_CHECKING:
    import xarray as xr

CLOSE = 1e-8
"""Relative difference up to which runs of other versions, or on another architecture, agree."""
_FLOOR = 1e-6
"""Numbers smaller than this part of a variable's largest are compared as if they were that large: where terms cancel,
what is left is rounding."""

Verdict = Literal["same bytes", "same numbers", "within", "differs", "missing", "not repeated", "damaged"]
_MARKS = ("versions", "architecture", "references")
"""What a file says of the programs that made it, and not of the run."""


@dataclass(frozen=True)
class Agreement:
    """How a stored run compares with the same run computed now.

    Main arguments:
        run, kind: its id, and that of its configuration; of a study's part ``"study NAME: PART"``.
        verdict: ``"same bytes"`` of the whole file; ``"same numbers"`` to the last bit, in a file by other versions;
            ``"within"`` the tolerance; ``"differs"``; ``"missing"`` in the store; ``"not repeated"`` or ``"damaged"``,
            and `problem` says why.
        variable, difference: where the relative difference is largest, and what it is; infinite where numbers cannot
            be compared (NaN in one, another shape, other words).
        tolerance: what was allowed.
        changed: versions and architecture that are not those of then, each (then, now).
    """

    run: str
    kind: str
    verdict: Verdict
    variable: str = ""
    difference: float = 0.0
    tolerance: float = 0.0
    changed: dict[str, tuple[str, str]] = field(default_factory=dict)
    problem: str = ""

    @property
    def fails(self) -> bool:
        """Whether what is stored is not what is computed."""
        return self.verdict in ("differs", "damaged")

    @property
    def words(self) -> str:
        """The verdict in a few words, such as ``"same numbers to 3e-15 (Q)"``."""
        if self.verdict == "within":
            return f"same numbers to {self.difference:.2g} ({self.variable})"
        if self.verdict == "differs":
            return f"differs by {self.difference:.2g} in {self.variable}, more than {self.tolerance:g}"
        return self.verdict

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {**asdict(self), "fails": self.fails, "words": self.words}


def check(
    store: Store,
    prefix: str,
    *,
    tolerance: float | None = None,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
    compute: Callable[..., xr.Dataset] = execute,
) -> Agreement:
    """Compute a stored run anew and compare; nothing is written.

    Main arguments:
        prefix: id of the run, or its first digits.

    Other arguments:
        tolerance: relative difference that is allowed; 0 if not given where versions and architecture are those of
            then, because the same run must have the same bits, and 1e-8 elsewhere, because other versions and other
            processors may round differently.
        workers, progress: see :func:`practicum.runs.execute.execute`.
        compute: called as `execute` is.

    Raises:
        StorageError: there is no such run, or several.
        ParameterError: the tolerance is negative.
    """
    _require(tolerance)
    run = store.find(prefix)
    failure = store.failure(run)
    if failure is not None:
        return Agreement(run, "", "not repeated", problem=f"There is no result, because it failed: {failure.problem}")
    try:
        stored = store.load(run)
    except StorageError as error:
        return Agreement(run, "", "damaged", problem=str(error))
    kind = ""
    try:
        config = config_from_json(stored.attrs["config"])
        kind = _kind(config.model_dump())
        if config.kind == "study":
            sentence = f"Only its study computes it: practicum reproduce {config.study} --check."
            return Agreement(run, kind, "not repeated", problem=sentence)
        computed = compute(config, workers=workers, progress=progress)
    except ParameterError as error:  # of another practicum, or of a machine that has more
        return Agreement(run, kind, "not repeated", problem=str(error))
    return compared(store, run, described(config, computed), tolerance)


def check_all(
    store: Store,
    runs: Sequence[str] = (),
    *,
    tolerance: float | None = None,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Iterator[Agreement]:
    """:func:`check` of several runs, of all if none is named; `progress` is that of all together."""
    ids = [store.find(run) for run in runs] or store.ids()
    for count, run in enumerate(ids):

        def share(fraction: float, before: int = count) -> None:
            if progress is not None:
                progress((before + fraction) / len(ids))

        yield check(store, run, tolerance=tolerance, workers=workers, progress=share)


def compared(store: Store, run: str, fresh: xr.Dataset, tolerance: float | None = None) -> Agreement:
    """How a stored run compares with a dataset that has all that its file would say of itself.

    Raises:
        ParameterError: the tolerance is negative.
    """
    from practicum.runs import netcdf

    _require(tolerance)
    kind = _kind(json.loads(fresh.attrs["config"]))
    path = run_path(store.folder, run)
    if not path.exists():
        return Agreement(run, kind, "missing")
    try:
        stored = read_run(path)
        same = read_sealed(path, f"run {run}") == bytes(netcdf.to_bytes(fresh))
    except StorageError as error:
        return Agreement(run, kind, "damaged", problem=str(error))
    if same:
        return Agreement(run, kind, "same bytes")
    then, now = (_origin(dataset) for dataset in (stored, fresh))
    names = dict.fromkeys([*then, *now])
    pairs = {name: (then.get(name, "absent"), now.get(name, "absent")) for name in names}
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    allowed = tolerance if tolerance is not None else CLOSE if changed else 0.0
    differences = {
        str(name): _distance(stored.variables.get(name), fresh.variables.get(name))
        for name in dict.fromkeys([*stored.variables, *fresh.variables])
    }
    variable, difference = max(differences.items(), key=lambda item: item[1], default=("", 0.0))
    if difference == 0 and not changed and not _same_labels(stored, fresh):
        variable, difference = "attributes", np.inf
    verdict: Verdict = "within" if difference <= allowed else "differs"
    if difference == 0:
        variable, verdict = "", "same numbers"
    return Agreement(run, kind, verdict, variable, float(difference), allowed, changed)


def _require(tolerance: float | None) -> None:
    if tolerance is not None and not tolerance >= 0:
        raise ParameterError(
            f"The 'tolerance' parameter must be >= 0, a relative difference. Got {tolerance!r} instead."
        )


def _origin(dataset: xr.Dataset) -> dict[str, str]:
    """Versions and architecture; of a file that does not say them, which is not ours, as much as it says."""
    try:
        versions = json.loads(dataset.attrs["versions"])
    except ValueError:
        versions = None
    found = versions if isinstance(versions, dict) else {}
    return {
        **{str(name): str(version) for name, version in found.items()},
        "architecture": dataset.attrs["architecture"],
    }


def _kind(values: dict[str, Any]) -> str:
    return f"study {values['study']}: {values['part']}" if values["kind"] == "study" else str(values["kind"])


def _distance(a: xr.Variable | None, b: xr.Variable | None) -> float:
    """The largest relative difference; infinite where there is none, and never 0 unless all bits are the same."""
    if a is None or b is None or a.dims != b.dims or a.shape != b.shape:
        return np.inf
    x, y = a.values, b.values
    if x.dtype.kind not in "biuf" or y.dtype.kind not in "biuf":
        return 0.0 if np.array_equal(x.astype(str), y.astype(str)) else np.inf
    if x.dtype == y.dtype and x.tobytes() == y.tobytes():
        return 0.0
    x, y = x.astype(np.float64), y.astype(np.float64)
    numbers = np.isfinite(x)
    if not np.array_equal(numbers, np.isfinite(y)) or not np.array_equal(x[~numbers], y[~numbers], equal_nan=True):
        return np.inf
    x, y = x[numbers], y[numbers]
    sizes = np.maximum(np.abs(x), np.abs(y))
    scales = np.maximum(sizes, _FLOOR * np.max(sizes, initial=0.0))
    with np.errstate(over="ignore"):
        relative = np.abs(x - y)[scales > 0] / scales[scales > 0]
    return max(float(np.max(relative, initial=0.0)), np.finfo(np.float64).tiny)


def _same_labels(a: xr.Dataset, b: xr.Dataset) -> bool:
    """Whether everything around the numbers is the same, but for the programs that made them."""
    a, b = (
        d.drop_attrs(deep=False).assign_attrs({k: v for k, v in d.attrs.items() if k not in _MARKS}) for d in (a, b)
    )
    return a.identical(b)
