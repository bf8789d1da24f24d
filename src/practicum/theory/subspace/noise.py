"""The error under noise outside the data subspace."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from practicum.theory.subspace._checks import ACTIVATIONS, LABELS, choice, sizes
from practicum.theory.subspace.blocks import checked, checked_scale, covariances, signed_fan_outs


def noise_error(
    blocks: Any,
    noise: ArrayLike,
    activation: str = "erf",
    *,
    labels: str = "oracle",
    scale: float = 0.0,
) -> float | np.ndarray:
    """``1/2 <(t - s)^2>`` on inputs to which Gaussian noise outside the subspace is added.

    A field is Gaussian with the noise as without it, so the error is that of the ordinary theory with other overlaps:
    ``Q + noise^2 Q_outside``, R and T likewise, where the teacher labels the noisy input (oracle), and Q alone where
    the label is that of the clean input (fixed): ``<h' rho> = <h rho>``, for the noise is independent of it.

    Main arguments:
        blocks: overlaps inside and outside the subspace, a :class:`~practicum.subspace.Blocks` or a pair.
        noise: sigma >= 0, the standard deviation a dimension; a number or an array.
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.

    Other arguments:
        labels: ``"oracle"``: ``t(x + xi)``; ``"fixed"``: ``t(x)``.
        scale: s >= 0, the standard deviation of the inputs themselves outside the subspace.

    Returns:
        A float, or an array of the shape of `noise`.

    Validity: Gaussian inputs, exact at any K, M and noise.

    Raises:
        ParameterError: no pair of overlaps, a number out of range, or an unknown word.

    Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), eq. (5), with the covariance of the noisy fields.
    """
    from practicum.theory._error import CODES, covariance_error

    what = "noise_error"
    pair = checked(blocks, what)
    sigma = sizes(what, "noise", noise)
    code = CODES[choice(what, "activation", activation, ACTIVATIONS)]
    labels = choice(what, "labels", labels, LABELS)
    inside, outside = covariances(pair)
    clean = inside + checked_scale(what, scale) ** 2 * outside
    disturbed = outside.copy()
    if labels == "fixed":
        K = pair.inside.students
        disturbed[K:], disturbed[:, K:] = 0.0, 0.0
    s = signed_fan_outs(pair)
    values = np.array([covariance_error(clean + x * x * disturbed, s, code) for x in sigma.ravel()])
    return float(values[0]) if sigma.ndim == 0 else values.reshape(sigma.shape)
