"""Which networks are pruned: order parameters of one, or a labelled array of many."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np

from practicum.errors import ParameterError
from practicum.theory.overlaps import OrderParameters
from practicum.theory.pruned._checks import activation_of
from practicum.theory.pruned._outputs import States, states_of

_NEEDED = ("Q", "R", "T", "v", "v_star")
_NODES = {"Q": ("student", "student_"), "R": ("student", "teacher"), "T": ("teacher", "teacher_")}
_NODES |= {"v": ("student",), "v_star": ("teacher",)}


class Source(NamedTuple):
    """Networks in a row, and how to lay out results again.

    Main arguments:
        states: arrays with one leading axis.
        sizes: name and length of the axes that this one stands for.
        coordinates: of those axes.
        activation: of all networks.
    """

    states: States
    sizes: dict[str, int]
    coordinates: dict[str, Any]
    activation: str


def source_of(what: str, source: Any, activation: str | None) -> Source:
    """One network as a row of one, or every network of a Dataset."""
    if isinstance(source, OrderParameters):
        states = States(*(a[None] for a in states_of(source)))
        return Source(states, {}, {}, activation_of(what, "erf" if activation is None else activation))
    missing = [name for name in _NEEDED if name not in getattr(source, "data_vars", ())]
    if missing:
        raise ParameterError(
            f"{what} needs OrderParameters, or a Dataset with Q, R, T, v and v_star as solve and simulate return it. "
            f"Got a {type(source).__name__} without {', '.join(missing)}."
        )
    for name, dims in _NODES.items():
        if not set(dims) <= set(source[name].dims):
            raise ParameterError(
                f"The '{name}' of the Dataset of {what} must have the dimension(s) {', '.join(dims)}. "
                f"Got {', '.join(map(str, source[name].dims)) or 'none'} instead."
            )
    if activation is None:
        config = json.loads(source.attrs.get("config", "{}"))
        activation = config.get("machine", {}).get("activation")
        if activation is None:
            raise ParameterError(
                f"{what} reads the activation from the attributes of the Dataset, and arithmetic drops them: pass "
                "activation=..., or the original Dataset."
            )
    import xarray as xr

    # What has no axis of its own, such as the teacher, is the same along those of the others.
    kinds = {name for dims in _NODES.values() for name in dims}
    like = sum(
        xr.zeros_like(source[name].isel(dict.fromkeys(dims, 0), drop=True), dtype=float)
        for name, dims in _NODES.items()
    )
    lead = [str(name) for name in like.dims if name not in kinds]  # pyright: ignore[reportAttributeAccessIssue]
    shape = tuple(source.sizes[name] for name in lead)
    arrays = []
    for name, dims in _NODES.items():
        values = (source[name] + like).transpose(*lead, *dims).values.astype(np.float64)
        arrays.append(values.reshape(-1, *values.shape[len(shape) :]))
    coordinates = {
        str(name): coordinate
        for name, coordinate in like.coords.items()  # pyright: ignore[reportAttributeAccessIssue]
        if name not in kinds
    }
    Q, R, T, v, v_star = arrays
    return Source(States(Q, R, T, v, v_star), dict(zip(lead, shape)), coordinates, activation_of(what, activation))
