"""Where random edges beat DPP nodes at equal parameters: the claim of the paper, over the number of copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from practicum.errors import ParameterError
from practicum.theory.pruned._checks import activation_of, refit_of
from practicum.theory.pruned.accounting import matching_fraction
from practicum.theory.pruned.copied import copies, copies_error
from practicum.theory.pruned.edges import EDGE_SELECTORS, edge_error
from practicum.theory.subspace._checks import choice
from practicum.values import whole

if TYPE_CHECKING:
    import xarray as xr

_EQUAL = 1e-12


def edges_beat_nodes(
    M: int,
    Z: int | Sequence[int],
    *,
    dimension: int | None = None,
    edges: str = "random",
    v_star: float = 1.0,
    activation: str = "erf",
    refit: bool | str = False,
) -> xr.Dataset:
    """DPP nodes against edges at as many parameters, for a student that is Z copies of each of M teacher nodes.

    Main arguments:
        M: teacher nodes.
        Z: numbers of copies, one or several.

    Other arguments:
        dimension: N; k nodes are compared with ``(k N + k - K) / K`` weights a node. Infinite if not given: k / K of
            the weights.
        edges: their selector, of :func:`edge_error`.
        v_star: teacher fan-out. It scales both errors.
        activation: ``"erf"``, ``"relu"`` or ``"linear"``.
        refit: of both, as in :func:`subset_error`.

    Returns:
        A Dataset over ``copies`` (Z) and ``kept`` (k = 1 ... M max(Z)): the errors ``edge_error`` and ``node_error``,
        and ``edges_beat_nodes``, True where the first is smaller by more than 1e-12 v_star^2. Where k > K = M Z, the
        errors are NaN and nothing is beaten.

    Validity: the errors are those of N -> infinity; `dimension` enters the count of parameters alone.

    Raises:
        ParameterError: a number is out of range, or an unknown word.

    Source: Acharyya et al., arXiv:2006.16617, state it for all k; where it holds: this package (docs: pruned-overlaps).
    """
    import xarray as xr

    what = "edges_beat_nodes"
    M = whole("M", M, 1)
    numbers = [whole("Z", z, 1) for z in (Z if isinstance(Z, Sequence | np.ndarray) else [Z])]
    if not numbers:
        raise ParameterError(f"The 'Z' parameter of {what} must name at least one number of copies. Got {Z!r} instead.")
    selector = choice(what, "edges", edges, EDGE_SELECTORS)
    activation, how = activation_of(what, activation), refit_of(what, refit)
    kept = np.arange(1, M * max(numbers) + 1)
    nodes, others = np.full((2, len(numbers), len(kept)), np.nan)
    for row, z in enumerate(numbers):
        student = copies(M, z, v_star)
        for k in range(1, M * z + 1):
            p = matching_fraction(M * z, k, dimension)
            nodes[row, k - 1] = copies_error(M, z, k, "dpp", v_star, activation, how)
            others[row, k - 1] = edge_error(student, p, selector, activation, how)
    dims = ("copies", "kept")
    return xr.Dataset(
        {
            "edge_error": (dims, others, {"long_name": f"generalization error, {selector} edges"}),
            "node_error": (dims, nodes, {"long_name": "generalization error, DPP nodes"}),
            "edges_beat_nodes": (
                dims,
                others < nodes - _EQUAL * float(v_star) ** 2,
                {"long_name": f"{selector} edges have a smaller error than DPP nodes"},
            ),
        },
        coords={
            "copies": ("copies", numbers, {"long_name": "copies of each teacher node"}),
            "kept": ("kept", kept, {"long_name": "nodes kept, or as many parameters"}),
        },
        attrs={"teachers": M, "dimension": "infinite" if dimension is None else dimension, "refit": how}
        | {"activation": activation, "cite": "acharyya2020understanding"},
    )
