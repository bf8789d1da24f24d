"""The stored runs of a study against a study that is done anew."""

import json
from pathlib import Path

import numpy as np
import pytest

import toy_study
from practicum import ParameterError
from practicum.cli import main
from practicum.runs import Store, netcdf
from practicum.runs.files import write_sealed
from practicum.runs.reading import read_run
from practicum.studies import check, registry

IDS = [config.id for config in toy_study.RUNS]


@pytest.fixture(autouse=True)
def toy(monkeypatch, tmp_path):
    monkeypatch.setitem(registry.STUDIES, "toy", "toy_study")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "runs")
    toy_study.reproduce("quick", store, lambda *_: None)
    return store


def spoil(store):
    """One element of the study's own part, changed by one rounding and sealed again."""
    path = store.path(toy_study.PART)
    dataset = read_run(path)
    values = dataset["x"].values.copy()
    values[3] = np.nextafter(values[3], 2.0)
    write_sealed(path, netcdf.to_bytes(dataset.assign(x=("i", values))))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.nc")}


def test_what_is_stored_is_what_is_found(store, tmp_path):
    before = contents(store.folder)
    found = check("toy", store=store)
    assert [(agreement.run, agreement.verdict) for agreement in found] == [(run, "same bytes") for run in IDS]
    assert contents(store.folder) == before
    assert not list(tmp_path.glob("practicum-check-*"))


def test_a_planted_difference_and_a_missing_run_are_found(store):
    spoil(store)
    store.path(toy_study.RUNS[1]).unlink()
    found = check("toy", store=store)
    assert [agreement.verdict for agreement in found] == ["same bytes", "missing", "differs"]
    assert found[2].variable == "x"
    assert [agreement.verdict for agreement in check("toy", store=store, tolerance=1e-15)][2] == "within"


def test_the_fresh_runs_are_kept_where_asked(store, tmp_path):
    check("toy", store=store, fresh=tmp_path / "fresh")
    assert Store(tmp_path / "fresh").ids() == sorted(IDS)


def test_a_study_that_there_is_not_is_a_sentence():
    with pytest.raises(ParameterError, match="There is no study 'tou'"):
        check("tou")


@pytest.fixture
def practicum(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return call


@pytest.mark.parametrize("verb", [("runs", "check"), ("reproduce", "toy", "--check")], ids=["runs", "reproduce"])
def test_the_verbs_say_so(practicum, store, tmp_path, verb):
    code, out, err = practicum(*verb, "--store", str(store.folder))
    assert (code, err) == (0, "")
    same = 3 if verb[0] == "reproduce" else 2
    assert f"{same} same bytes" in out
    assert ("Only its study computes it: practicum reproduce toy --check." in out) is (verb[0] == "runs")
    assert not Path("practicum-reports").exists()
    assert not list(tmp_path.glob("practicum-check-*"))


def test_a_difference_is_exit_code_1(practicum, store):
    spoil(store)
    code, out, _ = practicum("reproduce", "toy", "--check", "--store", str(store.folder))
    assert code == 1
    assert "in x, more than 0" in out
    assert "3 run(s): 2 same bytes, 1 differs." in out
    documents = json.loads(
        practicum("reproduce", "toy", "--check", "--tolerance", "1e-12", "--store", str(store.folder), "--json")[1]
    )
    assert [document["verdict"] for document in documents] == ["same bytes", "same bytes", "within"]


def test_runs_check_finds_it_and_names_it(practicum, store):
    path = store.path(toy_study.RUNS[1])
    dataset = read_run(path)
    dataset["Q"][1, 2, 0, 0] *= 1 + 1e-6
    write_sealed(path, netcdf.to_bytes(dataset))
    code, out, _ = practicum("runs", "check", "--store", str(store.folder), "--workers", "1")
    assert code == 1
    assert "differs by 1e-06 in Q, more than 0" in out
    assert practicum("runs", "check", IDS[1][:8], "--tolerance", "1e-5", "--store", str(store.folder))[0] == 0
    path.write_bytes(path.read_bytes()[:-3])
    code, _, err = practicum("runs", "check", IDS[1], "--store", str(store.folder))
    assert code == 1
    assert err.startswith(f"practicum: The file {path} of run {IDS[1]} is truncated or damaged")


def test_nothing_to_check_is_a_sentence(practicum, tmp_path):
    assert practicum("runs", "check", "--store", str(tmp_path / "empty"))[1] == "There is no run to check.\n"
