"""Small perturbations outside the data subspace: the gradient there, and the robust error to leading order.

Outside the data an input has nothing to say to the student, but the student has a gradient there:
``grad_outside s(x) = sum_k v_k g'(h_k) (I - P) w_k``. Its mean square is a sum over pairs of nodes of an overlap
outside times a Gaussian integral J2 of the fields inside.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from practicum.theory.subspace._checks import LABELS, choice, sizes
from practicum.theory.subspace._sources import measured


def outside_gradient(
    source: Any, activation: str | None = None, *, labels: str = "oracle", scale: float | None = None
) -> Any:
    """``<|grad_outside (s - t)|^2>``: the mean square of the gradient of the student's error outside the subspace.

    With a the student fan-out, b the teacher's, o entrywise products, J2 = <g' g'> on the law of the inputs::

        a^T (Q_outside o J2(Q)) a + b^T (T_outside o J2(T)) b - 2 a^T (R_outside o J2(R)) b      (oracle)
        a^T (Q_outside o J2(Q)) a                                                                (fixed labels)

    Main arguments:
        source: overlaps inside and outside, a :class:`~practicum.subspace.Blocks` or a pair; or a Dataset of
            :func:`~practicum.subspace.solve_blocks` or of ``simulate(..., inputs=BlockIsotropic(...))``.
        activation: ``"erf"`` (if not given), ``"relu"`` or ``"linear"``; a Dataset knows its own.

    Other arguments:
        labels: ``"oracle"``: the teacher labels the perturbed input; ``"fixed"``: it has labelled the clean one.
        scale: s >= 0, the standard deviation of the inputs outside (0 if not given); a Dataset knows its own.

    Returns:
        A float; of a Dataset, a DataArray over its dimensions (seed and alpha).

    Validity: Gaussian inputs; exact at any K and M.

    Raises:
        ParameterError: no such source, a number out of range, or an unknown word.

    Source: derived for this package (docs: off-subspace); J2 of :func:`practicum.integrals.J2`.
    """
    labels = choice("outside_gradient", "labels", labels, LABELS)
    return measured("outside_gradient", source, activation, labels, scale).gradient


def first_order_error(
    source: Any,
    epsilon: ArrayLike,
    activation: str | None = None,
    *,
    labels: str = "oracle",
    scale: float | None = None,
) -> Any:
    """``epsilon^2 / 2`` times :func:`outside_gradient`: the robust error of a student that fits the data perfectly.

    ``E max 1/2 (s(x + delta) - t(x + delta))^2`` over ``|delta| <= epsilon`` outside the subspace, with ``t(x)`` for
    fixed labels. Where s = t on the data, the best step goes along the gradient, and this is the leading order for
    small epsilon: ``(1 + o(1))`` times the truth. :func:`linearised_bounds` serves students that are still learning.

    Main arguments:
        source: a pair of overlaps, or a Dataset, as for :func:`outside_gradient`.
        epsilon: the largest length of the perturbation, >= 0; a number or an array.
        activation: ``"erf"`` (if not given), ``"relu"`` or ``"linear"``; a Dataset knows its own.

    Other arguments:
        labels, scale: as for :func:`outside_gradient`.

    Returns:
        A float or an array of the shape of `epsilon`; of a Dataset, a DataArray over seed and alpha, with a leading
        dimension ``epsilon`` if that is a list.

    Validity: to leading order in epsilon, for a perfectly specialized student. The kinks of ReLU and the curvature of
    erf are of higher order: beside weights of unit length an attack by gradient ascent found 99 to 100 % of this at
    epsilon = 0.1 and 96 to 100 % at 0.5.

    Raises:
        ParameterError: no such source, a number out of range, or an unknown word.

    Source: derived for this package (docs: off-subspace).
    """
    what = "first_order_error"
    epsilon = sizes(what, "epsilon", epsilon)
    labels = choice(what, "labels", labels, LABELS)
    squares = _over(epsilon, measured(what, source, activation, labels, scale).gradient, lambda e, G: 0.5 * e * e * G)
    return _named(squares, what)


def linearised_bounds(
    source: Any,
    epsilon: ArrayLike,
    activation: str | None = None,
    *,
    labels: str = "oracle",
    scale: float | None = None,
) -> tuple[Any, Any]:
    """Bounds on the robust error of any student, perfect or not, whose response to the perturbation is linear.

    The worst case of ``1/2 (e + delta . grad)^2`` is ``1/2 (|e| + epsilon |grad|)^2``. Its mean holds ``<|e| |grad|>``,
    which lies between 0 and the root of ``<e^2> <grad^2>``; with the generalization error E and
    ``F = first_order_error``, ``E + F <= robust error <= (sqrt(E) + sqrt(F))^2``. For a perfect student both are F.

    Main arguments:
        source, epsilon, activation: as for :func:`first_order_error`.

    Other arguments:
        labels, scale: as for :func:`outside_gradient`.

    Returns:
        The lower and the upper bound, each of the shape of :func:`first_order_error`.

    Validity: to first order of the outputs in epsilon; for ``"linear"`` at any epsilon.

    Raises:
        ParameterError: no such source, a number out of range, or an unknown word.

    Source: derived for this package (docs: off-subspace); the upper bound is the inequality of Cauchy and Schwarz.
    """
    what = "linearised_bounds"
    epsilon = sizes(what, "epsilon", epsilon)
    found = measured(what, source, activation, choice(what, "labels", labels, LABELS), scale)
    error = found.error
    lower = _over(epsilon, found.gradient, lambda e, G: error + 0.5 * e * e * G)
    upper = _over(epsilon, found.gradient, lambda e, G: (error**0.5 + e * (0.5 * G) ** 0.5) ** 2)
    return _named(lower, "lower_bound"), _named(upper, "upper_bound")


def _over(epsilon: np.ndarray, gradient: Any, formula: Any) -> Any:
    """The formula at every epsilon: NumPy for a pair; for a Dataset with a labelled dimension, if there are several."""
    if isinstance(gradient, float):
        values = formula(epsilon, gradient)
        return float(values) if epsilon.ndim == 0 else values
    if epsilon.ndim == 0:
        return formula(float(epsilon), gradient)
    import xarray as xr

    lengths = epsilon.ravel()
    return formula(xr.DataArray(lengths, dims="epsilon", coords={"epsilon": lengths}), gradient)


def _named(values: Any, name: str) -> Any:
    return values if isinstance(values, float | np.ndarray) else values.rename(name)
