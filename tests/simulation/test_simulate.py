"""The door to both simulations: labels that theory and simulation share, what is recorded, and bad requests."""

import json

import numpy as np
import pytest
import xarray as xr

from practicum import BlockIsotropic, Committee, LearningRule, OrderParameters, ParameterError, simulate, solve
from practicum.simulation import Weights

TWO = Committee(students=2, teachers=2)
RULE = LearningRule(learning_rate=0.8)
START = OrderParameters(Q=[[0.6, 0.1], [0.1, 0.4]], R=[[0.3, 0.1], [-0.1, 0.2]], v=[1.0, 0.8], v_star=[1.0, 1.2])
PAIR = (
    START,
    OrderParameters(Q=0.1 * np.eye(2), R=np.zeros((2, 2)), T=0.5 * np.eye(2), v=START.v, v_star=START.v_star),
)


@pytest.mark.parametrize("method", ["chain", "weights"])
def test_theory_and_simulation_share_their_labels(method):
    theory = solve(TWO, RULE, START, 3.0, save_at=[0.0, 0.333, 3.0])
    paths = simulate(TWO, RULE, START, 60, 3.0, seeds=4, save_at=[0.0, 0.333, 3.0], method=method)
    assert paths.sizes == {"seed": 4, "alpha": 3, "student": 2, "student_": 2, "teacher": 2, "teacher_": 2}
    assert paths.Q.dims == ("seed", "alpha", "student", "student_")
    assert paths.R.dims == ("seed", "alpha", "student", "teacher")
    assert paths.generalization_error.dims == ("seed", "alpha")
    assert np.array_equal(paths.alpha, theory.alpha)
    assert paths.step.values.tolist() == [0, 20, 180]
    assert paths.status.dims == ("seed",)
    assert paths.alpha_end.values.tolist() == [3.0] * 4
    gap = theory - paths.mean("seed")
    assert set(gap.data_vars) == set(theory.data_vars)
    assert gap.sizes == {name: size for name, size in paths.sizes.items() if name != "seed"}
    # At alpha = 0 both are the start.
    for name in ("Q", "R", "v", "generalization_error"):
        assert np.abs(gap[name].isel(alpha=0)).max() < 1e-14
    assert np.abs(gap.Q).max() < 0.5
    assert simulate(TWO, RULE, START, 10, 2.0, method=method).sizes["alpha"] == 201


@pytest.mark.parametrize("method", ["chain", "weights"])
def test_the_end_does_not_depend_on_the_points(method):
    """alpha_end is the end that was asked for, even if the last point lies before it."""
    few = simulate(TWO, RULE, START, 50, 4.0, seeds=[3], save_at=[1.0], method=method)
    many = simulate(TWO, RULE, START, 50, 4.0, seeds=[3, 1], save_at=[0.0, 0.5, 1.0, 4.0], method=method)
    assert few.alpha_end.item() == 4.0
    assert np.array_equal(few.Q.sel(seed=3, alpha=1.0), many.Q.sel(seed=3, alpha=1.0))
    assert many.seed.values.tolist() == [3, 1]
    assert np.array_equal(many.sel(seed=1).Q, simulate(TWO, RULE, START, 50, 4.0, seeds=[1], method=method,
                          save_at=[0.0, 0.5, 1.0, 4.0]).Q.isel(seed=0))  # fmt: skip


SEEDS = [
    (3, [0, 1, 2]),
    ([5], [5]),
    (range(2, 4), [2, 3]),
    (np.array([7, 9]), [7, 9]),
    (np.int64(2), [0, 1]),
    ((2**40, 0), [2**40, 0]),
]


@pytest.mark.parametrize("seeds, chosen", SEEDS)
def test_seeds_are_a_number_or_a_list(seeds, chosen):
    assert simulate(TWO, RULE, START, 10, 1.0, seeds=seeds).seed.values.tolist() == chosen


@pytest.mark.parametrize("method", ["chain", "weights"])
@pytest.mark.parametrize("scale", [0.0, 0.5])
def test_blocks_of_inputs(method, scale):
    law = BlockIsotropic(dimension=20, scale=scale)
    paths = simulate(TWO, RULE, PAIR, 50, 2.0, seeds=2, inputs=law, method=method, save_at=[0.0, 2.0])
    assert paths.Q.values[:, 0] == pytest.approx(np.array([PAIR[0].Q + PAIR[1].Q] * 2), abs=1e-13)
    assert paths.Q_outside.values[:, 0] == pytest.approx(np.array([PAIR[1].Q] * 2), abs=1e-13)
    assert paths.T.values == pytest.approx(1.5 * np.eye(2))
    assert np.array_equal(paths.T_outside, PAIR[1].T)
    assert (np.abs(paths.Q_outside.isel(alpha=1) - paths.Q_outside.isel(alpha=0)).max() > 1e-3) == (scale > 0)
    # What is seen of the weights makes the error.
    s = scale**2
    seen = OrderParameters(
        PAIR[0].Q + s * PAIR[1].Q, PAIR[0].R + s * PAIR[1].R, PAIR[0].T + s * PAIR[1].T, START.v, START.v_star
    )
    error = solve(TWO, RULE, seen, 1.0, save_at=[0.0]).generalization_error.item()
    assert paths.generalization_error.values[:, 0] == pytest.approx([error, error], abs=1e-13)
    config = json.loads(paths.attrs["config"])
    assert OrderParameters.from_dict(config["start_outside"]) == PAIR[1]
    assert "BlockIsotropic" in config["inputs"]
    even = simulate(TWO, RULE, START, 50, 2.0, inputs=law, method=method, save_at=[0.0])
    assert even.Q_outside.values[0, 0] == pytest.approx(0.6 * START.Q)
    assert even.Q.values[0, 0] == pytest.approx(START.Q)


def test_the_critical_rate_is_that_of_isotropic_inputs():
    unit = OrderParameters(Q=[[0.5, 0.1], [0.1, 0.4]], R=[[0.3, 0.1], [-0.1, 0.2]])
    above = LearningRule(learning_rate=2.4)
    assert simulate(TWO, above, unit, 50, 1.0, seeds=2).status.values.tolist() == ["diverged"] * 2
    assert simulate(TWO, above.replace(learning_rate=2.2), unit, 50, 1.0).status.values.tolist() == ["ok"]
    # A teacher of which half is never seen learns from half as much: nobody has its critical rate.
    low_rank = simulate(TWO, above, unit, 50, 1.0, inputs=BlockIsotropic(dimension=25))
    assert low_rank.status.values.tolist() == ["ok"]


@pytest.mark.parametrize("method", ["chain", "weights"])
def test_datasets_survive_a_file(method, tmp_path):
    paths = simulate(TWO, RULE, START, 20, np.float32(1), seeds=2, method=method)
    paths.to_netcdf(tmp_path / "paths.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "paths.nc", engine="h5netcdf") as read:
        assert read.equals(paths)
    config = json.loads(paths.attrs["config"])
    assert (config["dimension"], config["until"], config["method"]) == (20, 1.0, method)
    assert paths.attrs["kind"] == "simulate"


def test_the_precision_recorded_is_the_one_used():
    for method, dtype in (("chain", "float64"), ("weights", "float32")):
        paths = simulate(TWO, RULE, START, 20, 0.5, method=method, dtype="float32")
        assert json.loads(paths.attrs["config"])["dtype"] == dtype


def test_what_is_recorded_of_a_law_is_the_same_in_every_process():
    def law(rng, shape):
        return rng.standard_normal(shape)

    for inputs in (law, np.ones((3, 20))):
        paths = simulate(TWO, RULE, START, 20, 0.5, method="weights", inputs=inputs)
        assert "0x" not in paths.attrs["config"]


@pytest.mark.parametrize(
    "changes, sentences",
    [
        ({"dimension": 0}, ["'dimension'", "whole number >= 1", "Got 0"]),
        ({"dimension": 10.5}, ["'dimension'", "10.5"]),
        ({"dimension": True}, ["'dimension'", "True"]),
        ({"dimension": 3}, ["at least 4", "Got 3", "raise 'dimension'"]),
        ({"dimension": 10**19}, ["'dimension'", "<= 1e+15", "Got 1e+19", "solve"]),
        ({"rule": RULE.replace(batch_size=2**62)}, ["examples", "lower 'until', 'dimension' or 'batch_size'"]),
        ({"seeds": [2**63]}, ["'seeds'", "below 2^63", "9223372036854775808"]),
        ({"until": 0}, ["'until'", "> 0"]),
        ({"until": "generalization_error < 1"}, ["number as 'until'", "solve takes conditions"]),
        ({"until": 1e-3}, ["'until'", "at least one update", "until >= 0.05"]),
        ({"seeds": 0}, ["'seeds'", ">= 1"]),
        ({"seeds": []}, ["'seeds'", "at least one"]),
        ({"seeds": [1, 1]}, ["'seeds'", "different"]),
        ({"seeds": [-1]}, ["'seeds'", ">= 0", "-1"]),
        ({"seeds": 1.5}, ["'seeds'", "1.5"]),
        ({"seeds": True}, ["'seeds'", "True"]),
        ({"workers": 0}, ["'workers'", ">= 1"]),
        ({"largest_norm": -1}, ["'largest_norm'", "> 0"]),
        ({"method": "chian"}, ["'method'", "Did you mean 'chain'?"]),
        ({"dtype": "float16"}, ["'dtype'", "float16"]),
        ({"save_at": [0, 99]}, ["'save_at'", "99", "raise 'until'"]),
        ({"inputs": np.ones((3, 20))}, ["chain is exact for Gaussian inputs only", "method='weights'"]),
        ({"inputs": BlockIsotropic(dimension=20)}, ["dimension 20", "smaller than N = 20", "leave 'inputs' out"]),
        ({"start": PAIR}, ["pair of starts", "BlockIsotropic"]),
        ({"start": (START, 3), "inputs": BlockIsotropic(dimension=10)}, ["'start'", "pair"]),
        ({"start": "random"}, ["'start'", "OrderParameters"]),
        ({"machine": Committee(students=3, teachers=2)}, ["2 students", "has 3 and 2", "OrderParameters.random(3, 2"]),
        (
            {"start": (START, OrderParameters([[1]], [[0]])), "inputs": BlockIsotropic(dimension=10)},
            ["same students and teachers"],
        ),
        (
            {"start": (START, OrderParameters(np.eye(2), np.zeros((2, 2)))), "inputs": BlockIsotropic(dimension=10)},
            ["same fan-outs"],
        ),
    ],
)
def test_bad_requests_end_in_one_sentence(changes, sentences):
    request = {"machine": TWO, "rule": RULE, "start": START, "dimension": 20, "until": 1.0, **changes}
    with pytest.raises(ParameterError) as caught:
        simulate(**request)
    for sentence in sentences:
        assert sentence in str(caught.value)


class Enough(Exception):
    """What a caller raises to end a simulation, as an interrupt would."""


@pytest.mark.parametrize("method", ["chain", "weights"])
def test_a_large_simulation_can_be_ended_soon(method):
    """Many students, to whom one update is long: progress is told every few hundred updates, and may end it all."""
    machine = Committee(students=48, teachers=2)
    told = []

    def progress(fraction):
        told.append(fraction)
        raise Enough

    start = OrderParameters.near_symmetric(48, 2)
    with pytest.raises(Enough):
        simulate(
            machine, RULE, start, 500, 200.0, seeds=8, workers=2, method=method, save_at=[200.0], progress=progress
        )
    assert max(told) < 0.1


def test_explicit_weights_are_a_start_of_the_weights():
    rng = np.random.default_rng(0)
    weights = Weights(rng.standard_normal((2, 20)) / 5, rng.standard_normal((2, 20)) / 5)
    paths = simulate(TWO, RULE, weights, 20, 1.0, seeds=2, method="weights", save_at=[0.0, 1.0])
    assert paths.Q.values[:, 0] == pytest.approx(np.array([weights.overlaps.Q] * 2), abs=1e-14)
    blocks = simulate(TWO, RULE, weights, 20, 1.0, method="weights", inputs=BlockIsotropic(dimension=15))
    assert blocks.T_outside.values == pytest.approx(weights.B[:, 15:] @ weights.B[:, 15:].T)
    with pytest.raises(ParameterError, match=r"start=weights\.overlaps"):
        simulate(TWO, RULE, weights, 20, 1.0)
