"""A sweep as one dataset: what xarray joins from the runs themselves, in whatever way the cells differ."""

import json
import math
import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from made_up import MACHINE, RULE, compute, simulate_config, solve_config
from practicum import Committee, OrderParameters, ParameterError, StorageError
from practicum.errors import PracticumError
from practicum.runs import Store, StudyConfig
from practicum.runs.failures import record_failure
from practicum.runs.sweeps import consolidated, results
from practicum.runs.sweeps._stacking import Outline
from practicum.runs.sweeps.axes import Axis
from practicum.runs.sweeps.grid import Grid, names_of
from practicum.runs.sweeps.plan import Sweep
from practicum.runs.sweeps.results import open_runs, open_sweep, read_sweep

RATES = (0.25, 0.5, 1.0)
NOISES = (0.0, 0.1, 0.2, 0.3)


@pytest.fixture(params=["in memory", "in parts"])
def how(request, monkeypatch):
    """The same dataset whether the runs are few or many."""
    if request.param == "in parts":
        monkeypatch.setattr(results, "_FEW", 0)
        monkeypatch.setattr(results, "_per_part", lambda *_: 5)
    return request.param


def made(config):
    """A made-up run with the number of updates, as simulations have it."""
    dataset = compute(config)
    return dataset.assign_coords(step=("alpha", np.round(100 * dataset["alpha"].values).astype(int)))


def stored(folder, axes, build, skip=()):
    """A sweep whose cells are made-up runs; `build(**values)` is the configuration of a cell."""
    store, cells = Store(folder), []
    shape = [len(values) for values in axes.values()]
    for place in np.ndindex(*shape):
        config = build(**{name: values[i] for (name, values), i in zip(axes.items(), place)})
        cells.append(config)
        if place not in skip:
            store.put(config, made(config))
    sweep = Sweep("simulate", tuple(Axis(*axis) for axis in axes.items()), tuple(cell.id for cell in cells))
    sweep.write(store.folder)
    return store, sweep, cells


def ruled(learning_rate=0.5, noise=0.0, **changes):
    machine = changes.pop("machine", MACHINE)
    return simulate_config(
        machine=machine.replace(noise=noise), rule=RULE.replace(learning_rate=learning_rate), until=3.0, **changes
    )


def joined(store, sweep, drop=None):
    """The same by xarray: outer join of the runs, cell by cell, NaN where one has less."""
    runs = []
    for run in sweep.cells:
        dataset = store.load(run).drop_attrs()
        dataset = dataset.reset_coords(["status", "alpha_end"])
        runs.append(dataset.squeeze(drop, drop=True) if drop else dataset)
    flat = xr.concat(runs, "cell", join="outer", data_vars="all", coords="minimal", compat="override")
    index = [(axis.name, list(axis.values)) for axis in sweep.axes]
    shape = [len(values) for _, values in index]
    variables = {}
    for name, variable in flat.data_vars.items():
        values = variable.transpose("cell", ...)
        variables[name] = ((*(n for n, _ in index), *values.dims[1:]), values.values.reshape(*shape, *values.shape[1:]))
    return xr.Dataset(variables, {**dict(index), **{k: v for k, v in flat.coords.items() if k != "cell"}})


def assert_joined(found, expected):
    """Every number of xarray's is ours, and there are no others but `run` and `problem`."""
    assert set(found.data_vars) - {"run", "problem"} == set(expected.data_vars)
    for name, variable in expected.data_vars.items():
        assert found[name].dims == variable.dims, name
        if name == "status":
            assert found[name].values.tolist() == variable.values.tolist()
        else:
            np.testing.assert_array_equal(found[name].values, variable.values, err_msg=str(name))
    for name, coordinate in expected.coords.items():
        np.testing.assert_array_equal(found[name].values, coordinate.values, err_msg=str(name))


def test_cells_of_one_shape(tmp_path, how):
    store, sweep, _ = stored(tmp_path, {"learning_rate": RATES, "noise": NOISES}, ruled)
    found = open_sweep(store, sweep)
    assert_joined(found, joined(store, sweep))
    assert found["step"].dims == ("alpha",)
    assert found["generalization_error"].attrs["long_name"] == "generalization error"
    assert found.attrs["sweep"] == sweep.id
    assert found.attrs["cite"] == "saad1995online,west1995adaptive"
    one = found.sel(learning_rate=0.5, noise=0.2)
    assert one["run"].item() == ruled(0.5, 0.2).id
    assert (found["problem"] == "").all()
    assert (found["Q"].chunks is None) == (how == "in memory")
    for changed in (open_sweep(tmp_path, sweep.id[:6]), open_sweep(str(tmp_path), sweep)):
        assert changed.compute().identical(found.compute())


def test_power_a_cell_in_the_wrong_place_is_noticed(tmp_path):
    store, sweep, _ = stored(tmp_path, {"learning_rate": RATES, "noise": NOISES}, ruled)
    swapped = Sweep(sweep.kind, sweep.axes, (sweep.cells[1], sweep.cells[0], *sweep.cells[2:]))
    with pytest.raises(AssertionError):
        assert_joined(open_sweep(store, swapped), joined(store, sweep))


def test_sizes_that_differ_are_padded_with_nan(tmp_path, how):
    def sized(students, seeds):
        start = OrderParameters.near_symmetric(students, 2, split=0.01)
        return ruled(machine=Committee(students=students, teachers=2), start=start, seeds=seeds)

    store, sweep, _ = stored(tmp_path, {"students": (3, 2, 4), "seeds": (2, 4)}, sized)
    found = open_sweep(store, sweep)
    assert_joined(found, joined(store, sweep).assign(status=found["status"]))
    assert found.sizes["student"] == 4
    assert found.sizes["seed"] == 4
    narrow = found.sel(students=2, seeds=2)
    assert np.isnan(narrow["Q"].values[:, :, 2:]).all()
    assert not np.isnan(narrow["R"].values[:2, 0, :2]).any()
    assert narrow["status"].values.tolist() == ["ok", "diverged", "", ""]


def test_points_in_time_that_differ_are_a_variable_of_each_cell(tmp_path, how):
    def saved(save_at):
        return simulate_config(until=3.0, save_at=save_at)

    grids = ([0.0, 1.0, 3.0], [0.0, 0.5, 1.0, 2.0, 3.0], [3.0])
    store, sweep, cells = stored(tmp_path, {"save_at": grids}, saved)
    found = open_sweep(store, sweep)
    assert found["save_at"].values.tolist() == [
        json.dumps(grid, separators=(",", ":")).replace(".0", "") for grid in grids
    ]
    assert found["alpha"].dims == found["step"].dims == ("save_at", "point")
    assert found["Q"].dims == ("save_at", "seed", "point", "student", "student_")
    for place, config in enumerate(cells):
        run, mine = store.get(config), found.isel(save_at=place)
        count = run.sizes["alpha"]
        np.testing.assert_array_equal(mine["alpha"][:count], run["alpha"])
        np.testing.assert_array_equal(mine["Q"][:, :count], run["Q"])
        assert np.isnan(mine["alpha"][count:]).all()
        assert np.isnan(mine["Q"][:, count:]).all()


def test_a_grid_that_is_the_beginning_of_a_longer_one_is_shared(tmp_path, how):
    def saved(save_at):
        return simulate_config(until=3.0, save_at=save_at)

    store, sweep, _ = stored(tmp_path, {"save_at": ([0.0, 1.0], [0.0, 1.0, 2.0])}, saved)
    found = open_sweep(store, sweep)
    assert found["alpha"].dims == ("alpha",)
    assert np.isnan(found["Q"].values[0, :, 2]).all()


def test_each_seed_its_own_cell(tmp_path, how):
    def seeded(learning_rate, seed):
        return ruled(learning_rate, seeds=[seed])

    store, sweep, _ = stored(tmp_path, {"learning_rate": RATES, "seed": (7, 3, 5)}, seeded)
    found = open_sweep(store, sweep)
    assert_joined(found, joined(store, sweep, drop="seed"))
    assert found["Q"].dims[:3] == ("learning_rate", "seed", "alpha")
    assert found["seed"].values.tolist() == [7, 3, 5]
    assert found["status"].dims == ("learning_rate", "seed")


def test_random_starts_by_the_name_of_seed(tmp_path, how):
    """Theory has no seeds of its own, so nothing is dropped."""

    def started(seed):
        return solve_config(start=OrderParameters.random(3, 2, seed=seed), until=3.0)

    store, sweep, _ = stored(tmp_path, {"seed": (0, 1, 2)}, started)
    assert_joined(open_sweep(store, sweep), joined(store, sweep))


def test_cells_without_a_result(tmp_path, how):
    skip = {(0, 0), (0, 1), (1, 2), (2, 3)}
    store, sweep, cells = stored(tmp_path, {"learning_rate": RATES, "noise": NOISES}, ruled, skip)
    record_failure(store.folder, cells[1], "ZeroDivisionError", "ZeroDivisionError: division by zero", 3)
    (store.folder / f"{cells[6].id}.checkpoint").write_text("")
    path = store.path(cells[11])
    path.write_bytes(b"no run")
    found = open_sweep(store, sweep)
    status, problem = found["status"].values.reshape(12, 3), found["problem"].values.ravel()
    assert [status[place].tolist() for place in (0, 1, 6, 11)] == [
        ["missing"] * 3, ["failed"] * 3, ["unfinished"] * 3, ["damaged"] * 3
    ]  # fmt: skip
    assert status[2].tolist() == ["ok", "ok", "diverged"]
    assert problem[1] == "ZeroDivisionError: division by zero"
    assert str(path) in problem[11]
    assert [bool(text) for text in problem] == [place in (1, 11) for place in range(12)]
    error = found["generalization_error"].values.reshape(12, -1)
    assert [bool(np.isnan(cell).all()) for cell in error] == [place in (0, 1, 6, 11) for place in range(12)]
    for place in set(range(12)) - {0, 1, 6, 11}:
        np.testing.assert_array_equal(
            found["Q"].values.reshape(12, *found["Q"].shape[2:])[place], store.get(cells[place])["Q"]
        )


def test_no_cell_at_all(tmp_path, how):
    everything = set(np.ndindex(3, 4))
    store, sweep, cells = stored(tmp_path, {"learning_rate": RATES, "noise": NOISES}, ruled, everything)
    found = open_sweep(store, sweep)
    assert (found["status"] == "missing").all()
    assert set(found.variables) == {"learning_rate", "noise", "status", "run", "problem"}
    assert found["run"].values.ravel().tolist() == [cell.id for cell in cells]


@pytest.mark.parametrize(
    "values, expected",
    [
        ((1, 2), [1, 2]),
        ((1, 2.5), [1.0, 2.5]),
        ((True, False), [True, False]),
        (("erf", "relu"), ["erf", "relu"]),
        ((1, "auto"), ["1", "auto"]),
        ((True, 1), ["true", "1"]),
        ((None, 0.5), ["null", "0.5"]),
        (([1, 2], {"kind": "random"}), ["[1,2]", '{"kind":"random"}']),
    ],
    ids=str,
)
def test_values_as_labels(values, expected):
    labels = results.labels_of(Axis("x", values))
    assert labels.tolist() == expected
    assert labels.dtype.kind != "O"


def test_names_of_parameters():
    assert names_of(["rule.learning_rate", "noise"], set()) == ["learning_rate", "noise"]
    assert names_of(["machine.noise", "inputs.noise"], set()) == ["machine.noise", "inputs.noise"]
    assert names_of(["start.Q", "R", "seed"], {"Q", "R"}) == ["start.Q", "R_value", "seed"]


def test_a_parameter_with_the_name_of_a_variable(tmp_path, how):
    def started(**values):
        start = OrderParameters.near_symmetric(3, 2, split=values["start.R"])
        return simulate_config(until=3.0, start=start)

    store, sweep, _ = stored(tmp_path, {"start.R": (0.1, 0.2)}, started)
    found = open_sweep(store, sweep)
    assert found["R"].dims[0] == "start.R"
    assert found["start.R"].values.tolist() == [0.1, 0.2]


def test_runs_of_different_kinds(tmp_path, how):
    store = Store(tmp_path)
    configs = [solve_config(until=3.0), ruled(0.5), ruled(1.0, seeds=2), solve_config(until=3.0, rtol=1e-6)]
    for config in configs:
        store.put(config, compute(config))
    found = open_runs(store, [config.id[:10] for config in configs])
    assert found["run"].values.tolist() == [config.id for config in configs]
    assert found["kind"].values.tolist() == ["solve", "simulate", "simulate", "solve"]
    np.testing.assert_array_equal(found["learning_rate"], [0.5, 0.5, 1.0, 0.5])
    np.testing.assert_array_equal(found["seeds"], [np.nan, 3, 2, np.nan])
    np.testing.assert_array_equal(found["rtol"], [1e-10, np.nan, np.nan, 1e-6])
    assert "students" not in found.coords, "the same in all runs"
    for place, config in enumerate(configs):
        run = store.get(config)
        mine = found.isel(run=place)
        if config.kind == "solve":
            np.testing.assert_array_equal(mine["Q"].isel(seed=0), run["Q"])
            assert np.isnan(mine["Q"].isel(seed=slice(1, None))).all()
        else:
            count = run.sizes["seed"]
            np.testing.assert_array_equal(mine["Q"].isel(seed=slice(count)), run["Q"])


def test_parts_of_studies_and_variables_that_only_some_have(tmp_path, how):
    store = Store(tmp_path)
    parts = {
        "a": xr.Dataset({"x": ("row", [1, 2]), "kept": ("row", [True, False])}, {"row": ["one", "two"]}),
        "b": xr.Dataset({"x": ("row", [3]), "name": "text"}, {"row": ["one"]}),
        "c": xr.Dataset({"y": 1.5}),
        "d": xr.Dataset({"z": ("row", [0.5])}, {"row": ["one"]}),
    }
    configs = [StudyConfig(study="s", part=part) for part in parts]
    for config in configs:
        store.put(config, parts[config.part])
    found = open_runs(store, [config.id for config in configs])
    nothing = [np.nan, np.nan]
    np.testing.assert_array_equal(found["x"], [[1, 2], [3, np.nan], nothing, nothing])
    np.testing.assert_array_equal(found["kept"], [[1, 0], nothing, nothing, nothing])
    np.testing.assert_array_equal(found["y"], [np.nan, np.nan, 1.5, np.nan])
    np.testing.assert_array_equal(found["z"], [nothing, nothing, nothing, [0.5, np.nan]])
    assert found["name"].values.tolist() == ["", "text", "", ""]
    assert found["row"].values.tolist() == ["one", "two"]
    assert found["part"].values.tolist() == ["a", "b", "c", "d"]
    assert found["status"].values.tolist() == ["ok"] * 4


def test_what_cannot_be_opened(tmp_path):
    store, sweep, cells = stored(tmp_path, {"learning_rate": RATES}, ruled)
    for runs in ([], [cells[0].id, cells[0].id[:9]]):
        with pytest.raises(ParameterError, match=r"'runs' parameter needs at least one run, and none twice\. Got"):
            open_runs(store, runs)
    with pytest.raises(StorageError, match=r"No run in .* begins with 'zz'"):
        open_runs(store, ["zz"])
    with pytest.raises(StorageError, match=rf"No sweep in .* begins with 'zz'; it holds 1 sweep.*{sweep.id}"):
        open_sweep(store, "zz")
    with pytest.raises(StorageError, match=r"No sweep in .* begins with ''"):
        read_sweep(store.folder, "")
    (tmp_path / f"{'a' * 16}.sweep").write_bytes(b"")
    (tmp_path / f"{'a' * 15}b.sweep").write_bytes(b"")
    with pytest.raises(StorageError, match=r"2 sweeps in .* begin with 'aa': aaaa"):
        open_sweep(store, "aa")
    with pytest.raises(PracticumError, match=r"a{15}b.sweep of the sweep a{15}b is truncated or damaged"):
        open_sweep(store, "a" * 15 + "b")


def test_dask_workers_elsewhere_can_read_it(tmp_path, how):
    """Everything that a task needs travels: another process computes the same."""
    store, sweep, _ = stored(tmp_path, {"learning_rate": RATES, "noise": NOISES}, ruled)
    found = open_sweep(store, sweep)
    again = pickle.loads(pickle.dumps(found))
    assert again.compute().identical(found.compute())
    assert json.loads(json.dumps(found.attrs)) == found.attrs


@given(st.lists(st.integers(1, 7), min_size=1, max_size=4), st.integers(1, 40))
def test_the_blocks_of_a_grid(shape, most):
    """Consecutive cells, each once, at most so many together, and as boxes they make the grid."""
    grid = Grid(tuple(shape), most)
    blocks = [list(block) for block in grid.blocks()]
    assert [cell for block in blocks for cell in block] == list(range(math.prod(shape)))
    assert max(map(len, blocks)) <= most
    assert all(len({*lengths[:-1]}) <= 1 and lengths[-1] <= lengths[0] for lengths in grid.chunks), "as Zarr wants it"
    cells = np.arange(math.prod(shape)).reshape(shape)
    edges = [np.cumsum([0, *lengths]) for lengths in grid.chunks]
    boxes = np.ndindex(*(len(lengths) for lengths in grid.chunks))
    for block, place in zip(blocks, boxes, strict=True):
        box = cells[tuple(slice(edge[i], edge[i + 1]) for edge, i in zip(edges, place))]
        assert box.ravel().tolist() == block


def test_an_outline_survives_json(tmp_path):
    store, sweep, _ = stored(tmp_path, {"learning_rate": RATES, "noise": NOISES}, ruled)
    (part,) = consolidated.consolidate(store.folder, sweep.id, [list(sweep.cells)], copy=False)
    again = Outline.from_json(json.loads(json.dumps(part.outline.to_json())))
    assert again.shapes == part.outline.shapes
    assert {k: v if v is None else v.tolist() for k, v in again.labels.items()} == {
        k: v if v is None else v.tolist() for k, v in part.outline.labels.items()
    }
    assert (again.attributes, again.cite, again.lacking) == (part.outline.attributes, part.outline.cite, False)
