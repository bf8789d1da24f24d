"""Recipes of a start give the overlaps that the constructors of OrderParameters give."""

import numpy as np
import pytest

from practicum import OrderParameters, ParameterError
from practicum.runs.starts import RECIPES, start_from


def test_explicit_is_the_default_kind():
    values = {"Q": [[0.5, 0.0], [0.0, 0.5]], "R": [[0.1], [0.0]], "T": [[2.0]], "v_star": [3.0]}
    assert start_from(values) == OrderParameters(**values)
    assert start_from({"kind": "explicit", **values}) == OrderParameters(**values)


def test_random():
    expected = OrderParameters.random(3, 2, seed=7, norm=0.25, overlap=1e-3)
    assert start_from({"kind": "random", "seed": 7, "norm": 0.25, "overlap": 1e-3}, 3, 2) == expected
    assert start_from({"kind": "random"}, 3, 2) == OrderParameters.random(3, 2, seed=0)


@pytest.mark.parametrize("kind", ["near-symmetric", "near_symmetric"])
def test_near_symmetric(kind):
    expected = OrderParameters.near_symmetric(3, 3, Q=0.2, C=0.1, R=0.05, split=1e-4)
    assert start_from({"kind": kind, "Q": 0.2, "C": 0.1, "R": 0.05, "split": 1e-4}, 3, 3) == expected


def test_a_recipe_takes_another_teacher():
    start = start_from({"kind": "random", "seed": 1, "v_star": [2.0, 1.0], "T": [[2.0, 0.1], [0.1, 1.0]]}, 3, 2)
    plain = OrderParameters.random(3, 2, seed=1)
    np.testing.assert_array_equal(start.Q, plain.Q)
    np.testing.assert_array_equal(start.R, plain.R)
    np.testing.assert_array_equal(start.v_star, [2.0, 1.0])
    np.testing.assert_array_equal(start.T, [[2.0, 0.1], [0.1, 1.0]])


def test_every_recipe_is_known_by_a_test():
    assert set(RECIPES) == {"explicit", "random", "near-symmetric"}


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        ({"kind": "symmetric"}, "Did you mean 'near-symmetric'"),
        ({"kind": "random", "split": 0.1}, "has no parameter 'split'; it knows seed, norm, overlap"),
        ({"kind": "random", "sed": 1}, "Did you mean 'seed'"),
        ({"kind": "random", "seed": -1}, "whole number >= 0"),
        ({"kind": "random", "seed": 0.5}, "whole number >= 0"),
        ({"kind": "random", "norm": float("nan")}, "must be a finite number"),
        ({"kind": "random", "overlap": -1e-3}, "must be >= 0"),
        ({"kind": "near-symmetric", "Q": [[1.0]]}, "must be a finite number"),
        ({"kind": "near-symmetric", "Q": -0.5}, "positive semidefinite"),
        ({"kind": "random", "overlap": 3.0}, "positive semidefinite"),
        ({"Q": [[1.0]]}, "needs 'R'"),
        ({"Q": [[1.0]], "R": [[0.0]], "T": [[-1.0]]}, "'T' parameter of OrderParameters must be positive semidefinite"),
        ({"Q": [[1.0]], "R": [[2.0]]}, "joint matrix"),
        ([1], "a table of them"),
    ],
)
def test_bad_recipes_are_one_sentence(recipe, sentence):
    with pytest.raises(ParameterError) as caught:
        start_from(recipe, 3, 2)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_recipe_needs_sizes():
    with pytest.raises(ParameterError, match="numbers of students and teachers"):
        start_from({"kind": "random"})
