"""NetCDF4 in two ways: what practicum writes is what xarray would write, and both are read to the same dataset.

The referee of the fast way is xarray with h5netcdf; h5py looks at the bare HDF5; ``ncdump`` of the netCDF library is
asked where it is installed.
"""

import io
import math
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from made_up import compute, simulate_config, solve_config
from practicum.runs import netcdf
from practicum.runs._netcdf_plan import plan
from practicum.runs._netcdf_write import write

AWKWARD = np.array([0.0, -0.0, 5e-324, -np.inf, np.nan, np.nextafter(1.0, 2.0)])
TEXT = {"long_name": "overlap of student and teacher", "empty": "", "greek": "ε < 0.1 …", "long": "x" * 100_000}
NUMBERS = {"int": 3, "float": 0.1, "nan": float("nan"), "np": np.float32(0.1), "list": [1, 2, 3], "tuple": (0.5, 1.0)}
LISTS = {"array": np.arange(5, dtype="u2"), "texts": ["a", "", "ß"], "one": ["alone"], "many": list(range(2000))}


def trained():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from made_up_training import train_config
    from practicum.runs.execute import execute

    return execute(train_config())


def simulated_weights():
    from practicum.runs.execute import execute

    return execute(simulate_config(method="weights", dimension=10, seeds=2, until=1.0))


CODES = ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]

MADE = {
    "solve": lambda: compute(solve_config()),
    "simulate": lambda: compute(simulate_config()),
    "weights": simulated_weights,
    "train": trained,
    "nothing": lambda: xr.Dataset(),
    "attributes only": lambda: xr.Dataset(attrs={**TEXT, **NUMBERS, **LISTS}),
    "scalars": lambda: xr.Dataset({"a": 1.5, "b": 7, "c": True, "d": "text"}, coords={"epsilon": 0.1}),
    "every number": lambda: xr.Dataset(
        {code: (("row", "column"), np.arange(6).reshape(2, 3).astype(code)) for code in CODES}
    ),
    "awkward numbers": lambda: xr.Dataset({"x": ("alpha", AWKWARD), "y": ("alpha", AWKWARD.astype("f4"))}),
    "an index of NaN": lambda: xr.Dataset({"x": ("alpha", AWKWARD)}, coords={"alpha": AWKWARD}),
    "bool": lambda: xr.Dataset(
        {"kept": (("seed", "kept_"), np.array([[True, False], [False, False]]))}, coords={"seed": [True, False]}
    ),
    "text": lambda: xr.Dataset(
        {"status": (("seed", "part"), [["ok", "größer"], ["", "日本"]]), "empty": ("seed", ["", ""])},
        coords={"seed": ["first", "second"], "part": ("part", ["a", "b"], TEXT)},
    ),
    "transposed": lambda: xr.Dataset({"x": (("a", "b"), np.arange(6.0).reshape(2, 3).T[:, ::-1])}),
    "coordinates": lambda: xr.Dataset(
        {"x": (("a", "b"), np.ones((2, 3))), "y": ("a", [1, 2])},
        coords={
            "b": [3, 1, 2],
            "along": ("a", [1.0, 2.0]),
            "both": (("a", "b"), np.zeros((2, 3))),
            "alone": ("c", [9]),
            "scalar": 4,
        },
    ),
    "attributes": lambda: xr.Dataset(
        {"x": ("a", [1.0], {**TEXT, **NUMBERS, **LISTS}), "y": ("a", [True], TEXT)}, coords={"a": ("a", [1], NUMBERS)}
    ),
    "many variables": lambda: xr.Dataset({f"x {i}": (f"d{i % 7}", np.arange(1 + i % 7)) for i in range(100)}),
}

OTHERS = {
    "length 0": lambda: xr.Dataset({"x": ("a", np.empty(0)), "y": (("a", "b"), np.empty((0, 2), "i4"))}),
    "object": lambda: xr.Dataset({"x": ("a", np.array(["a", "bc"], dtype=object))}),
    "bytes": lambda: xr.Dataset({"x": ("a", np.array([b"a", b"bc"]))}),
    "complex": lambda: xr.Dataset({"x": ("a", np.array([1 + 2j]))}),
    "time": lambda: xr.Dataset({"x": ("a", np.array(["2026-01-01"], dtype="M8[ns]"))}),
    "foreign order": lambda: xr.Dataset({"x": ("a", np.arange(3, dtype=">f8"))}),
    "name": lambda: xr.Dataset({"größe": ("a", [1])}),
    "name of a dimension": lambda: xr.Dataset({"größe": ("ä", [1])}),
    "fill value": lambda: xr.Dataset({"x": ("a", [1.0, -1.0], {"_FillValue": -1.0})}),
    "scale": lambda: xr.Dataset({"x": ("a", [1, 2], {"scale_factor": 0.5})}),
    "units of time": lambda: xr.Dataset({"x": ("a", [1, 2], {"units": "days since 2000-01-01"})}),
    "seconds": lambda: xr.Dataset({"x": ("a", [1, 2], {"units": "seconds"})}),
    "an empty list": lambda: xr.Dataset({"x": ("a", [1, 2])}, attrs={"list": np.array([], dtype="f8")}),
    "61 attributes": lambda: xr.Dataset(attrs={f"a{i}": i for i in range(61)}),
}


def same(first, second):
    """Identical, and in the same order, with the same types of arrays, indexes and attributes."""
    xr.testing.assert_identical(first, second)
    assert list(first.variables) == list(second.variables)
    assert list(first.coords) == list(second.coords)
    assert list(first.attrs) == list(second.attrs)
    for name, variable in first.variables.items():
        other = second.variables[name]
        assert variable.dtype == other.dtype, name
        assert type(variable.values) is type(other.values)
        assert list(variable.attrs) == list(other.attrs), name
        assert [*map(type, variable.attrs.values())] == [*map(type, other.attrs.values())], name
    for name, index in first.indexes.items():
        assert type(index) is type(second.indexes[name])
        assert index.dtype == second.indexes[name].dtype


def written(dataset) -> bytes:
    planned = plan(dataset)
    assert planned is not None
    return write(planned)


@pytest.mark.parametrize("name", MADE)
def test_xarray_reads_what_it_would_have_written(name):
    dataset = MADE[name]()
    by_xarray = bytes(netcdf.to_bytes_by_xarray(dataset))
    image = written(dataset)
    assert bytes(netcdf.to_bytes(dataset)) == image
    referee = netcdf.from_bytes_by_xarray(by_xarray)
    same(netcdf.from_bytes_by_xarray(image), referee)
    same(netcdf.from_bytes(image), referee)
    same(netcdf.from_bytes(by_xarray), referee)  # files of before there was a fast way
    if "attributes" not in name:  # NetCDF knows no lists of one: [text] comes back as text
        xr.testing.assert_identical(referee, dataset)
        assert bytes(netcdf.to_bytes(netcdf.from_bytes(image))) == image


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_plain_is_left_to_xarray(name):
    dataset = OTHERS[name]()
    assert plan(dataset) is None
    image = bytes(netcdf.to_bytes(dataset))
    assert image == bytes(netcdf.to_bytes_by_xarray(dataset))
    same(netcdf.from_bytes(image), netcdf.from_bytes_by_xarray(image))


@pytest.mark.parametrize(
    "attribute",
    [None, True, [True], b"bytes", {"a": 1}, 2**70, [1, "a"], np.ones((2, 2)), 1j, [[1], [2]], [None]],
    ids=str,
)
def test_attributes_that_are_not_plain(attribute):
    assert plan(xr.Dataset(attrs={"a": attribute})) is None
    assert plan(xr.Dataset({"x": ("a", [1], {"a": attribute})})) is None


def described(value):
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tolist() if value.dtype.kind == "O" else value.tobytes()
    return type(value), repr(value)


def inside(image: bytes, tmp_path) -> dict:
    """Everything that h5py sees in an HDF5 file: arrays, attributes, scales and who uses them."""
    path = tmp_path / "inside.h5"
    path.write_bytes(image)
    found = {}
    with h5py.File(path) as file:
        for name in ("/", *file):
            where = file[name]
            # Written by h5netcdf also where the netCDF library does not need it.
            hidden = {"_NCProperties", "_Netcdf4Dimid", "_Netcdf4Coordinates"}
            attributes = {key: described(where.attrs[key]) for key in where.attrs if key not in hidden}
            for key in ("DIMENSION_LIST", "REFERENCE_LIST"):
                attributes.pop(key, None)
            found[name] = attributes
            if name == "/":
                continue
            attributes["array"] = (
                where.dtype,
                where.shape,
                where.chunks,
                described(where[()]),
                described(where.fillvalue),
            )
            attributes["scales"] = [[scale.name for scale in axis.values()] for axis in where.dims]
            attributes["scale"] = h5py.h5ds.is_scale(where.id) and int(where.attrs["_Netcdf4Dimid"])
            if "REFERENCE_LIST" in where.attrs:
                attributes["users"] = sorted(
                    (file[user].name, int(axis)) for user, axis in where.attrs["REFERENCE_LIST"]
                )
    return found


@pytest.mark.parametrize("name", MADE)
def test_the_bare_hdf5_is_that_of_xarray(name, tmp_path):
    dataset = MADE[name]()
    assert inside(written(dataset), tmp_path) == inside(bytes(netcdf.to_bytes_by_xarray(dataset)), tmp_path)


def wrong_fill(planned):
    return planned._replace(entries=[e._replace(values=e.values.astype("f4")) if e.values.dtype == "f8" else e
                                     for e in planned.entries])  # fmt: skip


def wrong_dims(planned):
    return planned._replace(entries=[e._replace(dims=e.dims[::-1]) for e in planned.entries])


def wrong_order(planned):
    return planned._replace(entries=planned.entries[::-1])


def lost_coordinate(planned):
    return planned._replace(entries=[
        e._replace(attributes={k: v for k, v in e.attributes.items() if k != "coordinates"}) for e in planned.entries
    ])  # fmt: skip


@pytest.mark.parametrize("wrong", [wrong_fill, wrong_dims, wrong_order, lost_coordinate], ids=lambda f: f.__name__)
def test_power_a_wrong_file_is_noticed(wrong):
    dataset = compute(simulate_config())
    referee = netcdf.from_bytes_by_xarray(netcdf.to_bytes_by_xarray(dataset))
    image = write(wrong(plan(dataset)))
    with pytest.raises(AssertionError):
        same(netcdf.from_bytes_by_xarray(image), referee)


@pytest.mark.skipif(shutil.which("ncdump") is None, reason="the netCDF tools are not installed")
@pytest.mark.parametrize("name", [name for name in MADE if name != "attributes"])
def test_the_netcdf_library_sees_no_difference(name, tmp_path):
    # As it is read: coordinates last, which is the order of our files, and of what xarray writes if given so.
    dataset, texts = netcdf.from_bytes(written(MADE[name]())), []
    for image in (written(dataset), netcdf.to_bytes_by_xarray(dataset)):
        (tmp_path / "file.nc").write_bytes(image)
        made = subprocess.run(["ncdump", tmp_path / "file.nc"], capture_output=True, check=True, timeout=60)
        texts.append(made.stdout)
    assert texts[0] == texts[1]


def test_every_bit_of_a_number_is_kept():
    """Also the hidden bits of NaN, which xarray's reader clears."""
    bits = np.array([0x7FF8000000000001, 0xFFF8DEADBEEF0000, 0x8000000000000000, 1], dtype="u8")
    read = netcdf.from_bytes(netcdf.to_bytes(xr.Dataset({"x": ("a", bits.view("f8"))})))
    assert read["x"].values.view("u8").tolist() == bits.tolist()


def test_the_same_bytes_in_threads_and_after_other_files():
    dataset = compute(simulate_config())
    image = written(dataset)
    for make in MADE.values():
        if make is not trained:
            netcdf.to_bytes(make())
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: written(dataset), range(40))) == {image}


def test_the_same_bytes_in_another_process_at_another_time(tmp_path):
    """HDF5's clock ticks in seconds; another hash seed would give another order to what is kept in sets."""
    script = (
        "import sys, time; time.sleep(1.1); from made_up import *; from practicum.runs import netcdf\n"
        "sys.stdout.buffer.write(netcdf.to_bytes(compute(simulate_config())))"
    )
    image = written(compute(simulate_config()))
    environment = {**os.environ, "PYTHONHASHSEED": "54321", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    made = subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=300, capture_output=True)
    assert made.stdout == image


names = st.text("abcXYZ_09 .-", min_size=1, max_size=6).map(str.strip).filter(lambda name: name.strip("._ "))
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
values = st.one_of(texts, st.integers(-(2**63), 2**63 - 1), st.floats(), st.lists(texts, max_size=3),
                   st.lists(st.floats(), max_size=3), st.lists(st.integers(-9, 9), max_size=3))  # fmt: skip
attributes = st.dictionaries(names, values, max_size=3)


@st.composite
def datasets(draw):
    sizes = draw(st.dictionaries(names, st.integers(0, 3), min_size=1, max_size=3))
    variables, coordinates = {}, []
    for name in draw(st.lists(names, max_size=5, unique=True)):
        dims = [name] if name in sizes else draw(st.lists(st.sampled_from(sorted(sizes)), max_size=3, unique=True))
        shape = [sizes[dim] for dim in dims]
        kind, size = draw(st.sampled_from(["f8", "f4", "i8", "i4", "u1", "bool", "text"])), math.prod(shape)
        if kind == "text":
            array = np.array(draw(st.lists(texts, min_size=size, max_size=size)), dtype=str)
        else:
            array = np.frombuffer(draw(st.binary(min_size=8 * size, max_size=8 * size)), "u8")
            array = (array % 2 == 1) if kind == "bool" else array.view("f8") if kind == "f8" else array.astype(kind)
        variables[name] = (dims, array.reshape(shape), draw(attributes))
        if draw(st.booleans()):
            coordinates.append(name)
    return xr.Dataset(variables, attrs=draw(attributes)).set_coords(coordinates)


@pytest.mark.filterwarnings("ignore::xarray.SerializationWarning")
@settings(max_examples=60)
@given(datasets())
def test_any_dataset_is_read_as_xarray_reads_what_xarray_writes(dataset):
    referee = netcdf.from_bytes_by_xarray(netcdf.to_bytes_by_xarray(dataset))
    image = bytes(netcdf.to_bytes(dataset))
    same(netcdf.from_bytes_by_xarray(image), referee)
    same(netcdf.from_bytes(image), referee)


def marked(file):
    """Make a file look as if practicum had written it."""
    if "_NCProperties" in file.attrs:
        del file.attrs["_NCProperties"]
    file.attrs["_NCProperties"] = np.bytes_("version=2,practicum=1,hdf5=0,h5py=0")


def compressed(file):
    file.create_dataset("x", (2**30,), "f8", compression="gzip", chunks=(2**20,))


def never_written(file):
    file.create_dataset("x", (2**40,), "f8")


def in_chunks(file):
    file.create_dataset("x", (2**40,), "f8", chunks=(2**20,))


def elsewhere(file):
    file.create_dataset("x", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def external_link(file):
    file["x"] = h5py.ExternalLink("/tmp/other.h5", "/x")


def soft_link(file):
    file["y"] = 1.0
    file["x"] = h5py.SoftLink("/y")


def virtual(file):
    layout = h5py.VirtualLayout(shape=(2**30,), dtype="f8")
    layout[:4] = h5py.VirtualSource("/tmp/other.h5", "x", shape=(4,))
    file.create_virtual_dataset("x", layout)


def a_group_in_itself(file):
    group = file.create_group("x")
    group["x"] = group


def many_names_of_one_text(file):
    """HDF5 keeps texts apart; a forger writes the address of the first into all places."""
    file.create_dataset("x", data=np.array(["y" * 60_000] + ["z"] * 9_999, dtype=object), dtype=h5py.string_dtype())


def wide(file):
    file.create_dataset("x", data=np.array(["y" * 30_000] + ["z"] * 2_000, dtype=object), dtype=h5py.string_dtype())


def bomb(make, mark) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", track_order=True) as file:
        make(file)
        if mark:
            marked(file)
        at = file["x"].id.get_offset() if make is many_names_of_one_text else 0
    image = bytearray(buffer.getvalue())
    if at:
        image[at : at + 160_000] = image[at : at + 16] * 10_000
    return bytes(image)


BOMBS = {
    compressed: "compressed or lies elsewhere",
    never_written: "does not lie in the file",
    in_chunks: "more bytes than the file has",
    elsewhere: "compressed or lies elsewhere",
    virtual: "compressed or lies elsewhere",
    external_link: "leads elsewhere",
    soft_link: "leads elsewhere",
    a_group_in_itself: "is a group",
    many_names_of_one_text: "more bytes than the file has",
    wide: "would take more than",
}


@pytest.mark.parametrize("mark", [False, True], ids=["by a stranger", "says practicum"])
@pytest.mark.parametrize("make", BOMBS, ids=lambda make: make.__name__)
def test_what_would_grow_is_refused_before_it_does(make, mark):
    with pytest.raises(ValueError, match=BOMBS[make]):
        netcdf.from_bytes(bomb(make, mark))


def test_power_h5py_itself_opens_most_of_them():
    """At half a gigabyte, what the guard refuses is read by h5py without a word."""
    with h5py.File(io.BytesIO(bomb(many_names_of_one_text, mark=False))) as file:
        assert sum(map(len, file["x"][:])) == 60_000 * 10_000
    with h5py.File(io.BytesIO(bomb(never_written, mark=False))) as file:
        assert file["x"][: 2**20].sum() == 0.0


def test_text_that_would_be_refused_later_is_refused_at_once():
    with pytest.raises(ValueError, match="would take more than"):
        netcdf.to_bytes(xr.Dataset({"x": ("a", np.array(["y" * 30_000] + ["z"] * 2_000))}))


@settings(max_examples=300)
@given(st.data())
def test_a_forged_file_is_read_or_refused_but_does_no_harm(data):
    """Whoever forges a file also forges its seal. No crash, and never more memory than a few times the file."""
    image = bytearray(written(compute(simulate_config())))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(image) - 1))
        image[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
    try:
        dataset = netcdf.from_bytes(bytes(image))
    except Exception:
        return
    assert dataset.nbytes < 20 * len(image)
