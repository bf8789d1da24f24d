"""The trajectory on block-isotropic inputs as labelled arrays, by the names that the simulation uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.theory._error import CODES
from practicum.theory._trajectory import Path, unpack_states
from practicum.theory.labelled import attributes, trajectories
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.subspace._checks import LABELS
from practicum.theory.subspace._moments import gradients_and_errors
from practicum.theory.subspace.blocks import Blocks

if TYPE_CHECKING:
    import xarray as xr

_OVERLAPS = {"Q": ("alpha", "student", "student_"), "R": ("alpha", "student", "teacher"), "T": ("teacher", "teacher_")}
_LONG_NAMES = {"Q": "student-student overlap", "R": "student-teacher overlap", "T": "teacher-teacher overlap"}


def labelled_blocks(
    machine: Committee,
    rule: LearningRule,
    blocks: Blocks,
    share: float,
    scale: float,
    alpha: np.ndarray,
    path: Path,
    settings: dict[str, Any],
) -> xr.Dataset:
    """The Dataset of :func:`~practicum.subspace.solve_blocks`."""
    K, M = machine.students, machine.teachers
    n = K * (K + 1) // 2 + K * M
    states, v = path.states, path.states[:, 2 * n :]
    ends = {}
    for name, block, first in (("inside", blocks.inside, 0), ("outside", blocks.outside, n)):
        Q, R, _ = unpack_states(np.concatenate([states[:, first : first + n], v], axis=1), K, M)
        ends[name] = {"Q": Q, "R": R, "T": block.T}
    whole = {letter: ends["inside"][letter] + ends["outside"][letter] for letter in "QRT"}
    v_star = blocks.inside.v_star
    s = np.concatenate([-v, np.broadcast_to(v_star, (len(v), M))], axis=1)
    inside, outside = (_covariances(**end) for end in ends.values())
    code = CODES[machine.activation]
    law = inside + scale * scale * outside
    oracle, error = gradients_and_errors(law, outside, s, K + M, code)
    fixed, _ = gradients_and_errors(law, outside, s, K, code)
    _, isotropic = gradients_and_errors(inside + outside, outside, s, K, code)
    origin = {"share": share, "scale": scale, "start_outside": blocks.outside.to_dict(), **settings}
    attrs = attributes("solve_blocks", machine, rule, blocks.seen(1.0), **origin)
    attrs["cite"] += ",yang2021robustness,melamed2023adversarial"
    dataset = trajectories(
        alpha, whole["Q"], whole["R"], v, error, whole["T"], v_star,
        status=path.status, alpha_end=path.alpha_end, attrs=attrs,
    )  # fmt: skip
    for name, overlaps in ends.items():
        for letter, values in overlaps.items():
            long_name = f"{_LONG_NAMES[letter]} {name} the data subspace"
            dataset[f"{letter}_{name}"] = (_OVERLAPS[letter], values, {"long_name": long_name})
    dataset["isotropic_error"] = ("alpha", isotropic, {"long_name": "generalization error on isotropic inputs"})
    dataset["outside_gradient"] = (
        ("labels", "alpha"),
        np.stack([oracle, fixed]),
        {"long_name": "mean square of the gradient outside the data subspace"},
    )
    return dataset.assign_coords(labels=list(LABELS))


def _covariances(Q: np.ndarray, R: np.ndarray, T: np.ndarray) -> np.ndarray:
    """[[Q, R], [R^T, T]] at every point, shape (points, K + M, K + M)."""
    teacher = np.broadcast_to(T, (len(Q), *T.shape))
    return np.block([[Q, R], [np.swapaxes(R, 1, 2), teacher]])
