"""All that an error needs to know of pruned nodes: the overlaps of their outputs with each other and with the target.

The fields of a pruned student are Gaussian again, so its error is the ordinary one with other overlaps,
``1/2 <t^2> + 1/2 a^T G a - a . y`` with the fan-out a, ``G = <g g^T>`` and ``y = <g t>``: a quadratic form, whose
minimum over the fan-out is a least-squares problem of the same G and y.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from practicum.theory.overlaps import OrderParameters

# Of nodes of unit length: what rounding leaves of the eigenvalues that copies have, and of what such nodes can fit.
ZERO = 1e-10
_NUMBERS = 2**21  # in one batch of matrices: 16 megabytes


class States(NamedTuple):
    """Order parameters of many networks: arrays of :class:`OrderParameters` with common leading axes (...)."""

    Q: np.ndarray
    R: np.ndarray
    T: np.ndarray
    v: np.ndarray
    v_star: np.ndarray


class Outputs(NamedTuple):
    """Overlaps of outputs.

    Main arguments:
        gram: ``<g(h_i) g(h_k)>`` of the nodes that may stay, shape (..., K, K).
        aim: ``<g(h_i) t>`` with the teacher's output, shape (..., K).
        own: ``<g(h_i) s>`` with the student's output before pruning, shape (..., K).
        power: ``<t^2>``, shape (...).
        v: student fan-out, shape (..., K).
    """

    gram: np.ndarray
    aim: np.ndarray
    own: np.ndarray
    power: np.ndarray
    v: np.ndarray

    def of(self, nodes: list[int]) -> Outputs:
        """Those of some nodes alone."""
        gram = self.gram[..., nodes, :][..., nodes]
        return Outputs(gram, self.aim[..., nodes], self.own[..., nodes], self.power, self.v[..., nodes])


def states_of(order_parameters: OrderParameters) -> States:
    """One network, without leading axes."""
    return States(*(getattr(order_parameters, name) for name in States._fields))


def pair_outputs(a: np.ndarray, b: np.ndarray, c: np.ndarray, activation: str) -> np.ndarray:
    """``<g(x) g(y)>`` of fields with variances a, b and covariance c: I2, on arrays that broadcast."""
    if activation == "linear":
        return c + 0.0 * (a + b)
    from practicum.theory.subspace._moments import minors

    a, b, c = np.broadcast_arrays(a, b, c)
    minor = minors(a.ravel(), b.ravel(), c.ravel()).reshape(a.shape)
    if activation == "erf":
        return (2.0 / np.pi) * np.arctan2(c, np.sqrt(1.0 + a + b + minor))
    root = np.sqrt(minor)
    return (root + (np.pi - np.arctan2(root, c)) * c) / (2.0 * np.pi)


def outputs(states: States, activation: str, pruned: np.ndarray | None = None, left: float = 1.0) -> Outputs:
    """The outputs of a student, of which pruning has changed the weights.

    Main arguments:
        states: before pruning.

    Other arguments:
        pruned: Q after pruning, shape (..., K, K); the old one if not given.
        left: the factor by which pruning changes the overlap with weights that stay: of R, and of the old Q.
    """
    Q, R, T, v, v_star = states
    new = Q if pruned is None else pruned
    variances, old, teacher = (np.diagonal(X, axis1=-2, axis2=-1) for X in (new, Q, T))
    gram = pair_outputs(variances[..., :, None], variances[..., None, :], new, activation)
    across = pair_outputs(variances[..., :, None], old[..., None, :], left * Q, activation)
    target = pair_outputs(variances[..., :, None], teacher[..., None, :], left * R, activation)
    labels = pair_outputs(teacher[..., :, None], teacher[..., None, :], T, activation)
    aim, own = (np.einsum("...im,...m->...i", X, y) for X, y in ((target, v_star), (across, v)))
    return Outputs(gram, aim, own, np.einsum("...n,...nm,...m->...", v_star, labels, v_star), v)


def subset_errors(out: Outputs, masks: np.ndarray, refit: str) -> np.ndarray:
    """The error of every subset in every state, shape (..., n), of `masks` of shape (n, K)."""
    shape, K = out.power.shape, masks.shape[1]
    flat = [a.reshape(-1, *a.shape[len(shape) :]) for a in out]
    errors = np.empty((len(flat[3]), len(masks)))
    # Many states with a few subsets each, or few states with many.
    step = max(1, _NUMBERS // max(K * K * len(masks), 1))
    batch = max(1, _NUMBERS // (K * K))
    for first in range(0, len(errors), step):
        some = Outputs(*(a[first : first + step, None] for a in flat))
        for start in range(0, len(masks), batch):
            part = masks[start : start + batch]
            errors[first : first + step, start : start + batch] = (
                _plain(some, part) if refit == "none" else _refitted(some, part, refit)
            )
    # A perfect student is left with rounding, of either sign; an error is not negative.
    return np.maximum(errors, 0.0).reshape(*shape, len(masks))


def fan_outs(out: Outputs, masks: np.ndarray, refit: str) -> np.ndarray:
    """The fan-out of one state with every subset, shape (n, K), zero where a node is pruned."""
    if refit == "none":
        return out.v * masks
    found = np.empty(masks.shape)
    target = out.aim if refit == "optimal" else out.own
    for n, mask in enumerate(masks):
        scale, inverse, vectors = _spectrum(out.gram, mask)
        found[n] = scale * (vectors @ (inverse * (vectors.T @ (scale * target))))
    return found


def _plain(out: Outputs, masks: np.ndarray) -> np.ndarray:
    a = out.v * masks
    return 0.5 * (np.einsum("...i,...ij,...j->...", a, out.gram, a) + out.power) - (a * out.aim).sum(-1)


def _refitted(out: Outputs, masks: np.ndarray, refit: str) -> np.ndarray:
    """In the eigenbasis of G no large fan-outs of nearly equal nodes cancel."""
    scale, inverse, vectors = _spectrum(out.gram, masks)
    y = np.einsum("...ij,...i->...j", vectors, scale * out.aim)
    z = y if refit == "optimal" else np.einsum("...ij,...i->...j", vectors, scale * out.own)
    return 0.5 * out.power + (inverse * z * (0.5 * z - y)).sum(-1)


def _spectrum(gram: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale d, inverse eigenvalues and eigenvectors of ``d_i G_ik d_k`` on the nodes that stay, d = G_ii^(-1/2).

    The pseudo-inverse of nodes of unit length, so that a node with a small output counts as much as one with a large.
    """
    lengths = np.sqrt(np.maximum(np.diagonal(gram, axis1=-2, axis2=-1), 0.0))
    with np.errstate(divide="ignore"):
        scale = np.where(masks & (lengths > 0.0), 1.0 / lengths, 0.0)
    values, vectors = np.linalg.eigh(scale[..., :, None] * gram * scale[..., None, :])
    seen = values > ZERO * np.maximum(values[..., -1:], ZERO)
    return scale, np.where(seen, 1.0, 0.0) / np.where(seen, values, 1.0), vectors
