"""Two runs side by side: the settings, arrays and versions in which they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from practicum.runs.folder import Folder

ABSENT = "absent"
"""What stands for a value that a run does not have."""


@dataclass(frozen=True)
class Difference:
    """How the values of one variable differ between two runs.

    ``words`` says it in short. ``absolute`` is the largest absolute difference and ``relative`` the largest of
    |a - b| / max(|a|, |b|), over elements that are numbers in both; None where the arrays cannot be compared element
    by element. ``unequal`` counts the elements that differ, NaN being equal to NaN.
    """

    words: str
    same_bits: bool = False
    absolute: float | None = None
    relative: float | None = None
    unequal: int | None = None


@dataclass(frozen=True)
class Comparison:
    """In what two runs differ. Every pair is (first, second), and what one of them does not have is "absent".

    ``variables`` are all arrays of both, by name; ``settings``, ``versions`` and ``architecture`` hold only what
    differs.
    """

    runs: tuple[str, str]
    status: tuple[str, str]
    settings: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    variables: dict[str, Difference] = field(default_factory=dict)
    versions: dict[str, tuple[str, str]] = field(default_factory=dict)
    architecture: tuple[str, str] | None = None

    @property
    def same_bits(self) -> bool:
        """Whether both have the same arrays, bit for bit."""
        return bool(self.variables) and all(difference.same_bits for difference in self.variables.values())

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {**asdict(self), "same_bits": self.same_bits}


def compare(folder: Folder, first: str, second: str) -> Comparison:
    """The comparison of two runs of a folder; of a run that failed only the settings are compared.

    Main arguments:
        first, second: ids or their first digits.

    Raises:
        StorageError: there is no such run, several, or one is damaged.
    """
    runs = folder.find(first), folder.find(second)
    (config_a, status_a, a), (config_b, status_b, b) = (_load(folder, run) for run in runs)
    settings = _differing(flat(config_a), flat(config_b))
    if a is None or b is None:
        return Comparison(runs, (status_a, status_b), settings)
    names = dict.fromkeys([*a.variables, *b.variables])
    architectures = str(a.attrs["architecture"]), str(b.attrs["architecture"])
    return Comparison(
        runs,
        (status_a, status_b),
        settings,
        {str(name): _difference(a.variables.get(name), b.variables.get(name)) for name in names},
        _differing(json.loads(a.attrs["versions"]), json.loads(b.attrs["versions"])),
        architectures if architectures[0] != architectures[1] else None,
    )


def _load(folder: Folder, run: str) -> tuple[dict[str, Any], str, xr.Dataset | None]:
    from practicum.runs.rows import describe_status

    failure = folder.failure(run)
    if failure is not None:
        return json.loads(failure.config), "failed", None
    dataset = folder.load(run)
    status = describe_status(dataset["status"]) if "status" in dataset else "ok"
    return json.loads(dataset.attrs["config"]), status, dataset


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted name; a list is one setting."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        inner = flat(value) if isinstance(value, dict) else None
        found |= {name: value} if inner is None else {f"{name}.{key}": entry for key, entry in inner.items()}
    return found


def differing(tables: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """The entries that are not the same in all tables, by name: one value a table, "absent" where it has none."""
    names = dict.fromkeys(name for table in tables for name in table)
    found = {name: tuple(table.get(name, ABSENT) for table in tables) for name in names}
    return {name: values for name, values in found.items() if any(value != values[0] for value in values)}


def _differing(a: dict[str, Any], b: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (values[0], values[1]) for name, values in differing((a, b)).items()}


def _difference(a: xr.Variable | None, b: xr.Variable | None) -> Difference:
    if a is None or b is None:
        return Difference(f"only in the {'second' if a is None else 'first'}")
    if a.dims != b.dims or a.shape != b.shape:
        return Difference(f"{_shape(a)} and {_shape(b)}")
    return _elements(a.values, b.values)


def _elements(a: np.ndarray, b: np.ndarray) -> Difference:
    """The difference of two arrays of one shape."""
    import numpy as np

    numbers = a.dtype.kind in "biuf" and b.dtype.kind in "biuf"
    if not numbers:  # text may be stored with another width
        unequal = int(np.count_nonzero(a.astype(str) != b.astype(str)))
        return Difference(f"{unequal} of {a.size} differ" if unequal else "the same", not unequal, unequal=unequal)
    if a.dtype == b.dtype and a.tobytes() == b.tobytes():
        return Difference("same bits", True, 0.0, 0.0, 0)
    differing = (a != b) & ~(np.isnan(a) & np.isnan(b))
    comparable = differing & np.isfinite(a) & np.isfinite(b)
    unequal, incomparable = int(np.count_nonzero(differing)), int(np.count_nonzero(differing & ~comparable))
    x, y = a[comparable].astype(np.float64), b[comparable].astype(np.float64)
    with np.errstate(over="ignore"):  # of two numbers at opposite ends of the range the difference is infinite
        absolute = np.abs(x - y)
        scale = np.maximum(np.abs(x), np.abs(y))
        largest, relative = float(np.max(absolute, initial=0.0)), float(np.max(absolute / scale, initial=0.0))
    words = f"largest difference {largest:.3g}, relative {relative:.3g}; {unequal} of {a.size} differ"
    if not unequal:  # another type, or the sign of a zero
        words = "equal numbers, other bits"
    elif incomparable:
        words += f", of them {incomparable} NaN or infinite in one"
    return Difference(words, False, largest, relative, unequal)


def _shape(variable: xr.Variable) -> str:
    return f"({', '.join(f'{name}: {length}' for name, length in variable.sizes.items())})"
