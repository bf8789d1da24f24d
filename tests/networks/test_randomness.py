"""Where random numbers come from: the same for equal arguments, independent for others."""

import numpy as np
import pytest

from practicum.errors import ParameterError
from practicum.networks.randomness import _PURPOSES, generator

ARGUMENTS = [
    (seed, purpose, *counters)
    for seed in (0, 1, 2, 2**31, 2**32, 2**63)
    for purpose in _PURPOSES
    for counters in ((), (0,), (1,), (0, 0), (0, 1), (1, 0), (2**32,))
]


def test_equal_arguments_give_equal_numbers_and_no_others_do():
    first = [generator(*arguments).integers(0, 2**63, 4).tolist() for arguments in ARGUMENTS]
    assert first == [generator(*arguments).integers(0, 2**63, 4).tolist() for arguments in ARGUMENTS]
    numbers = [number for numbers in first for number in numbers]
    assert len(set(numbers)) == len(numbers)
    # Power: without the number of counters in the key, a trailing zero would be taken for nothing.
    without, zero = (np.random.SeedSequence(0, spawn_key=key).generate_state(4) for key in ((1,), (1, 0)))
    alike = np.random.SeedSequence([0, 1]).generate_state(4), np.random.SeedSequence([0, 1, 0]).generate_state(4)
    assert not (without == zero).all()
    assert (alike[0] == alike[1]).all()


def test_numpys_integers_are_whole_numbers_too():
    assert generator(np.int64(3), "student", np.uint8(1)).random() == generator(3, "student", 1).random()


def test_generators_are_not_correlated():
    """Streams of 2000 normals: a correlation is about N(0, 1/2000), and the largest of 43 071 below 5.5 deviations."""
    x = np.stack([generator(*arguments).standard_normal(2000) for arguments in ARGUMENTS])
    rho = np.corrcoef(x)[np.triu_indices(len(x), 1)]
    assert np.abs(rho).max() * 2000**0.5 < 5.5
    assert abs((rho**2).mean() * 2000 - 1) < 5 * (2 / len(rho)) ** 0.5
    x[7] = 0.9 * x[7] + 0.19**0.5 * x[100]  # power
    assert np.abs(np.corrcoef(x)[7, 100]) * 2000**0.5 > 5.5


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((0, "students"), ["no purpose 'students'", "Did you mean 'student'?"]),
        ((-1, "student"), ["'seed'", ">= 0", "-1"]),
        ((1.0, "student"), ["'seed'", "whole number", "1.0"]),
        ((True, "student"), ["'seed'", "True"]),
        ((0, "student", -2), ["'counter'", ">= 0", "-2"]),
    ],
)
def test_what_is_no_seed_is_one_sentence(arguments, words):
    with pytest.raises(ParameterError) as caught:
        generator(*arguments)
    assert all(word in str(caught.value) for word in words)
