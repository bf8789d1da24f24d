"""Which entries of a state dict are BatchNorms, and the numbers of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from practicum.errors import ParameterError
from practicum.specialization.batchnorm.reading import State

VARIANCES = ("running_var", "running_variance")
"""What the running variance is called by PyTorch, and by the MLPs of practicum."""


@dataclass(frozen=True, eq=False)
class Norm:
    """One BatchNorm of n channels in S networks side by side; S is 1 but for networks with a leading seed axis.

    Main arguments:
        name: the prefix in the state dict.
        gamma, beta: its weight and bias, (S, n).
        mean: the running mean of what it normalises, (S, n).
    """

    name: str
    gamma: np.ndarray
    beta: np.ndarray
    mean: np.ndarray


def prefixes(state: State) -> list[str]:
    """The prefixes under which weight, bias, running mean and running variance of one shape (n,) or (S, n) lie."""
    found = []
    for name, shape in state.shapes.items():
        prefix, _, last = name.rpartition("running_mean")
        if last or not name.endswith("running_mean") or len(shape) not in (1, 2) or 0 in shape:
            continue
        four = [state.shapes.get(prefix + part) for part in ("weight", "bias")]
        variance = next((state.shapes[prefix + part] for part in VARIANCES if prefix + part in state.shapes), None)
        if [*four, variance] == [shape] * 3:
            found.append(prefix.rstrip("."))
    return found


def norms(state: State) -> list[Norm]:
    """All BatchNorms in the order of the state dict.

    Raises:
        ParameterError: there is none, its beta or gamma has a value that is not finite, or the numbers of seeds differ.
    """
    names = prefixes(state)
    if not names:
        raise ParameterError(_none(state))
    result = [_norm(state, name) for name in names]
    if len({len(norm.beta) for norm in result}) > 1:
        raise ParameterError(
            f"All BatchNorms must have as many seeds as each other. Got {[len(norm.beta) for norm in result]} in "
            f"{state.source} instead."
        )
    return result


def _norm(state: State, name: str) -> Norm:
    prefix = f"{name}." if name else ""
    arrays = {}
    for part, symbol in (("weight", "gamma"), ("bias", "beta"), ("running_mean", "the running mean")):
        values = np.atleast_2d(state.values(prefix + part))
        bad = int(np.count_nonzero(~np.isfinite(values)))
        # A running mean is evidence only; beta and gamma are what is reported.
        if bad and part != "running_mean":
            raise ParameterError(
                f"The BatchNorm '{name}' of {state.source} has {bad} of {values.size} values of {symbol} that are not "
                "finite, so that its signs mean nothing; take a checkpoint from before the training diverged."
            )
        arrays[part] = values
    return Norm(name, arrays["weight"], arrays["bias"], arrays["running_mean"])


def _none(state: State) -> str:
    """Why there may be none, in one sentence."""
    without = [name for name in state.shapes if name.endswith("running_mean")]
    begin = f"There is no BatchNorm with a beta in {state.source}: "
    if without:
        prefix = without[0].rpartition(".")[0]
        return f"{begin}'{prefix}' normalises without a weight and a bias of its own (affine=False)."
    convolutions = [name for name, shape in state.shapes.items() if name.endswith("weight") and len(shape) > 2]
    biased = [name for name in convolutions if f"{name.removesuffix('weight')}bias" in state.shapes]
    need = "no prefix has a weight, a bias, a running_mean and a running_var of one length"
    if biased:
        return (
            f"{begin}{need}, and {len(biased)} of its {len(convolutions)} convolutions have a bias, so that one may "
            "have been fused into them, from which beta cannot be told; take the checkpoint from before it was fused."
        )
    return f"{begin}{need}."
