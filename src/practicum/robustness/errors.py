"""The robust errors of students, each named: who labels the perturbed input, and which perturbed inputs count."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.networks._torch import need_torch
from practicum.robustness import _needs
from practicum.robustness._searches import ERRORS, judged, takes_squares
from practicum.robustness.attacks.base import Attack
from practicum.values import nearest

if TYPE_CHECKING:
    import xarray as xr
    from torch import nn

    from practicum.robustness._asked import Asked


def robust_errors(
    student: nn.Module,
    inputs: Any,
    epsilons: float | Sequence[float],
    *,
    teacher: nn.Module | None = None,
    labels: Any = None,
    attack: Attack | None = None,
    margin: float | None = None,
    subspace: Any = None,
    side: Literal["inside", "outside"] | None = None,
    kinds: Sequence[str] | None = None,
    clean: bool = False,
    perturbed: bool = False,
    seed: int = 0,
) -> xr.Dataset:
    """How wrong a student can be made by perturbations delta no larger than epsilon, in up to five senses.

    With the classes y_s and y_t of student s and teacher t, y the label of the clean input, and the margin of a teacher
    being its largest output minus its second:

    ``fixed_label_error``: P(there is a delta with y_s(x + delta) != y(x)).
    ``oracle_error``: P(there is a delta with y_s(x + delta) != y_t(x + delta)). Degenerate: next to boundaries that
        differ at all there are points on which the two disagree, so that for any student that is not its teacher it
        tends to the mass of inputs within epsilon of the teacher's boundary, however small the difference. What is
        measured falls short of that only where the gap is too narrow for the attack's steps. Compare no students by it.
    ``margin_gated_oracle_error``: the same, but only where the margin of the teacher at x + delta is at least `margin`.
    ``fixed_squared_error``: E max over delta of 1/2 sum over outputs (s(x + delta) - t(x))^2.
    ``oracle_squared_error``: E max over delta of 1/2 sum over outputs (s(x + delta) - t(x + delta))^2.

    If perturbations stay outside a subspace that holds everything the teacher sees, its answers cannot change, and the
    first two, and the last two, are the same.

    An attack finds some perturbations, not all: each number is a lower bound, and differs from the truth by what a
    stronger attack would find.

    Main arguments:
        student: an MLP or an Ensemble, all seeds side by side, or any module from (B, ...) to (B, C).
        inputs: clean, (B, ...) for all seeds, or (S, B, ...).
        epsilons: radii >= 0, in the units of the inputs and the norm of the attack.

    Other arguments:
        teacher: needed by all but the first error; one for all seeds, or one a seed.
        labels: classes of the clean inputs for the first error, (B,) or (S, B); the teacher's if not given.
        attack: how to search; its loss and its judge are set to fit each error, a loss of labels is kept for the first.
            APGD(steps=50, restarts=2) if not given.
        margin: in units of the teacher's outputs. If not given, half the median of the margins on the clean inputs, of
            all seeds together.
        subspace, side: orthonormal columns (d, r), and whether perturbations stay "inside" or "outside".
        kinds: names of the errors wanted; None is all that there are answers to: without a teacher the first, with one
            output the squared ones, and with an attack whose loss is "mse" the squared ones, too.
        clean: whether the radius 0 is added: the errors on the clean inputs themselves.
        perturbed: whether the worst inputs are returned, too, as ``fixed_label_inputs`` and so on, over epsilon, seed,
            ``sample`` and ``input`` (``input_0``, ... if an example has several axes). Where nothing is wrong that is
            the clean input.
        seed: of the attack's random starts.

    Returns:
        A Dataset over ``epsilon``, rising, and ``seed`` (only of an MLP or an Ensemble). The attributes of a variable
        say what it is and what searched for it. A seed whose weights are not finite has NaN.

    Raises:
        ParameterError: an unknown kind, one without the teacher, the labels or the outputs that it needs, more
            perturbed inputs than there is memory for; and what
            an attack refuses, see :meth:`practicum.robustness.attacks.base.Attack.__call__`.

    Source: the sense in which a teacher judges is that of Yang et al., "Understanding robustness in teacher-student
    setting", arXiv:2102.13170.
    """
    need_torch()
    import numpy as np
    import xarray as xr

    from practicum.robustness._measuring import gate, measured

    value = judged(attack, side)
    radii = [*np.atleast_1d(np.asarray(epsilons, dtype=object)), 0.0] if clean else epsilons
    given, names = _given(value, student, inputs, radii, teacher, labels, subspace, kinds)
    seeds, samples = given.inputs.shape[:2]
    require(
        "This attack",
        partial(_needs.errors, itemsize=given.inputs.element_size(), kept=len(names) if perturbed else 0),
        epsilons=len(given.epsilons), seeds=seeds, samples=samples, inputs=math.prod(given.shape),
    )  # fmt: skip
    dims = ("epsilon", "seed") if given.has_seeds else ("epsilon",)
    needed = gate(given, margin) if any(ERRORS[name].gated for name in names) else 0.0
    found: dict[str, Any] = {}
    for name in names:
        error = ERRORS[name]
        one = measured(given, name, value, margin=needed, subspace=subspace, seed=seed, keep=perturbed)
        attributes: dict[str, Any] = {"long_name": error.long_name, "units": error.units, "attack": one.attack}
        found[name] = (dims, one.values, {**attributes, **({"margin": needed} if error.gated else {})})
        if one.points is not None:
            found[name.replace("_error", "_inputs")] = ((*dims, "sample", *_axes(given.shape)), one.points)
    coordinates: dict[str, Any] = {"epsilon": given.epsilons}
    if given.has_seeds:
        coordinates["seed"] = np.arange(len(given.alive))
    attributes = {"samples": given.inputs.shape[1], "norm": value.norm, "cite": "yang2021robustness"}
    return xr.Dataset(found, coordinates, attributes)


def _axes(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Of one example."""
    return ("input",) if len(shape) == 1 else tuple(f"input_{axis}" for axis in range(len(shape)))


def _given(
    value: Attack,
    student: nn.Module,
    inputs: Any,
    radii: Any,
    teacher: nn.Module | None,
    labels: Any,
    subspace: Any,
    kinds: Sequence[str] | None,
) -> tuple[Asked, tuple[str, ...]]:
    """Everything checked, and the names of the errors."""
    from practicum.robustness._asked import asked
    from practicum.robustness.attacks.pgd import PGD

    # Checked with an attack that asks little: its loss needs no classes where there may be none.
    loss = "mse" if teacher is not None and labels is None else "cross-entropy"
    plain = PGD(norm=value.norm, loss=loss, side=value.side, box=value.box)
    given = asked(plain, student, inputs, radii, teacher=teacher, labels=labels, subspace=subspace)
    return given, _names(kinds, given, value, teacher is not None, labels is not None)


def _names(
    kinds: Sequence[str] | None, given: Asked, value: Attack, has_teacher: bool, has_labels: bool
) -> tuple[str, ...]:
    """The errors wanted, or all that can be measured."""
    classes = given.classes
    squared = takes_squares(value) and has_teacher
    if kinds is None:
        return tuple(
            name
            for name, error in ERRORS.items()
            if (squared if error.squared else classes > 1 and value.loss != "mse") and (has_teacher or not error.oracle)
        )
    listed = [kinds] if isinstance(kinds, str) else list(kinds) if isinstance(kinds, Iterable) else []
    if not listed:
        raise ParameterError(f"The 'kinds' of robust_errors must be some of {', '.join(ERRORS)}. Got {kinds!r:.60}.")
    for name in listed:
        if name not in ERRORS:
            raise ParameterError(
                f"There is no robust error {name!r:.60}; there is {', '.join(ERRORS)}."
                f"{nearest(str(name), list(ERRORS))}"
            )
        error = ERRORS[name]
        if not has_teacher and (error.oracle or error.squared or not has_labels):
            raise ParameterError(f"The {name} needs a teacher, because the student is compared with it; pass teacher=.")
        if not error.squared and classes < 2:
            raise ParameterError(
                f"The {name} needs at least 2 outputs, because it compares classes. Got {classes}; take "
                "'oracle_squared_error' or 'fixed_squared_error'."
            )
    return tuple(dict.fromkeys(listed))
