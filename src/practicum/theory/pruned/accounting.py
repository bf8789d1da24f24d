"""How many parameters are left: the numbers at which pruned nodes and pruned edges may be compared.

Counted are the weights of the first layer and one number a node, its fan-out, as Acharyya et al. do. A network of more
layers has more parameters, which pruning the first one does not touch; practicum.pruning counts those.
"""

from __future__ import annotations

from practicum.errors import ParameterError
from practicum.theory.pruned._checks import kept_of, positive
from practicum.values import whole


def node_parameters(k: int, dimension: int) -> int:
    """``k (N + 1)``: N weights and a fan-out for each of the k nodes that stay.

    Main arguments:
        k: how many nodes stay, >= 1.
        dimension: N, the number of inputs.

    Raises:
        ParameterError: a number is out of range.
    """
    return whole("k", k, 1) * (whole("dimension", dimension, 1) + 1)


def edge_parameters(students: int, edges: float) -> float:
    """``K e + K``: e weights and a fan-out for each of the K nodes.

    Main arguments:
        students: K, the number of nodes.
        edges: e >= 0, how many weights of each node stay; on average, so that it need not be whole.

    Raises:
        ParameterError: a number is out of range.
    """
    e = positive("edge_parameters", "edges", edges, 0.0, "it counts the weights of a node that stay")
    return whole("students", students, 1) * (e + 1.0)


def matching_edges(students: int, k: int, dimension: int) -> float:
    """``e = (k N + k - K) / K``: the weights a node that leave as many parameters as k whole nodes do.

    Main arguments:
        students: K, the number of nodes.
        k: how many whole nodes it is compared with, 1 <= k <= K.
        dimension: N, the number of inputs.

    Returns:
        e, not whole in general.

    Raises:
        ParameterError: a number is out of range, or the k nodes have fewer parameters than K fan-outs alone.
    """
    what = "matching_edges"
    K, N = whole("students", students, 1), whole("dimension", dimension, 1)
    k = kept_of(what, k, K)
    e = (k * N + k - K) / K
    if not e > 0:
        raise ParameterError(
            f"{what} finds no weight left for edges: {k} node(s) of {N} inputs have {k * (N + 1)} parameters, and the "
            f"fan-outs of all {K} nodes are {K} already. The 'dimension' parameter must be >= {K // k}."
        )
    return e


def matching_fraction(students: int, k: int, dimension: int | None = None) -> float:
    """``p = e / N``, the share of weights that stay at equal parameters; k / K as N -> infinity.

    Main arguments:
        students: K, the number of nodes.
        k: how many whole nodes it is compared with, 1 <= k <= K.

    Other arguments:
        dimension: N, the number of inputs; infinite if not given.

    Raises:
        ParameterError: see :func:`matching_edges`.
    """
    if dimension is None:
        K = whole("students", students, 1)
        return kept_of("matching_fraction", k, K) / K
    return matching_edges(students, k, dimension) / dimension
