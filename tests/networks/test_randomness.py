"""Generators: the same for the same key and independent for any other."""

from itertools import combinations

import numpy as np
import pytest

from practicum.errors import ParameterError
from practicum.networks.randomness import generator

KEYS = [
    (0, "batches"),
    (1, "batches"),
    (0, "noise"),
    (0, "batches", 0),
    (0, "batches", 1),
    (0, "batches", 0, 0),
    (0, "batches", 0, 1),
    (2**40, "batches"),
    (2**32, "batches"),
]


def test_equal_keys_give_equal_numbers():
    for key in KEYS:
        assert np.array_equal(generator(*key).random(5), generator(*key).random(5))


def test_other_keys_give_independent_numbers():
    """Correlations of 4000 normals: |z| < 4.5 for each of 36 pairs has a chance below 3e-4 of failing by luck."""
    drawn = [generator(*key).standard_normal(4000) for key in KEYS]
    for one, two in combinations(drawn, 2):
        assert abs(np.corrcoef(one, two)[0, 1]) * np.sqrt(4000) < 4.5


def test_the_numbers_stay_what_they_are():
    """They decide what every stored training has drawn."""
    assert generator(3, "batches", 7).integers(0, 10_000, 4).tolist() == [2847, 8739, 1917, 5357]


@pytest.mark.parametrize("key", [(-1, "noise"), (0.5, "noise"), (True, "noise"), (0, "noise", -1), (0, "noise", 1.0)])
def test_keys_are_whole_numbers(key):
    with pytest.raises(ParameterError, match="whole number >= 0"):
        generator(*key)


def test_an_unknown_purpose():
    with pytest.raises(ParameterError, match="Did you mean 'batches'"):
        generator(0, "batch")
