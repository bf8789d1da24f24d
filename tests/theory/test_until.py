"""When a trajectory ends, and where it is looked at."""

import numpy as np
import pytest

from practicum import ParameterError
from practicum.theory._until import Until, points, positive


@pytest.mark.parametrize(
    "text, target, below",
    [
        ("generalization_error < 1e-3", 1e-3, True),
        ("generalization_error<0.5", 0.5, True),
        ("  generalization_error   >  2 ", 2.0, False),
        ("generalization_error < 0", 0.0, True),
        ("generalization_error > 1.5E+2", 150.0, False),
        ("generalization_error < .25", 0.25, True),
    ],
)
def test_conditions(text, target, below):
    assert Until.parse(text, 1e4) == Until(1e4, target, below)


@pytest.mark.parametrize("value", [1, 2.5, np.float32(3), np.int64(4), 1e-300, 1e300])
def test_numbers(value):
    until = Until.parse(value, 1e4)
    assert until == Until(float(value))
    assert until.target < 0
    assert type(until.alpha) is float


@pytest.mark.parametrize(
    "text",
    [
        "", "generalization_error", "generalization_error < ", "generalization_error <= 1", "generalization_error = 1",
        "error < 1", "Q < 1", "generalization_error < -1", "generalization_error < 1e", "generalization_error < 1e999",
        "generalization_error < nan", "1 > generalization_error", "generalization_error < 1 and Q > 2", "1000",
        "generalization_error < 1-2", "generalization_error < ..1",
    ],
)  # fmt: skip
def test_other_conditions_are_refused_in_one_sentence(text):
    with pytest.raises(ParameterError) as caught:
        Until.parse(text, 1e4)
    for part in ("'until'", "generalization_error < NUMBER", "because", repr(text)):
        assert part in str(caught.value)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, None, [1], "x", 1j])
def test_positive_numbers(value):
    with pytest.raises(ParameterError, match="'rtol' parameter must be a finite number > 0"):
        positive("rtol", value)
    with pytest.raises(ParameterError, match="updates / N"):
        positive("max_alpha", value)


def test_points():
    assert np.array_equal(points(None, 10.0), np.linspace(0, 10, 201))
    assert np.array_equal(points([0, 1, 10], 10.0), [0.0, 1.0, 10.0])
    assert points((1, 2), 10.0).dtype == float
    assert points([0.1 + 0.2], 0.3).tolist() == [0.3]  # beyond the end by rounding alone
    for bad in ([], [[1]], 3, [1, 1], [2, 1], [-1e-9], [np.nan], [np.inf], ["a"], [11.0]):
        with pytest.raises(ParameterError, match="'save_at'"):
            points(bad, 10.0)
