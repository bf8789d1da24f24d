"""What a run has over time: means, errors and names, against loops written by hand."""

import numpy as np
import pytest
import xarray as xr

from practicum.report.series import series_of


def simulated(students=2, points=5, seeds=3):
    rng = np.random.default_rng(0)
    error = rng.random((seeds, points))
    error[-1, 3:] = np.nan  # a seed that diverged
    error[:, 4] = np.nan  # and then all of them
    Q = rng.random((seeds, points, students, students))
    coords = {"alpha": np.linspace(0, 8, points), "seed": range(seeds), "student": [10, 11], "student_": [10, 11]}
    return xr.Dataset(
        {
            "Q": (("seed", "alpha", "student", "student_"), Q),
            "generalization_error": (("seed", "alpha"), error),
            "T": (("teacher", "teacher_"), np.eye(2)),
        },
        coords,
    )


def by_hand(values):
    """Mean and standard error at each point, of the seeds that are there."""
    means, errors, counts = [], [], []
    for column in values.T:
        there = [value for value in column if value == value]
        mean = sum(there) / len(there) if there else np.nan
        squares = sum((value - mean) ** 2 for value in there)
        means.append(mean)
        errors.append((squares / (len(there) - 1) / len(there)) ** 0.5 if len(there) > 1 else np.nan)
        counts.append(len(there))
    return means, errors, counts


def test_means_and_errors_are_those_of_the_seeds_that_are_there():
    data = simulated()
    (first, *rest), left_out = series_of(data)
    means, errors, counts = by_hand(data["generalization_error"].values)
    assert (first.name, first.across, left_out) == ("generalization_error", "alpha", [])
    np.testing.assert_allclose(first.mean, means, rtol=1e-14)
    np.testing.assert_allclose(first.error, errors, rtol=1e-14)
    np.testing.assert_array_equal(first.seeds, counts)
    # Power: a mean that took the diverged seed for zero would be another one.
    assert not np.allclose(first.mean[:4], np.nan_to_num(data["generalization_error"].values).mean(axis=0)[:4])
    assert first.final == (first.mean[3], first.error[3], first.x[3], 2)
    names = ["Q student 10, student 10", "Q student 10, student 11", "Q student 11, student 11"]
    assert [series.name for series in rest] == names  # the symmetric half once, the constant T not at all
    np.testing.assert_allclose(rest[1].mean, data["Q"].values[:, :, 0, 1].mean(axis=0), rtol=1e-14)


def test_a_training_is_over_epochs_and_single_curves_can_be_asked_for():
    data = xr.Dataset(
        {
            "loss": (("step", "seed"), np.arange(8.0).reshape(4, 2)),
            "coverage": (("step", "seed", "layer"), np.ones((4, 2, 1))),
            "rho": (("step", "seed", "teacher", "student"), np.ones((4, 2, 3, 5))),
            "status": ("seed", ["ok", "ok"]),
            "alpha": (("step", "seed", "teacher"), np.ones((4, 2, 3))),
        },
        {"epoch": ("step", [0, 1, 2, 4]), "layer": [1]},
    )
    found, left_out = series_of(data, single=True)
    assert [(one.variable, one.across) for one in found] == [("loss", "epoch"), ("coverage", "epoch")]
    assert left_out == ["alpha", "rho"]
    np.testing.assert_array_equal(found[0].x, [0, 1, 2, 4])
    every, none = series_of(data)
    assert len(every) == 1 + 1 + 3 + 15
    assert none == []
    fewer, out = series_of(data, most=10)
    assert (len(fewer), out) == (5, ["rho"])


def test_thinning_keeps_both_ends_and_points_that_are_there():
    alpha = np.linspace(0, 1, 5001)
    data = xr.Dataset({"generalization_error": ("alpha", np.exp(-alpha))}, {"alpha": alpha})
    (series,), _ = series_of(data)
    thin = series.thinned(600)
    assert thin.x.size == 600
    assert (thin.x[0], thin.x[-1]) == (0, 1)
    np.testing.assert_array_equal(thin.mean, np.exp(-thin.x))
    assert np.isnan(thin.error).all()
    assert series.thinned(5001) is series


@pytest.mark.parametrize(
    "data",
    [
        xr.Dataset({"found": ("rule", [1.0, 2.0])}),
        xr.Dataset({"found": ("alpha", [1.0, 2.0])}, {"alpha": ["a", "b"]}),
    ],
)
def test_what_has_no_time_has_no_curves(data):
    assert series_of(data) == ([], [])
