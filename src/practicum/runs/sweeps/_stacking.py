"""Arrays of many runs on top of each other: padded to the largest where their shapes differ."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from practicum.runs.netcdf import Arrays, Variable

STATUS = "status"
SEEDS = ("seed",)
"""What is said of each seed is a result, and no label even where it is the same in all runs."""


@dataclass(frozen=True)
class Shape:
    """What is known of a variable without its numbers.

    Main arguments:
        dims, sizes: without the axis of the runs.
        dtype: as NumPy writes it, such as ``"<f8"``.
        whole: every run has it, and in this shape; otherwise the rest is NaN, or "" in text.
        attributes: ``long_name`` and the like.
    """

    dims: tuple[str, ...]
    sizes: tuple[int, ...]
    dtype: str
    whole: bool
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Outline:
    """What is known of many runs without their numbers.

    Main arguments:
        shapes: of every variable.
        labels: of every dimension that has some, and other coordinates along one dimension; None where those of two
            runs contradict each other. Runs may have fewer than others.
        attributes: those that all runs agree on.
        cite: keys of the literature of any of them.
        lacking: whether a run has no result.
    """

    shapes: dict[str, Shape]
    labels: dict[str, np.ndarray | None]
    attributes: dict[str, Any]
    cite: tuple[str, ...]
    lacking: bool

    def to_json(self) -> dict[str, Any]:
        """As values of JSON."""
        labels = {name: None if found is None else _encoded(found) for name, found in self.labels.items()}
        shapes = {name: asdict(shape) for name, shape in self.shapes.items()}
        return {**asdict(self), "shapes": shapes, "labels": labels, "cite": list(self.cite)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Outline:
        """The inverse of :meth:`to_json`."""
        shapes = {
            name: Shape(**{**shape, "dims": tuple(shape["dims"]), "sizes": tuple(shape["sizes"])})
            for name, shape in values["shapes"].items()
        }
        labels = {name: None if found is None else _decoded(found) for name, found in values["labels"].items()}
        return cls(**{**values, "shapes": shapes, "labels": labels, "cite": tuple(values["cite"])})


def stack(runs: Sequence[Arrays | str]) -> tuple[Outline, dict[str, np.ndarray]]:
    """The arrays of runs, each with the runs along its first axis.

    Main arguments:
        runs: emptied on the way, so that the numbers are in memory once; or, of a run without a result, its status.
    """
    present = [run for run in runs if isinstance(run, Arrays)]
    for run in present:
        run.variables.setdefault(STATUS, Variable((), np.array("ok"), {}))
    labels: dict[str, np.ndarray | None] = {}
    for run in present:
        for name, found in run.variables.items():
            if found.dims == (name,) or (name in run.coordinates and len(found.dims) == 1 and found.dims != SEEDS):
                labels[name] = _agreed(labels.get(name, found.values), found.values)
    attributes = _common([{name: plain(value) for name, value in run.attributes.items()} for run in present])
    cite = list(dict.fromkeys(key for run in present for key in str(run.attributes.get("cite", "")).split(",") if key))
    lengths: dict[str, int] = {}
    for run in present:
        for found in run.variables.values():
            for dim, size in zip(found.dims, found.values.shape):
                lengths[dim] = max(size, lengths.get(dim, 0))
    shapes, stacked = {}, {}
    for name in dict.fromkeys([name for run in present for name in run.variables] + [STATUS]):
        found = [None if isinstance(run, str) else run.variables.pop(name, None) for run in runs]
        words = [run if isinstance(run, str) else "" for run in runs] if name == STATUS else None
        shapes[name], stacked[name] = _stack(found, words, lengths)
    return Outline(shapes, labels, attributes, tuple(cite), len(present) < len(runs)), stacked


def together(outlines: Sequence[Outline]) -> Outline:
    """The outline of all runs, from those of parts of them."""
    lengths: dict[str, int] = {}
    for outline in outlines:
        for shape in outline.shapes.values():
            for dim, size in zip(shape.dims, shape.sizes):
                lengths[dim] = max(size, lengths.get(dim, 0))
    shapes = {}
    for name in dict.fromkeys(name for outline in outlines for name in outline.shapes):
        found = [outline.shapes[name] for outline in outlines if name in outline.shapes]
        dims = merged(shape.dims for shape in found)
        sizes = tuple(lengths[dim] for dim in dims)
        same = len(found) == len(outlines) and all((shape.dims, shape.sizes) == (dims, sizes) for shape in found)
        whole = same and all(shape.whole for shape in found)
        dtype = common_dtype([np.dtype(shape.dtype) for shape in found], whole)
        attributes = next((shape.attributes for shape in found if shape.attributes), {})
        shapes[name] = Shape(dims, sizes, dtype.str, whole, attributes)
    labels = {}
    for outline in outlines:
        for name, mine in outline.labels.items():
            labels[name] = _agreed(labels.get(name, mine), mine)
    cite = tuple(dict.fromkeys(key for outline in outlines for key in outline.cite))
    known = [outline for outline in outlines if outline.shapes.keys() != {STATUS} or not outline.lacking]
    attributes = _common([outline.attributes for outline in known])
    return Outline(shapes, labels, attributes, cite, any(outline.lacking for outline in outlines))


def placed(values: np.ndarray, dims: Sequence[str], shape: Shape, *, everywhere: bool = False) -> np.ndarray:
    """Stacked arrays with dimensions `dims` in a larger shape.

    Other arguments:
        everywhere: along dimensions that they have not, they are the same; otherwise they stand at the first place.
    """
    if tuple(dims) == shape.dims and values.shape[1:] == shape.sizes:
        return values.astype(shape.dtype, copy=False)
    ordered = values.transpose(0, *(1 + dims.index(dim) for dim in shape.dims if dim in dims))
    own = dict(zip((dim for dim in shape.dims if dim in dims), ordered.shape[1:]))
    target = np.full((len(values), *shape.sizes), fill(np.dtype(shape.dtype)), dtype=shape.dtype)
    absent = slice(None) if everywhere else slice(1)
    where = (slice(None), *(slice(own[dim]) if dim in own else absent for dim in shape.dims))
    target[where] = ordered.reshape(len(values), *(own.get(dim, 1) for dim in shape.dims))
    return target


def fill(dtype: np.dtype) -> Any:
    """What stands where there is nothing."""
    return "" if dtype.kind == "U" else np.nan if dtype.kind in "fc" else 0


def common_dtype(dtypes: Sequence[np.dtype], whole: bool) -> np.dtype:
    """A type that holds all of these, and NaN unless nothing is missing."""
    if len({dtype.kind == "U" for dtype in dtypes}) == 2:
        return np.result_type(*(dtype if dtype.kind == "U" else np.dtype("U32") for dtype in dtypes))
    dtype = np.result_type(*dtypes)
    return np.dtype("f8") if dtype.kind in "biu" and not whole else dtype


def merged(several: Any) -> tuple[str, ...]:
    """All dimensions, in the order of whoever has most of them."""
    return tuple(dict.fromkeys(dim for dims in sorted(several, key=len, reverse=True) for dim in dims))


def plain(value: Any) -> Any:
    """An attribute as values of JSON, which has neither NaN nor infinity."""
    value = value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int)) or (isinstance(value, float) and abs(value) < np.inf) else str(value)


def _stack(
    found: Sequence[Variable | None], words: Sequence[str] | None, lengths: Mapping[str, int]
) -> tuple[Shape, np.ndarray]:
    present = [variable for variable in found if variable is not None]
    dims = merged(variable.dims for variable in present)
    sizes = tuple(lengths[dim] for dim in dims)
    whole = len(present) == len(found) and all(v.dims == dims and v.values.shape == sizes for v in present)
    dtypes = [variable.values.dtype for variable in present]
    dtypes += [np.dtype(f"U{max(map(len, words))}")] if words is not None and any(words) else []
    attributes = next((v.attributes for v in present if v.attributes), {})
    shape = Shape(dims, sizes, common_dtype(dtypes, whole).str, whole, {k: plain(v) for k, v in attributes.items()})
    stacked = np.full((len(found), *sizes), fill(np.dtype(shape.dtype)), dtype=shape.dtype)
    for row, variable in enumerate(found):
        if variable is not None:
            stacked[row] = placed(variable.values[None], variable.dims, shape)[0]
        elif words is not None:
            stacked[row] = words[row]
    return shape, stacked


def _agreed(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    """The longer of two lists of labels if it begins as the other, else None."""
    if first is None or second is None or (first.dtype.kind == "U") != (second.dtype.kind == "U"):
        return None
    short, long = sorted((first, second), key=len)
    numbers = short.dtype.kind == "f" and long.dtype.kind == "f"
    return long if np.array_equal(short, long[: len(short)], equal_nan=numbers) else None


def _common(several: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all mappings say alike."""
    if not several:
        return {}
    return {k: v for k, v in several[0].items() if all(k in other and other[k] == v for other in several[1:])}


def _encoded(labels: np.ndarray) -> dict[str, str]:
    return {"dtype": labels.dtype.str, "bytes": base64.b64encode(np.ascontiguousarray(labels).tobytes()).decode()}


def _decoded(found: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(found["bytes"]), np.dtype(found["dtype"]))
