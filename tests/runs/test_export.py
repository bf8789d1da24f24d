"""Results for other programs, read back by those: Zarr's, Arrow's and NetCDF's own readers, and Python's csv module."""

import csv
import errno
import io
import json
import sys

import numpy as np
import pytest
import xarray as xr

from made_up import compute, simulate_config
from practicum import ParameterError, StorageError
from practicum.runs import Store, export
from practicum.runs._deaf_file import Deaf
from practicum.runs.export import WRITERS, MissingExport, export_dataset
from practicum.runs.sweeps import consolidated, results
from practicum.runs.sweeps.axes import Axis
from practicum.runs.sweeps.plan import Sweep
from practicum.runs.sweeps.results import open_sweep

AWKWARD = [0.1, -0.0, 5e-324, np.nan, np.inf, -np.inf, 1 / 3, 1e300]


@pytest.fixture
def dataset():
    return xr.Dataset(
        {
            "error": (("rate", "alpha"), np.array(AWKWARD).reshape(2, 4), {"long_name": "generalization error"}),
            "count": ("rate", np.array([1, 2**53])),
            "kept": ("rate", [True, False]),
            "status": ("rate", ["ok", "größer, \"so\"\nund so"]),
            "scalar": 7,
            "bare": ("place", [1.5, 2.5, 3.5]),
        },
        {"rate": ["a", "b"], "alpha": [0.0, 0.5, 1.0, 2.5], "step": ("alpha", [0, 1, 2, 5])},
        {"cite": "saad1995online"},
    )  # fmt: skip


@pytest.fixture
def grid(tmp_path, monkeypatch):
    """A sweep of 12 cells, one of them missing, in parts of 4 that Dask reads."""
    monkeypatch.setattr(results, "_FEW", 0)
    monkeypatch.setattr(results, "_per_part", lambda *_: 4)
    consolidated._from_runs.cache_clear()
    store, cells = Store(tmp_path / "runs"), []
    for dimension in (100, 200, 300):
        for students in (2, 3, 4, 5):
            config = simulate_config(
                until=2.0, save_at=[0, 1, 2], dimension=dimension, largest_norm=10.0**students, seeds=2
            )
            cells.append(config.id)
            if len(cells) != 7:
                store.put(config, compute(config))
    axes = (Axis("dimension", (100, 200, 300)), Axis("largest_norm", (1e2, 1e3, 1e4, 1e5)))
    sweep = Sweep("simulate", axes, tuple(cells))
    sweep.write(store.folder)
    return open_sweep(store, sweep)


def long_rows(dataset):
    """The long table by plain loops, as a set of rows with exact numbers."""
    found = []
    for name in dataset.variables:
        if name in dataset.sizes:
            continue
        variable = dataset[name].compute()
        for place in np.ndindex(*variable.shape):
            row = dict.fromkeys(dataset.sizes)
            for dim, at in zip(variable.dims, place):
                row[dim] = variable[dim].values[at].item() if dim in dataset.variables else at
            value = variable.values[place].item()
            text = isinstance(value, str)
            found.append((name, *row.values(), None if text else float(value).hex(), value if text else None))
    return sorted(found, key=repr)


def parquet_rows(path, dims):
    import pyarrow.parquet as pq

    rows = pq.read_table(path).to_pylist()
    return sorted(
        (
            (
                row["variable"],
                *(row[dim] for dim in dims),
                None if row["value"] is None else row["value"].hex(),
                row["text"],
            )
            for row in rows
        ),
        key=repr,
    )


def csv_rows(path, dataset):
    """Empty places are missing labels, NaN, or empty text: told apart by the variable."""
    found = []
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            variable = dataset[row["variable"]]
            text = variable.dtype.kind == "U"
            labels = []
            for dim in dataset.sizes:
                if dim not in variable.dims:
                    assert row[dim] == ""
                    labels.append(None)
                else:
                    kind = dataset[dim].dtype.type if dim in dataset.variables else np.int64
                    labels.append(row[dim] if kind is np.str_ else kind(row[dim]).item())
            value = None if text else float(row["value"] or "nan").hex()
            found.append((row["variable"], *labels, value, row["text"] if text else None))
    return sorted(found, key=repr)


def test_a_long_table_in_parquet(dataset, tmp_path):
    path = export_dataset(dataset, tmp_path / "it.parquet")
    assert parquet_rows(path, dataset.sizes) == long_rows(dataset)


def test_a_long_table_in_csv(dataset, tmp_path):
    path = export_dataset(dataset, str(tmp_path / "it.CSV"))
    assert csv_rows(path, dataset) == long_rows(dataset)
    assert path.read_bytes().splitlines()[0] == b"rate,alpha,place,variable,value,text"


def test_power_a_label_in_the_wrong_place_is_noticed(dataset, tmp_path):
    path = export_dataset(dataset.assign_coords(alpha=[0.5, 0.0, 1.0, 2.5]), tmp_path / "it.parquet")
    assert parquet_rows(path, dataset.sizes) != long_rows(dataset)


def test_zarr_read_by_zarr(dataset, tmp_path):
    zarr = pytest.importorskip("zarr")
    path = export_dataset(dataset, tmp_path / "it.zarr")
    group = zarr.open_group(path, mode="r")
    for name, variable in dataset.variables.items():
        found = group[name]
        assert found.attrs["_ARRAY_DIMENSIONS"] == list(variable.dims)
        values = found[...]
        if variable.dtype.kind == "f":
            assert np.asarray(values).tobytes() == variable.values.tobytes()
        else:
            assert np.asarray(values).tolist() == variable.values.tolist()
    assert group.attrs["cite"] == "saad1995online"
    assert xr.open_zarr(path).load().identical(dataset)


def test_netcdf_read_by_xarray(dataset, tmp_path):
    path = export_dataset(dataset, tmp_path / "it.nc")
    with xr.open_dataset(path) as found:
        assert found.load().drop_encoding().identical(dataset)


@pytest.mark.parametrize("ending", WRITERS)
def test_a_sweep_block_by_block(grid, tmp_path, ending):
    path = export_dataset(grid, tmp_path / f"grid{ending}")
    expected = grid.compute()
    if ending == ".zarr":
        found = xr.open_zarr(path)
        assert found["Q"].chunks[0] == grid["Q"].chunks[0]
        assert found.load().identical(expected)
    elif ending == ".nc":
        with xr.open_dataset(path) as found:
            assert found.load().drop_encoding().identical(expected)
    elif ending == ".parquet":
        assert parquet_rows(path, grid.sizes) == long_rows(expected)
    else:
        assert csv_rows(path, expected) == long_rows(expected)


def test_only_one_block_is_in_memory(grid, tmp_path, monkeypatch):
    """Each part is read for itself, whatever the format: never two at a time."""
    read, open_now, most = consolidated.Part.read, [0], [0]

    def counted(part, name):
        open_now[0] += 1
        most[0] = max(most[0], open_now[0])
        try:
            return read(part, name)
        finally:
            open_now[0] -= 1

    monkeypatch.setattr(consolidated.Part, "read", counted)
    monkeypatch.setattr(export, "_SMALL", 0)
    for ending in WRITERS:
        export_dataset(grid, tmp_path / f"grid{ending}")
    assert most == [1]


@pytest.mark.parametrize("ending", WRITERS)
def test_what_is_there_is_replaced_only_on_demand(dataset, tmp_path, ending):
    path = tmp_path / f"it{ending}"
    export_dataset(dataset, path)
    before = contents(path)
    with pytest.raises(StorageError, match=r"exists already; give another name, or replace it with --force"):
        export_dataset(dataset + 0 if ending == ".none" else dataset[["bare"]], path)
    assert contents(path) == before
    export_dataset(dataset[["bare"]], path, force=True)
    assert contents(path) != before
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def contents(path):
    files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
    return {file.name if file == path else str(file.relative_to(path)): file.read_bytes() for file in files}


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("there", [False, True], ids=["new", "replaced"])
def test_a_full_disk_leaves_what_was_there(dataset, tmp_path, monkeypatch, ending, there):
    path = tmp_path / f"it{ending}"
    if there:
        export_dataset(dataset[["bare"]], path)
    before = contents(path) if there else None

    def full(found, temporary):
        writer(found, temporary)  # it breaks off in the middle
        raise OSError(errno.ENOSPC, "No space left on device")

    writer = WRITERS[ending]
    monkeypatch.setattr(export, "WRITERS", {**WRITERS, ending: full})
    with pytest.raises(StorageError, match=r"The disk that holds .* is full\. Nothing was written"):
        export_dataset(dataset, path, force=there)
    assert [item.name for item in tmp_path.iterdir()] == ([path.name] if there else [])
    if there:
        assert contents(path) == before


def test_names_that_are_refused(dataset, tmp_path):
    for name in ("it.xlsx", "it", ".csv"):
        with pytest.raises(ParameterError, match=r"must end in \.zarr, \.parquet, \.csv, \.nc, .* Got '"):
            export_dataset(dataset, tmp_path / name)
    with pytest.raises(StorageError, match="nowhere does not exist"):
        export_dataset(dataset, tmp_path / "nowhere" / "it.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending, package", [(".zarr", "zarr"), (".parquet", "pyarrow")])
def test_a_missing_package_is_a_sentence(dataset, tmp_path, monkeypatch, ending, package):
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == package else sys)
    with pytest.raises(MissingExport, match=rf"need the package '{package}'.*pip install 'practicum\[export\]'"):
        export_dataset(dataset, tmp_path / f"it{ending}")
    export_dataset(dataset, tmp_path / "it.csv")


def test_what_a_table_cannot_hold(tmp_path):
    for ending in (".csv", ".parquet"):
        with pytest.raises(ParameterError, match="the variable 'z' is of type complex128"):
            export_dataset(xr.Dataset({"z": ("a", [1j])}), tmp_path / f"it{ending}")
        with pytest.raises(ParameterError, match="columns of its own called value; rename"):
            export_dataset(xr.Dataset({"z": ("value", [1.0])}), tmp_path / f"it{ending}")
    with pytest.raises(ParameterError, match=r"cannot be written as \.nc"):
        export_dataset(xr.Dataset(attrs={"a": {"b": 1}}), tmp_path / "it.nc")
    assert list(tmp_path.iterdir()) == []


def test_an_array_that_cannot_be_read_is_named(grid, tmp_path):
    folder = next((tmp_path / "runs").glob("*.parts"))
    for path in folder.glob("*.nc"):
        path.unlink()
    for run in (tmp_path / "runs").glob("*.nc"):
        run.write_bytes(run.read_bytes()[:-200])
    consolidated._from_runs.cache_clear()
    for ending in WRITERS:
        with pytest.raises(StorageError, match=r"runs.*[0-9a-f]{16}\.nc of run .* is truncated or damaged"):
            export_dataset(grid, tmp_path / f"it{ending}")
        assert not (tmp_path / f"it{ending}").exists()
    assert json.dumps([path.name for path in tmp_path.iterdir()]) == '["runs"]'


class Small(io.RawIOBase):
    """A disk of a few bytes."""

    def __init__(self, size):
        self.content, self.size = io.BytesIO(), size

    def write(self, data):
        if self.content.tell() + len(data) > self.size:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.content.write(data)

    def truncate(self, size=None):
        return self.content.truncate(size)

    def readinto(self, buffer):
        return self.content.readinto(buffer)

    def seek(self, offset, whence=0):
        return self.content.seek(offset, whence)

    def tell(self):
        return self.content.tell()


@pytest.mark.parametrize("size", [0, 1000, 100_000, 10**9])
def test_hdf5_survives_a_full_disk(size):
    """It would end the process with a segmentation fault, were it told; our file tells us instead."""
    disk = Small(size)
    file = Deaf(disk)
    large = xr.Dataset({"x": (("a", "b"), np.random.default_rng(0).random((100, 1000)))})
    try:
        large.chunk(a=10).to_netcdf(file, engine="h5netcdf")
    except Exception:
        assert size < 10**9
    if size < 10**9:
        with pytest.raises(OSError, match="No space left"):
            file.say()
    else:
        file.say()
        disk.content.seek(0)
        assert xr.open_dataset(disk.content, engine="h5netcdf").load().drop_encoding().identical(large)
