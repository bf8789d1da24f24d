"""Order parameters: what weights can have, nothing else; and every bit back from a dictionary."""

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from practicum import OrderParameters, ParameterError

GOOD = {"Q": [[0.5, 0.1], [0.1, 0.4]], "R": [[0.1, 0.2, 0.0], [0.0, 0.1, 0.1]]}


def test_defaults_and_shapes():
    start = OrderParameters(**GOOD)
    assert (start.students, start.teachers) == (2, 3)
    assert np.array_equal(start.T, np.eye(3))
    assert np.array_equal(start.v, np.ones(2))
    assert np.array_equal(start.v_star, np.ones(3))
    C = start.covariance
    assert C.shape == (5, 5)
    assert np.array_equal(C, C.T)
    assert np.array_equal(C[:2, 2:], start.R)


def test_order_parameters_are_immutable_copies():
    Q = np.array(GOOD["Q"])
    start = OrderParameters(Q=Q, R=GOOD["R"])
    Q[0, 0] = 7
    assert start.Q[0, 0] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        start.Q[0, 0] = 1
    with pytest.raises(AttributeError):
        start.Q = Q
    assert start == OrderParameters(**GOOD)
    assert start != OrderParameters(Q=GOOD["Q"], R=np.zeros((2, 3)))
    assert start != "start"


@pytest.mark.parametrize(
    "changes, sentences",
    [
        ({"Q": [[0.5]]}, ["'Q'", "shape (2, 2)", "R has shape (2, 3)", "(1, 1)"]),
        ({"T": np.eye(2)}, ["'T'", "shape (3, 3)", "(2, 2)"]),
        ({"v": [1, 2, 3]}, ["'v'", "shape (2,)", "(3,)"]),
        ({"v_star": [1]}, ["'v_star'", "shape (3,)"]),
        ({"v": np.eye(2)}, ["'v'", "1 dimension", "(2, 2)"]),
        ({"R": [0.1, 0.2]}, ["'R'", "2 dimension", "(2,)"]),
        ({"R": np.zeros((0, 3))}, ["'R'", "at least one entry"]),
        ({"Q": [[math.nan, 0], [0, 1]]}, ["'Q'", "finite", "nan at index (0, 0)"]),
        ({"R": [[0, 0, 0], [0, math.inf, 0]]}, ["'R'", "finite", "inf at index (1, 1)"]),
        ({"Q": [[1, 2], [3]]}, ["'Q'", "array of numbers"]),
        ({"Q": "eye"}, ["'Q'", "array of numbers", "'eye'"]),
        ({"Q": [[0.5, 0.2], [0.1, 0.4]]}, ["'Q'", "symmetric", "asymmetry of 0.1", "from_weights"]),
        ({"T": [[1, 0.5, 0], [0, 1, 0], [0, 0, 1]]}, ["'T'", "symmetric", "Gram matrix B B^T"]),
        ({"Q": [[0.5, 0.6], [0.6, 0.4]]}, ["'Q'", "positive semidefinite", "smallest eigenvalue is -0.152", "shrink"]),
        ({"Q": [[-1, 0], [0, 1]]}, ["'Q'", "positive semidefinite", "-1"]),
        ({"T": [[1, 2, 0], [2, 1, 0], [0, 0, 1]]}, ["'T'", "positive semidefinite", "smallest eigenvalue is -1"]),
        ({"R": [[0.9, 0, 0], [0, 0, 0]]}, ["joint matrix [[Q, R], [R^T, T]]", "positive semidefinite", "all weights"]),
        # Large norms do not hide what is impossible: R^2 <= Q T fails by a factor of 4.
        ({"Q": [[1e10, 0], [0, 1]], "R": [[2e5, 0, 0], [0, 0, 0]]}, ["joint matrix", "smallest eigenvalue is -3"]),
        ({"Q": [[1e10, 0, 0], [0, 1, 2], [0, 2, 1]], "R": np.zeros((3, 3))}, ["'Q'", "smallest eigenvalue is -1"]),
    ],
)
def test_impossible_overlaps_are_refused_in_one_sentence(changes, sentences):
    with pytest.raises(ParameterError) as caught:
        OrderParameters(**{**GOOD, **changes})
    for sentence in sentences:
        assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.data(), st.integers(1, 5), st.integers(1, 5), st.integers(1, 7), st.floats(-150, 150))
def test_weights_always_give_order_parameters_and_all_bits_return(data, K, M, N, magnitude):
    entries = st.floats(-1, 1)
    scale = 10.0**magnitude
    J = scale * data.draw(arrays(float, (K, N), elements=entries))
    B = data.draw(arrays(float, (M, N), elements=entries))
    if data.draw(st.booleans()):
        J[-1] = J[0]
    if data.draw(st.booleans()):
        B[-1] = -B[0]
    start = OrderParameters.from_weights(J, B)
    assert (start.students, start.teachers) == (K, M)
    again = OrderParameters.from_dict(json.loads(json.dumps(start.to_dict())))
    for name in ("Q", "R", "T", "v", "v_star"):
        assert getattr(again, name).tobytes() == getattr(start, name).tobytes()
    assert again == start


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**64), st.floats(0, 100), st.floats(0, 1e-9))
def test_random_starts_are_what_they_say(K, M, seed, norm, overlap):
    assume(norm > 1e-3 or overlap == 0)
    start = OrderParameters.random(K, M, seed=seed, norm=norm, overlap=overlap)
    assert start == OrderParameters.random(K, M, seed=seed, norm=norm, overlap=overlap)
    assert np.array_equal(start.Q, start.Q.T)
    assert ((np.diag(start.Q) >= 0) & (np.diag(start.Q) <= norm)).all()
    off = ~np.eye(K, dtype=bool)
    for part in (start.Q[off], start.R):
        assert ((part >= 0) & (part <= overlap)).all()
    assert np.array_equal(start.T, np.eye(M))


def test_random_starts_fill_their_intervals():
    starts = [OrderParameters.random(3, 2, seed=seed, overlap=1e-3) for seed in range(400)]
    norms, overlaps = np.array([np.diag(s.Q) for s in starts]), np.array([s.R for s in starts])
    assert abs(norms.mean() - 0.25) < 4 * 0.5 / math.sqrt(12 * norms.size)
    assert abs(overlaps.mean() - 5e-4) < 4 * 1e-3 / math.sqrt(12 * overlaps.size)
    assert len({s.Q.tobytes() for s in starts}) == 400


def test_starts_at_the_edge_of_the_symmetric_phase():
    start = OrderParameters.near_symmetric(5, 2, Q=0.6, C=0.2, R=0.3, split=0.01)
    assert np.array_equal(np.diag(start.Q), np.full(5, 0.6))
    assert start.Q[0, 1] == 0.2
    expected = np.full((5, 2), 0.3)
    for student in range(5):
        expected[student, student % 2] += 0.01
    assert np.array_equal(start.R, expected)
    assert OrderParameters.near_symmetric(np.int64(1), 1).students == 1


@pytest.mark.parametrize(
    "make, sentences",
    [
        (lambda: OrderParameters.random(0, 1, seed=0), ["'students'", ">= 1", "Got 0"]),
        (lambda: OrderParameters.random(1, 2.5, seed=0), ["'teachers'", "whole number", "2.5"]),
        (lambda: OrderParameters.random(1, 1, seed=-1), ["'seed'", ">= 0"]),
        (lambda: OrderParameters.random(1, 1, seed=0, norm=-1), ["'norm'", ">= 0", "Got -1"]),
        (lambda: OrderParameters.random(1, 1, seed=0, norm=math.nan), ["'norm'", "finite"]),
        (lambda: OrderParameters.random(1, 1, seed=0, overlap=math.inf), ["'overlap'", "finite"]),
        (lambda: OrderParameters.random(1, 1, seed=0, norm="x"), ["'norm'", "finite number", "Got 'x'"]),
        (lambda: OrderParameters.random(1, 1, seed=0, overlap=None), ["'overlap'", "finite number", "Got None"]),
        (lambda: OrderParameters.near_symmetric(1, 1, Q="x"), ["'Q'", "near_symmetric", "finite number", "Got 'x'"]),
        (lambda: OrderParameters.near_symmetric(1, 1, split=None), ["'split'", "finite number", "Got None"]),
        (lambda: OrderParameters.near_symmetric(1, 1, R=math.inf), ["'R'", "finite number", "Got inf"]),
        (lambda: OrderParameters(Q=[[1e308]], R=[[0]]), ["'Q'", "1e+305", "overflow", "Got 1e+308"]),
        (lambda: OrderParameters.from_dict(3), ["needs a dictionary", "Got 3"]),
        (lambda: OrderParameters.random(2, 1, seed=1, overlap=2), ["joint matrix", "positive semidefinite"]),
        (lambda: OrderParameters.near_symmetric(0, 1), ["'students'", ">= 1"]),
        (lambda: OrderParameters.near_symmetric(2, 0), ["'teachers'", ">= 1"]),
        (lambda: OrderParameters.near_symmetric(2, 2, R=1.0), ["joint matrix"]),
        (
            lambda: OrderParameters.from_weights([[1.0, 2.0]], [[1.0]]),
            ["same number of columns N", "(1, 2) and (1, 1)"],
        ),
        (lambda: OrderParameters.from_weights([[1e200]], [[1.0]]), ["'Q'", "finite", "inf"]),
        (lambda: OrderParameters.from_weights([[math.nan]], [[1.0]]), ["'J'", "finite", "nan"]),
        (lambda: OrderParameters.from_weights([1.0], [[1.0]]), ["'J'", "2 dimension"]),
        (lambda: OrderParameters.from_dict({"Q": [[1]], "R": [[0]], "S": 1}), ["no parameter 'S'", "it knows Q, R, T"]),
        (lambda: OrderParameters.from_dict({"Q": [[1]]}), ["needs the parameter 'R'"]),
        (lambda: OrderParameters.from_dict({"Q": [[1]], "R": [[0]], "vstar": [1]}), ["Did you mean 'v_star'?"]),
    ],
)
def test_bad_recipes_are_refused_in_one_sentence(make, sentences):
    with pytest.raises(ParameterError) as caught:
        make()
    for sentence in sentences:
        assert sentence in str(caught.value)
