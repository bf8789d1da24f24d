"""(f), (g) Two-layer students near the end of learning: gradients, fan-outs that add up, and nodes to do without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from practicum.networks.inputs import GaussianInputs
from practicum.networks.settings import Training
from practicum.networks.students import Students
from practicum.networks.teachers import SeparatedTeacher

if TYPE_CHECKING:
    from torch import Tensor

    from practicum.networks.mlp import MLP


def aligned_students(config: Any) -> xr.Dataset:
    """Train two-layer students and look, again and again, at alignment, gradient, consistency and deletion.

    The parameters of the configuration: ``hidden, decay, multiple, seeds, inputs, outputs, scale, samples, held_out,
    learning_rate, batch, epochs, steps_per_epoch, observe_at, covered, aligned``.

    Returns what :func:`practicum.specialization.learning.train` does with alignment, fan-out and activity, and over
    (step, seed) what :func:`observe` measures; ``rho`` (teacher, student) is that of the first seed in the end.
    """
    from practicum.networks.training import fit, make_data
    from practicum.specialization.learning import labelled
    from practicum.specialization.observers import Specialization
    from practicum.specialization.streams import follow, rows

    given = config.parameters
    seeds = list(range(given["seeds"]))
    law = GaussianInputs(dimension=given["inputs"], scale=given["scale"])
    value = SeparatedTeacher(
        inputs=given["inputs"], hidden=given["hidden"], outputs=given["outputs"], decay=given["decay"]
    )
    teacher = value.build(seeds, dtype="float32")
    students = Students(multiple=given["multiple"], initial="normal").build(teacher, seeds, dtype="float32")
    data = make_data(law, teacher, seeds, given["samples"], given["held_out"], dtype="float32")
    thresholds = (given["covered"], given["aligned"])
    training = Training(
        learning_rate=given["learning_rate"],
        batch_size=given["batch"],
        epochs=given["epochs"],
        steps_per_epoch=given["steps_per_epoch"],
    )

    def observer(theirs: Any, ours: Any, inputs: Tensor) -> dict[str, Any]:
        return {name: (("seed",), values) for name, values in observe(theirs, ours, inputs, *thresholds).items()}

    observers = [Specialization(thresholds, ("alignment", "fan_out", "activity")), observer]
    result = fit(
        teacher, students, data, training, seeds=seeds, observers=observers, observe_at=list(given["observe_at"])
    )
    result = labelled(result, students.sizes[1:-1], thresholds)
    first = follow(teacher.select([0]), students.select([0]), rows(data.held_out[:1], 500, 1), activity=False)[0]
    return result.assign(rho=(("teacher", "student"), np.squeeze(first.correlation.rho)))


def observe(teacher: MLP, students: MLP, inputs: Tensor, covered: float, aligned: float) -> dict[str, np.ndarray]:
    """What is true of two-layer students as they are, one number a seed.

    gradient: root mean square over samples of the gradient on the hidden pre-activations, see :func:`gradient`;
    observed: share of the teacher nodes whose boundary some student sees samples on both sides of;
    observed_aligned: share of those that have a student with rho > `aligned`, NaN if there are none;
    per_teacher: students with max_j rho > `aligned`, per teacher node;
    residual: root mean square over teacher nodes of |sum_k c_k v_k - v*_j| / |v*_j|, students beyond `aligned`;
    loss_without_unaligned, loss_without_any_below, loss_without_aligned, aligned, unaligned, dead, linear: of
    :func:`practicum.specialization.deletion.delete_unaligned`, at the threshold `covered`.
    """
    from practicum.specialization.consistency import fan_out_consistency
    from practicum.specialization.deletion import delete_unaligned
    from practicum.specialization.streams import follow, rows

    stream = follow(teacher, students, rows(inputs, 500, 1))[0]
    rho = stream.correlation.rho
    seen = (stream.activity.observation > 0).any(axis=-1)
    found = rho.max(axis=-1) > aligned
    counted = seen.sum(axis=-1)
    deleted = delete_unaligned(teacher, students, inputs, covered).isel(layer=0)
    residual = fan_out_consistency(teacher, students, rho, aligned).residual
    names = ("loss_without_unaligned", "loss_without_any_below", "loss_without_aligned")
    classes = ("aligned", "unaligned", "dead", "linear")
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(counted > 0, (seen & found).sum(axis=-1) / counted, np.nan)
    return {
        "gradient": gradient(teacher, students, inputs),
        "observed": seen.mean(axis=-1),
        "observed_aligned": share,
        "per_teacher": (rho.max(axis=-2) > aligned).sum(axis=-1) / rho.shape[-2],
        "residual": np.sqrt((residual**2).mean(axis=-1)),
        **{name: deleted[name].values for name in names},
        **{name: deleted[name].values.astype(float) for name in classes},
    }


def gradient(teacher: MLP, students: MLP, inputs: Tensor) -> np.ndarray:
    """sqrt(E|g|^2) over samples, g = D V^T (f* - f), the descent direction on the pre-activations of two layers, (S,).

    Source: lemma 1 of Tian, ICML 2020, for the lowest layer of two.
    """
    from practicum.specialization.activations import record
    from practicum.specialization.streams import rows

    total = np.zeros(students.seeds)
    for part in rows(inputs, 500, 1):
        ours, theirs = record(students, part), record(teacher, part)
        back = (theirs.outputs - ours.outputs) @ students.weights[1].detach()
        fires = ours.drives[0] > 0
        total += ((back * fires).double() ** 2).sum(dim=(1, 2)).cpu().numpy()
    return np.sqrt(total / inputs.shape[1])
