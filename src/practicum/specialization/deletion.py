"""Are students that resemble no teacher node of any use? Delete them and see what the loss does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from practicum.errors import ParameterError
from practicum.networks.mlp import MLP
from practicum.specialization.activations import record
from practicum.specialization.matching import alignment, checked_threshold
from practicum.specialization.padding import padded
from practicum.specialization.pairs import as_batch
from practicum.specialization.streams import follow, rows

if TYPE_CHECKING:
    import xarray as xr

_ROWS = 500
"""Samples that go through the networks at a time."""


def delete(students: MLP, nodes: Sequence[np.ndarray]) -> MLP:
    """A copy of some students without some of their hidden nodes: what these send upwards is set to zero.

    Main arguments:
        nodes: one array (S, n_l) a hidden layer, from the lowest, True for a node that is deleted.

    Raises:
        ParameterError: the shapes are not those of the hidden layers.
    """
    _check(students)
    expected = [(students.seeds, n) for n in students.sizes[1:-1]]
    masks = [np.asarray(mask, dtype=bool) for mask in nodes]
    if [mask.shape for mask in masks] != expected:
        raise ParameterError(
            f"The nodes to delete must be given as arrays of shapes {expected}, one a hidden layer. Got "
            f"{[mask.shape for mask in masks]} instead."
        )
    smaller = students.select(range(students.seeds))
    with torch.no_grad():
        for mask, weight in zip(masks, list(smaller.weights)[1:]):
            weight[torch.from_numpy(mask).to(weight.device).unsqueeze(1).expand_as(weight)] = 0
    return smaller


def delete_unaligned(teacher: Any, students: MLP, inputs: Tensor, threshold: float = 0.95) -> xr.Dataset:
    """The loss of students before and after all nodes with max_j rho_jk < threshold are deleted, in all hidden layers.

    A hidden node belongs to one of four classes. A *dead* one is zero on all inputs and does nothing. A *linear* one is
    on one side of its threshold on all inputs, and not zero: a ReLU that always fires, but also a leaky one, or one
    before BatchNorm, that never does. It resembles no teacher node, and yet the outputs may need it, so that it is
    neither aligned nor in excess. The others are *aligned* or *unaligned*. That unaligned students contribute nothing
    is a statement about those; what deleting the linear ones does as well is told apart.

    Main arguments:
        teacher: a network with the outputs (S or 1, B, C).
        students: MLPs with as many hidden layers.
        inputs: held-out inputs, (B, d) or (1|S, B, d).
        threshold: 0.95 is usual.

    Returns a Dataset over ``seed``, ``layer`` and ``student``:
        loss: mean squared difference of the outputs, over samples and outputs;
        loss_without_unaligned: after deleting the unaligned;
        loss_without_any_below: after deleting all below the threshold, the linear ones too;
        loss_without_aligned: after deleting the aligned instead, for comparison;
        aligned, unaligned, dead, linear (seed, layer): the numbers of nodes in each class;
        student_class (seed, layer, student): its name, "" where the layer is narrower.

    Raises:
        ParameterError: the students are no MLP, the networks have different numbers of layers or of outputs, or inputs
            are missing, of another shape or not finite.

    Source: Tian, "Student Specialization in Deep Rectified Networks With Finite Width and Input Dimension", ICML 2020.
    """
    import xarray as xr

    limit = checked_threshold(threshold)
    _check(students)
    batch = as_batch(inputs, students.weights[0])
    streams = follow(teacher, students, rows(batch, _ROWS, 1))
    classes = []
    for stream in streams:
        close = alignment(stream.correlation.rho) > limit  # as coverage has it
        kind = np.where(close, "aligned", "unaligned")
        kind = np.where((stream.activity.linear | stream.activity.dead) & ~close, "linear", kind)
        dead = stream.correlation.student_mean_square == 0
        classes.append(np.where(dead, "dead", kind).reshape(students.seeds, -1))

    def loss(*deleted: str) -> tuple[str, np.ndarray]:
        return "seed", _loss(teacher, delete(students, [np.isin(c, deleted) for c in classes]), batch)

    named = padded(classes, "")
    return xr.Dataset(
        {
            "loss": loss(),
            "loss_without_unaligned": loss("unaligned", "dead"),
            "loss_without_any_below": loss("unaligned", "dead", "linear"),
            "loss_without_aligned": loss("aligned"),
            **{
                name: (("seed", "layer"), (named == name).sum(-1))
                for name in ("aligned", "unaligned", "dead", "linear")
            },
            "student_class": (("seed", "layer", "student"), named),
        },
        coords={
            "seed": np.arange(students.seeds),
            "layer": np.arange(1, len(classes) + 1),
            "student": np.arange(named.shape[2]),
            "threshold": limit,
        },
        attrs={"kind": "deletion", "cite": "tian2020student"},
    )


def _loss(teacher: Any, students: MLP, batch: Tensor) -> np.ndarray:
    total = np.zeros(students.seeds)
    for part in rows(batch, _ROWS, 1):
        theirs, ours = record(teacher, part).outputs, record(students, part).outputs
        if theirs.shape[-1] != ours.shape[-1]:
            raise ParameterError(
                "Teacher and student must have as many outputs as each other, because the loss compares them. Got "
                f"{theirs.shape[-1]} and {ours.shape[-1]} instead."
            )
        total += ((ours - theirs).double() ** 2).mean(dim=2).sum(dim=1).cpu().numpy()
    return total / batch.shape[1]


def _check(students: Any) -> None:
    if not isinstance(students, MLP):
        raise ParameterError(
            f"Nodes are deleted from an MLP, whose layers are known. Got {type(students).__name__} instead."
        )
