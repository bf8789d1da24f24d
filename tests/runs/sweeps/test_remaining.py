"""The time that is left: a bound that holds as often as it says, and no word before there is a reason for one."""

import numpy as np
import pytest

from practicum.runs.sweeps.remaining import Clock


def clock(durations):
    made = Clock()
    for seconds in durations:
        made.add(seconds)
    return made


def test_the_bounds_hold_in_nineteen_of_twenty_sweeps_and_half_as_wide_ones_do_not():
    """Two standard errors, for skewed durations, half of the cells done: the rest lies within as often as promised."""
    rng = np.random.default_rng(1)
    hits, narrow, trials = 0, 0, 2000
    for _ in range(trials):
        durations = rng.lognormal(0.0, 0.7, 400)
        low, high = clock(durations[:200]).bounds(200, 1)
        rest = durations[200:].sum()
        middle, half = (low + high) / 2, (high - low) / 2
        hits += low <= rest <= high
        narrow += abs(rest - middle) <= half / 2
    assert 0.93 < hits / trials < 0.985
    assert narrow / trials < 0.75


def test_workers_share_the_rest_and_more_than_there_are_cells_do_not_help():
    c = clock([2.0] * 10)
    assert c.bounds(20, 1) == pytest.approx((40, 40))
    assert c.bounds(20, 4) == pytest.approx((10, 10))
    assert c.bounds(2, 8) == pytest.approx((2, 2))


@pytest.mark.parametrize(
    ("durations", "left", "workers", "words"),
    [
        ([], 10, 1, ""),
        ([1.0, 1.0], 10, 1, ""),
        ([1.0] * 4, 10, 4, ""),
        ([1.0] * 5, 0, 1, ""),
        ([1.0] * 5, 30, 1, "about 30 s left"),
        ([1.0] * 5, 600, 1, "about 10 min left"),
        ([60.0] * 5, 600, 2, "about 5 h left"),
        ([3600.0] * 5, 600, 2, "about 12 days left"),
        ([1.0, 9.0] * 5, 100, 1, "4 to 13 min left"),
        ([0.01, 0.02] * 5, 20, 1, "about 0.3 s left"),
    ],
)
def test_words_are_as_sure_as_the_numbers(durations, left, workers, words):
    assert clock(durations).words(left, workers) == words
