"""Bad input to the theory of pruned students, said in one sentence each."""

from __future__ import annotations

from typing import Any

import numpy as np

from practicum.errors import ParameterError
from practicum.theory.overlaps import OrderParameters
from practicum.theory.subspace._checks import ACTIVATIONS, array_of, choice
from practicum.values import real, whole

REFITS = ("none", "fuse", "optimal")
_TOLERANCE = 1e-9


def activation_of(what: str, value: Any) -> str:
    """One of the three activations."""
    return choice(what, "activation", value, ACTIVATIONS)


def refit_of(what: str, value: Any) -> str:
    """What becomes of the fan-out; False and True are the two ends of the list."""
    if isinstance(value, bool | np.bool_):
        return "optimal" if value else "none"
    return choice(what, "refit", value, REFITS)


def order_parameters_of(what: str, value: Any) -> OrderParameters:
    """The order parameters of one network."""
    if not isinstance(value, OrderParameters):
        raise ParameterError(
            f"{what} needs the OrderParameters of one network. Got {value!r:.80} instead; "
            "OrderParameters.from_weights(J, B, v, v_star) builds them, selector_errors takes a Dataset of many."
        )
    return value


def kept_of(what: str, value: Any, students: int) -> int:
    """The number k of nodes that stay, 1 <= k <= K."""
    k = whole("k", value, 1)
    if k > students:
        raise ParameterError(
            f"The 'k' parameter of {what} must be <= {students}, because the student has {students} node(s). "
            f"Got {k} instead; k counts the nodes that stay, and k = {students} prunes nothing."
        )
    return k


def fraction_of(what: str, value: Any) -> float:
    """The share p of weights that stay, 0 < p <= 1."""
    if not 0 < real(value) <= 1:
        raise ParameterError(
            f"The 'p' parameter of {what} must be > 0 and <= 1, because it is the share of a node's weights that "
            f"stay. Got {value!r:.80} instead; 1 prunes nothing."
        )
    return float(value)


def positive(what: str, name: str, value: Any, least: float, why: str) -> float:
    """A finite number >= `least`."""
    if not least <= real(value) < np.inf:
        raise ParameterError(
            f"The '{name}' parameter of {what} must be a finite number >= {least:g}, because {why}. "
            f"Got {value!r:.80} instead."
        )
    return float(value)


def kernel_of(what: str, value: Any, students: int | None = None) -> np.ndarray:
    """A symmetric positive semidefinite matrix, one row a node."""
    kernel = array_of(what, "kernel", value, 2)
    if kernel.shape[0] != kernel.shape[1] or students not in (None, len(kernel)):
        shape = "square" if students is None else f"of shape {(students, students)}"
        raise ParameterError(
            f"The 'kernel' parameter of {what} must be {shape}, one row and one column a node. "
            f"Got shape {kernel.shape} instead."
        )
    scale = max(float(np.abs(kernel).max()), 1e-300)
    asymmetry = float(np.abs(kernel - kernel.T).max())
    if asymmetry > _TOLERANCE * scale:
        raise ParameterError(
            f"The 'kernel' parameter of {what} must be symmetric, because its entries are similarities of two nodes. "
            f"Got an asymmetry of {asymmetry:.3g} instead; (kernel + kernel.T) / 2 is its symmetric part."
        )
    smallest = float(np.linalg.eigvalsh(kernel / scale)[0]) * scale
    if smallest < -_TOLERANCE * scale:
        raise ParameterError(
            f"The 'kernel' parameter of {what} must be positive semidefinite, because its minors are probabilities. "
            f"Got a smallest eigenvalue of {smallest:.3g} instead; a Gram matrix such as Q is positive semidefinite."
        )
    return 0.5 * (kernel + kernel.T)


def masks_of(what: str, value: Any, students: int) -> np.ndarray:
    """Subsets as booleans of shape (..., K), from such booleans or from the indices of one subset."""
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype == bool and array.ndim and array.shape[-1] == students:
        return array
    indices = array if array.size else array.astype(np.int64)
    if array.ndim != 1 or not np.issubdtype(indices.dtype, np.integer):
        raise ParameterError(
            f"The 'kept' parameter of {what} must be the indices of the nodes that stay, or booleans of shape "
            f"(..., {students}), True for a node that stays. Got {value!r:.80} instead."
        )
    if ((indices < 0) | (indices >= students)).any() or len(set(indices.tolist())) < len(indices):
        raise ParameterError(
            f"The 'kept' parameter of {what} must hold different indices from 0 to {students - 1}. "
            f"Got {value!r:.80} instead."
        )
    mask = np.zeros(students, dtype=bool)
    mask[indices] = True
    return mask
