"""All selectors of one student and of whole trajectories: every cell is the function for it, every dimension stays."""

import numpy as np
import pytest
import xarray as xr

from practicum import (
    Committee,
    LearningRule,
    OrderParameters,
    ParameterError,
    cite,
    pruned,
    simulate,
    solve,
    solve_grid,
)
from theory.pruned_reference import a_student

MACHINE = Committee(students=3, teachers=2)
RULE = LearningRule(learning_rate=0.4, fan_out_learning_rate=0.2)
START = OrderParameters.random(3, 2, seed=5)
EVERY = [f"{name}_node" for name in ("random", "importance", "scaled_importance", "dpp")]
EVERY += [f"{name}_edge" for name in ("random", "rescaled", "magnitude", "dpp")]
REFITS = ["none", "fuse", "optimal"]


def cell(o, selector, k, p, activation, refit, **options):
    name, kind = selector.rsplit("_", 1)
    if kind == "node":
        return pruned.node_error(o, k, name, activation, refit, **options)
    return pruned.edge_error(o, p, name, activation, refit)


@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_one_student(activation):
    o = a_student(4, 2, seed=40)
    options = {"kernel": "outputs", "jitter": 0.1}
    found = pruned.selector_errors(o, None, EVERY, REFITS, activation=activation, dimension=50, **options)
    error = found.generalization_error
    assert error.dims == ("refit", "selector", "kept")
    assert error.shape == (3, 8, 4)
    for k in range(1, 5):
        p = (k * 50 + k - 4) / 200
        assert found.fraction.sel(kept=k) == pytest.approx(p, rel=1e-14)
        assert found.parameters.sel(kept=k) == 51 * k
        for selector in EVERY:
            for refit in REFITS:
                expected = cell(o, selector, k, p, activation, refit, **options)
                assert error.sel(kept=k, selector=selector, refit=refit).item() == pytest.approx(expected, abs=1e-14)


def test_a_trajectory_and_its_simulations_keep_their_dimensions():
    theory = solve(MACHINE, RULE, START, until=60.0, save_at=[0, 20, 60])
    paths = simulate(MACHINE, RULE, START, dimension=300, until=60.0, seeds=3, save_at=[0, 20, 60])
    found, measured = (pruned.selector_errors(d, [1, 2], refit=REFITS) for d in (theory, paths))
    assert found.generalization_error.dims == ("alpha", "refit", "selector", "kept")
    assert measured.generalization_error.dims == ("seed", "alpha", "refit", "selector", "kept")
    assert measured.seed.values.tolist() == [0, 1, 2]
    assert measured.step.values.tolist() == paths.step.values.tolist()
    assert measured.status.dims == ("seed",)
    assert (found - measured.mean("seed")).generalization_error.dims == ("alpha", "refit", "selector", "kept")
    for data, table in ((theory, found), (paths, measured)):
        place = {"alpha": 20} if data is theory else {"alpha": 20, "seed": 2}
        one = data.sel(place)
        o = OrderParameters(one.Q, one.R, one.T, one.v, one.v_star)
        for selector in table.selector.values:
            for refit in REFITS:
                value = table.generalization_error.sel(place).sel(selector=selector, refit=refit, kept=2).item()
                assert value == pytest.approx(cell(o, selector, 2, 2 / 3, "erf", refit), abs=1e-13)


def test_a_grid_of_settings_and_a_transposed_dataset():
    grid = solve_grid(MACHINE, RULE, START, over={"learning_rate": [0.1, 0.4]}, until=20.0, save_at=[0, 20])
    found = pruned.selector_errors(grid, [2], ["dpp_node", "dpp_edge"], "none")
    assert found.generalization_error.dims == ("learning_rate", "alpha", "refit", "selector", "kept")
    assert found.learning_rate.values.tolist() == [0.1, 0.4]
    turned = pruned.selector_errors(grid.transpose("student_", "alpha", ...), [2], ["dpp_node", "dpp_edge"], "none")
    assert (turned - found).generalization_error.max() == 0
    # A teacher and a fan-out that differ along an axis count as such.
    several = grid.assign(v_star=grid.v_star * xr.DataArray([1.0, 2.0], dims="scale"))
    scaled = pruned.selector_errors(several, [2], ["random_node"], "optimal", activation="erf")
    ratio = scaled.generalization_error.isel(scale=1) / scaled.generalization_error.isel(scale=0)
    assert ratio.values == pytest.approx(np.full(ratio.shape, 4.0))


def test_what_diverged_stays_empty_and_the_rest_does_not():
    theory = solve(MACHINE, RULE, START, until=20.0, save_at=[0, 10, 20])
    broken = theory.copy(deep=True)
    broken.Q[2] = np.nan
    broken.v[1, 0] = np.inf
    found = pruned.selector_errors(broken).generalization_error
    assert np.isfinite(found.isel(alpha=0)).all()
    assert found.isel(alpha=[1, 2]).isnull().all()
    whole = pruned.selector_errors(theory).generalization_error
    assert found.isel(alpha=0).values == pytest.approx(whole.isel(alpha=0).values, abs=1e-14)
    broken.Q[:] = np.nan
    assert pruned.selector_errors(broken).generalization_error.isnull().all()


def test_the_activation_is_that_of_the_run():
    relu = solve(MACHINE.replace(activation="relu"), RULE, START, until=5.0, save_at=[0, 5])
    read = pruned.selector_errors(relu, [2]).generalization_error
    said = pruned.selector_errors(relu.drop_attrs(), [2], activation="relu").generalization_error
    assert (read == said).all()
    assert abs(read - pruned.selector_errors(relu, [2], activation="erf").generalization_error).max() > 1e-3
    with pytest.raises(ParameterError, match=r"reads the activation from the attributes.*arithmetic drops them"):
        pruned.selector_errors(relu.drop_attrs(), [2])


def test_it_says_what_to_cite():
    o = pruned.copies(2, 2)
    assert "acharyya2020understanding" in cite(pruned.selector_errors(o))
    assert "mariet2016diversity" in cite(pruned.selector_errors(o))
    assert "mariet2016" not in cite(pruned.selector_errors(o, refit=False))
    assert "acharyya2020understanding" in cite(pruned.edges_beat_nodes(2, 3))


@pytest.mark.parametrize(
    "arguments, options, sentence",
    [
        (([[1.0]],), {}, "needs OrderParameters, or a Dataset with Q, R, T, v and v_star.*Got a list"),
        ((xr.Dataset({"Q": 1.0}),), {}, "Got a Dataset without R, T, v, v_star"),
        ((xr.Dataset(dict.fromkeys(["Q", "R", "T", "v", "v_star"], 1.0)),), {}, "must have the dimension.*Got none"),
        ((a_student(), [5]), {}, "'k' parameter of selector_errors must be <= 4"),
        ((a_student(), []), {}, "at least one network, one k"),
        ((a_student(), [1], []), {}, "at least one network, one k"),
        ((a_student(), [1], ["dpp"]), {}, "'selectors' parameter of selector_errors must be one of 'random_node'"),
        ((a_student(), [1], ["dpp_node"], "best"), {}, "'refit' parameter of selector_errors"),
        ((a_student(), [1, 2]), {"fractions": [0.5]}, "'fractions' parameter .* one entry for each of the 2"),
        ((a_student(), [1]), {"fractions": [0]}, "'p' parameter of selector_errors must be > 0"),
        ((a_student(), [1]), {"dimension": 3}, "'dimension' parameter must be >= 4"),
        ((a_student(), [1]), {"kernel": "rbf"}, "'kernel' parameter of selector_errors"),
        ((a_student(), [1]), {"jitter": -1}, "'jitter' parameter of selector_errors"),
        ((a_student(), [1]), {"activation": "tanh"}, "'activation' parameter of selector_errors"),
    ],
)
def test_a_bad_question_is_a_sentence(arguments, options, sentence):
    with pytest.raises(ParameterError, match=sentence):
        pruned.selector_errors(*arguments, **options)
