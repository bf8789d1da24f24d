"""The copy of many runs: whatever happens to it, what is read is what the runs hold."""

import json
import os
import subprocess
import sys
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from made_up import compute, simulate_config
from practicum import StorageError
from practicum.runs import Store
from practicum.runs.failures import record_failure
from practicum.runs.files import read_sealed, seal_of, write_sealed
from practicum.runs.sweeps import consolidated, results
from practicum.runs.sweeps.axes import Axis
from practicum.runs.sweeps.consolidated import CopyWarning
from practicum.runs.sweeps.plan import Sweep
from practicum.runs.sweeps.results import open_sweep

VALUES = tuple(range(1, 12))
"""Of the swept parameter; in parts of 4 these are 3 parts."""


def config_of(value):
    return simulate_config(until=2.0, seeds=2, dimension=100 + value)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "_FEW", 0)
    monkeypatch.setattr(results, "_per_part", lambda *_: 4)
    consolidated._from_runs.cache_clear()
    store = Store(tmp_path / "runs")
    for value in VALUES:
        store.put(config_of(value), compute(config_of(value)))
    return store


@pytest.fixture
def sweep():
    cells = tuple(config_of(value).id for value in VALUES)
    return Sweep("simulate", (Axis("dimension", tuple(100 + value for value in VALUES)),), cells)


@pytest.fixture
def reads(monkeypatch):
    """The runs that are read from their own files."""
    found = []

    def noted(path, *more):
        found.append(path.stem)
        return original(path, *more)

    original = consolidated.read_arrays
    monkeypatch.setattr(consolidated, "read_arrays", noted)
    return found


def truth(store, sweep):
    """Straight from the runs."""
    return np.stack([store.load(cell)["Q"].values for cell in sweep.cells])


def files(store, sweep, ending):
    return sorted((store.folder / f"{sweep.id}.parts").glob(f"*.{ending}"))


def fresh(store, sweep):
    """As another process would open it."""
    consolidated._from_runs.cache_clear()
    return open_sweep(store, sweep)


def test_the_second_time_no_run_is_read(store, sweep, reads):
    first = fresh(store, sweep).compute()
    assert sorted(set(reads)) == sorted(sweep.cells)
    assert len(reads) == len(sweep.cells), "each once"
    np.testing.assert_array_equal(first["Q"].values, truth(store, sweep))
    reads.clear()
    again = fresh(store, sweep)
    assert again.compute().identical(first)
    assert reads == []


def test_the_manifest_names_the_seal_of_every_run(store, sweep):
    fresh(store, sweep)
    named = {}
    for path in files(store, sweep, "json"):
        manifest = json.loads(read_sealed(path, "it"))
        named |= dict(zip(manifest["cells"], manifest["seals"]))
        assert manifest["seal"] == seal_of(path.with_suffix(".nc"))
    assert named == {cell: (store.folder / f"{cell}.nc").read_bytes()[-64:].decode() for cell in sweep.cells}


def test_a_part_is_a_file_for_every_tool(store, sweep):
    fresh(store, sweep)
    numbers = []
    for path in files(store, sweep, "nc"):
        with xr.open_dataset(path, engine="h5netcdf") as part:
            assert part["Q"].dims == ("cell", "n_seed", "n_alpha", "n_student", "n_student_")
            numbers.append(part["Q"].values)
    np.testing.assert_array_equal(np.concatenate(numbers), truth(store, sweep))


def test_only_the_parts_whose_cells_changed_are_made_anew(store, sweep, reads):
    before = fresh(store, sweep)["Q"].values
    born = {path.name: path.stat().st_ino for path in files(store, sweep, "nc")}
    changes = [
        lambda path: path.unlink(),
        lambda path: record_failure(store.folder, config_of(VALUES[5]), "Oops", "Oops: no", 3),
        lambda path: store.put(config_of(VALUES[5]), compute(config_of(VALUES[5]))),
    ]
    for change, status in zip(changes, ("missing", "failed", "ok")):
        reads.clear()
        change(store.path(config_of(VALUES[5])))
        found = fresh(store, sweep).compute()
        assert found["status"].values[5, 0] == status
        assert set(reads) <= set(sweep.cells[4:8])
        now = {path.name: path.stat().st_ino for path in files(store, sweep, "nc")}
        assert [name for name in born if born[name] != now[name]] == ["000001-4.nc"]
        others = [place for place in range(len(VALUES)) if place != 5]
        np.testing.assert_array_equal(found["Q"].values[others], before[others])
        if status == "ok":
            np.testing.assert_array_equal(found["Q"].values, before)
        else:
            assert np.isnan(found["Q"].values[5]).all()
        assert found["problem"].values[5] == ("Oops: no" if status == "failed" else "")
        born = now


def flip(path, rng):
    content = bytearray(path.read_bytes())
    content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    path.write_bytes(bytes(content))


def damage(path, rng, how):
    if how == "truncated":
        path.write_bytes(path.read_bytes()[: rng.integers(path.stat().st_size)])
    elif how == "removed":
        path.unlink()
    else:
        flip(path, rng)


@pytest.mark.parametrize("ending", ["nc", "json"])
@pytest.mark.parametrize("how", ["flipped", "truncated", "removed"])
def test_a_damaged_copy_is_noticed_and_made_anew(store, sweep, ending, how):
    """At random places, before it is opened and while it is open."""
    expected, rng = fresh(store, sweep).compute(), np.random.default_rng(5)
    for turn in range(6):
        open_before = fresh(store, sweep)
        damage(files(store, sweep, ending)[turn % 3], rng, how)
        found = (open_before if turn % 2 else fresh(store, sweep)).compute()
        assert found.identical(expected), turn
        consolidated._from_runs.cache_clear()
        assert open_before.compute().identical(expected)
        assert fresh(store, sweep).compute().identical(expected)


def test_power_a_copy_that_is_not_verified_would_pass_on_damage(store, sweep, monkeypatch):
    expected, rng = fresh(store, sweep).compute(), np.random.default_rng(5)

    class Any(str):
        def __ne__(self, other):
            return False

    trusting = SimpleNamespace(sha256=lambda _: SimpleNamespace(hexdigest=Any))
    wrong = 0
    for turn in range(12):
        found = fresh(store, sweep)
        flip(files(store, sweep, "nc")[turn % 3], rng)
        with monkeypatch.context() as patch:
            patch.setattr(consolidated, "hashlib", trusting)
            wrong += not found["Q"].equals(expected["Q"])
        files(store, sweep, "nc")[turn % 3].unlink()
        fresh(store, sweep)
    assert wrong >= 3


def test_another_file_in_the_place_of_a_part_is_noticed(store, sweep):
    """Whole and sealed, but not this one."""
    expected = fresh(store, sweep).compute()
    first, second, _ = files(store, sweep, "nc")
    content = second.read_bytes()
    open_before = fresh(store, sweep)
    first.write_bytes(content)
    assert open_before.compute().identical(expected)
    first.write_bytes(content)
    assert fresh(store, sweep).compute().identical(expected)


def test_a_forged_manifest_is_not_believed(store, sweep):
    """Sealed by who knows how: sizes that no file of this size can have."""
    expected = fresh(store, sweep).compute()
    path = files(store, sweep, "json")[0]
    for name, value in (("sizes", [2**40, 2, 2, 2]), ("dtype", "<U100000"), ("dtype", "|O"), ("dims", [1, 2])):
        manifest = json.loads(read_sealed(path, "it"))
        manifest["outline"]["shapes"]["Q"][name] = value
        write_sealed(path, json.dumps(manifest).encode())
        assert fresh(store, sweep).compute().identical(expected), name


def test_a_run_that_is_damaged_like_its_part_is_named(store, sweep):
    found = fresh(store, sweep)
    path = store.path(config_of(VALUES[5]))
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"?" + whole[101:])
    assert fresh(store, sweep)["Q"].values.shape, "the copy is whole, and its seal that of the run"
    files(store, sweep, "nc")[1].unlink()
    consolidated._from_runs.cache_clear()
    with pytest.raises(StorageError, match=f"{path.name} of run {path.stem} is damaged"):
        found["Q"].compute()
    again = fresh(store, sweep).compute()
    assert again["status"].values[5].tolist() == ["damaged", "damaged"]
    assert str(path) in again["problem"].values[5]
    path.write_bytes(whole)  # repaired in place, with the seal that it had before
    np.testing.assert_array_equal(fresh(store, sweep)["Q"].values, truth(store, sweep))


def test_runs_that_changed_while_they_were_open_are_a_sentence(store, sweep):
    found = fresh(store, sweep)
    store.path(config_of(VALUES[0])).unlink()
    files(store, sweep, "nc")[0].unlink()
    consolidated._from_runs.cache_clear()
    with pytest.raises(StorageError, match="have changed since they were opened; open them again"):
        found["Q"].compute()


def test_a_folder_that_cannot_be_written_is_read_all_the_same(store, sweep, monkeypatch, reads):
    expected = truth(store, sweep)
    monkeypatch.setattr(results, "can_copy", lambda *_: False)
    with pytest.warns(CopyWarning, match="cannot be written, so that no copy"):
        found = fresh(store, sweep)
    np.testing.assert_array_equal(found["Q"].values, expected)
    assert not (store.folder / f"{sweep.id}.parts").exists()
    consolidated._from_runs.cache_clear()
    reads.clear()
    found.isel(dimension=slice(4)).compute()
    assert sorted(reads) == sorted(sweep.cells[:4]), "each run once for all variables"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_sweep(store, sweep, copy=False)["Q"].shape == expected.shape


def test_a_full_disk_leaves_no_copy_and_the_right_numbers(store, sweep, monkeypatch):
    def full(*_):
        raise StorageError("The disk is full.")

    monkeypatch.setattr(consolidated, "write_sealed", full)
    with pytest.warns(CopyWarning, match=r"The disk is full\. So the runs are read one by one"):
        found = fresh(store, sweep)
    np.testing.assert_array_equal(found["Q"].values, truth(store, sweep))


def test_old_parts_go_after_an_hour(store, sweep, monkeypatch):
    fresh(store, sweep)
    assert len(files(store, sweep, "nc")) == 3
    monkeypatch.setattr(results, "_per_part", lambda *_: 8)
    fresh(store, sweep)
    assert len(files(store, sweep, "nc")) == 5, "somebody may have the others open"
    past = time.time() - 4000
    for path in (*files(store, sweep, "nc"), *files(store, sweep, "json")):
        os.utime(path, (past, past))
    found = fresh(store, sweep)
    assert [path.name for path in files(store, sweep, "nc")] == ["000000-6.nc", "000001-5.nc"]
    assert len(files(store, sweep, "json")) == 2
    np.testing.assert_array_equal(found["Q"].values, truth(store, sweep))


BUILD = """
import hashlib, sys
from practicum.runs import Store
from practicum.runs.sweeps import consolidated, results
results._FEW, results._per_part = 0, lambda *_: 4
for turn in range(6):
    found = results.open_sweep(Store(sys.argv[1]), sys.argv[2]).compute()
    print(hashlib.sha256(found["Q"].values.tobytes()).hexdigest())
    if turn < 5:
        for path in sorted((Store(sys.argv[1]).folder / f"{sys.argv[2]}.parts").glob("*"))[turn::3]:
            path.unlink(missing_ok=True)
"""


def test_processes_that_build_at_once_do_not_hurt_each_other(store, sweep):
    """Each removes what the others have just written, and all of them read the right numbers."""
    import hashlib

    sweep.write(store.folder)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", BUILD, str(store.folder), sweep.id]
    several = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(3)]
    said = [process.communicate(timeout=300)[0].split() for process in several]
    assert [process.returncode for process in several] == [0, 0, 0]
    assert said == [[hashlib.sha256(truth(store, sweep).tobytes()).hexdigest()] * 6] * 3
    assert fresh(store, sweep).compute()["Q"].values.tobytes() == truth(store, sweep).tobytes()


def test_the_size_of_a_part_follows_the_largest_run(tmp_path):
    store = Store(tmp_path)
    assert results._per_part(store.folder, ["a" * 16]) == consolidated.PART_BYTES
    for size, cells in ((90_000, 256), (consolidated.PART_BYTES // 2, 2), (3 * consolidated.PART_BYTES, 1)):
        (tmp_path / f"{'a' * 16}.nc").write_bytes(b"\0" * size)
        assert results._per_part(store.folder, ["a" * 16, "b" * 16]) == cells
