"""What training on low-rank inputs cannot change, and when that is true.

The gradient of the first layer is a sum of ``delta x^T`` over examples, so its rows lie in the span of the inputs:
``G (I - P) = 0``. Updates that are linear in gradients and weights keep ``W (I - P)`` up to a factor that weight decay
alone sets, whatever the loss, the labels, the depth above, or the data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.theory.subspace._checks import array_of, basis, choice, number
from practicum.values import whole

# Whether weight decay is an update of its own (True) or a part of the gradient, which these rules rescale (False).
_ENTRYWISE = {"adam": False, "adamw": True, "rmsprop": False, "adagrad": False}
OPTIMIZERS = ("sgd", *_ENTRYWISE)


def outside_factor(
    learning_rate: ArrayLike,
    steps: Any = None,
    *,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
) -> float | np.ndarray:
    """The number by which SGD has multiplied ``W (I - P)`` after some updates.

    The convention is that of ``torch.optim.SGD``: ``u <- momentum u + g + weight_decay w``, ``w <- w - rate u``, u = 0
    at the start. Outside the data g = 0. Without momentum the factor is ``(1 - rate * weight_decay)^steps``; without
    weight decay it is 1. The flow of :func:`~practicum.subspace.solve_blocks` has ``exp(-weight_decay alpha)`` in its
    place, because there an update multiplies by ``1 - weight_decay / N``.

    Main arguments:
        learning_rate: eta >= 0, or a schedule: one rate an update, shape (updates,).
        steps: how many updates, a number or an increasing list of numbers >= 0; the whole schedule if not given.

    Other arguments:
        weight_decay: lambda >= 0, added to the gradient times the weights; biases do not matter.
        momentum: mu, 0 <= mu < 1.

    Returns:
        A float, or an array as long as `steps`. Multiply ``W_0 (I - P)`` by it, and overlaps outside by its square.

    Validity: exact where :func:`conservation` holds.

    Raises:
        ParameterError: a number is outside its range, or a schedule is shorter than `steps`.

    Source: robustness of low-rank inputs: Melamed, Yehudai & Vardi, NeurIPS 2023 (arXiv:2303.00783), where the factor
    is 1; with weight decay and momentum, the linear recursion of (w, u) written out (docs: off-subspace).
    """
    what = "outside_factor"
    rates = array_of(what, "learning_rate", learning_rate, None)
    if rates.ndim > 1 or (rates < 0).any():
        raise ParameterError(
            f"The 'learning_rate' parameter of {what} must be a number >= 0 or a list of them, one an update. "
            f"Got {learning_rate!r:.80} instead."
        )
    decay = number(what, "weight_decay", weight_decay, "0.0 switches weight decay off.")
    keep = number(what, "momentum", momentum, "0.0 is plain SGD, 0.9 is common.", most=1.0)
    if keep == 1.0:
        raise ParameterError(f"The 'momentum' parameter of {what} must be < 1. Got 1 instead; 0.9 is common.")
    if steps is None and rates.ndim == 0:
        raise ParameterError(f"{what} needs 'steps', the number of updates, with a constant learning rate.")
    wanted = [len(rates)] if steps is None else steps
    several = isinstance(wanted, Iterable) and steps is not None
    counts = [whole("steps", count, 0) for count in (wanted if isinstance(wanted, Iterable) else [wanted])]
    if not counts or sorted(set(counts)) != counts:
        raise ParameterError(f"The 'steps' parameter of {what} must increase strictly. Got {steps!r:.80} instead.")
    if rates.ndim == 1 and counts[-1] > len(rates):
        raise ParameterError(
            f"The 'steps' parameter of {what} asks for {counts[-1]} updates, but the schedule 'learning_rate' has "
            f"{len(rates)}; extend the schedule, or pass one number for a constant rate."
        )
    factors = _recursion(rates, counts, decay, keep)
    return factors if several else float(factors[0])


def _recursion(rates: np.ndarray, counts: list[int], decay: float, momentum: float) -> np.ndarray:
    schedule = rates.tolist() if rates.ndim else [float(rates)] * counts[-1]
    weight, velocity, done = 1.0, 0.0, 0
    factors = np.empty(len(counts))
    for index, count in enumerate(counts):
        for rate in schedule[done:count]:
            velocity = momentum * velocity + decay * weight
            weight -= rate * velocity
        done, factors[index] = count, weight
    return factors


@dataclass(frozen=True)
class Conservation:
    """Whether ``W (I - P)`` is conserved up to :func:`outside_factor`; it serves as a condition, too.

    Main arguments:
        holds: True if nothing stands against it.
        why: what stands against it, one sentence each; empty if it holds.
    """

    holds: bool
    why: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.holds


def conservation(
    optimizer: str = "sgd",
    *,
    subspace: ArrayLike,
    inputs: ArrayLike | None = None,
    weight_decay: float = 0.0,
    input_noise: bool = False,
    augmentation: bool = False,
    adversarial: bool = False,
    tolerance: float = 1e-9,
) -> Conservation:
    """Whether training leaves the first layer outside the data as it was, up to a known factor; and if not, why.

    What does not matter: the loss, the labels, biases, batches, momentum, schedules, the layers above (BatchNorm and
    dropout among them). What is assumed: the first layer is linear in the inputs, and its weights are the parameters
    (no weight normalization), without a convolution, whose weights see patches.

    Main arguments:
        optimizer: ``"sgd"`` (with or without momentum) conserves. ``"adam"``, ``"adamw"``, ``"rmsprop"``,
            ``"adagrad"`` rescale each entry of a gradient by itself and leave the subspace, unless the complement is
            made of whole input coordinates (pixels that are always 0): there all gradients are 0 and nothing moves.
        subspace: U, orthonormal columns, shape (d, r).
        inputs: what the network is trained on, shape (B, d), to check that it lies in the subspace. Pass what it really
            sees: after standardization, augmentation and the like.

    Other arguments:
        weight_decay: lambda; as a part of the gradient it is rescaled by the entrywise rules too.
        input_noise, augmentation, adversarial: whether training perturbs inputs in ways that leave the subspace.
        tolerance: the share of an input's length that may lie outside as rounding.

    Returns:
        A :class:`Conservation`.

    Raises:
        ParameterError: the optimizer is unknown, U is not orthonormal, or shapes do not fit.

    Source: Melamed, Yehudai & Vardi, NeurIPS 2023 (arXiv:2303.00783); the exceptions were derived for this package.
    """
    what = "conservation"
    optimizer = choice(what, "optimizer", optimizer, OPTIMIZERS)
    U = basis(what, subspace, None)
    decay = number(what, "weight_decay", weight_decay, "0.0 switches weight decay off.")
    tolerance = number(what, "tolerance", tolerance, "it is a share of the length of an input.")
    d, r = U.shape
    why = []
    if r == d:
        why.append(f"The subspace is the whole input space ({d} dimensions): there is nothing outside to conserve.")
    P = U @ U.T
    whole_coordinates = np.abs(P - np.diag(np.round(np.diag(P)))).max() <= tolerance
    if optimizer in _ENTRYWISE and not whole_coordinates:
        why.append(
            f"{optimizer} rescales each entry of a gradient by itself, so that updates leave the span of the inputs; "
            "train with sgd."
        )
    elif optimizer in _ENTRYWISE and decay and not _ENTRYWISE[optimizer]:
        why.append(f"{optimizer} rescales weight decay with the gradient; without it, or with adamw or sgd, it holds.")
    if inputs is not None:
        x = array_of(what, "inputs", inputs, 2)
        if x.shape[1] != d:
            raise ParameterError(
                f"The 'inputs' parameter of {what} must have shape (B, {d}), because the subspace lies in {d} "
                f"dimensions. Got {x.shape} instead."
            )
        lengths = np.linalg.norm(x, axis=1)
        shares = np.linalg.norm(x - (x @ U) @ U.T, axis=1) / np.where(lengths > 0, lengths, 1.0)
        if shares.max() > tolerance:
            why.append(
                f"The subspace does not contain the data: {100 * shares.max():.3g} % of the length of input "
                f"{int(shares.argmax())} lies outside."
            )
    for name, present in (("input noise", input_noise), ("augmentation", augmentation), ("adversarial", adversarial)):
        if present:
            inputs_named = "adversarial inputs" if name == "adversarial" else name
            why.append(f"With {inputs_named} the network sees more than the subspace, and learns there too.")
    return Conservation(not why, tuple(why))
