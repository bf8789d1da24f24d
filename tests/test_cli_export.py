"""``practicum runs export`` as a person meets it."""

import csv
import json
import os
from pathlib import Path

import pytest
import xarray as xr

from made_up import compute, simulate_config, solve_config
from practicum.cli import main
from practicum.runs import Store
from practicum.runs.sweeps.axes import Axis
from practicum.runs.sweeps.plan import Sweep


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRACTICUM_RUNS", raising=False)
    store = Store("practicum-runs")
    cells = [simulate_config(dimension=dimension, until=2.0, save_at=[0, 1, 2]) for dimension in (100, 200)]
    for config in [solve_config(), *cells]:
        store.put(config, compute(config))
    Sweep("simulate", (Axis("dimension", (100, 200)),), tuple(config.id for config in cells)).write(store.folder)
    return store


@pytest.fixture
def sweep(store):
    return next(store.folder.glob("*.sweep")).stem


@pytest.fixture
def practicum(capsys):
    """Call ``runs export``; returns exit code, stdout, stderr."""

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["runs", "export", *map(str, arguments)])
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return call


def read(path):
    with xr.open_dataset(path) as dataset:
        return dataset.load().drop_encoding()


def test_one_run_as_it_is(practicum, store):
    config = solve_config()
    code, out, err = practicum(config.id[:8], "--to", "it.nc")
    assert (code, err) == (0, "")
    assert out.startswith("it.nc: Q, R, T, v, v_star, generalization_error over 201 alpha x 3 student")
    assert read("it.nc").identical(store.get(config))


def test_a_sweep_over_its_parameters(practicum, store, sweep):
    code, out, _ = practicum(sweep[:6], "--to", "it.nc", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["file"] == "it.nc"
    assert found["sizes"] | {"dimension": 2, "seed": 3, "alpha": 3} == found["sizes"]
    assert "generalization_error" in found["variables"]
    assert read("it.nc")["dimension"].values.tolist() == [100, 200]


def test_runs_by_a_condition(practicum, store, sweep):
    assert practicum("--where", "kind == 'simulate' and dimension > 100", "--to", "it.nc")[0] == 0
    assert read("it.nc")["run"].values.tolist() == [simulate_config(dimension=200, until=2.0, save_at=[0, 1, 2]).id]
    assert practicum(sweep, "--where", "dimension == 100", "--to", "it.nc", "--force")[0] == 0
    assert read("it.nc")["run"].values.tolist() == [simulate_config(dimension=100, until=2.0, save_at=[0, 1, 2]).id]
    assert practicum("--to", "it.nc", "--force")[0] == 0
    assert read("it.nc")["run"].values.tolist() == store.ids()
    two = store.ids()[1:]
    assert practicum(*two, "--to", "it.nc", "--force")[0] == 0
    assert read("it.nc")["run"].values.tolist() == two


def test_variables_and_a_table(practicum, sweep):
    wanted = ("--variable", "generalization_error", "--variable", "status")
    code, out, _ = practicum(sweep, *wanted, "--to", "it.csv")
    assert code == 0
    assert out == "it.csv: generalization_error, status over 2 dimension x 3 seed x 3 alpha\n"
    with open("it.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 3 * 3 + 2 * 3
    assert {row["variable"] for row in rows} == {"generalization_error", "status"}


@pytest.mark.parametrize(
    "arguments, code, sentence",
    [
        (["--to", "it.xlsx"], 2, "must end in .zarr, .parquet, .csv, .nc"),
        (["--to", "nowhere/it.csv"], 1, "The folder nowhere does not exist"),
        (["zz", "--to", "it.csv"], 1, "No run in practicum-runs begins with 'zz'"),
        (["--where", "dimension > 1000", "--to", "it.csv"], 2, "No run in practicum-runs matches"),
        (["--where", "dimensions > 1", "--to", "it.csv"], 2, "Did you mean 'dimension'?"),
        (["--variable", "generalisation_error", "--to", "it.csv"], 2, "Did you mean 'generalization_error'?"),
        (["SWEEP", "SWEEP", "--to", "it.csv"], 2, "A sweep is exported alone"),
        ([], 2, "Missing option '--to'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_a_sentence(practicum, store, sweep, arguments, code, sentence):
    before = sorted(os.listdir())
    found, out, err = practicum(*(sweep if argument == "SWEEP" else argument for argument in arguments))
    assert (found, out) == (code, "")
    assert sentence in err
    assert "Traceback" not in err
    assert sorted(os.listdir()) == before


def test_a_file_that_exists_is_kept(practicum, store):
    assert practicum("--to", "it.csv")[0] == 0
    before = Path("it.csv").read_text()
    code, _, err = practicum("--variable", "Q", "--to", "it.csv")
    assert (code, Path("it.csv").read_text()) == (1, before)
    assert "it.csv exists already; give another name, or replace it with --force" in err
    assert practicum("--variable", "Q", "--to", "it.csv", "--force")[0] == 0


def test_a_missing_package_is_a_sentence(practicum, store, monkeypatch):
    monkeypatch.setattr("practicum.runs.export.find_spec", lambda name: None)
    code, _, err = practicum("--to", "it.zarr")
    assert code == 1
    assert "run pip install 'practicum[export]'" in err


@pytest.mark.filterwarnings("always::practicum.runs.sweeps.consolidated.CopyWarning")
def test_a_store_that_cannot_be_written(practicum, store, sweep, monkeypatch):
    """The warning is a sentence like any other."""
    monkeypatch.setattr("practicum.runs.sweeps.results.can_copy", lambda *_: False)
    monkeypatch.setattr("practicum.runs.sweeps.results._FEW", 0)
    code, _, err = practicum(sweep, "--to", "it.csv")
    assert code == 0
    assert err.startswith("practicum: The folder practicum-runs cannot be written, so that no copy of its runs is kept")
    assert len(err.splitlines()) == 1
