"""Labelled arrays of order parameters: the one shape that theory and simulation share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.canonical import canonical_json
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters

if TYPE_CHECKING:
    import xarray as xr

_LONG_NAMES = {
    "Q": "student-student overlap",
    "R": "student-teacher overlap",
    "T": "teacher-teacher overlap",
    "v": "student fan-out",
    "v_star": "teacher fan-out",
    "generalization_error": "generalization error",
    "alpha": "updates / input dimension",
}


def trajectories(
    alpha: np.ndarray,
    Q: np.ndarray,
    R: np.ndarray,
    v: np.ndarray,
    generalization_error: np.ndarray,
    T: np.ndarray,
    v_star: np.ndarray,
    *,
    status: Any,
    alpha_end: Any,
    leading: dict[str, Any] | None = None,
    coordinates: dict[str, Any] | None = None,
    attrs: dict[str, Any] | None = None,
) -> xr.Dataset:
    """Order parameters over `alpha` as an :class:`xarray.Dataset`.

    Main arguments:
        alpha: shape (points,), updates / N.
        Q, R, v, generalization_error: shapes ``leading + (points, K, K)``, ``(points, K, M)``, ``(points, K)``,
            ``(points,)``; points that the run did not reach are NaN.
        T, v_star: the teacher, shapes (M, M) and (M,).

    Other arguments:
        status, alpha_end: one value a trajectory. They are coordinates, so that they travel with the data and
            stay out of arithmetic: ``theory - paths.mean("seed")`` works as it reads.
        leading: name and values of the dimensions before alpha (seed, or the axes of a grid), in order.
    """
    import xarray as xr

    leading = leading or {}
    lead = tuple(leading)
    K, M = R.shape[-2:]
    variables = {
        "Q": ((*lead, "alpha", "student", "student_"), Q),
        "R": ((*lead, "alpha", "student", "teacher"), R),
        "T": (("teacher", "teacher_"), T),
        "v": ((*lead, "alpha", "student"), v),
        "v_star": (("teacher",), v_star),
        "generalization_error": ((*lead, "alpha"), generalization_error),
    }
    dataset = xr.Dataset(
        {name: (dims, values, {"long_name": _LONG_NAMES[name]}) for name, (dims, values) in variables.items()},
        coords={
            **{name: np.asarray(values) for name, values in leading.items()},
            "alpha": ("alpha", alpha, {"long_name": _LONG_NAMES["alpha"], "units": "1"}),
            "student": np.arange(K),
            "student_": np.arange(K),
            "teacher": np.arange(M),
            "teacher_": np.arange(M),
            "status": (lead, np.asarray(status)),
            "alpha_end": (lead, np.asarray(alpha_end, dtype=float)),
            **(coordinates or {}),
        },
    )
    dataset.attrs.update(attrs or {})
    return dataset


def attributes(
    kind: str,
    machine: Committee,
    rule: LearningRule,
    start: OrderParameters,
    *,
    cells: Sequence[tuple[Committee, LearningRule]] = (),
    **other: Any,
) -> dict[str, str]:
    """What a dataset says of its origin: kind, canonical configuration, and citation keys of what was used.

    `cells` are the settings of a grid, whose citations are those of all of them.
    """
    used = cells or [(machine, rule)]
    keys = ["saad1995online"]
    if any(rule.inverse_temperature != 1 for _, rule in used):
        keys += ["west1995adaptive", "west1997online"]
    if any(machine.noise or rule.weight_decay for machine, rule in used):
        keys += ["saad1996noise"]
    if any(rule.fan_out_learning_rate for _, rule in used):
        keys += ["goldt2019dynamics"]
    config = {
        "kind": kind,
        "machine": machine.model_dump(),
        "rule": rule.model_dump(),
        "start": start.to_dict(),
        **other,
    }
    return {"kind": kind, "config": canonical_json(config), "cite": ",".join(keys)}
