"""The error of a student that may refuse to answer: confidence-thresholded robust error at a true-positive rate.

A perturbed input on which the student is unsure does no harm if it is refused. The threshold of its confidence is set
on clean inputs that it classifies correctly, of which a share, the true-positive rate, must still be answered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from practicum.errors import ParameterError
from practicum.networks._torch import need_torch
from practicum.robustness.attacks.base import Attack

if TYPE_CHECKING:
    import xarray as xr
    from torch import Tensor, nn

    from practicum.robustness._asked import Asked

RATE = 0.99


def confidence_threshold(confidence: Any, correct: Any, rate: float = RATE) -> np.ndarray:
    """The largest threshold tau at which at least a share `rate` of correctly classified inputs has c >= tau.

    Main arguments:
        confidence: c of clean inputs, (..., B).
        correct: where the student is right, (..., B).
        rate: the true-positive rate, > 0 and <= 1.

    Returns:
        Shape (...); NaN where the student is right nowhere, or a confidence is not a number.

    Raises:
        ParameterError: the rate is out of range, or shapes differ.
    """
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate <= 1:
        raise ParameterError(
            "The 'rate' of a confidence threshold must be > 0 and <= 1, because it is a share of inputs. Got "
            f"{rate!r:.60} instead; 0.99 is usual."
        )
    values, right = _pair("confidence_threshold", confidence, correct)
    found = np.full(values.shape[:-1], np.nan)
    for place in np.ndindex(found.shape):
        kept = np.sort(values[place][right[place]])[::-1]
        if kept.size and np.isfinite(values[place]).all():
            # Of 100 inputs 99 must stay: the product may be 99.00000000000001.
            found[place] = kept[math.ceil(rate * kept.size - 1e-9) - 1]
    return found


def confidence_thresholded_error(
    wrong: Any, confidence: Any, attacked_wrong: Any, attacked_confidence: Any, threshold: Any = 0.0
) -> np.ndarray:
    """The share of wrong answers among those that are given, if an attack replaces inputs as it likes.

    With the class f and the confidence c of a student on inputs x and perturbed inputs x'

        sum max(1[f(x) != y, c(x) >= tau], 1[f(x') != y, c(x') >= tau]) / sum max(1[c(x) >= tau], 1[c(x') >= tau]).

    At tau = 0 it is the robust error.

    Main arguments:
        wrong, confidence: on clean inputs, (..., B).
        attacked_wrong, attacked_confidence: on perturbed ones, (..., B), perhaps with more axes in front.
        threshold: tau, (...).

    Returns:
        Shape (...); NaN where no input is answered, or a confidence or the threshold is not a number.

    Raises:
        ParameterError: shapes that do not fit each other.

    Source: Stutz, Hein, Schiele, "Confidence-calibrated adversarial training: generalizing to unseen attacks",
    arXiv:1910.06259.
    """
    what = "confidence_thresholded_error"
    before, errs = _pair(what, confidence, wrong)
    after, errs_after = _pair(what, attacked_confidence, attacked_wrong)
    tau = np.asarray(threshold, dtype=float)[..., None]
    try:
        np.broadcast_shapes(before.shape, after.shape, tau.shape)
    except ValueError:
        raise ParameterError(
            f"{what} needs clean inputs, perturbed inputs and thresholds that fit each other. Got shapes "
            f"{before.shape}, {after.shape} and {tau.shape[:-1]} instead; inputs are the last axis."
        ) from None
    said, said_after = before >= tau, after >= tau
    answered = (said | said_after).sum(-1)
    mistakes = ((errs & said) | (errs_after & said_after)).sum(-1)
    unknown = np.isnan(before).any(-1) | np.isnan(after).any(-1) | np.isnan(tau[..., 0])
    with np.errstate(invalid="ignore"):
        return np.where((answered > 0) & ~unknown, mistakes / np.maximum(answered, 1), np.nan)


def confidence_errors(
    student: nn.Module,
    inputs: Any,
    epsilons: float | Sequence[float],
    *,
    validation: Any,
    teacher: nn.Module | None = None,
    labels: Any = None,
    validation_labels: Any = None,
    attack: Attack | None = None,
    rate: float = RATE,
    seed: int = 0,
) -> xr.Dataset:
    """The confidence-thresholded robust error of students; the attack makes a wrong class as likely as it can.

    Main arguments:
        student: an MLP or an Ensemble, all seeds side by side, or any module from (B, ...) to (B, C), C >= 2. Its
            confidence is the largest softmax output.
        inputs: clean, (B, ...) for all seeds, or (S, B, ...).
        epsilons: radii >= 0, in the units of the inputs and the norm of the attack.
        validation: other clean inputs, on which each seed's threshold is set.

    Other arguments:
        teacher: labels the clean inputs, unless `labels` and `validation_labels` are given.
        attack: how to search; its loss is set to "confidence". APGD(steps=50, restarts=2) if not given.
        rate: the true-positive rate.
        seed: of the attack's random starts.

    Returns:
        A Dataset over ``epsilon``, rising, and ``seed`` (only of an MLP or an Ensemble), NaN for a seed whose weights
        are not finite: ``confidence_thresholded_error``; ``fixed_label_error``, of the same perturbed inputs without a
        threshold; and the ``threshold`` of each seed.

    Raises:
        ParameterError: a rate out of range, neither teacher nor labels, and what an attack refuses.

    Source: see :func:`confidence_thresholded_error`.
    """
    need_torch()
    import xarray as xr

    from practicum.robustness._asked import asked
    from practicum.robustness._searches import adapted, judged

    value = adapted(judged(attack), loss="confidence")
    held = asked(value, student, validation, [0.0], teacher=teacher, labels=validation_labels)
    given = asked(value, student, inputs, epsilons, teacher=teacher, labels=labels)
    seeds = len(given.alive)
    tau = np.full(seeds, np.nan)
    errors = {name: np.full((len(given.epsilons), seeds), np.nan) for name in _LONG_NAMES}
    if given.alive.any():
        clean = _answers(held, held.inputs)
        tau[given.alive] = confidence_threshold(clean.confidence, ~clean.wrong, rate)
        seen = _Seen(*(np.concatenate(each, -1) for each in zip(*(_seen(b, value, seed) for b in given.blocks()))))
        for name, limit in zip(errors, (tau[given.alive], 0.0)):
            errors[name][:, given.alive] = confidence_thresholded_error(*seen, limit)
    dims = ("epsilon", "seed") if given.has_seeds else ("epsilon",)
    cut = slice(None) if given.has_seeds else 0
    variables: dict[str, Any] = {
        name: (
            dims,
            values[:, cut],
            {"long_name": _LONG_NAMES[name], "units": "share of inputs", "attack": repr(value)},
        )
        for name, values in errors.items()
    }
    variables["threshold"] = (dims[1:], tau[cut], {"long_name": "confidence from which on an answer is given"})
    coordinates: dict[str, Any] = {"epsilon": given.epsilons, **({"seed": np.arange(seeds)} if given.has_seeds else {})}
    return xr.Dataset(variables, coordinates, {"samples": given.inputs.shape[1], "rate": rate, "norm": value.norm})


_LONG_NAMES = {
    "confidence_thresholded_error": "share of wrong answers among those given with confidence, clean or perturbed",
    "fixed_label_error": "share of inputs with a perturbation to which the student gives another class than the clean "
    "input has",
}


class _Answers(NamedTuple):
    """On inputs (S, B)."""

    wrong: np.ndarray
    confidence: np.ndarray


class _Seen(NamedTuple):
    """On clean inputs (S, B), and on perturbed ones (E, S, B)."""

    wrong: np.ndarray
    confidence: np.ndarray
    attacked_wrong: np.ndarray
    attacked_confidence: np.ndarray


def _seen(given: Asked, attack: Attack, seed: int) -> _Seen:
    points = given.attacked(attack, by_labels=True, seed=seed).inputs
    each = [_answers(given, inputs) for inputs in points]
    return _Seen(
        *_answers(given, given.inputs), np.stack([a.wrong for a in each]), np.stack([a.confidence for a in each])
    )


def _answers(given: Asked, inputs: Tensor) -> _Answers:
    """Of the students on inputs (S, B, ...), right being the label of the clean ones."""
    labels = given.labels if given.labels is not None else given.outputs("teacher", given.inputs).argmax(-1)
    chance, said = given.outputs("student", inputs).softmax(-1).max(-1)
    return _Answers((said != labels).cpu().numpy(), chance.double().cpu().numpy())


def _pair(what: str, values: Any, flags: Any) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and flags of the same inputs."""
    numbers, marks = np.asarray(values, dtype=float), np.asarray(flags)
    if marks.dtype != bool or numbers.ndim == 0 or numbers.shape != marks.shape or not numbers.shape[-1]:
        raise ParameterError(
            f"{what} needs a confidence and a flag, True or False, of each of the same inputs. Got shapes "
            f"{numbers.shape} and {marks.shape}, flags of {marks.dtype}."
        )
    return numbers, marks
