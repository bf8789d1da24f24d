"""Where the gradient outside the subspace is measured: in a pair of overlaps, or all along a labelled trajectory."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import numpy as np

from practicum.errors import ParameterError
from practicum.theory.subspace._checks import ACTIVATIONS, choice
from practicum.theory.subspace.blocks import checked, checked_scale, covariances, signed_fan_outs

_NEEDED = ("Q", "R", "T", "v", "v_star", "Q_outside", "R_outside", "T_outside")


class Measured(NamedTuple):
    """Mean square of the gradient outside, and the generalization error: floats, or DataArrays of a trajectory."""

    gradient: Any
    error: Any


def measured(what: str, source: Any, activation: str | None, labels: str, scale: float | None) -> Measured:
    """Gradient and error of a pair of overlaps, or of a Dataset that has the overlaps outside the subspace."""
    from practicum.theory._error import CODES
    from practicum.theory.subspace._moments import gradients_and_errors

    if hasattr(source, "data_vars"):
        return _of_dataset(what, source, activation, labels, scale)
    pair = checked(source, what)
    code = CODES[choice(what, "activation", "erf" if activation is None else activation, ACTIVATIONS)]
    inside, outside = covariances(pair)
    law = inside + checked_scale(what, 0.0 if scale is None else scale) ** 2 * outside
    nodes = len(law) if labels == "oracle" else pair.inside.students
    gradient, error = gradients_and_errors(law, outside, signed_fan_outs(pair), nodes, code)
    return Measured(float(gradient), float(error))


def _of_dataset(what: str, dataset: Any, activation: str | None, labels: str, scale: float | None) -> Measured:
    import xarray as xr

    from practicum.theory._error import CODES
    from practicum.theory.subspace._moments import gradients_and_errors

    missing = [name for name in _NEEDED if name not in dataset]
    if missing:
        raise ParameterError(
            f"{what} needs a Dataset with the overlaps outside the subspace, as solve_blocks and simulate(..., "
            f"inputs=BlockIsotropic(...)) return it. Got one without {', '.join(missing)}."
        )
    known_activation, known_scale = _settings(dataset)
    activation, scale = activation or known_activation, known_scale if scale is None else scale
    if activation is None or scale is None:
        raise ParameterError(
            f"{what} reads the activation and the scale of the inputs from the attributes of the Dataset, and "
            "arithmetic drops them: pass activation=... and scale=..., or the original Dataset."
        )
    code = CODES[choice(what, "activation", activation, ACTIVATIONS)]
    square = checked_scale(what, scale) ** 2
    # The teacher has no time axis and v may have fewer axes than Q (after an average): all get those of Q.
    nodes = ("student", "student_")
    lead = tuple(name for name in dataset["Q"].dims if name not in nodes)
    like = dataset["Q"].isel(student=0, student_=0, drop=True)

    def array(name: str, *dims: str) -> np.ndarray:
        return (dataset[name] + xr.zeros_like(like)).transpose(*lead, *dims).values

    teachers = ("teacher", "teacher_")
    parts = {
        end: _joint(array("Q" + end, *nodes), array("R" + end, "student", "teacher"), array("T" + end, *teachers))
        for end in ("", "_outside")
    }
    outside = parts["_outside"]
    s = np.concatenate([-array("v", "student"), array("v_star", "teacher")], axis=-1)
    K = dataset.sizes["student"]
    law = parts[""] + (square - 1.0) * outside
    gradient, error = gradients_and_errors(law, outside, s, law.shape[-1] if labels == "oracle" else K, code)
    found = {"outside_gradient": gradient, "generalization_error": error}
    return Measured(*(xr.DataArray(data, like.coords, lead, name) for name, data in found.items()))


def _joint(Q: np.ndarray, R: np.ndarray, T: np.ndarray) -> np.ndarray:
    top, bottom = np.concatenate([Q, R], axis=-1), np.concatenate([np.swapaxes(R, -1, -2), T], axis=-1)
    return np.concatenate([top, bottom], axis=-2)


def _settings(dataset: Any) -> tuple[str | None, float | None]:
    """Activation and scale as the configuration of a solve_blocks or a simulate says them; None where it does not."""
    config = json.loads(dataset.attrs.get("config", "{}"))
    activation = config.get("machine", {}).get("activation")
    if "scale" in config:
        return activation, float(config["scale"])
    inputs = re.search(r"BlockIsotropic\(.*scale=([^,)]+)", str(config.get("inputs")))
    return activation, float(inputs[1]) if inputs else None
