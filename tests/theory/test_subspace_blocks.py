"""Overlaps inside and outside the data subspace."""

import numpy as np
import pytest

import practicum
from practicum import OrderParameters, ParameterError
from practicum.theory.subspace import Blocks, blocks_from_weights
from theory.subspace_reference import Networks


def test_the_overlaps_are_those_of_the_projected_weights():
    n = Networks(K=3, M=2, d=9, r=4)
    inside, outside = blocks_from_weights(n.W, n.V, n.U, n.a, n.b)
    P = n.U @ n.U.T
    for part, projection in ((inside, P), (outside, np.eye(9) - P)):
        assert pytest.approx(n.W @ projection @ n.W.T, abs=1e-14) == part.Q
        assert pytest.approx(n.W @ projection @ n.V.T, abs=1e-14) == part.R
        assert pytest.approx(n.V @ projection @ n.V.T, abs=1e-14) == part.T
        assert (part.v == n.a).all()
        assert (part.v_star == n.b).all()


def test_the_overlaps_are_the_covariances_of_the_fields():
    n = Networks(seed=3)
    blocks = blocks_from_weights(n.W, n.V, n.U)
    for scale in (0.0, 0.6, 1.0):
        x = n.inputs(400_000, scale)
        fields = x @ np.concatenate([n.W, n.V]).T
        expected = blocks.seen(scale).covariance
        error = np.sqrt((expected**2 + np.outer(np.diag(expected), np.diag(expected))) / len(x))
        assert (np.abs(fields.T @ fields / len(x) - expected) < 4 * error).all()
        # Power: a scale that is not squared.
        if scale == 0.6:
            wrong = blocks.seen(np.sqrt(scale)).covariance
            assert (np.abs(fields.T @ fields / len(x) - wrong) > 10 * error).any()


def test_a_small_part_outside_keeps_its_digits():
    n = Networks()
    small = n.W @ n.U @ n.U.T + 1e-9 * n.W @ n.rest
    outside = blocks_from_weights(small, n.V, n.U).outside
    assert pytest.approx(1e-18 * n.W @ n.rest @ n.W.T, rel=1e-5) == outside.Q


def test_the_whole_space_leaves_nothing_outside():
    n = Networks()
    blocks = blocks_from_weights(n.W, n.V, np.eye(9))
    assert (blocks.outside.Q == 0).all()
    assert blocks.seen(0.0) == blocks.inside == OrderParameters.from_weights(n.W, n.V)


def test_the_module_has_a_public_name_and_light_names():
    assert practicum.subspace.Blocks is Blocks
    assert set(practicum.subspace.__all__) <= set(dir(practicum.subspace))
    assert all(hasattr(practicum.subspace, name) for name in practicum.subspace.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'block'"):
        practicum.subspace.block


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"student": np.ones(3)}, r"'student' parameter of blocks_from_weights must have 2 dimension\(s\)"),
        ({"teacher": np.ones((2, 4))}, "same number of columns"),
        ({"student": [[np.nan, 1, 2]]}, r"must be finite. Got nan at index \(0, 0\)"),
        ({"student": [["x", 1, 2]]}, "must be an array of numbers"),
        ({"subspace": np.ones((2, 1))}, "must have 3 rows"),
        ({"subspace": np.ones((3, 1))}, "orthonormal columns"),
        ({"subspace": np.eye(3)[:, [0, 0]]}, "orthonormal columns"),
        ({"subspace": np.ones((3, 0))}, "at least one entry"),
        ({"v": [1, 2]}, "'v' parameter of OrderParameters must have shape"),
    ],
)
def test_bad_weights_are_a_sentence(changes, sentence):
    arguments = {"student": np.ones((1, 3)), "teacher": np.ones((1, 3)), "subspace": np.eye(3)[:, :2]}
    with pytest.raises(ParameterError, match=sentence):
        blocks_from_weights(**{**arguments, **changes})


@pytest.mark.parametrize(
    "pair, sentence",
    [
        ((OrderParameters([[1.0]], [[0.0]]), 3), "needs a pair of OrderParameters"),
        ((OrderParameters([[1.0]], [[0.0]]), OrderParameters(np.eye(2), np.zeros((2, 1)))), "same students"),
        ((OrderParameters([[1.0]], [[0.0]]), OrderParameters([[1.0]], [[0.0]], v=[2.0])), "same fan-outs"),
    ],
)
def test_a_bad_pair_is_a_sentence(pair, sentence):
    with pytest.raises(ParameterError, match=sentence):
        Blocks(*pair).seen()


def test_a_bad_scale_is_a_sentence():
    one = OrderParameters([[1.0]], [[0.0]])
    with pytest.raises(ParameterError, match=r"'scale' parameter of Blocks.seen must be .* >= 0.*0 for low"):
        Blocks(one, one).seen(-0.1)
