"""Every selector side by side: expected errors over how many nodes, or as many parameters, are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.canonical import canonical_json
from practicum.errors import ParameterError
from practicum.theory.pruned._checks import REFITS, fraction_of, kept_of, positive, refit_of
from practicum.theory.pruned._outputs import States, outputs
from practicum.theory.pruned._sources import source_of
from practicum.theory.pruned.accounting import matching_fraction
from practicum.theory.pruned.edges import EDGE_SELECTORS, edge_errors
from practicum.theory.pruned.kernels import KERNELS, kernels_of
from practicum.theory.pruned.nodes import NODE_SELECTORS, node_errors
from practicum.theory.subspace._checks import choice

if TYPE_CHECKING:
    import xarray as xr

SELECTORS = (*(f"{name}_node" for name in NODE_SELECTORS), *(f"{name}_edge" for name in EDGE_SELECTORS))
_USUAL = ("random_node", "importance_node", "dpp_node", "random_edge", "dpp_edge", "magnitude_edge")
_NUMBERS = 2**21


def selector_errors(
    source: Any,
    kept: Sequence[int] | None = None,
    selectors: Sequence[str] = _USUAL,
    refit: str | bool | Sequence[str | bool] = ("none", "optimal"),
    *,
    activation: str | None = None,
    dimension: int | None = None,
    fractions: Sequence[float] | None = None,
    kernel: str = "weights",
    jitter: float = 0.0,
) -> xr.Dataset:
    """The expected generalization error of a pruned student: every selector, with and without a refit.

    Main arguments:
        source: :class:`~practicum.OrderParameters` of one student, or a Dataset of many with Q, R, T, v and v_star, as
            :func:`~practicum.solve` and :func:`~practicum.simulate` return it. Its dimensions (alpha, seed, those of a
            grid) and their coordinates stay; where an overlap is NaN, so is the error.
        kept: numbers k of nodes that stay; 1 ... K if not given.
        selectors: of :func:`node_error` with ``_node`` and of :func:`edge_error` with ``_edge`` behind the name.
        refit: one or several of ``"none"``, ``"fuse"`` and ``"optimal"``, as in :func:`subset_error`.

    Other arguments:
        activation: read from the Dataset if not given; ``"erf"`` for OrderParameters.
        dimension: N. Edges are pruned to as many parameters as k nodes have, ``p = (k N + k - K) / (K N)`` of the
            weights; infinite if not given: ``p = k / K``.
        fractions: p itself, one for each of `kept`, in place of equal parameters.
        kernel: of the DPP over nodes, ``"weights"``, ``"outputs"`` or ``"divnet"``, see :func:`node_kernel`.
        jitter: epsilon of ``kernel + epsilon I``; 0 is the limit epsilon -> 0.

    Returns:
        A Dataset with ``generalization_error`` over the dimensions of the source, ``refit``, ``selector`` and ``kept``.
        The coordinate ``fraction`` is p over ``kept``, and ``parameters``, given `dimension`, is k (N + 1).

    Validity: Gaussian inputs of variance 1, whatever the Dataset was trained on; otherwise as of :func:`node_error` and
    :func:`edge_error`. A refit of nodes goes through all subsets that differ in some network; copies are counted as
    such if they are copies in all networks.

    Raises:
        ParameterError: the source is neither, a number is out of range, a word is unknown, or `fractions` does not fit.

    Source: Acharyya et al., arXiv:2006.16617, for copies; any student: this package (docs: pruned-overlaps).
    """
    import xarray as xr

    what = "selector_errors"
    given = source_of(what, source, activation)
    K = given.states.v.shape[-1]
    ks = [kept_of(what, k, K) for k in (range(1, K + 1) if kept is None else _several(kept))]
    names = [choice(what, "selectors", name, SELECTORS) for name in _several(selectors)]
    refits = list(dict.fromkeys(refit_of(what, word) for word in _several(refit)))
    choice(what, "kernel", kernel, KERNELS)
    epsilon = positive(what, "jitter", jitter, 0.0, "it is added to the diagonal of a positive semidefinite kernel")
    shares = _fractions(what, ks, K, dimension, fractions)
    values = np.full((len(given.states.v), len(refits), len(names), len(ks)), np.nan)
    if not values.size:
        raise ParameterError(f"{what} needs at least one network, one k, one selector and one refit.")
    # A network that diverged has overlaps that are not numbers.
    alive = np.flatnonzero([all(np.isfinite(a).all() for a in state) for state in zip(*given.states)])
    step = max(1, _NUMBERS // K**3)
    for start in range(0, len(alive), step):
        rows = alive[start : start + step]
        some = States(*(a[rows] for a in given.states))
        values[rows] = _errors(what, some, given.activation, ks, shares, names, refits, kernel, epsilon)
    shape = (*given.sizes.values(), *values.shape[1:])
    settings = {"kernel": kernel, "jitter": epsilon, "dimension": dimension, "activation": given.activation}
    dataset = xr.Dataset(
        {
            "generalization_error": (
                (*given.sizes, "refit", "selector", "kept"),
                values.reshape(shape),
                {"long_name": "expected generalization error after pruning"},
            )
        },
        coords={
            **given.coordinates,
            "refit": refits,
            "selector": names,
            "kept": ("kept", ks, {"long_name": "nodes kept, or as many parameters"}),
            "fraction": ("kept", shares, {"long_name": "share of the weights kept by edge selectors"}),
        },
        attrs={"kind": "selector_errors", "config": canonical_json(settings), "cite": _citations(names, refits)},
    )
    if dimension is not None and fractions is None:
        parameters = np.array(ks) * (dimension + 1)
        dataset = dataset.assign_coords(parameters=("kept", parameters, {"long_name": "parameters kept"}))
    return dataset


def _errors(
    what: str,
    states: States,
    activation: str,
    ks: list[int],
    shares: list[float],
    names: list[str],
    refits: list[str],
    kernel: str,
    jitter: float,
) -> np.ndarray:
    """Shape (states, refits, selectors, kept)."""
    found = np.empty((len(states.v), len(refits), len(names), len(ks)))
    out = outputs(states, activation)
    kernels = kernels_of(states, kernel, activation)
    kernels = kernels + jitter * np.eye(kernels.shape[-1])
    nodes = [n for n, name in enumerate(names) if name.endswith("_node")]
    chosen = [names[n].removesuffix("_node") for n in nodes]
    for place, (k, p) in enumerate(zip(ks, shares)):
        found[:, :, nodes, place] = node_errors(what, states, out, kernels, k, chosen, refits)
        for n, name in enumerate(names):
            if n not in nodes:
                found[:, :, n, place] = edge_errors(states, p, name.removesuffix("_edge"), activation, refits)
    return found


def _several(value: Any) -> list[Any]:
    """A list of values, from one or from several."""
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]


def _fractions(what: str, ks: list[int], K: int, dimension: int | None, fractions: Any) -> list[float]:
    if fractions is None:
        return [matching_fraction(K, k, dimension) for k in ks]
    shares = [fraction_of(what, p) for p in _several(fractions)]
    if len(shares) != len(ks):
        raise ParameterError(
            f"The 'fractions' parameter of {what} must have one entry for each of the {len(ks)} values of 'kept'. "
            f"Got {len(shares)} instead; without it edges are pruned to as many parameters as the nodes."
        )
    return shares


def _citations(names: list[str], refits: list[str]) -> str:
    keys = ["saad1995online", "acharyya2020understanding"]
    if "dpp_node" in names:
        keys.append("kulesza2012determinantal")
    if set(refits) & set(REFITS[1:]):
        keys.append("mariet2016diversity")
    return ",".join(keys)
