"""Bad input to the theory of subspaces, said in one sentence each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.values import nearest, real

ACTIVATIONS = ("erf", "relu", "linear")
LABELS = ("oracle", "fixed")
PERTURBATIONS = ("anywhere", "outside")
NORMS = ("l2", "linf")
_ORTHONORMAL = 1e-9


def choice(what: str, name: str, value: Any, known: Sequence[str]) -> str:
    """One of some words."""
    if not isinstance(value, str) or value not in known:
        raise ParameterError(
            f"The '{name}' parameter of {what} must be one of {', '.join(map(repr, known))}. "
            f"Got {value!r:.80} instead.{nearest(str(value), list(known))}"
        )
    return value


def number(what: str, name: str, value: Any, remedy: str, most: float = math.inf) -> float:
    """A finite number from 0 to `most`."""
    if not 0 <= real(value) <= min(most, 1e300):
        bound = "a finite number >= 0" if most == math.inf else f"a number from 0 to {most:g}"
        raise ParameterError(f"The '{name}' parameter of {what} must be {bound}. Got {value!r:.80} instead; {remedy}")
    return float(value)


def sizes(what: str, name: str, value: Any) -> np.ndarray:
    """Lengths of perturbations: one number or an array of them, finite and >= 0, of any shape."""
    array = array_of(what, name, value, None)
    if (array < 0).any():
        raise ParameterError(
            f"The '{name}' parameter of {what} must be >= 0, because it is the size of a perturbation. "
            f"Got {array.min():g} instead; 0 is no perturbation."
        )
    return array


def array_of(what: str, name: str, value: Any, ndim: int | None) -> np.ndarray:
    """Finite numbers in an array of `ndim` dimensions (any if None)."""
    try:
        if np.iscomplexobj(value):  # NumPy would leave out the imaginary part
            raise TypeError
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(
            f"The '{name}' parameter of {what} must be an array of numbers. Got {value!r:.80} instead."
        ) from None
    if (ndim is not None and array.ndim != ndim) or array.size == 0:
        dimensions = "" if ndim is None else f"{ndim} dimension(s) and "
        raise ParameterError(
            f"The '{name}' parameter of {what} must have {dimensions}at least one entry. "
            f"Got shape {array.shape} instead."
        )
    if not np.isfinite(array).all():
        where = tuple(map(int, np.argwhere(~np.isfinite(array))[0]))
        raise ParameterError(
            f"The '{name}' parameter of {what} must be finite. Got {array[where]} at index {where} instead."
        )
    return array


def basis(what: str, value: ArrayLike, inputs: int | None) -> np.ndarray:
    """An orthonormal basis U of the data subspace, shape (d, r)."""
    U = array_of(what, "subspace", value, 2)
    if inputs is not None and len(U) != inputs:
        raise ParameterError(
            f"The 'subspace' parameter of {what} must have {inputs} rows, one an input, because the weights have "
            f"{inputs} columns. Got shape {U.shape} instead; its columns span the data."
        )
    error = float(np.abs(U.T @ U - np.eye(U.shape[1])).max())
    if error > _ORTHONORMAL:
        raise ParameterError(
            f"The 'subspace' parameter of {what} must have orthonormal columns, because U U^T has to be a projection. "
            f"Got U^T U that differs from the identity by {error:.3g}; numpy.linalg.qr(U)[0] is an orthonormal basis."
        )
    return U


def fans(what: str, name: str, value: ArrayLike | None, count: int) -> np.ndarray:
    """One number a node; ones if None."""
    array = np.ones(count) if value is None else array_of(what, name, value, 1)
    if len(array) != count:
        raise ParameterError(
            f"The '{name}' parameter of {what} must have {count} entries, one a node. Got {len(array)} instead."
        )
    return array
