"""Many images of one kind: what is read of them is what is read of each by itself."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from made_up import compute, simulate_config
from practicum.runs import _netcdf_many, netcdf
from practicum.runs._netcdf_many import Reader


def image_of(dataset):
    return bytes(netcdf.to_bytes(dataset))


def same(found, expected, described=True):
    assert list(found.variables) == list(expected.variables)
    assert (found.attributes, found.coordinates) == (expected.attributes, expected.coordinates)
    for name, variable in expected.variables.items():
        mine = found.variables[name]
        assert mine.dims == variable.dims
        assert (mine.values.dtype, mine.values.shape) == (variable.values.dtype, variable.values.shape)
        assert mine.values.tobytes() == variable.values.tobytes()
        assert mine.values.flags.writeable
        if described:
            assert mine.attributes == variable.attributes


@pytest.fixture
def parsed(monkeypatch):
    """How many images are taken apart."""
    count = []

    def counted(*arguments):
        count.append(1)
        return original(*arguments)

    original = _netcdf_many.read
    monkeypatch.setattr(_netcdf_many, "read", counted)
    return count


def test_runs_of_a_sweep_are_taken_apart_once(parsed):
    reader = Reader()
    images = []
    for dimension in range(101, 131):
        config = simulate_config(dimension=dimension, seeds=[dimension, 5, 6])
        images.append(image_of(compute(config).assign_attrs(config=config.canonical(), config_sha256=config.sha256)))
    for image in images:
        same(reader.arrays(image), netcdf.arrays(image))
    assert len(parsed) == 1


TWO, THREE = np.arange(4.0).reshape(2, 2), np.arange(6.0).reshape(2, 3)
ALIKE = [
    xr.Dataset({"x": (("a", "b"), TWO), "y": (("a", "b"), TWO)}),
    xr.Dataset({"y": (("a", "b"), TWO), "x": (("a", "b"), TWO)}),
    xr.Dataset({"x": (("b", "a"), TWO), "y": (("a", "b"), TWO)}),
    xr.Dataset({"x": (("a", "b"), TWO.astype("i8")), "y": (("a", "b"), TWO)}),
    xr.Dataset({"x": (("a", "b"), TWO), "y": (("a", "b"), TWO)}, {"a": [0, 1]}),
    xr.Dataset({"x": (("a", "b"), TWO), "z": (("a", "b"), TWO)}),
    xr.Dataset({"x": (("a", "b"), TWO > 1), "y": (("a", "b"), TWO > 1)}),
    xr.Dataset({"x": (("a", "b"), (TWO > 1).astype("i1")), "y": (("a", "b"), (TWO > 1).astype("i1"))}),
    xr.Dataset({"x": (("a", "b"), THREE), "y": (("a", "b"), THREE)}),
    xr.Dataset({"x": (("a", "b"), THREE.T), "y": (("a", "b"), THREE.T)}),
    xr.Dataset({"x": ("a", ["one", "two"]), "y": (("a", "b"), TWO)}),
    xr.Dataset({"x": ("a", ["größer", ""]), "y": (("a", "b"), TWO)}, attrs={"text": "t", "number": 3}),
    xr.Dataset({"x": ("a", ["größer", ""]), "y": (("a", "b"), TWO)}, attrs={"text": "u", "number": 4}),
    xr.Dataset(),
]


def test_images_that_look_alike_are_told_apart():
    """Whatever is not a number or a text: names, order, dimensions, types, sizes."""
    reader = Reader()
    for dataset in [*ALIKE, *ALIKE[::-1], *ALIKE]:
        image = image_of(dataset)
        same(reader.arrays(image), netcdf.arrays(image))


def test_power_a_reader_that_does_not_look_confuses_them(monkeypatch):
    monkeypatch.setattr(_netcdf_many, "_rest", lambda image, gaps: b"")
    reader, wrong = Reader(), 0
    for dataset in ALIKE:
        image = image_of(dataset)
        try:
            same(reader.arrays(image), netcdf.arrays(image))
        except (AssertionError, KeyError, ValueError):
            wrong += 1
    assert wrong >= 3


def test_an_image_of_another_writer_is_left_to_others():
    image = bytes(netcdf.to_bytes_by_xarray(ALIKE[0]))
    reader = Reader()
    assert reader.arrays(image) is None
    assert reader.arrays(image) is None


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(_netcdf_many, "_MOST", 3)
    reader = Reader()
    for size in range(1, 9):
        image = image_of(xr.Dataset({"x": ("a", np.arange(size))}))
        for _ in range(2):
            same(reader.arrays(image), netcdf.arrays(image))
    assert len(reader._kinds) == 3


FIRST = image_of(compute(simulate_config()).assign_attrs(text="b" * 5000))


@settings(max_examples=200)
@given(st.integers(0, len(FIRST) - 1), st.integers(0, 7))
def test_one_changed_bit_anywhere(place, bit):
    """In what is compared it is found, in numbers it is read; only the words about a variable may be the first's."""
    reader = Reader()
    reader.arrays(FIRST)
    changed = bytearray(FIRST)
    changed[place] ^= 1 << bit
    try:
        expected = netcdf.arrays(bytes(changed))
    except Exception:
        return  # what is broken may be a word about a variable, which is not read
    same(reader.arrays(bytes(changed)), expected, described=False)
