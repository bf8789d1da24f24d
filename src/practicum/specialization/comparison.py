"""Compare a teacher with a student: every measure of resemblance in one labelled array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.errors import ParameterError
from practicum.specialization.activity import Activity
from practicum.specialization.correlation import Correlation
from practicum.specialization.matching import alignment, assign, best_correlation, checked_threshold, coverage
from practicum.specialization.padding import padded

if TYPE_CHECKING:
    import xarray as xr

_PAIRS, _TEACHER, _STUDENT = ("teacher", "student"), ("teacher",), ("student",)


def compare(
    teacher: Any,
    student: Any,
    inputs: Any = None,
    layers: Any = None,
    *,
    threshold: float = 0.95,
) -> xr.Dataset:
    """Who resembles whom: correlations of every teacher node with every student node, and what follows from them.

    Main arguments:
        teacher, student: two networks: MLPs, Ensembles, or any ``nn.Module``; or their activations: arrays (samples,
            nodes), with an axis of seeds in front if there are several; or a dict or list of those, one a layer.
        inputs: for networks: an array or tensor (samples, ...), or a stream of batches of any length, such as a data
            loader. For activations nothing.

    Other arguments:
        layers: for networks: names of modules to compare, the same for both or pairs (teacher's, student's). If not
            given, the hidden layers of an MLP, and the activation functions of another module, in their order.
        threshold: of the coverage and of ``aligned``.

    Returns a Dataset over ``layer`` (from 1, with the coordinates ``teacher_layer`` and ``student_layer``, the names),
    ``teacher`` and ``student``, and ``seed`` in front if there are several:
        rho (teacher, student): centred Pearson correlation; 0 for a constant node;
        best_correlation, best_student (teacher): max_k rho_jk and its k;
        assigned_student, assigned_correlation (teacher): the best assignment in which no student serves two, -1 and NaN
            where there are too few;
        alignment, aligned (student): max_j rho_jk, and whether it exceeds the threshold;
        mean_best_correlation, coverage: over the teacher nodes;
        observation (teacher, student): the share of samples the student sees on the rarer side of a teacher's boundary;
        activity (student), teacher_activity (teacher): the share of samples on which a node fires;
        constant_teacher, constant_student, dead, linear: flags.
    Layers narrower than the widest are filled up with NaN, -1 and False; ``teachers`` and ``students`` (layer) say how
    wide they are.

    Raises:
        ParameterError: weights or inputs are not finite or empty, a layer does not exist, or numbers of layers or of
            samples differ.
    """
    limit = checked_threshold(threshold)
    if _is_network(teacher) or _is_network(student):
        found = _of_networks(teacher, student, inputs, layers)
    else:
        found = _of_activations(teacher, student, inputs, layers)
    return _labelled(found, limit)


Found = list[tuple[str, str, Correlation, Activity]]


def _of_networks(teacher: Any, student: Any, inputs: Any, layers: Any) -> Found:
    from practicum.specialization.streams import batches_of, follow

    if not (_is_network(teacher) and _is_network(student)):
        raise ParameterError(
            "compare needs two networks or two sets of activations. Got "
            f"{type(teacher).__name__} and {type(student).__name__} instead."
        )
    if inputs is None:
        raise ParameterError(
            "compare needs inputs to send through two networks; pass compare(teacher, student, inputs)."
        )
    for name, network in (("teacher", teacher), ("student", student)):
        bad = [key for key, value in network.state_dict().items() if not bool(value.isfinite().all())]
        if bad:
            raise ParameterError(
                f"The weights of the {name} must be finite. '{bad[0]}' is not; repair the checkpoint it comes from, or "
                "leave out the seed that diverged."
            )
    batches = batches_of(inputs, student)
    return [(s.teacher, s.student, s.correlation, s.activity) for s in follow(teacher, student, batches, layers)]


def _of_activations(teacher: Any, student: Any, inputs: Any, layers: Any) -> Found:
    if inputs is not None or layers is not None:
        raise ParameterError(
            "Activations come without inputs and layers, because they are what a network has made of them; pass two "
            "networks, or compare(teacher_activations, student_activations)."
        )
    theirs, ours = _by_name(teacher), _by_name(student)
    if len(theirs) != len(ours) or not theirs:
        raise ParameterError(
            "Teacher and student must have as many layers as each other, and at least one. Got "
            f"{len(theirs)} and {len(ours)} instead."
        )
    return [
        (a, b, Correlation().update(theirs[a], ours[b]), Activity().update(theirs[a], ours[b]))
        for a, b in zip(theirs, ours)
    ]


def _by_name(values: Any) -> dict[str, Any]:
    if isinstance(values, Mapping):
        return {str(name): value for name, value in values.items()}
    single = hasattr(values, "ndim") or not isinstance(values, Sequence)
    return {str(k + 1): value for k, value in enumerate([values] if single else values)}


def _labelled(found: Found, limit: float) -> xr.Dataset:
    import xarray as xr

    each: list[dict[str, tuple[tuple[str, ...], np.ndarray]]] = []
    for _, _, correlation, activity in found:
        rho = correlation.rho
        rho = rho.reshape(-1, *rho.shape[-2:])
        best, students = best_correlation(rho), assign(rho)
        chosen = np.take_along_axis(rho, np.maximum(students, 0)[..., None], axis=-1)[..., 0]
        each.append(
            {
                "rho": (_PAIRS, rho),
                "best_correlation": (_TEACHER, best),
                "best_student": (_TEACHER, rho.argmax(axis=-1)),
                "assigned_student": (_TEACHER, students),
                "assigned_correlation": (_TEACHER, np.where(students < 0, np.nan, chosen)),
                "alignment": (_STUDENT, alignment(rho)),
                "aligned": (_STUDENT, alignment(rho) > limit),
                "mean_best_correlation": ((), best.mean(axis=-1)),
                "coverage": ((), coverage(best, limit)),
                "observation": (_PAIRS, activity.observation),
                "activity": (_STUDENT, activity.student),
                "teacher_activity": (_TEACHER, activity.teacher),
                "constant_teacher": (_TEACHER, correlation.constant_teacher),
                "constant_student": (_STUDENT, correlation.constant_student),
                "dead": (_STUDENT, activity.dead),
                "linear": (_STUDENT, activity.linear),
            }
        )
    counts = [layer["rho"][1].shape[0] for layer in each]
    seeds = max(counts)
    if not {1, seeds} >= set(counts):
        raise ParameterError(f"All layers must have as many seeds as each other, or 1. Got {counts} instead.")
    variables: dict[str, Any] = {
        "teachers": ("layer", [layer["rho"][1].shape[1] for layer in each]),
        "students": ("layer", [layer["rho"][1].shape[2] for layer in each]),
    }
    for name, (dims, first) in each[0].items():
        # A teacher that all seeds share has no axis of seeds.
        layers = [_spread(layer[name][1], seeds, len(dims)) for layer in each]
        variables[name] = (
            ("seed", "layer", *dims),
            padded(layers, {"f": np.nan, "i": -1, "b": False}[first.dtype.kind]),
        )
    data = xr.Dataset(
        variables,
        coords={
            "seed": np.arange(seeds),
            "layer": np.arange(1, len(each) + 1),
            "teacher": np.arange(max(variables["teachers"][1])),
            "student": np.arange(max(variables["students"][1])),
            "teacher_layer": ("layer", [f[0] for f in found]),
            "student_layer": ("layer", [f[1] for f in found]),
            "threshold": limit,
        },
        attrs={"kind": "specialization", "samples": found[0][2].samples, "cite": "tian2019luck,tian2020student"},
    )
    return data if seeds > 1 else data.isel(seed=0, drop=True)


def _spread(values: np.ndarray, seeds: int, axes: int) -> np.ndarray:
    """(seed, ...) with as many axes after the seed as asked for."""
    own = values.shape[values.ndim - axes :]
    return np.broadcast_to(values.reshape(-1, *own), (seeds, *own))


def _is_network(value: Any) -> bool:
    # Without importing torch: arrays of activations can be compared where it is not installed.
    return hasattr(value, "named_parameters") and hasattr(value, "forward")
