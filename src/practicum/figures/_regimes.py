"""Settings that a student may come from: training regimes, initial scales, multiples, selectors of what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.figures._labelled import need, texts
from practicum.figures._labels import shortened
from practicum.figures._seeds import times
from practicum.figures.style import MANY, MARKERS, PAPER

if TYPE_CHECKING:
    import xarray as xr

_KINDS = ("regime", "setting", "multiple", "selector")
_LONG = 64
"""Letters of a name; the middle of a longer one is left out."""


def over_regimes(data: xr.Dataset, dim: str, first: str, *others: str) -> xr.Dataset:
    """The dataset with the dimension `dim`, which may have been ``regime``, ``setting``, ``multiple`` or ``selector``.

    The variable `first` decides. If it has none of them, it and `others` are of a single regime, whose name is that of
    a coordinate left behind by a selection, if there is one.
    """
    if not hasattr(data, "data_vars") or first not in data.variables:
        return data  # need() says it better
    kind = next((kind for kind in _KINDS if kind in data[first].dims), None)
    if kind == "multiple":
        data = data.assign_coords(multiple=times(data))
    if kind is not None:
        return data if kind == dim or dim in data.dims else data.drop_vars(dim, errors="ignore").rename({kind: dim})
    if dim in data.dims:
        return data
    alike = [kind for kind in _KINDS if kind != "multiple"]
    left = next((kind for kind in alike if kind in data.coords and data[kind].ndim == 0), None)
    name = "" if left is None else texts(data[left].expand_dims("one"))[0]
    data = data.drop_vars(dim, errors="ignore")
    alone = [key for key in (first, *others) if key in data.variables]
    return data.assign({key: data[key].expand_dims(dim) for key in alone}).assign_coords({dim: [name]})


def regime_names(figure: str, data: xr.Dataset, dim: str) -> list[str]:
    """Names for a legend: texts as they are, numbers behind the attribute ``label`` of the coordinate."""
    coordinate = need(figure, data, dim, dim)
    before = f"{coordinate.attrs['label']} " if "label" in coordinate.attrs else ""
    return [shortened(f"{before}{text}".strip(), _LONG) for text in texts(coordinate)]


def marks(looks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Markers in the colours of `looks` that can be told apart without a line: the second round of them is open."""
    second = len(MARKERS) if len(looks) < MANY else len(looks)  # from there on colours have an order instead
    return [
        {
            "color": look["color"], "marker": look["marker"],
            "markerfacecolor": look["color"] if i < second else PAPER,
            "markeredgecolor": PAPER if i < second else look["color"],
            "markeredgewidth": 0.5 if i < second else 1.3,
            "markersize": 6.5 if look["marker"] in ("P", "^", "v") else 5.6,
        }
        for i, look in enumerate(looks)
    ]  # fmt: skip


def counted(name: str, known: np.ndarray) -> str:
    """The name, and how many of its seeds have a number if not all do; `known` is (seed)."""
    good, of = int(known.sum()), int(known.size)
    return name if good == of else f"{name}  ({good} of {of} seeds)".strip()
