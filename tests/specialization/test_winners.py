"""Ranks and the rank of the winner, on rankings written by hand and on ones that chance makes."""

import numpy as np
import pytest

from practicum import ParameterError
from practicum.specialization.winners import UNRANKED, ranks, winner_rank, winners


def test_ranks_count_from_the_largest():
    assert ranks(np.array([[0.1, 0.9, -0.3, 0.5]])).tolist() == [[2, 0, 3, 1]]


def test_equal_students_share_their_middle():
    """Of dead students (rho = 0) none is lucky."""
    assert ranks(np.array([[0.0, 0.0, 0.0, 0.9, -0.2]])).tolist() == [[2, 2, 2, 0, 4]]
    assert ranks(np.array([[0.5, 0.5]])).tolist() == [[0, 0]]


def test_ranks_of_random_rows_are_permutations():
    rho = np.random.default_rng(0).uniform(-1, 1, (3, 4, 50))
    found = ranks(rho)
    assert found.dtype == np.uint16
    assert (np.sort(found, axis=-1) == np.arange(50)).all()
    ordered = np.take_along_axis(rho, np.argsort(found, axis=-1), axis=-1)
    assert (np.diff(ordered, axis=-1) < 0).all()


def test_the_rank_of_the_winner():
    start = np.array([[0.5, 0.4, 0.3, 0.2], [0.5, 0.4, 0.3, 0.2]])
    middle = np.array([[0.5, 0.4, 0.9, 0.2], [0.6, 0.1, 0.3, 0.2]])
    end = np.array([[0.5, 0.4, 0.99, 0.2], [0.9, 0.1, 0.3, 0.2]])
    history = ranks(np.stack([start, middle, end]))
    assert winners(history[-1]).tolist() == [2, 0]
    assert winner_rank(history).tolist() == [[50, 0], [0, 0], [0, 0]]


def test_padded_layers_and_diverged_seeds():
    history = np.full((2, 2, 3, 4), UNRANKED, np.uint16)  # time, seed, teacher, student; widths 2 and 3
    history[:, 0, :2, :3] = ranks(np.array([[[0.1, 0.2, 0.3], [0.9, 0.8, 0.7]], [[0.9, 0.2, 0.3], [0.1, 0.8, 0.7]]]))
    history[0, 1] = ranks(np.random.default_rng(0).uniform(size=(3, 4)))  # and then the seed diverged
    found = winner_rank(history, students=3)
    assert found[:, 0, :2].tolist() == [[pytest.approx(200 / 3), pytest.approx(100 / 3)], [0, 0]]
    assert np.isnan(found[:, 0, 2]).all()
    assert np.isnan(found[:, 1]).all()
    assert (ranks(np.array([[0.5, np.nan]])) == UNRANKED).all()


def test_without_memory_the_rank_is_uniform():
    """The mean of 2000 independent ranks is 49.75 % of 200 students, to 4 standard errors; a luckier start shows."""
    rng = np.random.default_rng(0)
    final = rng.uniform(size=(2000, 200))
    blind = winner_rank(np.stack([ranks(rng.uniform(size=(2000, 200))), ranks(final)]))[0]
    error = 100 / np.sqrt(12 * 2000)
    assert abs(blind.mean() - 100 * 199 / 400) < 4 * error
    lucky = winner_rank(np.stack([ranks(final + 10 * rng.uniform(size=(2000, 200))), ranks(final)]))[0]
    assert lucky.mean() < 100 * 199 / 400 - 4 * error  # power: a memory of one part in ten is seen


def test_what_cannot_be_ranked():
    with pytest.raises(ParameterError, match="at most 65534 students"):
        ranks(np.zeros((1, 65535)))
    for wrong in (np.zeros((3, 4), np.uint16), np.zeros((0, 3, 4), np.uint16)):
        with pytest.raises(ParameterError, match=r"must be whole numbers of shape \(time, ..., m, n\)"):
            winner_rank(wrong)
    with pytest.raises(ParameterError, match=r"Got float64 .*; ranks\(rho\) makes them"):  # rho itself is no rank
        winner_rank(np.random.default_rng(0).uniform(size=(3, 2, 4)))
