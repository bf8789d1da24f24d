"""The store: what comes out is what went in, bit for bit, or a sentence; and the same run is the same bytes."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from made_up import compute, simulate_config, solve_config
from practicum import StorageError, cite
from practicum.runs import Store, StudyConfig, config_from_json, netcdf
from practicum.runs import store as store_module
from practicum.runs.rows import COLUMNS

CONFIGS = [solve_config(), simulate_config(), simulate_config(seeds=[9, 4, 6, 8])]


def never(config):
    raise AssertionError("computed again")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


def bits(array):
    return array.dtype.str, array.shape, array.tobytes()


@pytest.mark.parametrize("config", CONFIGS, ids=["solve", "simulate", "seeds"])
def test_round_trip_to_the_last_bit(store, config):
    computed = compute(config)
    stored = store.run(config, compute)
    again = store.run(config, never)
    assert stored.identical(again)
    for dataset in (stored, again):
        assert dataset.equals(computed)
        assert set(dataset.variables) == set(computed.variables)
        for name in computed.variables:
            assert dataset[name].dims == computed[name].dims
            if name == "status":  # text may be stored with another width
                assert dataset[name].values.tolist() == computed[name].values.tolist()
                assert dataset[name].dtype.kind == "U"
            else:
                assert bits(dataset[name].values) == bits(computed[name].values), name
        assert {k: v for k, v in computed.attrs.items() if k != "config"}.items() <= dataset.attrs.items()


def test_get_is_none_before_and_the_run_after(store):
    config = solve_config()
    assert store.get(config) is None
    assert config not in store
    path = store.put(config, compute(config))
    assert path == store.path(config) == store.folder / f"{config.id}.nc"
    assert config in store
    assert store.get(config).equals(compute(config))


def test_theory_minus_simulation_is_one_line(store):
    theory, paths = store.run(CONFIGS[0], compute), store.run(CONFIGS[1], compute)
    assert (theory - paths.mean("seed")).generalization_error.dims == ("alpha",)


def test_what_a_file_says_about_itself(store):
    config = simulate_config()
    dataset = store.run(config, compute)
    assert config_from_json(dataset.attrs["config"]) == config
    assert dataset.attrs["config_sha256"] == config.sha256
    versions = json.loads(dataset.attrs["versions"])
    assert versions["numpy"] == np.__version__
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert dataset.attrs["architecture"].split()[1]
    assert dataset.attrs["references"] == cite(dataset)
    assert "west1995adaptive" in dataset.attrs["references"]


def test_other_programs_read_the_file(store):
    config = simulate_config()
    stored = store.run(config, compute)
    with xr.open_dataset(store.path(config)) as dataset:
        assert dataset.load().equals(stored)
    with h5py.File(store.path(config)) as file:
        assert file.attrs["config"] == config.canonical()
        np.testing.assert_array_equal(file["Q"][:], stored["Q"].values)


def test_the_same_run_is_the_same_bytes_in_another_process_at_another_time(store, tmp_path):
    """The other process has another hash seed and folder; starting it takes longer than HDF5's clock tick of 1 s."""
    config = simulate_config()
    path = store.put(config, compute(config))
    script = (
        "import sys, time; time.sleep(1.1); from made_up import *; from practicum.runs import Store\n"
        "config = simulate_config(); Store(sys.argv[1]).put(config, compute(config))"
    )
    other = tmp_path / "other"
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", script, str(other)], check=True, env=environment, timeout=300)
    assert (other / path.name).read_bytes() == path.read_bytes()


def test_a_dataset_read_from_a_file_gives_the_same_bytes(store):
    config = simulate_config()
    stored = store.run(config, compute)
    assert bytes(netcdf.to_bytes(netcdf.from_bytes(netcdf.to_bytes(stored)))) == bytes(netcdf.to_bytes(stored))


def test_a_long_configuration_fits(store):
    """HDF5 keeps at most 64 kB in the header of an object; a configuration may be longer."""
    config = solve_config(save_at=np.linspace(0, 20, 20_001) ** 1.1 / 20**0.1)
    assert len(config.canonical()) > 200_000
    store.put(config, compute(config))
    assert store.get(config).attrs["config"] == config.canonical()
    assert [row["status"] for row in store.table()] == ["ok"]


def test_nothing_volatile_is_inside(store):
    path = store.put(solve_config(), compute(solve_config()))
    content = path.read_bytes()
    for text in (socket.gethostname(), str(store.folder), str(Path.home()), str(os.getpid())):
        assert len(text) < 4 or text.encode() not in content


def flipped(content: bytes, rng) -> bytes:
    damaged = bytearray(content)
    damaged[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def check_bit_flips(store, times):
    config = simulate_config()
    path = store.put(config, compute(config))
    whole, rng = path.read_bytes(), np.random.default_rng(3)
    for _ in range(times):
        path.write_bytes(flipped(whole, rng))
        with pytest.raises(StorageError) as caught:
            store.get(config)
        assert str(path) in str(caught.value)
        assert config.id in str(caught.value)
    path.write_bytes(whole)
    assert store.get(config).equals(compute(config))


def test_300_flipped_bits_are_noticed(store):
    check_bit_flips(store, 300)


@pytest.mark.slow
def test_1000_flipped_bits_are_noticed(store):
    check_bit_flips(store, 1000)


def test_without_the_seal_flipped_bits_would_pass(store):
    """Power: HDF5 itself reads many damaged files without complaint, so the test above tests the seal."""
    config = simulate_config()
    image, rng = bytes(netcdf.to_bytes(compute(config))), np.random.default_rng(3)
    silent = 0
    for _ in range(30):
        try:
            netcdf.from_bytes(flipped(image, rng))
            silent += 1
        except Exception:
            pass
    assert silent > 10


def test_truncations_are_noticed(store):
    config = simulate_config()
    path = store.put(config, compute(config))
    whole, rng = path.read_bytes(), np.random.default_rng(3)
    for length in [0, 1, len(whole) - 1, len(whole) - 87, *rng.integers(len(whole), size=40)]:
        path.write_bytes(whole[:length])
        with pytest.raises(StorageError, match=f"{path.name} of run {config.id} is truncated"):
            store.get(config)


def test_a_damaged_run_is_kept_reported_and_not_computed_over(store):
    good, bad = CONFIGS[:2]
    store.put(good, compute(good))
    path = store.put(bad, compute(bad))
    path.write_bytes(path.read_bytes()[:-1000])
    remains = path.read_bytes()
    for act in (
        store.get,
        lambda c: store.run(c, never),
        lambda c: store.put(c, compute(c)),
        lambda c: store.load(c.id),
    ):
        with pytest.raises(StorageError, match="move it away and run again"):
            act(bad)
    assert path.read_bytes() == remains
    problems = dict(store.verify())
    assert problems[good.id] == ""
    assert "truncated" in problems[bad.id]
    rows = {row["id"]: row for row in store.table()}
    assert rows[bad.id]["status"] == "damaged"
    assert "truncated" in rows[bad.id]["problem"]
    assert rows[good.id]["status"] == "ok"


def test_a_renamed_run_is_noticed(store):
    first, second = CONFIGS[:2]
    path = store.put(first, compute(first))
    shutil.copy(path, store.path(second))
    with pytest.raises(StorageError, match="it was renamed"):
        store.get(second)
    assert "renamed" in dict(store.verify())[second.id]


def test_two_runs_that_share_their_first_digits_are_told_apart(store, monkeypatch):
    first, second = CONFIGS[:2]
    path = store.put(first, compute(first))
    monkeypatch.setattr(type(second), "id", property(lambda self: first.id))
    assert store.path(second) == path
    with pytest.raises(StorageError, match="two runs share their first digits"):
        store.get(second)


def test_a_sealed_file_that_is_no_run_is_a_sentence(store):
    from practicum.runs.files import write_sealed

    path = store.path(solve_config())
    for body in (b"", b"not HDF5", bytes(netcdf.to_bytes(xr.Dataset({"x": 1})))):
        write_sealed(path, body)
        with pytest.raises(StorageError, match=f"{path.name} of run {path.stem} (holds no run that|is damaged, or)"):
            store.get(solve_config())


def test_what_is_stored_stays(store):
    config = solve_config()
    path = store.put(config, compute(config))
    before = path.stat()
    assert store.put(config, compute(config).assign(Q=compute(config)["Q"] + 1)) == path
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert store.get(config).equals(compute(config))


def test_a_folder_that_cannot_be_written_is_found_out_before_computing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        Store(tmp_path / "file").run(solve_config(), never)


def test_a_stored_run_can_be_read_where_nothing_can_be_written(store, monkeypatch):
    stored = store.run(solve_config(), compute)

    def refuse(*_):
        raise StorageError("read-only")

    for name in ("require_writable", "write_sealed"):
        monkeypatch.setattr(store_module, name, refuse)
    assert store.run(solve_config(), never).identical(stored)
    with pytest.raises(StorageError, match="read-only"):
        store.run(simulate_config(), compute)


def test_an_error_while_computing_stores_nothing(store):
    def fail(config):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.run(solve_config(), fail)
    assert list(store.folder.iterdir()) == []


def test_ids_ignore_what_is_no_run(store):
    assert store.ids() == []
    for config in CONFIGS:
        store.put(config, compute(config))
    (store.folder / "notes.nc").write_text("")
    (store.folder / f".{'a' * 16}.{'0' * 16}.part").write_text("")
    assert store.ids() == sorted(config.id for config in CONFIGS)


def test_ids_of_a_file_are_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be read: not a directory"):
        Store(tmp_path / "file").ids()


def test_a_prefix_finds_a_run(store):
    for name in ("aaaa000000000000", "aaab000000000000", "bbbb000000000000"):
        store.folder.mkdir(exist_ok=True)
        (store.folder / f"{name}.nc").write_text("")
    assert store.find("b") == "bbbb000000000000"
    assert store.find("AAAB") == "aaab000000000000"
    with pytest.raises(StorageError, match=r"2 runs in .* begin with 'aaa': aaaa0+, aaab0+; give more digits"):
        store.find("aaa")
    for prefix in ("c", "", "bbbb0000000000000"):
        with pytest.raises(StorageError, match=f"No run in .* begins with '{prefix}'; it holds 3 run"):
            store.find(prefix)


def test_the_table(store):
    for config in CONFIGS[:2]:
        store.put(config, compute(config))
    rows = {row["kind"]: row for row in store.table()}
    for row in rows.values():
        assert tuple(row) == COLUMNS
        assert row["size"] == (store.folder / f"{row['id']}.nc").stat().st_size
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row["time"])
    expected = {"K": 3, "M": 2, "eta": 0.5, "beta": 4.0, "until": 20.0}
    assert {**expected, "N": None, "seeds": None, "status": "ok"}.items() <= rows["solve"].items()
    assert {**expected, "N": 100, "seeds": "0-2", "status": "ok 2, diverged 1"}.items() <= rows["simulate"].items()


def test_a_part_of_a_study_is_stored_too(store):
    config = StudyConfig(study="west-saad", part="optimum", parameters={"students": 3})
    result = xr.Dataset({"beta": ("target", [1.5, 2.5])}, coords={"target": [0.1, 0.01]})
    assert store.run(config, lambda _: result).equals(result)
    assert store.run(config, never).equals(result)
    (row,) = store.table()
    assert (row["kind"], row["status"], row["eta"]) == ("study west-saad: optimum", "ok", None)


def test_where_the_store_is(tmp_path, monkeypatch):
    monkeypatch.delenv("PRACTICUM_RUNS", raising=False)
    assert Store().folder == Path("practicum-runs")
    monkeypatch.setenv("PRACTICUM_RUNS", str(tmp_path))
    assert Store().folder == tmp_path
    assert Store("elsewhere").folder == Path("elsewhere")
    assert Store("~/runs").folder == Path.home() / "runs"


def test_threads_may_share_a_store(store):
    """Studies compute many runs in threads of one process."""
    configs = [simulate_config(until=float(until)) for until in (5, 6, 7)] * 8
    with ThreadPoolExecutor(6) as pool:
        datasets = list(pool.map(lambda config: store.run(config, compute), configs))
    for config, dataset in zip(configs, datasets, strict=True):
        assert dataset.equals(compute(config))
    assert len(store.ids()) == 3
    assert all(problem == "" for _, problem in store.verify())
