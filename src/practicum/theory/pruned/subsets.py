"""The error of a student of which some nodes are left: given nodes, any random law, and the best fan-out for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.theory.overlaps import OrderParameters
from practicum.theory.pruned._checks import activation_of, masks_of, order_parameters_of, refit_of
from practicum.theory.pruned._outputs import Outputs, fan_outs, outputs, states_of, subset_errors
from practicum.theory.subspace._checks import array_of

_SLACK = 1e-9


def subset_error(
    order_parameters: OrderParameters, kept: Any, activation: str = "erf", refit: bool | str = False
) -> float | np.ndarray:
    """The generalization error of the student whose nodes outside `kept` are removed.

    The nodes that stay keep their overlaps, so it is the ordinary error of Q_SS, R_S and v_S.

    Main arguments:
        order_parameters: of the student before pruning.
        kept: S, the indices of the nodes that stay, or booleans of shape (..., K). No node at all leaves 1/2 <t^2>.
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.

    Other arguments:
        refit: what becomes of the fan-out. ``"none"`` or False: v_S stays. ``"fuse"``: the nodes that stay imitate
            the student that was, by least squares (Divnet). ``"optimal"`` or True: they imitate the teacher, and no
            fan-out has a smaller error. See :func:`refit_fan_out`.

    Returns:
        A float, or an array of shape (...). To average over drawn subsets take the mean of it.

    Validity: N -> infinity, or any N on Gaussian inputs; exact at any K and M. A refit fits what nodes of unit length
    have to offer in directions of variance above 1e-10 of the largest.

    Raises:
        ParameterError: no order parameters, no subset of their nodes, or an unknown word.

    Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), eq. (5), on the remaining nodes; Acharyya et al.,
    arXiv:2006.16617; refit: normal equations; fusing after Mariet & Sra, arXiv:1511.05077.
    """
    what = "subset_error"
    states = states_of(order_parameters_of(what, order_parameters))
    masks = masks_of(what, kept, len(states.v))
    how = refit_of(what, refit)
    found = subset_errors(outputs(states, activation_of(what, activation)), masks.reshape(-1, masks.shape[-1]), how)
    return float(found[0]) if masks.ndim == 1 else found.reshape(masks.shape[:-1])


def refit_fan_out(
    order_parameters: OrderParameters, kept: Any, activation: str = "erf", refit: bool | str = "optimal"
) -> np.ndarray:
    """The fan-out of the nodes that stay, after least squares on their outputs.

    optimal: ``v = I2(Q_SS)^+ I2(R_S) v_star``, which imitates the teacher. fuse: ``v = I2(Q_SS)^+ I2(Q_S,:) v``, which
    imitates the student before pruning and needs no teacher.

    Main arguments:
        order_parameters, kept, activation: as in :func:`subset_error`.

    Other arguments:
        refit: ``"optimal"``, ``"fuse"``, or ``"none"`` for v itself.

    Returns:
        Shape (..., K), zero where a node is pruned. Copies do not determine it: of all best fan-outs it is the one of
        the smallest ``sum v_i^2 <g_i^2>``, which treats copies alike.

    Raises:
        ParameterError: no order parameters, no subset of their nodes, or an unknown word.

    Source: as of :func:`subset_error`.
    """
    what = "refit_fan_out"
    states = states_of(order_parameters_of(what, order_parameters))
    masks = masks_of(what, kept, len(states.v))
    how = refit_of(what, refit)
    found = fan_outs(outputs(states, activation_of(what, activation)), masks.reshape(-1, masks.shape[-1]), how)
    return found.reshape(masks.shape)


def inclusion_error(
    order_parameters: OrderParameters, pi: ArrayLike, pi_pairs: ArrayLike, activation: str = "erf"
) -> float | np.ndarray:
    """The expected error of a randomly pruned student: of any law of subsets two tables of probabilities matter.

    ``1/2 [sum_ij v_i v_j pi_ij I2(Q_ij) + v_star^T I2(T) v_star] - sum_im pi_i v_i v_star_m I2(R_im)``, pi_ii = pi_i.

    Main arguments:
        order_parameters: of the student before pruning.
        pi: P(node i stays), shape (..., K).
        pi_pairs: P(nodes i and j stay), shape (..., K, K), with pi on the diagonal.
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.

    Returns:
        A float, or an array of shape (...).

    Validity: exact, with the fan-out as it was. A refit is not quadratic in the subset; :func:`node_error` averages it.

    Raises:
        ParameterError: no order parameters, shapes do not fit, or no law has these probabilities.

    Source: Acharyya et al., arXiv:2006.16617, for uniform subsets and DPPs of copies; for any law and any student:
    derived for this package (docs: pruned-overlaps).
    """
    what = "inclusion_error"
    states = states_of(order_parameters_of(what, order_parameters))
    K = len(states.v)
    first, pairs = array_of(what, "pi", pi, None), array_of(what, "pi_pairs", pi_pairs, None)
    if first.shape[-1:] != (K,) or pairs.shape != (*first.shape, K):
        raise ParameterError(
            f"The 'pi' and 'pi_pairs' parameters of {what} must have shapes (..., {K}) and (..., {K}, {K}), because "
            f"the student has {K} node(s). Got {first.shape} and {pairs.shape} instead."
        )
    _check_law(what, first, pairs)
    found = expected_errors(outputs(states, activation_of(what, activation)), first, pairs)
    return float(found) if first.ndim == 1 else found


def expected_errors(out: Outputs, pi: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """:func:`inclusion_error` on leading axes that broadcast."""
    square = np.einsum("...i,...ij,...j->...", out.v, pairs * out.gram, out.v)
    return np.maximum(0.5 * (square + out.power) - (pi * out.v * out.aim).sum(-1), 0.0)


def _check_law(what: str, pi: np.ndarray, pairs: np.ndarray) -> None:
    if (pi < -_SLACK).any() or (pi > 1.0 + _SLACK).any():
        worst = pi.flat[np.abs(pi - 0.5).argmax()]
        raise ParameterError(
            f"The 'pi' parameter of {what} must lie between 0 and 1, because its entries are probabilities. "
            f"Got {worst:.6g} instead."
        )
    diagonal = np.diagonal(pairs, axis1=-2, axis2=-1)
    if np.abs(diagonal - pi).max() > _SLACK:
        raise ParameterError(
            f"The 'pi_pairs' parameter of {what} must have pi on its diagonal, because a node stays together with "
            f"itself whenever it stays. Got a difference of {np.abs(diagonal - pi).max():.3g} instead; "
            "numpy.fill_diagonal(pi_pairs, pi) puts it there."
        )
    other = np.swapaxes(pairs, -1, -2)
    most = np.minimum(pi[..., :, None], pi[..., None, :])
    least = pi[..., :, None] + pi[..., None, :] - 1.0
    if (np.abs(pairs - other) > _SLACK).any() or (pairs > most + _SLACK).any() or (pairs < least - _SLACK).any():
        raise ParameterError(
            f"The 'pi_pairs' parameter of {what} must be symmetric, with entries from pi_i + pi_j - 1 to "
            "min(pi_i, pi_j), because both nodes cannot stay more often than one of them, nor seldomer than the two "
            "leave room for; kdpp_inclusion and uniform_inclusion return such tables."
        )
