"""Where random edges beat DPP nodes, and the parameters at which they are compared."""

import math

import numpy as np
import pytest

from practicum import ParameterError, pruned


def random_edges(M, Z, p, v_star=1.0):
    """One teacher node and its copies, for erf in closed form; M of them are independent."""
    same = 2 / math.pi * math.asin(p / (1 + p))
    other = 2 / math.pi * math.asin(p * p / (1 + p))
    target = 2 / math.pi * math.asin(p / math.sqrt(2 * (1 + p)))
    return M * v_star**2 / 2 * (1 / 3 + same / Z + (1 - 1 / Z) * other - 2 * target)


def beaten(M, Z, **options):
    found = pruned.edges_beat_nodes(M, Z, **options).edges_beat_nodes
    return found.kept.values[found.values[0]].tolist()


def test_the_statements_are_conditional():
    assert beaten(2, 3) == [1]
    assert beaten(5, 4) == list(range(1, 12))
    assert beaten(5, 1) == beaten(2, 2) == []
    assert beaten(2, 5) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("dimension", [None, 500, 30])
def test_the_region_is_where_the_closed_forms_say(dimension):
    found = pruned.edges_beat_nodes(4, [1, 3, 6], dimension=dimension, v_star=1.3)
    assert found.edge_error.dims == ("copies", "kept")
    assert found.kept.values.tolist() == list(range(1, 25))
    for Z in (1, 3, 6):
        K = 4 * Z
        for k in range(1, 25):
            cell = found.sel(copies=Z, kept=k)
            if k > K:
                assert np.isnan([cell.edge_error, cell.node_error]).all()
                assert not cell.edges_beat_nodes
                continue
            p = k / K if dimension is None else (k * dimension + k - K) / (K * dimension)
            assert cell.edge_error.item() == pytest.approx(random_edges(4, Z, p, 1.3), abs=1e-13)
            assert cell.node_error.item() == pytest.approx(pruned.copies_error(4, Z, k, "dpp", 1.3), abs=1e-15)
            ahead = random_edges(4, Z, p, 1.3) < pruned.copies_error(4, Z, k, "dpp", 1.3) - 1e-12
            assert bool(cell.edges_beat_nodes) == (ahead and k < K)


def test_more_copies_help_edges_and_few_inputs_hurt_them():
    shares = [len(beaten(5, Z)) / (5 * Z) for Z in (2, 4, 8, 12)]
    assert shares == sorted(shares)
    assert shares[-1] > 0.8
    # The fan-outs of all K nodes are paid for: at N = 500 not all of k <= 11 are left, at N = 20 none.
    assert set(beaten(5, 4, dimension=500)) < set(range(1, 12))
    assert beaten(5, 4, dimension=20) == []
    assert beaten(5, 4, dimension=10**7) == list(range(1, 12))


def test_other_edges_and_a_refit_have_regions_of_their_own():
    assert beaten(2, 3, edges="magnitude") == [1, 2, 3, 4, 5]
    assert beaten(5, 4, activation="linear") == []
    # With the optimal fan-out DPP nodes are perfect from k = M on.
    assert max(beaten(2, 3, edges="dpp", refit=True)) == 1
    assert beaten(5, 4, refit=True) == []


def test_parameters_are_equal_where_they_should_be():
    for K, k, N in ((6, 1, 500), (20, 7, 100), (3, 3, 4), (20, 1, 20)):
        e = pruned.matching_edges(K, k, N)
        assert e == (k * N + k - K) / K
        assert pruned.edge_parameters(K, e) == pytest.approx(pruned.node_parameters(k, N), rel=1e-14)
        assert pruned.matching_fraction(K, k, N) == pytest.approx(e / N, rel=1e-14)
    assert pruned.node_parameters(2, 784) == 1570
    assert pruned.edge_parameters(500, 157) == 79_000
    assert pruned.matching_fraction(6, 2) == 1 / 3
    assert pruned.matching_fraction(6, 2, 10**9) == pytest.approx(1 / 3, rel=1e-8)
    assert pruned.matching_edges(5, 5, 30) == 30


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: pruned.matching_edges(20, 1, 19), "no weight left for edges.*'dimension' parameter must be >= 20"),
        (lambda: pruned.matching_edges(4, 5, 100), "'k' parameter of matching_edges must be <= 4"),
        (lambda: pruned.matching_fraction(4, 0), "'k' parameter must be a whole number >= 1"),
        (lambda: pruned.node_parameters(1, 0), "'dimension' parameter must be a whole number >= 1"),
        (lambda: pruned.edge_parameters(3, -1), "'edges' parameter of edge_parameters"),
        (lambda: pruned.edge_parameters(3, math.inf), "'edges' parameter of edge_parameters"),
        (lambda: pruned.edges_beat_nodes(2, []), "at least one number of copies"),
        (lambda: pruned.edges_beat_nodes(2, [3, 0]), "'Z' parameter must be a whole number >= 1"),
        (lambda: pruned.edges_beat_nodes(2, 3, edges="node"), "'edges' parameter of edges_beat_nodes"),
        (lambda: pruned.edges_beat_nodes(5, 4, dimension=10), "'dimension' parameter must be >= 20"),
    ],
)
def test_a_bad_question_is_a_sentence(call, sentence):
    with pytest.raises(ParameterError, match=sentence):
        call()
